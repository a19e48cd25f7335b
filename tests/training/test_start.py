"""The start of training: silent units, a decoder that fits, and a sample that is one."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from rhohat import KLSparsity, NoSparsity, SparseObjective
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.decoders import DECODERS
from rhohat.rows.feature_sums import FeatureSums
from rhohat.rows.opening import open_file
from rhohat.rows.sources import in_memory
from rhohat.training import start as module
from rhohat.training.change_of_variables import StandardizedVariables
from rhohat.training.evaluation import NetworkEvaluation, ProjectedEvaluation, SparseEvaluation
from rhohat.training.start import SAMPLE_ROWS, SIZE, START_ROWS, draw_sample, initial, network_start
from support.cases import COVERING, make_penalty, relative, sparse_data
from support.fits import Run, constant_loss
from support.networks import network

BOUNDED = [name for name, row in ACTIVATIONS.items() if row.is_bounded]
every_decoder = pytest.mark.parametrize("decoder", DECODERS)
every_bounded_activation = pytest.mark.parametrize("activation", BOUNDED)
every_combination = pytest.mark.parametrize(("activation", "decoder", "penalty"), COVERING)
DATA = ["digits", "patches", "sparse codes"]


@pytest.fixture
def rows_of(digits, patches):
    """Varied data by their names, all in [0, 1]."""
    makers = {
        "digits": lambda: digits,
        "patches": lambda: patches(8).astype(np.float64),
        "sparse codes": partial(sparse_data, 1500, 12),
    }
    return lambda name: makers[name]()


def begun(objective, X, **options):
    """Terms of the loss and averages at the start, with all parameters."""
    run = Run(objective, X, **options)
    evaluation, q, *_ = run.begin()
    with run.engine.running():
        evaluation(q)
    return evaluation.at(q)


# The loss.


@pytest.mark.parametrize("k", [10, 60])
@pytest.mark.parametrize("target", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("name", DATA)
@every_decoder
@every_bounded_activation
def test_it_is_no_worse_than_the_best_constant(activation, decoder, name, target, k, rows_of):
    X = rows_of(name)
    penalty = KLSparsity(target)
    objective = SparseObjective(
        X.shape[1], k, activation=activation, decoder=decoder, penalty=penalty
    )
    _, terms, average = begun(objective, X)
    assert terms.total <= 1.05 * constant_loss(X, decoder=objective.decoder)
    low, high = ACTIVATIONS[activation].range
    share = (average - low) / (high - low)
    assert 0.5 * target < share.min() <= share.max() < 3 * target
    assert share.mean() == pytest.approx(target, rel=0.6)


@every_combination
def test_with_any_penalty_it_is_no_worse_than_the_best_constant(
    activation, decoder, penalty, digits
):
    """Which has the cost of units that do nothing, if they have one."""
    made = make_penalty(penalty)
    if penalty not in ("kl", "none"):
        made.set_params(weight=0.05)
    objective = SparseObjective(64, 20, activation=activation, decoder=decoder, penalty=made)
    _, terms, _ = begun(objective, digits)
    assert terms.total <= 1.05 * (constant_loss(digits, decoder=objective.decoder) + made.least(20))


@pytest.mark.parametrize("name", DATA)
@every_decoder
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_without_a_penalty_it_fits_better_than_the_best_constant(
    activation, decoder, name, rows_of
):
    X = rows_of(name)
    objective = SparseObjective(
        X.shape[1], 20, activation=activation, decoder=decoder, penalty="none"
    )
    most = 1.05 if "t_enc" in objective.shapes and decoder == "tied" else 1.0
    assert begun(objective, X)[1].reconstruction < most * constant_loss(
        X, decoder=objective.decoder
    )


@every_decoder
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_the_scale_of_the_data_does_not_matter(decoder, scale):
    """Where weights do not decay; a sigmoid reaches no other scale than its own."""
    X = sparse_data(300, 6)
    if DECODERS[decoder].output.is_bounded:
        scale = 1.0
    objective = SparseObjective(6, 5, decoder=decoder, penalty=KLSparsity(0.1, 0.0), weight_decay=0)
    assert begun(objective, scale * X)[1].total <= 1.05 * constant_loss(
        scale * X, decoder=objective.decoder
    )


@every_combination
def test_data_that_do_not_vary_have_a_finite_start(activation, decoder, penalty):
    for X in (np.full((9, 4), 0.3), np.full((1, 4), 0.3), np.zeros((5, 4))):
        objective = SparseObjective(
            4, 3, activation=activation, decoder=decoder, penalty=make_penalty(penalty)
        )
        theta, terms, _ = begun(objective, X)
        assert np.isfinite(theta).all()
        assert np.isfinite(terms.total)


# The draw.


def drawn(objective, X, random_state, sample_weight=None, seed=0):
    run = Run(objective, X, sample_weight=sample_weight)
    with run.engine.running():
        variables = StandardizedVariables.for_sums(
            objective, FeatureSums.over(run.source, run.engine, run.partition)
        )
    sample = draw_sample(run.source, variables.mean, variables.scale, seed)
    return initial(variables, sample, np.random.RandomState(random_state))


@every_combination
def test_the_same_seed_gives_the_same_start(activation, decoder, penalty):
    X = sparse_data(80, 6)
    objective = SparseObjective(
        6, 4, activation=activation, decoder=decoder, penalty=make_penalty(penalty)
    )
    q = drawn(objective, X, 3)
    np.testing.assert_array_equal(q, drawn(objective, X, 3))
    assert np.any(q != drawn(objective, X, 4))


@every_combination
def test_rows_count_as_often_as_they_weigh(activation, decoder, penalty):
    X = sparse_data(60, 6)
    counts = np.arange(60) % 3 + 1
    objective = SparseObjective(
        6, 4, activation=activation, decoder=decoder, penalty=make_penalty(penalty)
    )
    weighted = drawn(objective, X, 0, counts.astype(float))
    repeated = drawn(objective, np.repeat(X, counts, axis=0), 0)
    assert relative(weighted, repeated) < 1e-8


def test_weights_fill_the_interval_of_the_notes_but_larger():
    """Where nothing decays, and the data vary in all directions."""
    X = np.random.RandomState(0).normal(size=(1000, 60))
    objective = SparseObjective(60, 40, penalty=NoSparsity(), weight_decay=0)
    W = objective.unpack(drawn(objective, X, 0))["W_enc"]
    radius = SIZE * np.sqrt(6 / 101)
    assert 0.99 * radius < np.abs(W).max() <= radius * (1 + 1e-12)
    assert W.std() == pytest.approx(radius / np.sqrt(3), rel=0.05)


def test_directions_that_weight_decay_leaves_unlearned_are_left_out(rng):
    X = np.column_stack([rng.normal(size=(500, 3)), 1e-4 * rng.normal(size=(500, 3))])
    objective = SparseObjective(6, 8, penalty=KLSparsity(0.1), weight_decay=1e-3)
    W = np.abs(objective.unpack(drawn(objective, X, 0))["W_enc"])
    assert W[:, 3:].max() < 0.05 * W[:, :3].max()


# The sample.


def test_the_sample_is_drawn_by_the_seed_and_not_the_first_rows():
    """Of rows in ascending order, its mean is about that of all; so is that of the start's part."""
    X = np.sort(np.random.RandomState(0).normal(size=(20_000, 2)), axis=0)
    mean, scale = X.mean(axis=0), X.std()
    samples = [draw_sample(in_memory(X), mean, scale, seed).rows.X for seed in (0, 0, 1)]
    for rows in samples:
        assert rows.shape == (SAMPLE_ROWS, 2)
        np.testing.assert_allclose(rows.mean(axis=0), 0, atol=0.1)
        np.testing.assert_allclose(rows.std(axis=0), 1, atol=0.1)
    np.testing.assert_array_equal(samples[0], samples[1])
    assert not np.array_equal(samples[0], samples[2])


@pytest.mark.parametrize(("width", "n"), [(5592, 3000), (5593, 2999), (16_384, 1024)])
def test_the_sample_takes_at_most_128_mib_in_double_precision(width, n):
    X = np.broadcast_to(np.float32(0.5), (3000, width))
    sample = draw_sample(in_memory(X), np.zeros(width), 1.0, 0)
    assert sample.rows.X.shape == (n, width)
    assert 8 * n * width <= 128 * 2**20


def test_rows_in_ascending_order_start_with_units_as_silent_as_others():
    """The part of the sample that the start is made from is not its first rows either."""
    X = np.sort(np.random.RandomState(0).normal(size=(2 * SAMPLE_ROWS, 4)), axis=0)
    assert START_ROWS < SAMPLE_ROWS
    objective = SparseObjective(4, 6, penalty=KLSparsity(0.1))
    _, _, ordered = begun(objective, X)
    _, _, mixed = begun(objective, np.random.RandomState(0).permutation(X))
    assert ordered.max() < 1.2 * mixed.max()
    assert ordered.min() > 0.8 * mixed.min()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_sample_of_a_file_is_that_of_memory(dtype, tmp_path):
    X = sparse_data(SAMPLE_ROWS + 500, 4, dtype=dtype)
    np.save(tmp_path / "rows.npy", X)
    mean, scale = X.mean(axis=0, dtype=float), float(X.std())
    stored = draw_sample(open_file(tmp_path / "rows.npy"), mean, scale, 7)
    held = draw_sample(in_memory(X), mean, scale, 7)
    assert stored.rows.X.dtype == dtype
    np.testing.assert_array_equal(stored.rows.X, held.rows.X)


def test_weights_are_drawn_with_their_rows(rng):
    X = np.arange(5000.0)[:, None]
    sample = draw_sample(in_memory(X, X[:, 0] + 1), np.zeros(1), 1.0, seed=3)
    np.testing.assert_array_equal(sample.rows.sample_weight, sample.rows.X[:, 0] + 1)


# What it hands to the solver.


@every_decoder
def test_linear_decoders_are_solved_for_and_no_others(decoder):
    X = sparse_data(90, 6)
    objective = SparseObjective(6, 4, decoder=decoder)
    evaluation, q, *_ = Run(objective, X).begin()
    is_solved = decoder in ("linear", "matryoshka")
    if is_solved:
        assert type(evaluation) is ProjectedEvaluation
        assert len(q) == objective.n_encoder_parameters
    else:
        assert type(evaluation) is SparseEvaluation
        assert len(q) == objective.n_parameters
    assert evaluation.metric.projected == is_solved


def test_the_decoder_of_very_many_units_is_not_solved_for(monkeypatch):
    monkeypatch.setattr(module, "MOST_INPUTS", 3)
    evaluation, q, *_ = Run(SparseObjective(6, 4), sparse_data(90, 6)).begin()
    assert type(evaluation) is SparseEvaluation
    assert len(q) == 4 * 6 * 2 + 4 + 6


def test_a_start_from_given_parameters_is_at_them_with_their_best_decoder(rng):
    X = sparse_data(90, 6)
    for decoder in DECODERS:
        objective = SparseObjective(6, 4, decoder=decoder)
        run = Run(objective, X)
        given = rng.normal(size=objective.n_parameters)
        evaluation, q, seed, _ = run.begin(theta=given, seed=17)
        with run.engine.running():
            loss, _ = evaluation(q)
        theta, _, _ = evaluation.at(q)
        size = objective.n_encoder_parameters
        np.testing.assert_allclose(theta[:size], given[:size], rtol=1e-10)
        assert seed == 17
        if objective.is_solvable:
            assert loss <= objective.loss_grad(given, X)[0]
        else:
            np.testing.assert_allclose(theta, given, rtol=1e-10)


def test_a_seed_that_was_kept_draws_the_same_sample():
    """As where a run is gone on with, whose random state is another one."""
    X = sparse_data(SAMPLE_ROWS + 500, 4)
    run = Run(SparseObjective(4, 3), X)
    first = run.begin()
    again = run.begin(seed=first.seed)
    assert again.seed == first.seed
    np.testing.assert_array_equal(
        again.evaluation.metric.sample.rows.X, first.evaluation.metric.sample.rows.X
    )


def test_a_network_starts_where_it_is_told_to():
    objective, theta, X, labels, weight = network("sigmoid", "kl", (4, 3))
    run = Run(SparseObjective(5, 2), X)
    source = in_memory(X, weight, labels)
    with run.engine.running():
        evaluation, q, *_ = network_start(objective, source, run.engine, run.partition, theta)
        loss, _ = evaluation(q)
    assert type(evaluation) is NetworkEvaluation
    np.testing.assert_allclose(evaluation.at(q)[0], theta, rtol=1e-10, atol=1e-12)
    expected, _ = objective.loss_grad(theta, X, labels, weight)
    assert loss == pytest.approx(expected, rel=1e-12)
    assert replace(evaluation).metric is evaluation.metric
