"""A fit: what it reports is true, and repeats bit for bit; rows count as they weigh."""

import numpy as np
import pytest

from rhohat import DecoderNormL1Sparsity, SparseAutoencoder
from rhohat.objective.decoders import DECODERS
from rhohat.training.solvers import SOLVERS, StopReason
from support.cases import COMBINATIONS, COVERING, covering, make_penalty, sparse_data
from support.dictionaries import planted
from support.fits import (
    GROWING,
    N_ITER,
    SMALL,
    STAGE_ROWS,
    assert_report_is_true,
    bits,
    constant_loss,
    loss_at,
    make_model,
    objective_of,
    theta_of,
)

every_combination = pytest.mark.parametrize(("activation", "decoder", "penalty"), COVERING)
every_solver = pytest.mark.parametrize("solver", SOLVERS)
PRECISIONS = (np.float32, np.float64)
both_precisions = pytest.mark.parametrize("dtype", PRECISIONS)


# Reports.


@every_combination
def test_what_a_fit_reports_is_true(activation, decoder, penalty):
    model = make_model(
        activation=activation, decoder=decoder, sparsity_penalty=make_penalty(penalty), max_iter=8
    ).fit(SMALL)
    assert_report_is_true(model, SMALL)
    assert model.loss_curve_[-1] == model.loss_
    assert np.all(np.diff(model.loss_curve_) < 0)
    assert model.n_iter_ == len(model.loss_curve_) - 1
    assert model.n_iter_ == 8 or model.stop_reason_ == StopReason.PRECISION.value


@both_precisions
@every_solver
@pytest.mark.parametrize("weighted", [False, True])
def test_what_a_growing_fit_reports_is_true(dtype, solver, weighted, early_growth):
    X = GROWING.astype(dtype)
    weight = np.random.RandomState(1).uniform(0, 2, len(X)) if weighted else None
    model = make_model(solver=solver).fit(X, sample_weight=weight)
    assert_report_is_true(model, X, weight)
    assert model.encoder_weights_.dtype == dtype
    assert model.n_iter_ == N_ITER
    assert list(dict.fromkeys(model.stage_rows_)) == STAGE_ROWS
    assert model.loss_curve_[-1] == model.loss_
    for rows in STAGE_ROWS:
        of_stage = model.loss_curve_[model.stage_rows_ == rows]
        assert np.all(np.diff(of_stage) < 0)


@pytest.mark.filterwarnings("ignore:Training stopped. no step along:UserWarning")  # at a jump
@pytest.mark.parametrize(
    ("activation", "decoder", "penalty", "dtype"),
    covering([(*names, dtype) for names in COMBINATIONS for dtype in PRECISIONS]),
)
def test_the_loss_is_that_of_the_fitted_weights(activation, decoder, penalty, dtype):
    """And where the decoder is solved for, no small change of it would lower the loss."""
    X = SMALL.astype(dtype)
    model = make_model(
        activation=activation, decoder=decoder, sparsity_penalty=make_penalty(penalty)
    ).fit(X)
    tolerance = 1e-12 if dtype == np.float64 else 2e-5
    assert model.loss_ == pytest.approx(loss_at(model, X), rel=tolerance)
    objective = objective_of(model)
    _, grad = objective.loss_grad(theta_of(model), X.astype(np.float64))
    if objective.is_solvable:
        size = 1e-11 if dtype == np.float64 else 2e-6
        assert np.abs(grad[objective.n_encoder_parameters :]).max() < size


@pytest.mark.parametrize("weight", [0.1, 0.3, 0.6])
def test_no_unit_dies_because_the_decoder_is_dear(weight):
    """While what all of them tell pays for it: with 0.6, J is three quarters of a constant's."""
    X, _ = planted(1500, n_features=30, n_atoms=50, noise=0.1)
    penalty = DecoderNormL1Sparsity(weight)
    settings = {"activation": "relu", "sparsity_penalty": penalty, "weight_decay": 1e-4}
    model = make_model(n_components=50, max_iter=150, **settings).fit(X)
    assert model.n_dead_ == 0
    assert model.loss_ < 0.8 * constant_loss(X)


# Ends.


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("data", ["few columns", "more columns"])
def test_a_fit_in_single_precision_ends_by_itself_without_searching(decoder, data):
    """Where rounding hides all progress, and not after searches that find nothing."""
    X = {"few columns": SMALL, "more columns": sparse_data(300, 12)}[data].astype(np.float32)
    model = make_model(n_components=8, decoder=decoder, max_iter=2000).fit(X)
    assert model.stop_reason_ == StopReason.PRECISION.value
    assert model.converged_
    assert model.n_evaluations_ <= 1.5 * model.n_iter_
    exact = make_model(n_components=8, decoder=decoder, max_iter=2000).fit(X.astype(float))
    assert model.loss_ == pytest.approx(exact.loss_, rel=1e-4)


# Repetition.


@both_precisions
@every_solver
def test_same_seed_gives_the_same_bits_for_any_number_of_threads(dtype, solver):
    X = GROWING.astype(dtype)
    expected = bits(make_model(solver=solver, max_iter=8).fit(X))
    for n_jobs in (1, 2, 4):
        assert bits(make_model(solver=solver, max_iter=8, n_jobs=n_jobs).fit(X)) == expected
    assert bits(make_model(solver=solver, max_iter=8, random_state=1).fit(X)) != expected


@both_precisions
@pytest.mark.parametrize("decoder", DECODERS)
def test_every_decoder_gives_the_same_bits_for_threads_memory_and_files(
    decoder, dtype, early_growth, tmp_path
):
    X = GROWING.astype(dtype)
    np.save(tmp_path / "rows.npy", X)
    expected = bits(make_model(decoder=decoder).fit(X))
    assert expected["stage_rows_"] != bits(make_model(decoder=decoder).fit(X[:50]))["stage_rows_"]
    for n_jobs in (2, 4):
        assert bits(make_model(decoder=decoder, n_jobs=n_jobs).fit(X)) == expected
        stored = make_model(decoder=decoder, n_jobs=n_jobs).fit(tmp_path / "rows.npy")
        assert bits(stored) == expected


def test_a_callback_that_only_looks_changes_no_bit():
    expected = bits(make_model().fit(SMALL))
    assert bits(make_model(callback=lambda progress: None).fit(SMALL)) == expected
    assert bits(make_model(callback=lambda progress: False).fit(SMALL)) == expected


def test_single_precision_ends_near_double():
    double = make_model(max_iter=60).fit(SMALL)
    single = make_model(max_iter=60).fit(SMALL.astype(np.float32))
    assert single.loss_ == pytest.approx(double.loss_, rel=1e-3)


# Weights of rows.


# Not a number, and too large a number.


@pytest.mark.parametrize("value", [0.0, 0.1, 0.7])
@pytest.mark.parametrize("shape", [(1, 1), (1, 8), (37, 1), (37, 5)])
def test_data_that_do_not_vary_are_reconstructed(shape, value):
    X = np.full(shape, value)
    model = make_model(max_iter=100, tol=1e-4, sparsity_penalty="none").fit(X)
    np.testing.assert_allclose(model.inverse_transform(model.transform(X)), X, atol=0.05)


def test_sizes_of_blocks_and_chunks_are_recorded_and_decide_the_last_bits_only(digits):
    def fit(**sizes):
        return SparseAutoencoder(9, max_iter=5, random_state=0, **sizes).fit(digits)

    plain, small, again = (
        fit(),
        fit(block_size=64, chunk_size=256),
        fit(block_size=64, chunk_size=256),
    )
    assert (plain.block_size_, plain.chunk_size_) == (2048, 2048)  # narrow rows
    assert (small.block_size_, small.chunk_size_) == (64, 256)
    assert bits(small) == bits(again)
    assert small.data_fingerprint_ == plain.data_fingerprint_
    assert small.loss_ == pytest.approx(plain.loss_, rel=1e-9)
    with pytest.raises(ValueError, match="multiple of block_size=64, got 100"):
        fit(block_size=64, chunk_size=100)
