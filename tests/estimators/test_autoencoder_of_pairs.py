"""Denoising autoencoders and transcoders: what is reconstructed is not what is encoded.

Laws for both, in memory, in files and on a cluster, cut off and resumed, saved and loaded.
"""

import dask.array
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.model_selection import GridSearchCV

from rhohat import (
    CheckpointError,
    GaussianNoise,
    KLSparsity,
    Masking,
    SparseAutoencoder,
    SparseObjective,
    SparseTranscoder,
    StackedAutoencoder,
    TopK,
    load,
    save,
)
from rhohat.training.solvers import SOLVERS
from support.cases import COMBINATIONS, covering, make_penalty
from support.fits import GROWING, N_ITER, SMALL, STAGE_ENDS, Killed, bits, killed_after
from support.pairs import (
    KINDS,
    TARGETS,
    decoders_of,
    encoded_and_target,
    every_kind,
    loss_and_grad,
    make,
    pairs,
    saved,
)

every_solver = pytest.mark.parametrize("solver", SOLVERS)
EVERY_DECODER = [(kind, decoder) for kind in KINDS for decoder in decoders_of(kind)]
every_decoder = pytest.mark.parametrize(("kind", "decoder"), EVERY_DECODER)


# What is minimized.


@pytest.mark.parametrize(
    ("kind", "activation", "decoder", "penalty"),
    covering([(kind, *c) for kind in KINDS for c in COMBINATIONS if c[1] in decoders_of(kind)]),
)
def test_the_loss_is_that_of_the_fitted_weights(kind, activation, decoder, penalty):
    arrays = pairs(kind, 200)
    model = make(
        kind,
        activation=activation,
        decoder=decoder,
        sparsity_penalty=make_penalty(penalty),
        max_iter=8,
    ).fit(*arrays)
    loss, _ = loss_and_grad(model, kind, arrays)
    assert model.loss_ == pytest.approx(loss, rel=1e-12)
    assert np.all(np.diff(model.loss_curve_) < 0)


@every_solver
@every_decoder
def test_training_comes_near_a_minimum(kind, decoder, solver):
    arrays = pairs(kind, 300)
    model = make(kind, decoder=decoder, solver=solver, max_iter=300).fit(*arrays)
    _, grad = loss_and_grad(model, kind, arrays)
    assert np.linalg.norm(grad) < (1e-3 if solver == "lbfgs" else 5e-3)
    assert model.loss_ < 0.95 * model.loss_curve_[0]


@every_kind
def test_weights_count_rows_and_those_of_weight_zero_are_as_if_absent(kind):
    arrays = pairs(kind, 250)
    weight = np.random.RandomState(0).uniform(0.5, 2, 250)
    model = make(kind, max_iter=10).fit(*arrays, sample_weight=weight)
    assert model.loss_ == pytest.approx(loss_and_grad(model, kind, arrays, weight)[0], rel=1e-12)
    weight[[3, 77]] = 0
    kept = weight > 0
    left_out = make(kind, max_iter=10).fit(
        *(rows[kept] for rows in arrays), sample_weight=weight[kept]
    )
    assert bits(make(kind, max_iter=10).fit(*arrays, sample_weight=weight)) == bits(left_out)


@every_kind
def test_neither_transform_nor_scores_are_corrupted(kind):
    arrays = pairs(kind, 200)
    X, target = arrays[0], arrays[-1]
    model = make(kind, max_iter=5).fit(*arrays)
    plain = SparseObjective(8, 5, penalty=KLSparsity(0.1, 0.5))
    A = plain.encode(X, {"W_enc": model.encoder_weights_, "b_enc": model.encoder_bias_})
    assert_array_equal(model.transform(X), A)
    error = np.square(model.inverse_transform(A) - target).sum(axis=1) / 2
    assert_allclose(model.score_samples(*arrays), -error, rtol=1e-12)
    weight = np.arange(200.0)
    assert model.score(*arrays) == pytest.approx(-error.mean())
    weighted = model.score(*arrays, sample_weight=weight)
    assert weighted == pytest.approx(-np.average(error, weights=weight))


@every_kind
def test_averages_are_those_of_rows_as_they_are_encoded(kind):
    arrays = pairs(kind, 300)
    model = make(kind, max_iter=5).fit(*arrays)
    assert_allclose(model.activation_gap(arrays[0]), 0, atol=1e-12)
    X, _ = encoded_and_target(kind, arrays)
    assert_allclose(model.transform(X).mean(axis=0), model.average_activation_, rtol=1e-12)


def test_noise_makes_a_difference_that_denoising_undoes():
    """Rows with other noise become better ones than a plain autoencoder makes of them."""
    noise = GaussianNoise(0.15, seed=1).of(np.zeros_like(GROWING), np.arange(len(GROWING)))
    settings = {"n_components": 24, "sparsity_penalty": "none", "weight_decay": 1e-5}
    errors = {}
    for corruption in (GaussianNoise(0.15), None):
        model = make("gaussian", corruption=corruption, max_iter=40, **settings).fit(GROWING)
        made = model.inverse_transform(model.transform(GROWING + noise))
        errors[corruption] = np.square(made - GROWING).mean()
    denoised, copied = errors.values()
    assert denoised < 0.6 * copied


# The same bits.


@every_decoder
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_memory_and_files_give_the_same_bits(kind, decoder, dtype, early_growth, tmp_path):
    arrays = [rows.astype(dtype) for rows in pairs(kind)]
    expected = bits(make(kind, decoder=decoder).fit(*arrays))
    paths = saved(tmp_path, arrays)
    for n_jobs in (1, 3):
        assert bits(make(kind, decoder=decoder, n_jobs=n_jobs).fit(*arrays)) == expected
        assert bits(make(kind, decoder=decoder, n_jobs=n_jobs).fit(*paths)) == expected


@every_kind
def test_dask_arrays_streams_blocks_and_sparse_rows_give_the_same_bits(kind, early_growth):
    arrays = pairs(kind)
    expected = bits(make(kind, max_iter=6).fit(*arrays))

    def stream(rows):
        return lambda: (rows[start : start + 700] for start in range(0, len(rows), 700))

    ways = (
        lambda rows: dask.array.from_array(rows, chunks=(900, 2)),
        stream,
        lambda rows: [rows[:10], rows[10:]],
        sparse.csr_array,
    )
    for way in ways:
        assert bits(make(kind, max_iter=6).fit(*map(way, arrays))) == expected
    # in memory and outside it
    given = (stream(arrays[0]), *arrays[1:])
    assert bits(make(kind, max_iter=6).fit(*given)) == expected


@every_kind
def test_workers_of_a_cluster_give_the_same_bits(kind, tmp_path):
    arrays = pairs(kind, 3000)
    weight = np.random.RandomState(0).uniform(0.5, 2, 3000)
    expected = bits(make(kind, max_iter=3).fit(*arrays, sample_weight=weight))
    by_worker = make(kind, max_iter=3, engine="dask")
    assert bits(by_worker.fit(*saved(tmp_path, arrays), sample_weight=weight)) == expected


@pytest.mark.parametrize("iteration", [2, STAGE_ENDS[0] + 1, N_ITER - 1])
@every_kind
def test_a_run_that_was_cut_off_goes_on_to_the_same_bits(
    kind, iteration, tmp_path, early_growth, monkeypatch
):
    monkeypatch.setattr("rhohat.training.checkpoints.SPACING", 0)
    arrays = pairs(kind)
    undisturbed = bits(make(kind).fit(*arrays))
    run = tmp_path / "run"
    with pytest.raises(Killed):
        make(kind, checkpoint=run, callback=killed_after(iteration)).fit(*arrays)
    resumed = make(kind, checkpoint=run, resume=True)
    assert bits(resumed.fit(*saved(tmp_path, arrays))) == undisturbed


@pytest.mark.parametrize(
    ("kind", "settings", "targets"),
    [
        ("gaussian", {"corruption": GaussianNoise(0.2)}, ()),
        ("gaussian", {"corruption": GaussianNoise(0.1, seed=1)}, ()),
        ("gaussian", {"corruption": Masking(0.1)}, ()),
        ("gaussian", {"corruption": None}, ()),
        ("transcoder", {}, (TARGETS + 1e-9,)),
        ("transcoder", {}, (TARGETS[:, :3],)),
    ],
)
def test_the_checkpoint_of_another_corruption_or_target_is_refused(
    kind, settings, targets, tmp_path, monkeypatch
):
    monkeypatch.setattr("rhohat.training.checkpoints.SPACING", 0)
    with pytest.raises(Killed):
        make(kind, checkpoint=tmp_path, callback=killed_after(3)).fit(*pairs(kind))
    with pytest.raises(CheckpointError):
        make(kind, checkpoint=tmp_path, resume=True, **settings).fit(GROWING, *targets)


@every_kind
def test_what_is_loaded_is_what_was_saved(kind, tmp_path):
    arrays = pairs(kind, 200)
    model = make(kind, max_iter=5).fit(*arrays)
    save(model, tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    assert type(loaded) is type(model)
    assert repr(loaded.corruption) == repr(model.corruption)
    assert bits(loaded) == bits(model)
    assert_array_equal(loaded.score_samples(*arrays), model.score_samples(*arrays))
    assert bits(loaded.set_params(n_jobs=1).fit(*arrays)) == bits(model)


@every_kind
def test_partial_fit_learns_and_noise_goes_on_with_the_stream(kind):
    arrays = pairs(kind, 3000)
    whole, parts = make(kind, random_state=0), make(kind, random_state=0)
    whole.partial_fit(*arrays)
    first = whole.score(*arrays)
    for _ in range(8):
        whole.partial_fit(*arrays)
    assert whole.score(*arrays) > first
    parts.partial_fit(*(rows[:1500] for rows in arrays))
    parts.partial_fit(*(rows[1500:] for rows in arrays))
    assert parts.n_rows_seen_ == 3000
    assert parts._stream.n_passed == 3000


@every_kind
def test_rows_held_out_are_pairs_too(kind):
    arrays, held_out = pairs(kind, 300), [rows[300:400] for rows in pairs(kind)]
    names = ("X_val", "y_val")[: len(held_out)]
    model = make(kind, max_iter=10).fit(*arrays, **dict(zip(names, held_out, strict=True)))
    loss, _ = loss_and_grad(model, kind, held_out)
    assert model.validation_terms_curve_[-1].sum() == pytest.approx(loss, rel=1e-12)


@every_kind
def test_a_warm_start_goes_on(kind):
    arrays = pairs(kind, 300)
    model = make(kind, max_iter=5, warm_start=True).fit(*arrays)
    before = model.loss_
    assert model.fit(*arrays).loss_ < before


@every_kind
def test_a_weight_that_meets_the_target_is_found(kind):
    arrays = pairs(kind, 1000)
    model = make(kind, sparsity_penalty=KLSparsity(0.15, "auto"), max_iter=60).fit(*arrays)
    assert model.average_activation_.mean() == pytest.approx(0.15, abs=0.05)


def test_topk_goes_with_both():
    for kind in KINDS:
        model = make(kind, activation=TopK(2), sparsity_penalty="none", max_iter=10)
        A = model.fit(*pairs(kind, 300)).transform(GROWING[:300])
        assert (A > 0).sum(axis=1).max() <= 2


def test_few_and_wide_rows_are_denoised_and_transcoded():
    X, Y = np.random.RandomState(0).randn(20, 200), np.random.RandomState(1).randn(20, 7)
    for model in (
        SparseAutoencoder(4, corruption="gaussian", max_iter=20, random_state=0).fit(X),
        SparseTranscoder(4, max_iter=20, random_state=0).fit(X, Y),
    ):
        assert np.isfinite(model.loss_)
        assert model.loss_curve_[-1] < model.loss_curve_[0]


# How users say it.


def test_a_name_stands_for_defaults_and_grid_search_reaches_parameters():
    named = make("gaussian", corruption="masking", max_iter=5).fit(SMALL)
    assert bits(named) == bits(make("gaussian", corruption=Masking(), max_iter=5).fit(SMALL))
    search = GridSearchCV(make("masking", max_iter=5), {"corruption__share": [0.1, 0.6]}, cv=2).fit(
        SMALL
    )
    assert search.best_params_ in ({"corruption__share": 0.1}, {"corruption__share": 0.6})


@pytest.mark.parametrize("corruption", [3, "salt", GaussianNoise])
def test_what_is_no_corruption_is_refused(corruption):
    with pytest.raises(ValueError, match="corruption must be one of 'gaussian', 'masking', got"):
        make("gaussian", corruption=corruption).fit(SMALL)


def test_layers_of_a_stack_are_denoised_one_by_one(tmp_path):
    layers = [make("masking", n_components=k, max_iter=4) for k in (5, 3)]
    stack = StackedAutoencoder(layers).fit(GROWING)
    first = make("masking", n_components=5, max_iter=4).fit(GROWING)
    second = make("masking", n_components=3, max_iter=4).fit(first.transform(GROWING))
    assert bits(stack.layers_[1]) == bits(second)
    stored = StackedAutoencoder(layers).fit(*saved(tmp_path, [GROWING]))
    assert bits(stored.layers_[1]) == bits(second)
