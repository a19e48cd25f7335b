"""Solvers that are told a metric, and what rounding hides: quicker, to the same minimum."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhohat.training.solvers import (
    AT,
    EARLY,
    EARLY_RENEWAL,
    LBFGS,
    RENEWAL,
    SOLVERS,
    SolverState,
    StopReason,
)
from support.cases import laws

every_solver = pytest.mark.parametrize("name", SOLVERS)


class Valley:
    """A convex quadratic with minimum 1 that knows its metric, and remembers what is asked of it.

    `knowledge` takes the second derivatives to the metric.
    """

    def __init__(self, size, condition, seed, knowledge=np.linalg.inv):
        random = np.random.RandomState(seed)
        basis, _ = np.linalg.qr(random.normal(size=(size, size)))
        self.second = basis * np.geomspace(1, condition, size) @ basis.T
        self.center = random.normal(size=size)
        self.H = knowledge(self.second)
        self.metric = self
        self.asked = []
        self.calls = 0

    def at(self, theta):
        self.asked.append(theta.copy())
        return lambda g: self.H @ g

    def __call__(self, theta):
        self.calls += 1
        residual = self.second @ (theta - self.center)
        return 1 + 0.5 * float((theta - self.center) @ residual), residual


class Rosenbrock:
    """The curved valley, with the metric of Gauss and Newton."""

    def __init__(self):
        self.metric = self
        self.asked = []

    def at(self, theta):
        self.asked.append(theta.copy())
        J = np.array([[-20 * theta[0], 10.0], [-1.0, 0.0]])
        H = np.linalg.inv(2 * J.T @ J)
        return lambda g: H @ g

    def __call__(self, theta):
        along, across = 1 - theta[0], theta[1] - theta[0] ** 2
        grad = np.array([-2 * along - 400 * theta[0] * across, 200 * across])
        return 1 + along**2 + 100 * across**2, grad


START = np.array([-1.2, 1.0])


def minimize(name, function, start, *, max_iter=500, tol=0.0, **options):
    solver = SOLVERS[name]()
    return solver.minimize(function, start, max_iter=max_iter, tol=tol, **options)


def states_of(name, function, start, **options):
    states = []
    result = minimize(name, function, start, callback=states.append, **options)
    return states, result


# The metric.


@every_solver
@given(size=st.integers(1, 8), condition=st.floats(1, 1e8), seed=st.integers(0, 10**6))
@laws(20)
def test_one_that_is_exact_leads_to_the_minimum_at_once(name, size, condition, seed):
    valley = Valley(size, condition, seed)
    state, _ = minimize(name, valley, np.zeros(size), max_iter=3)
    assert state.loss == pytest.approx(1, abs=1e-9 * condition**0.5)


@every_solver
@given(seed=st.integers(0, 10**6))
@laws(20)
def test_one_that_is_wrong_leads_to_the_same_minimum(name, seed):
    """As long as it is positive definite: it changes the way, and not the end."""
    random = np.random.RandomState(seed)
    square = random.normal(size=(4, 4))
    wrong = square @ square.T + 0.1 * np.eye(4)
    valley = Valley(4, 30.0, seed, knowledge=lambda second: wrong)
    state, reason = minimize(name, valley, np.zeros(4), max_iter=20_000)
    assert reason in (StopReason.CONVERGED, StopReason.NO_DESCENT, StopReason.PRECISION)
    np.testing.assert_allclose(state.theta, valley.center, atol=1e-5)


@every_solver
def test_the_scale_of_one_costs_no_more_than_a_few_evaluations(name):
    calls = {}
    for scale in (1e-4, 1.0, 1e4):
        valley = Valley(6, 1e4, 0, knowledge=lambda second, s=scale: s * np.linalg.inv(second))
        state, _ = minimize(name, valley, np.zeros(6), max_iter=12)
        assert state.loss == pytest.approx(1, abs=1e-9)
        calls[scale] = valley.calls
    assert max(calls.values()) <= calls[1.0] + 30


def test_gradient_descent_follows_curved_valleys_in_fewer_steps():
    """L-BFGS learns the metric of two dimensions anyway."""

    def steps(function):
        def near(state):
            return StopReason.CALLBACK if state.loss < 1 + 1e-8 else None

        state, reason = minimize(
            "gradient-descent", function, START, max_iter=20_000, callback=near
        )
        assert reason is StopReason.CALLBACK
        return state.n_iter

    function = Rosenbrock()
    assert steps(function) < 0.5 * steps(lambda theta: function(theta))


def periods():
    """Iterations after which the metric is renewed."""
    return [n for n in range(200) if n % (EARLY_RENEWAL if n < EARLY else RENEWAL) == 0]


@every_solver
def test_it_is_renewed_often_at_first_and_seldom_later(name):
    valley = Valley(40, 1e9, 0, knowledge=lambda second: np.eye(len(second)))
    states, _ = states_of(name, valley, np.zeros(40), max_iter=100)
    assert [state.n_iter for state in states] == list(range(1, 101))
    points = {0: np.zeros(40)} | {state.n_iter: state.theta for state in states}
    renewed = [n for n in periods() if n < 100]
    assert len(valley.asked) == len(renewed)
    for asked, n_iter in zip(valley.asked, renewed, strict=True):
        np.testing.assert_array_equal(asked, points[n_iter])
    for state in states:
        last = max(n for n in renewed if n < state.n_iter)
        np.testing.assert_array_equal(state.memory[AT], points[last])


@every_solver
@pytest.mark.parametrize("kind", ["quadratic", "rosenbrock"])
def test_a_restart_from_any_state_goes_on_bit_for_bit(name, kind):
    def knowing(second):
        return np.diag(1 / np.diagonal(second))

    def made():
        return Rosenbrock() if kind == "rosenbrock" else Valley(12, 1e6, 3, knowing)

    start = START if kind == "rosenbrock" else np.zeros(12)
    states, uninterrupted = states_of(name, made(), start, max_iter=45)
    for state in states[:: 1 if kind == "rosenbrock" else 4]:
        again = minimize(name, made(), start, max_iter=45, state=as_kept(state))
        assert again.reason is uninterrupted.reason
        assert again.state.theta.tobytes() == uninterrupted.state.theta.tobytes()
        assert again.state.n_evaluations == uninterrupted.state.n_evaluations


def as_kept(state):
    """A state as it comes back from a file: its memory made of arrays of its own."""
    memory = {key: np.array(value) for key, value in state.memory.items()}
    fields = vars(state) | {"memory": memory}
    return SolverState(**fields)


@every_solver
def test_a_function_that_has_none_leaves_none_in_the_memory(name):
    function = Rosenbrock()
    states, _ = states_of(name, lambda theta: function(theta), START, max_iter=20)
    assert not any(AT in state.memory for state in states)


@pytest.mark.parametrize("memory", [1, 3])
def test_memory_of_steps_is_bounded_and_the_metric_s_point_is_one(memory):
    held = []
    LBFGS(memory=memory).minimize(
        Rosenbrock(),
        START,
        max_iter=15,
        tol=0,
        callback=lambda state: held.append({k: np.shape(v) for k, v in state.memory.items()}),
    )
    assert held[-1] == {
        AT: (2,),
        "steps": (memory, 2),
        "changes": (memory, 2),
        "curvatures": (memory,),
    }


# What rounding hides.


class Rounded(Valley):
    """A valley whose losses are rounded to multiples of `grain`, and which says so."""

    def __init__(self, *options, grain, **named):
        super().__init__(*options, **named)
        self.grain = grain

    def hidden(self, loss):
        return self.grain

    def __call__(self, theta):
        loss, grad = super().__call__(theta)
        return self.grain * round(loss / self.grain), grad


@every_solver
@pytest.mark.parametrize("grain", [1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("seed", range(4))
def test_a_run_ends_where_rounding_hides_all_progress(name, grain, seed):
    def knowledge(second):
        return np.linalg.inv(second) + 0.3 * np.eye(6)

    valley = Rounded(6, 30.0, seed, grain=grain, knowledge=knowledge)
    state, reason = minimize(name, valley, np.zeros(6), max_iter=2000)
    assert reason in (StopReason.PRECISION, StopReason.CONVERGED)
    assert state.loss <= 1 + 100 * grain
    assert valley.calls <= 3 * state.n_iter + 40


@every_solver
def test_losses_fall_by_more_than_rounding_hides(name):
    valley = Rounded(6, 30.0, 0, grain=1e-4, knowledge=lambda second: np.eye(6))
    states, _ = states_of(name, valley, np.zeros(6))
    assert all(b.loss <= a.loss - 1e-4 * (1 - 1e-9) for a, b in pairwise(states))


@every_solver
def test_a_search_that_promised_much_and_found_nothing_is_no_convergence(name):
    """A gradient that points uphill is an error somewhere, whatever rounding hides."""

    def wrong(theta):
        return float(theta @ theta), -2 * theta

    wrong.hidden = lambda loss: 1e-12
    with np.errstate(over="ignore"):
        state, reason = minimize(name, wrong, np.ones(3))
    assert reason is StopReason.NO_DESCENT
    np.testing.assert_array_equal(state.theta, 1)


def test_precision_is_convergence_and_a_failed_search_is_not():
    ended = {reason for reason in StopReason if reason.is_convergence}
    assert ended == {StopReason.CONVERGED, StopReason.PRECISION}
    for reason in StopReason:
        assert ("converged" in reason.value) == reason.is_convergence
