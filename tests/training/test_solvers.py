"""Laws that every row of `SOLVERS` keeps, on functions whose minimum SciPy knows too."""

from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize
from threadpoolctl import threadpool_limits

from rhohat import KLSparsity, SparseObjective
from rhohat.training.solvers import LBFGS, SOLVERS, WINDOW, GradientDescent, SolverState, StopReason
from support.cases import laws, relative, sparse_data

every_solver = pytest.mark.parametrize("name", SOLVERS)


@pytest.fixture(autouse=True, scope="module")
def _one_blas_thread():
    """On functions this small, NumPy's and SciPy's threads would only wait for one another."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield


def quadratic(size, condition, seed):
    """A convex quadratic with its minimizer; the loss there is 1, so that relative falls exist."""
    random = np.random.RandomState(seed)
    basis, _ = np.linalg.qr(random.normal(size=(size, size)))
    H = basis * np.geomspace(1, condition, size) @ basis.T
    center = random.normal(size=size)

    def loss_grad(x):
        residual = H @ (x - center)
        return 1 + 0.5 * float((x - center) @ residual), residual

    return loss_grad, center


def rosenbrock(x):
    """A curved valley with its end at (1, 1); one is added, so that relative falls exist."""
    along, across = 1 - x[0], x[1] - x[0] * x[0]
    loss = 1 + along * along + 100 * across * across
    return float(loss), np.array([-2 * along - 400 * x[0] * across, 200 * across])


ROSENBROCK_START = np.array([-1.2, 1.0])


def autoencoder(m=30, d=4, k=2):
    """loss_grad of a small sparse autoencoder and a start."""
    objective = SparseObjective(d, k, penalty=KLSparsity(0.1, 0.3), weight_decay=1e-2)
    X = 4 * (sparse_data(m, d) - 0.5)
    q0 = np.random.RandomState(0).uniform(-0.7, 0.7, objective.n_parameters)
    return lambda theta: objective.loss_grad(theta, X), q0


def scipy_minimum(loss_grad, start):
    return optimize.minimize(
        loss_grad, start, jac=True, method="L-BFGS-B", options={"maxiter": 5000, "gtol": 1e-12}
    ).fun


class Recorded:
    """A function that remembers what it returned, and can spoil it at some evaluations."""

    def __init__(self, loss_grad, spoil=None, at=range(0)):
        self.loss_grad, self.spoil, self.at = loss_grad, spoil, at
        self.calls = 0

    def __call__(self, theta):
        self.calls += 1
        assert np.isfinite(theta).all()
        loss, grad = self.loss_grad(theta)
        return self.spoil(loss, grad) if self.calls in self.at else (loss, grad)


def minimize(name, loss_grad, start, *, max_iter=20_000, tol=0.0, **options):
    solver = SOLVERS[name]()
    return solver.minimize(loss_grad, start, max_iter=max_iter, tol=tol, **options)


def assert_same_state(actual, expected):
    """Bit for bit, field by field."""
    for field in fields(SolverState):
        a, b = getattr(actual, field.name), getattr(expected, field.name)
        if isinstance(a, dict):
            assert {k: np.asarray(x).tobytes() for k, x in a.items()} == {
                k: np.asarray(x).tobytes() for k, x in b.items()
            }
        else:
            assert np.asarray(a).tobytes() == np.asarray(b).tobytes(), field.name


# The minimum.


@every_solver
@given(size=st.integers(1, 8), condition=st.floats(1, 100), seed=st.integers(0, 10**6))
@laws(20)
def test_convex_quadratics_are_minimized(name, size, condition, seed):
    loss_grad, center = quadratic(size, condition, seed)
    state, reason = minimize(name, loss_grad, np.zeros(size), max_iter=2000)
    assert reason in (StopReason.CONVERGED, StopReason.NO_DESCENT)
    assert state.loss <= scipy_minimum(loss_grad, np.zeros(size)) + 1e-12
    np.testing.assert_allclose(state.theta, center, atol=1e-6)


@every_solver
def test_rosenbrocks_valley_is_followed_to_its_end(name):
    state, reason = minimize(name, rosenbrock, ROSENBROCK_START)
    assert reason in (StopReason.CONVERGED, StopReason.NO_DESCENT)
    assert state.loss <= scipy_minimum(rosenbrock, ROSENBROCK_START) + 1e-9
    np.testing.assert_allclose(state.theta, 1, atol=1e-4)


def test_lbfgs_needs_about_as_many_evaluations_as_scipy():
    ours = Recorded(rosenbrock)
    minimize("lbfgs", ours, ROSENBROCK_START, max_iter=200, tol=1e-13)
    theirs = Recorded(rosenbrock)
    scipy_minimum(theirs, ROSENBROCK_START)
    assert ours.calls <= 2 * theirs.calls


@pytest.mark.parametrize("seed", range(3))
def test_lbfgs_ends_no_higher_than_scipy_on_a_sparse_autoencoder(seed):
    objective = SparseObjective(8, 5, penalty=KLSparsity(0.1, 1.0), weight_decay=1e-3)
    X = sparse_data(100, 8)
    start = np.random.RandomState(seed).uniform(-0.65, 0.65, objective.n_parameters)

    def loss_grad(theta):
        return objective.loss_grad(theta, X)

    state, _ = minimize("lbfgs", loss_grad, start, max_iter=250)
    theirs = optimize.minimize(
        loss_grad, start, jac=True, method="L-BFGS-B", options={"maxiter": 250, "maxcor": 20}
    )
    assert state.loss <= 1.005 * theirs.fun


def test_every_solver_finds_the_same_minimum_of_a_sparse_autoencoder():
    loss_grad, start = autoencoder()
    losses = {name: minimize(name, loss_grad, start, max_iter=600)[0].loss for name in SOLVERS}
    assert loss_grad(start)[0] > 1.3 * losses["lbfgs"]
    for loss in losses.values():
        assert loss == pytest.approx(losses["lbfgs"], rel=1e-3)


# Every iteration.


@every_solver
@pytest.mark.parametrize("problem", ["rosenbrock", "autoencoder"])
def test_loss_falls_with_every_iteration_and_the_state_is_true(name, problem):
    loss_grad, start = (rosenbrock, ROSENBROCK_START) if problem == "rosenbrock" else autoencoder()
    counted = Recorded(loss_grad)
    states = []
    result = minimize(
        name, counted, start, max_iter=60, callback=lambda state: states.append(state)
    )
    assert result.state is states[-1]
    losses = [loss_grad(start)[0]] + [state.loss for state in states]
    assert np.all(np.diff(losses) <= 0)
    for number, state in enumerate(states, 1):
        loss, grad = loss_grad(state.theta)
        assert state.loss == loss
        np.testing.assert_array_equal(state.grad, grad)
        assert state.n_iter == number
        assert state.recent_losses == tuple(losses[: number + 1][-WINDOW - 1 :])
    assert counted.calls == result.state.n_evaluations


@every_solver
def test_step_is_told_in_units_of_the_search_direction(name):
    solver, states = SOLVERS[name](), []
    solver.minimize(
        rosenbrock,
        ROSENBROCK_START,
        max_iter=15,
        tol=0.0,
        callback=lambda state: states.append(state),
    )
    for before, after in pairwise(states):
        np.testing.assert_allclose(
            after.theta - before.theta, after.step * solver.direction(before, np.copy), rtol=1e-9
        )


@every_solver
def test_a_line_search_takes_few_evaluations(name):
    """The first step tried is a good one, learned from those before."""
    loss_grad, start = autoencoder()
    state, _ = minimize(name, loss_grad, start, max_iter=100)
    assert state.n_evaluations <= 2.5 * state.n_iter


@every_solver
def test_nothing_given_is_changed(name):
    loss_grad, start = autoencoder()
    start.flags.writeable = False

    def protected(theta):
        loss, grad = loss_grad(theta)
        grad.flags.writeable = theta.flags.writeable = False
        return loss, grad

    minimize(name, protected, start, max_iter=20)


@every_solver
@pytest.mark.parametrize("problem", ["rosenbrock", "autoencoder"])
def test_restart_from_any_state_goes_on_bit_for_bit(name, problem):
    loss_grad, start = (rosenbrock, ROSENBROCK_START) if problem == "rosenbrock" else autoencoder()
    states = []
    uninterrupted = minimize(
        name, loss_grad, start, max_iter=50, tol=1e-12, callback=lambda state: states.append(state)
    )
    for state in states[::7]:
        again = minimize(name, loss_grad, start, max_iter=50, tol=1e-12, state=state)
        assert again.reason is uninterrupted.reason
        assert_same_state(again.state, uninterrupted.state)


@every_solver
def test_restart_near_a_failed_search_goes_on_bit_for_bit(name):
    """Where the memory is forgotten and the gradient tried instead, no state is lost."""
    loss_grad, start = quadratic(6, 50.0, 0)
    states = []
    uninterrupted = minimize(
        name, loss_grad, start, max_iter=500, callback=lambda state: states.append(state)
    )
    for state in states[-5:]:
        again = minimize(name, loss_grad, start, max_iter=500, state=state)
        assert again.reason is uninterrupted.reason
        np.testing.assert_array_equal(again.state.theta, uninterrupted.state.theta)
        assert again.state.loss == uninterrupted.state.loss


@pytest.mark.parametrize("memory", [1, 3, 20])
def test_memory_of_lbfgs_is_bounded(memory):
    loss_grad, start = autoencoder()
    held = []
    LBFGS(memory=memory).minimize(
        loss_grad,
        start,
        max_iter=40,
        tol=0,
        callback=lambda state: held.append([len(held) for held in state.memory.values()]),
    )
    assert max(held) == [memory] * 3
    assert min(held) == [1] * 3


@pytest.mark.parametrize("memory", [0, -1])
def test_memory_below_one_is_refused(memory):
    """A memory of 0 must not mean one without bounds."""
    with pytest.raises(ValueError, match="memory must be at least 1"):
        LBFGS(memory=memory).minimize(rosenbrock, np.zeros(2), max_iter=1, tol=0)


def test_lbfgs_learns_the_metric_of_a_quadratic():
    """In as many dimensions as it remembers steps, it needs far fewer than gradient descent."""
    loss_grad, _ = quadratic(6, 1e4, 1)
    runs = {name: Recorded(loss_grad) for name in SOLVERS}
    for name, run in runs.items():
        minimize(name, run, np.zeros(6), max_iter=300, tol=1e-10)
    assert 4 * runs["lbfgs"].calls < runs["gradient-descent"].calls


# Ends.


@every_solver
def test_end_at_max_iter_is_not_called_convergence(name):
    state, reason = minimize(name, rosenbrock, ROSENBROCK_START, max_iter=4)
    assert reason is StopReason.MAX_ITER
    assert state.n_iter == 4


@every_solver
@pytest.mark.parametrize("tol", [1e-1, 1e-3, 1e-6])
def test_convergence_is_a_small_fall_over_the_window(name, tol):
    loss_grad, _ = quadratic(20, 100.0, 3)
    states = []
    state, reason = minimize(
        name, loss_grad, np.zeros(20), tol=tol, callback=lambda state: states.append(state)
    )
    assert reason is StopReason.CONVERGED

    def fell_little(state):
        losses = state.recent_losses
        return len(losses) == WINDOW + 1 and losses[0] - losses[-1] <= tol * abs(losses[-1])

    assert fell_little(state)
    assert not any(fell_little(state) for state in states[:-1])


@every_solver
@pytest.mark.parametrize("reason", [StopReason.CALLBACK, StopReason.INTERRUPTED])
def test_callback_ends_the_run_with_the_reason_it_gives(name, reason):
    def stop_at_three(state):
        return reason if state.n_iter == 3 else None

    result = minimize(name, rosenbrock, ROSENBROCK_START, callback=stop_at_three)
    assert result.reason is reason
    assert result.state.n_iter == 3


@every_solver
def test_start_at_the_minimum_converges_at_once(name):
    loss_grad, center = quadratic(4, 10.0, 0)
    counted = Recorded(loss_grad)
    state, reason = minimize(name, counted, center)
    assert reason is StopReason.CONVERGED
    assert counted.calls == 1
    assert state.n_iter == 0
    np.testing.assert_array_equal(state.theta, center)


# Faults.


def infinite(loss, grad):
    return np.inf, grad


def infinite_with_infinite_gradient(loss, grad):
    return np.inf, np.full_like(grad, np.inf) * np.sign(grad + 0.1)


def infinite_with_gradient_not_a_number(loss, grad):
    return np.inf, np.full_like(grad, np.nan)


def huge(loss, grad):
    return 1e300, 1e200 * grad


def greatest(loss, grad):
    return np.finfo(float).max, np.full_like(grad, np.finfo(float).max)


TOO_FAR = [
    infinite,
    infinite_with_infinite_gradient,
    infinite_with_gradient_not_a_number,
    huge,
    greatest,
]


def loss_not_a_number(loss, grad):
    return np.nan, grad


def gradient_not_a_number(loss, grad):
    return loss, np.where(np.arange(grad.size) == 1, np.nan, grad)


def infinite_gradient(loss, grad):
    return loss, np.where(np.arange(grad.size) == 1, np.inf, grad)


NOT_NUMBERS = [loss_not_a_number, gradient_not_a_number, infinite_gradient]


def assert_true_and_finite(state, loss_grad):
    assert np.isfinite(state.theta).all()
    assert np.isfinite(state.loss)
    assert np.isfinite(state.grad).all()
    assert loss_grad(state.theta)[0] == state.loss


@every_solver
@pytest.mark.parametrize("spoil", TOO_FAR)
def test_one_overflow_is_survived(name, spoil):
    """A loss too large, once, at any evaluation after the start, costs time and not the minimum."""
    undisturbed, _ = minimize(name, rosenbrock, ROSENBROCK_START, max_iter=40)
    for k in range(2, 31):
        faulty = Recorded(rosenbrock, spoil, at=[k])
        state, reason = minimize(name, faulty, ROSENBROCK_START, max_iter=40)
        assert reason in (StopReason.MAX_ITER, StopReason.CONVERGED, StopReason.NO_DESCENT), k
        assert_true_and_finite(state, rosenbrock)
        assert state.loss <= undisturbed.loss + 0.5, k
        if reason is not StopReason.MAX_ITER:
            assert state.loss == pytest.approx(1, abs=1e-10), k


@every_solver
@pytest.mark.parametrize("spoil", TOO_FAR)
def test_overflow_from_some_evaluation_on_is_never_called_convergence(name, spoil):
    for k in range(2, 31):
        faulty = Recorded(rosenbrock, spoil, at=range(k, 10**6))
        state, reason = minimize(name, faulty, ROSENBROCK_START, max_iter=100, tol=1e-4)
        assert reason is StopReason.NO_DESCENT, k
        assert_true_and_finite(state, rosenbrock)


@every_solver
@pytest.mark.parametrize("spoil", TOO_FAR[:3])
def test_infinite_loss_at_the_start_is_reported_and_the_start_kept(name, spoil):
    faulty = Recorded(rosenbrock, spoil, at=[1])
    state, reason = minimize(name, faulty, ROSENBROCK_START)
    assert reason is StopReason.NOT_A_NUMBER
    assert faulty.calls == 1
    np.testing.assert_array_equal(state.theta, ROSENBROCK_START)


@every_solver
@pytest.mark.parametrize("spoil", TOO_FAR)
def test_minimum_next_to_a_wall_is_found(name, spoil):
    """The loss overflows beyond a radius, inside of which the minimum lies."""
    loss_grad, center = quadratic(4, 30.0, 2)

    def walled(x):
        loss, grad = loss_grad(x)
        return spoil(loss, grad) if np.abs(x).max() > 1.05 * np.abs(center).max() else (loss, grad)

    state, reason = minimize(name, walled, np.zeros(4), max_iter=2000)
    assert reason in (StopReason.CONVERGED, StopReason.NO_DESCENT)
    np.testing.assert_allclose(state.theta, center, atol=1e-5)


@every_solver
@pytest.mark.parametrize("spoil", NOT_NUMBERS)
def test_not_a_number_ends_the_run_with_the_last_finite_state(name, spoil):
    for k in range(1, 31):
        states = []
        faulty = Recorded(rosenbrock, spoil, at=[k])
        state, reason = minimize(
            name, faulty, ROSENBROCK_START, max_iter=40, callback=lambda s, to=states: to.append(s)
        )
        assert reason is StopReason.NOT_A_NUMBER, k
        assert faulty.calls == k
        if states:
            assert state.theta is states[-1].theta
            assert state.n_evaluations == k
            assert_true_and_finite(state, rosenbrock)
        else:
            np.testing.assert_array_equal(state.theta, ROSENBROCK_START)


@every_solver
def test_a_function_without_lower_bound_is_never_called_converged(name):
    with np.errstate(over="ignore"):
        state, reason = minimize(
            name, lambda x: (-float(np.exp(x).sum()), -np.exp(x)), np.zeros(2), max_iter=300
        )
    assert reason is not StopReason.CONVERGED
    assert np.isfinite(state.loss)
    assert np.isfinite(state.theta).all()


@every_solver
def test_every_evaluation_is_counted_in_a_search_that_fails_too(name):
    faulty = Recorded(rosenbrock, infinite, at=range(12, 10**6))
    state, reason = minimize(name, faulty, ROSENBROCK_START)
    assert reason is StopReason.NO_DESCENT
    assert state.n_evaluations == faulty.calls


@every_solver
def test_table_and_contract(name):
    assert isinstance(SOLVERS[name](), GradientDescent)
    loss_grad, start = autoencoder(m=20)
    assert relative(minimize(name, loss_grad, start, max_iter=0).state.theta, start) == 0
