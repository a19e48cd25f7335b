"""Training: what a run reports is true, repeats bit for bit, and survives what happens to it."""

import dataclasses
import os
import signal
import threading
import time
import warnings
from itertools import count, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning

from rhohat import KLSparsity, SparseAutoencoder, SparseObjective
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.decoders import DECODERS
from rhohat.rows.engines import ThreadEngine
from rhohat.rows.partition import Partition
from rhohat.rows.sources import ArraySource, in_memory
from rhohat.training.change_of_variables import StandardizedVariables
from rhohat.training.evaluation import SparseEvaluation
from rhohat.training.solvers import SOLVERS, SolverResult, SolverState, StopReason
from rhohat.training.stages import GROWTH_THRESHOLD, Stage, growth_stages
from support.cases import (
    COMBINATIONS,
    Run,
    laws,
    make_case,
    make_penalty,
    oracle_loss_grad,
    relative,
    sparse_data,
)

every_combination = pytest.mark.parametrize(("activation", "decoder", "penalty"), COMBINATIONS)
every_solver = pytest.mark.parametrize("solver", SOLVERS)
both_precisions = pytest.mark.parametrize("dtype", [np.float32, np.float64])

#: Rows on which training grows, and the same few columns as elsewhere.
GROWING = sparse_data(6000, 8)
SMALL = sparse_data(200, 8)
#: Last iterations of the first two of three stages, where a growing fit has 16 in all.
STAGE_ENDS = np.cumsum([stage.max_iter for stage in growth_stages(6000, 16)])[:2].tolist()

WEIGHTS = ("encoder_weights_", "encoder_bias_", "decoder_weights_", "decoder_bias_")


def make_model(**changes):
    settings = {
        "n_components": 5,
        "sparsity_penalty": KLSparsity(0.1, 0.5),
        "weight_decay": 1e-3,
        "max_iter": 16,
        "tol": 0.0,
        "n_jobs": 1,
        "random_state": 0,
    }
    return SparseAutoencoder(**(settings | changes))


def objective_of(model):
    return SparseObjective(
        model.n_features_in_,
        model.n_components,
        activation=model.activation,
        decoder=model.decoder,
        penalty=model.sparsity_penalty,
        weight_decay=model.weight_decay,
    )


def loss_at(model, X, sample_weight=None):
    """J at the fitted weights, computed anew on all rows in double precision."""
    objective = objective_of(model)
    parts = {
        "W_enc": model.encoder_weights_,
        "b_enc": model.encoder_bias_,
        "W_dec": model.decoder_weights_,
        "b_dec": model.decoder_bias_,
    }
    theta = objective.pack({name: parts[name] for name in objective.shapes})
    return objective.loss_grad(theta, np.asarray(X, dtype=np.float64), sample_weight)[0]


def bits(model):
    """Everything that a fit leaves, as bytes."""
    names = (*WEIGHTS, "average_activation_", "loss_terms_curve_", "stage_rows_")
    return {name: np.ascontiguousarray(getattr(model, name)).tobytes() for name in names} | {
        name: getattr(model, name)
        for name in ("loss_", "loss_terms_", "n_iter_", "n_evaluations_", "stop_reason_", "n_dead_")
    }


def assert_report_is_true(model, X, sample_weight=None):
    """The loss and the averages that `model` reports are those of its weights on all rows."""
    tolerance = 1e-12 if X.dtype == np.float64 else 2e-5
    assert model.loss_ == pytest.approx(loss_at(model, X, sample_weight), rel=tolerance)
    assert sum(model.loss_terms_) == pytest.approx(model.loss_, rel=1e-15)
    h, _ = objective_of(model).penalty.pointwise(model.transform(X))
    average = np.average(h.astype(np.float64), axis=0, weights=sample_weight)
    np.testing.assert_allclose(model.average_activation_, average, rtol=tolerance, atol=tolerance)


def assert_weights_are_finite(model):
    for name in WEIGHTS:
        assert np.isfinite(getattr(model, name)).all()


# Stages.


@given(n_rows=st.integers(1, 10**8), max_iter=st.integers(1, 2000), growth=st.booleans())
@laws(300)
def test_stages_share_out_the_iterations_and_end_on_all_rows(n_rows, max_iter, growth):
    stages = growth_stages(n_rows, max_iter, growth)
    assert sum(stage.max_iter for stage in stages) == max_iter
    assert all(stage.max_iter >= 1 for stage in stages)
    rows = [stage.n_rows for stage in stages]
    assert rows[-1] == n_rows
    assert rows == sorted(set(rows))
    if not growth or n_rows <= GROWTH_THRESHOLD:
        assert stages == [Stage(n_rows, max_iter)]


def test_large_data_grow_by_a_bounded_factor():
    rows = [stage.n_rows for stage in growth_stages(10**7, 160, row_bytes=1)]
    assert len(rows) > 3
    assert max(b / a for a, b in pairwise(rows)) <= 8


def test_growing_parts_fit_into_a_stated_memory():
    *parts, everything = growth_stages(10**8, 260, row_bytes=784 * 8)
    assert everything.n_rows == 10**8
    assert all(part.n_rows * 784 * 8 <= 64 << 20 for part in parts)


def test_every_stage_trains_on_as_many_rows_as_it_says_and_keeps_those_before():
    taken = {}

    class Recording(ArraySource):
        def take(self, indices):
            taken.setdefault(stage[0], set()).update(indices.tolist())
            return super().take(indices)

    ends = dict(zip(STAGE_ENDS, (5000, 6000), strict=True))
    stage = [2000]

    def note(progress):
        stage[0] = ends.get(progress.n_iter, stage[0])

    run = Run(SparseObjective(8, 3, penalty="none"), GROWING)
    run.source = Recording(GROWING)
    result = run.train(max_iter=16, callback=note)
    assert list(dict.fromkeys(result.stage_rows)) == [2000, 5000, 6000]
    assert {rows: len(indices) for rows, indices in taken.items()} == {2000: 2000, 5000: 5000}
    assert taken[2000] < taken[5000]
    assert max(taken[2000]) > 5000  # a part drawn at random, not the first rows


# Reports.


@every_combination
def test_what_a_fit_reports_is_true(activation, decoder, penalty):
    model = make_model(
        activation=activation, decoder=decoder, sparsity_penalty=make_penalty(penalty), max_iter=8
    ).fit(SMALL)
    assert_report_is_true(model, SMALL)
    assert model.loss_curve_[-1] == model.loss_
    assert np.all(np.diff(model.loss_curve_) < 0)
    assert model.n_iter_ == len(model.loss_curve_) - 1 == 8


@both_precisions
@every_solver
@pytest.mark.parametrize("weighted", [False, True])
def test_what_a_growing_fit_reports_is_true(dtype, solver, weighted):
    X = GROWING.astype(dtype)
    weight = np.random.RandomState(1).uniform(0, 2, len(X)) if weighted else None
    model = make_model(solver=solver).fit(X, sample_weight=weight)
    assert_report_is_true(model, X, weight)
    assert model.encoder_weights_.dtype == dtype
    assert model.n_iter_ == 16
    assert list(dict.fromkeys(model.stage_rows_)) == [2000, 5000, 6000]
    assert model.loss_curve_[-1] == model.loss_
    for rows in (2000, 5000, 6000):
        of_stage = model.loss_curve_[model.stage_rows_ == rows]
        assert np.all(np.diff(of_stage) < 0)


def test_training_lowers_the_loss_and_growth_reaches_what_all_rows_reach():
    grown = make_model(max_iter=160).fit(GROWING)
    plain = make_model(max_iter=160, growth=False).fit(GROWING)
    assert grown.loss_ < 0.5 * grown.loss_curve_[0]
    assert grown.loss_ == pytest.approx(plain.loss_, rel=0.05)
    assert list(dict.fromkeys(plain.stage_rows_)) == [6000]
    assert grown.n_evaluations_ < plain.n_evaluations_


def test_a_single_iteration_is_enough_for_a_report():
    for X in (SMALL, GROWING):
        model = make_model(max_iter=1).fit(X)
        assert model.n_iter_ == 1
        assert model.stop_reason_ == StopReason.MAX_ITER.value
        assert not model.converged_
        assert_report_is_true(model, X)


def test_convergence_is_reported_where_the_last_stage_converged():
    model = make_model(max_iter=2000, tol=1e-3).fit(SMALL)
    assert model.converged_
    assert model.stop_reason_ == StopReason.CONVERGED.value
    assert model.n_iter_ < 2000
    assert_report_is_true(model, SMALL)


def test_what_is_reported_belongs_to_the_point_and_not_to_another_of_the_same_loss():
    """-theta is as good as theta for tanh units without biases; the average has the other sign."""

    class LooksAtTheMirrorImageToo:
        def minimize(self, loss_grad, theta0, *, max_iter, tol, callback=None, state=None):
            mirrored = theta0.copy()
            parts = objective.unpack(mirrored)
            parts["W_enc"] *= -1
            parts["b_enc"] *= -1
            parts["W_dec"] *= -1
            loss, grad = loss_grad(theta0)
            assert loss_grad(mirrored)[0] == loss
            state = SolverState(theta0, loss, grad, n_iter=1)
            callback(state)
            return SolverResult(state, StopReason.MAX_ITER)

    X = sparse_data(50, 4) ** 2
    objective = SparseObjective(4, 3, activation="tanh", penalty="none")
    result = Run(objective, X).train(solver=LooksAtTheMirrorImageToo())
    A = objective.encode(X, objective.unpack(result.theta))
    np.testing.assert_allclose(result.average_activation, A.mean(axis=0), rtol=1e-10)


def test_progress_is_told_after_every_iteration():
    told = []
    model = make_model(callback=told.append).fit(GROWING)
    assert [progress.n_iter for progress in told] == list(range(1, 17))
    assert {progress.max_iter for progress in told} == {16}
    np.testing.assert_array_equal([p.loss.total for p in told], model.loss_curve_[1:])
    np.testing.assert_array_equal([p.n_rows for p in told], model.stage_rows_[1:])
    shares = [progress.work_done for progress in told]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] == 1
    np.testing.assert_array_equal(told[-1].average_activation, model.average_activation_)


# Repetition.


@both_precisions
@every_solver
def test_same_seed_gives_the_same_bits_for_any_number_of_threads(dtype, solver):
    X = GROWING.astype(dtype)
    expected = bits(make_model(solver=solver, max_iter=8).fit(X))
    for n_jobs in (1, 2, 4):
        assert bits(make_model(solver=solver, max_iter=8, n_jobs=n_jobs).fit(X)) == expected
    assert bits(make_model(solver=solver, max_iter=8, random_state=1).fit(X)) != expected


def test_a_callback_that_only_looks_changes_no_bit():
    expected = bits(make_model().fit(SMALL))
    assert bits(make_model(callback=lambda progress: None).fit(SMALL)) == expected
    assert bits(make_model(callback=lambda progress: False).fit(SMALL)) == expected


def test_single_precision_ends_near_double():
    double = make_model(max_iter=60).fit(SMALL)
    single = make_model(max_iter=60).fit(SMALL.astype(np.float32))
    assert single.loss_ == pytest.approx(double.loss_, rel=1e-3)


# Weights of rows.


def test_rows_of_weight_zero_are_as_if_absent():
    weight = np.random.RandomState(0).uniform(0.5, 2, 60)
    more_rows = np.vstack([SMALL[:60], np.full((10, 8), 30.0)])
    more_weights = np.concatenate([weight, np.zeros(10)])
    without = make_model().fit(SMALL[:60], sample_weight=weight)
    model = make_model().fit(more_rows, sample_weight=more_weights)
    for name in (*WEIGHTS, "average_activation_", "loss_curve_"):
        actual, expected = getattr(model, name), getattr(without, name)
        np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-9)


def test_units_that_vary_on_rows_of_weight_zero_only_are_dead():
    """Rows that do not count wake no unit."""
    X = np.vstack([np.full((40, 3), 0.5), sparse_data(5, 3)])
    weight = np.concatenate([np.ones(40), np.zeros(5)])
    model = make_model(n_components=2, max_iter=3).fit(X, sample_weight=weight)
    assert model.n_dead_ == 2


@pytest.mark.parametrize("random_state", range(4))
def test_one_row_that_counts_among_many_that_do_not_is_enough(random_state):
    """The first stage must not come to stand on rows of weight zero alone."""
    weight = np.zeros(6000)
    weight[4100] = 1
    model = make_model(max_iter=8, random_state=random_state).fit(GROWING, sample_weight=weight)
    assert_report_is_true(model, GROWING, weight)


@both_precisions
@pytest.mark.parametrize("factor", [2.0**-400, 2.0**-160, 2.0**160, 2.0**900])
def test_scaling_all_weights_of_rows_changes_nothing(dtype, factor):
    X = SMALL.astype(dtype)
    weight = np.random.RandomState(0).randint(1, 5, len(X)).astype(float)
    expected = make_model(max_iter=5).fit(X, sample_weight=weight)
    model = make_model(max_iter=5).fit(X, sample_weight=factor * weight)
    assert model.loss_ == pytest.approx(expected.loss_, rel=1e-5)


# Ends.


@pytest.mark.parametrize("iteration", [1, 3, 4, 7, 12])
def test_callback_that_returns_true_ends_the_run_with_a_true_report(iteration):
    model = make_model(callback=lambda progress: progress.n_iter == iteration).fit(GROWING)
    assert model.n_iter_ == iteration
    assert model.stop_reason_ == StopReason.CALLBACK.value
    assert not model.converged_
    assert_report_is_true(model, GROWING)


def test_no_descent_is_told_with_a_warning():
    class Stuck:
        def minimize(self, loss_grad, theta0, *, max_iter, tol, callback=None, state=None):
            return SolverResult(state, StopReason.NO_DESCENT)

    with pytest.warns(ConvergenceWarning, match="no step along the search direction"):
        model = make_model(solver=Stuck()).fit(SMALL)
    assert_report_is_true(model, SMALL)


def test_what_a_callback_raises_reaches_the_caller():
    def refuse(progress):
        raise LookupError("from the callback")

    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(LookupError, match="from the callback"):
        make_model(callback=refuse).fit(SMALL)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


# Not a number, and too large a number.


class Poison:
    """NaN from the iteration after `iteration` on; to be asked for by a callback."""

    def __init__(self, iteration):
        self.iteration = iteration
        self.released = False

    def __call__(self, progress):
        self.released = progress.n_iter >= self.iteration


class PoisonedKL(KLSparsity):
    poison = None

    def on_average(self, average, activation):
        value, slope = super().on_average(average, activation)
        return (np.nan, slope) if self.poison.released else (value, slope)


class PoisonedSlope(PoisonedKL):
    def on_average(self, average, activation):
        value, slope = KLSparsity.on_average(self, average, activation)
        return value, slope * (np.nan if self.poison.released else 1)


@pytest.mark.parametrize("iteration", [1, 2, 5])
@pytest.mark.parametrize(
    ("penalty", "term"), [(PoisonedKL, "sparsity"), (PoisonedSlope, "the gradient")]
)
def test_not_a_number_is_an_error_that_names_term_and_iteration(iteration, penalty, term):
    poison = Poison(iteration)
    model = make_model(sparsity_penalty=penalty(0.1, 0.5), callback=poison)
    model.sparsity_penalty.poison = poison
    with pytest.raises(FloatingPointError, match=f"NaN in {term} in iteration {iteration + 1}"):
        model.fit(SMALL)
    undisturbed = make_model(max_iter=iteration).fit(SMALL)
    for name in WEIGHTS:
        np.testing.assert_array_equal(getattr(model, name), getattr(undisturbed, name))
    assert model.n_iter_ == iteration
    assert model.loss_ == undisturbed.loss_


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_not_a_number_from_a_worker_is_an_error_that_names_the_term(monkeypatch, n_jobs):
    poison = Poison(3)
    sigmoid = ACTIVATIONS["sigmoid"]

    def function(Z):
        A = sigmoid.function(Z)
        if poison.released:
            A[0] = np.nan
        return A

    poisoned = dataclasses.replace(sigmoid, function=function)
    monkeypatch.setitem(ACTIVATIONS, "sigmoid", poisoned)
    model = make_model(callback=poison, n_jobs=n_jobs)
    with pytest.raises(FloatingPointError, match=r"NaN in reconstruction, sparsity in iteration 4"):
        model.fit(SMALL)
    assert_weights_are_finite(model)


@pytest.mark.parametrize("iteration", [1, *STAGE_ENDS, *(end + 2 for end in STAGE_ENDS)])
def test_not_a_number_in_any_stage_is_an_error_and_leaves_finite_weights(iteration):
    """After the last iteration of a stage it comes up where the next one starts."""
    poison = Poison(iteration)
    model = make_model(sparsity_penalty=PoisonedKL(0.1, 0.5), callback=poison)
    model.sparsity_penalty.poison = poison
    with pytest.raises(FloatingPointError, match=f"NaN in sparsity in iteration {iteration + 1}"):
        model.fit(GROWING)
    assert model.n_iter_ == iteration
    assert_weights_are_finite(model)


@both_precisions
@pytest.mark.parametrize("share", [0.4, 0.6, 1.0])
@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_values_too_large_are_refused_with_advice(activation, decoder, dtype, share):
    """Squares overflow, or products of squares: never a bare warning, never a model of garbage."""
    scale = np.finfo(dtype).max ** dtype(share) / dtype(10)
    X = (np.random.RandomState(0).normal(size=(1100, 3)) * 0.3).astype(dtype) * scale
    model = make_model(
        activation=activation,
        decoder=decoder,
        sparsity_penalty="kl" if ACTIVATIONS[activation].is_bounded else "l1",
        max_iter=5,
        n_jobs=2,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="decoder='sigmoid' reaches values")
        warnings.simplefilter("ignore", ConvergenceWarning)
        refused = ""
        try:
            model.fit(X)
        except ValueError as refusal:
            refused = str(refusal)
    if share > 0.5 or refused:
        assert "Scale the data" in refused
    else:
        assert_weights_are_finite(model)
        assert np.isfinite(model.loss_)
        assert model.loss_ <= model.loss_curve_[0]


def test_values_of_1e200_are_refused_with_advice():
    with pytest.raises(
        ValueError, match=r"values are too large, or too small. Scale the data, for instance"
    ):
        make_model().fit((SMALL - 0.5) * 1e200)


@every_solver
def test_overflow_at_any_evaluation_is_survived(solver):
    """A loss that is infinite once costs a step: no warning, no false end, a true report."""

    class OverflowsAt:
        def __init__(self, k):
            self.k = k

        def minimize(self, loss_grad, *args, **options):
            evaluations = count(1)

            def faulty(q):
                loss, grad = loss_grad(q)
                return (np.inf, grad * np.inf) if next(evaluations) == self.k else (loss, grad)

            return SOLVERS[solver]().minimize(faulty, *args, **options)

    for k in range(1, 31):
        model = make_model(solver=OverflowsAt(k), max_iter=15).fit(SMALL)
        assert model.stop_reason_ == StopReason.MAX_ITER.value
        assert np.all(np.diff(model.loss_curve_) < 0)
        assert_report_is_true(model, SMALL)


@pytest.mark.parametrize("value", [0.0, 0.1, 0.7])
@pytest.mark.parametrize("shape", [(1, 1), (1, 8), (37, 1), (37, 5)])
def test_data_that_do_not_vary_are_reconstructed(shape, value):
    X = np.full(shape, value)
    model = make_model(max_iter=100, tol=1e-4, sparsity_penalty="none").fit(X)
    np.testing.assert_allclose(model.inverse_transform(model.transform(X)), X, atol=0.05)


# Interruption.


def send(number):
    os.kill(os.getpid(), number)


@pytest.fixture
def handlers():
    """Signal handlers of one's own, which training must give back."""
    called = []

    def own(number, frame):
        called.append(number)

    previous = {n: signal.signal(n, own) for n in (signal.SIGINT, signal.SIGTERM)}
    yield own, called
    for number, handler in previous.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("iteration", [2, 9])
def test_first_interrupt_ends_the_run_with_the_best_model_so_far(handlers, number, iteration):
    own, called = handlers

    def interrupt(progress):
        if progress.n_iter == iteration:
            send(number)

    model = make_model(callback=interrupt)
    with pytest.warns(ConvergenceWarning, match="interrupted; the best model so far is kept"):
        model.fit(GROWING)
    assert model.n_iter_ == iteration
    assert not model.converged_
    assert model.stop_reason_ == StopReason.INTERRUPTED.value
    assert_report_is_true(model, GROWING)
    assert not called
    assert signal.getsignal(signal.SIGINT) is own
    assert signal.getsignal(signal.SIGTERM) is own


@pytest.mark.parametrize(
    "numbers", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)]
)
def test_second_interrupt_ends_at_once(handlers, numbers):
    own, called = handlers

    def interrupt_twice(progress):
        for number in numbers:
            send(number)
            time.sleep(0.05)
        raise AssertionError("went on after the second interrupt")

    with pytest.raises(KeyboardInterrupt):
        make_model(callback=interrupt_twice).fit(SMALL)
    assert not called
    assert signal.getsignal(signal.SIGINT) is own
    assert signal.getsignal(signal.SIGTERM) is own


def test_handlers_are_given_back_after_an_undisturbed_run(handlers):
    own, called = handlers
    make_model(max_iter=1).fit(SMALL)
    assert signal.getsignal(signal.SIGINT) is own
    send(signal.SIGINT)
    assert called == [signal.SIGINT]


def test_training_works_outside_the_main_thread():
    """Where Python allows no signal handlers."""
    expected = bits(make_model().fit(SMALL))
    found = []
    thread = threading.Thread(target=lambda: found.append(bits(make_model().fit(SMALL))))
    thread.start()
    thread.join(timeout=60)
    assert found == [expected]


# One evaluation, in one pass or in two.


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kept", [0, 12, 23], ids=["six products", "some kept", "all kept"])
@every_combination
def test_sweeps_agree_with_the_oracle_however_many_activations_are_kept(
    activation, decoder, penalty, kept, weighted, monkeypatch
):
    case = make_case(activation, decoder, penalty, shape=(23, 5, 4))
    monkeypatch.setattr("rhohat.training.blocks.KEPT_FEATURES", 1)
    monkeypatch.setattr("rhohat.training.blocks.KEPT_BYTES", kept * 4 * 8)
    weight = case.sample_weight if weighted else None
    source, engine, partition = in_memory(case.X, weight), ThreadEngine(2), Partition(3, 6)
    with engine.running():
        variables = StandardizedVariables.for_data(case.objective, source, engine, partition)
        sweep = SparseEvaluation(case.objective, variables, engine, partition, source)
        loss, grad = sweep(variables.from_theta(case.theta))
    loss_oracle, grad_oracle = oracle_loss_grad(case.objective, case.theta, case.X, weight)
    assert loss == pytest.approx(loss_oracle, rel=1e-12)
    assert relative(grad, variables.gradient(grad_oracle)) < 1e-12


def test_wide_data_give_the_same_bits_for_any_number_of_threads(rng):
    X = rng.uniform(size=(5200, 130)).astype(np.float32)
    models = [
        SparseAutoencoder(6, max_iter=6, n_jobs=n_jobs, random_state=0).fit(X)
        for n_jobs in (1, 2, 4)
    ]
    assert bits(models[0]) == bits(models[1]) == bits(models[2])


def test_sizes_of_blocks_and_chunks_are_recorded_and_decide_the_last_bits_only(digits):
    def fit(**sizes):
        return SparseAutoencoder(9, max_iter=5, random_state=0, **sizes).fit(digits)

    plain, small, again = (
        fit(),
        fit(block_size=64, chunk_size=256),
        fit(block_size=64, chunk_size=256),
    )
    assert (plain.block_size_, plain.chunk_size_) == (1024, 1024)
    assert (small.block_size_, small.chunk_size_) == (64, 256)
    assert bits(small) == bits(again)
    assert small.data_fingerprint_ == plain.data_fingerprint_
    assert small.loss_ == pytest.approx(plain.loss_, rel=1e-9)
    with pytest.raises(ValueError, match="multiple of block_size=64, got 100"):
        fit(block_size=64, chunk_size=100)
