"""Runs: told as they go on, ended as they should be, and never on a number that is none."""

import dataclasses
import signal
import warnings
from itertools import count

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from rhohat import SparseObjective
from rhohat.common.interrupts import InterruptRequest
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.decoders import DECODERS
from rhohat.training.evaluation import Evaluation
from rhohat.training.solvers import SOLVERS, SolverResult, SolverState, StopReason
from support.cases import (
    sparse_data,
)
from support.fits import (
    FEW_ROWS,
    GROWING,
    N_ITER,
    SMALL,
    STAGE_ENDS,
    WEIGHTS,
    Run,
    assert_report_is_true,
    assert_weights_are_finite,
    make_model,
)
from support.poisons import Poison, poisoned

pytestmark = pytest.mark.usefixtures("early_growth")
every_solver = pytest.mark.parametrize("solver", SOLVERS)
both_precisions = pytest.mark.parametrize("dtype", [np.float32, np.float64])


# Reports.


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
            parts = objective.encoder(mirrored)  # whose best decoder is mirrored, too
            parts["W_enc"] *= -1
            parts["b_enc"] *= -1
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
    assert [progress.n_iter for progress in told] == list(range(1, N_ITER + 1))
    assert {progress.max_iter for progress in told} == {N_ITER}
    np.testing.assert_array_equal([p.loss.total for p in told], model.loss_curve_[1:])
    np.testing.assert_array_equal([p.n_rows for p in told], model.stage_rows_[1:])
    shares = [progress.work_done for progress in told]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] == 1
    np.testing.assert_array_equal(told[-1].average_activation, model.average_activation_)


# Ends.


@pytest.mark.parametrize("iteration", [1, 3, 7, *STAGE_ENDS])
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

    with pytest.warns(ConvergenceWarning, match="no step along the search direction") as told:
        model = make_model(solver=Stuck()).fit(SMALL)
    assert told[0].filename == __file__  # of whoever has called fit
    assert_report_is_true(model, SMALL)


def test_what_a_callback_raises_reaches_the_caller():
    def refuse(progress):
        raise LookupError("from the callback")

    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(LookupError, match="from the callback"):
        make_model(callback=refuse).fit(SMALL)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


# Not a number, and too large a number.


@pytest.mark.parametrize("iteration", [1, 2, 5])
@pytest.mark.parametrize(("part", "term"), [("value", "sparsity"), ("slope", "the gradient")])
def test_not_a_number_is_an_error_that_names_term_and_iteration(iteration, part, term):
    poison = Poison(iteration)
    penalty = poisoned(poison, **{part: np.nan})
    model = make_model(sparsity_penalty=penalty, callback=poison)
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

    monkeypatch.setitem(ACTIVATIONS, "sigmoid", dataclasses.replace(sigmoid, function=function))
    model = make_model(callback=poison, n_jobs=n_jobs)
    with pytest.raises(FloatingPointError, match=r"NaN in reconstruction, sparsity in iteration 4"):
        model.fit(SMALL)
    assert_weights_are_finite(model)


@pytest.mark.parametrize("iteration", [1, *STAGE_ENDS, *(end + 1 for end in STAGE_ENDS)])
def test_not_a_number_in_any_stage_is_an_error_and_leaves_finite_weights(iteration):
    """After the last iteration of a stage it comes up where the next one starts."""
    poison = Poison(iteration)
    model = make_model(sparsity_penalty=poisoned(poison, value=np.nan), callback=poison)
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
        warnings.filterwarnings("ignore", message="decoder='sigmoid' can only produce values")
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


@pytest.fixture
def read(monkeypatch):
    """How many rows each evaluation has read."""
    read, plain = [], Evaluation.__call__

    def counted(evaluation, theta):
        loss_and_slope = plain(evaluation, theta)
        read.append(evaluation.source.shape[0])
        return loss_and_slope

    monkeypatch.setattr(Evaluation, "__call__", counted)
    return read


@pytest.mark.parametrize("iteration", [1, 3, STAGE_ENDS[0], None])
def test_evaluations_are_counted_in_rows_that_were_read(iteration, read):
    model = make_model(callback=lambda progress: progress.n_iter == iteration).fit(GROWING)
    assert model.n_evaluations_ == sum(read) / len(GROWING)


def test_of_an_interrupted_run_without_time_those_of_its_last_stage_are_told(read, monkeypatch):
    def interrupt(progress):
        if progress.n_iter == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(InterruptRequest.grace.__wrapped__, "__defaults__", (0.0,))
    model = make_model(callback=interrupt)
    with pytest.warns(ConvergenceWarning, match="kept"), pytest.raises(KeyboardInterrupt):
        model.fit(GROWING)
    assert set(read) == {FEW_ROWS}
    assert model.n_evaluations_ == sum(read) / len(GROWING)
    assert model.loss_ == model.loss_curve_[-1]
