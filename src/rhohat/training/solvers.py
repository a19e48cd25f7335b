"""Solvers: minimize a function that returns its loss and gradient.

A solver needs nothing but ``loss_grad(theta) -> (loss, grad)``. Its whole memory is a
`SolverState`, handed to the callback after every iteration; started again from that state,
`minimize` goes on bit for bit. A new solver is one class and one row of `SOLVERS`.

A function may know more, as attributes that a solver is free to use: its ``metric``, an approximate
inverse H of its second derivatives, and ``hidden(loss)``, the change of a loss that rounding hides.
The solvers here use both.

References
----------
J. Nocedal and S. Wright, Numerical Optimization, 2nd edition: algorithm 7.4 (L-BFGS two-loop
recursion).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from sklearn.base import BaseEstimator

from rhohat.common.arrays import Float64Array
from rhohat.common.validation import check_integer, look_up
from rhohat.training.line_search import Line, LossGrad, NotANumber, Point, is_finite

#: Under which the memory of a state holds the point at which H was made.
AT = "metric_at"


class StopReason(Enum):
    """Why training ended, in the words that users read."""

    CONVERGED = (
        "converged: the relative decrease of the loss over the last ten iterations was below tol"
    )
    MAX_ITER = "stopped at max_iter iterations"
    CALLBACK = "stopped by the callback"
    VALIDATION = "stopped early: the loss on held-out rows no longer fell; the best model is kept"
    INTERRUPTED = "was interrupted; the best model so far is kept"
    PRECISION = "converged: no step lowers the loss by more than rounding errors"
    NO_DESCENT = "stopped: no step along the search direction lowers the loss, although one should"
    OVERFLOW = "stopped: the loss overflows on additional rows; the best model before them is kept"
    OUT_OF_MEMORY = "stopped: the device ran out of memory; the best model so far is kept"
    NOT_A_NUMBER = "stopped: loss or gradient became NaN; the last finite model is kept"

    @property
    def is_convergence(self) -> bool:
        """Whether there was nothing left to gain."""
        return self in (StopReason.CONVERGED, StopReason.PRECISION)


@dataclass(frozen=True)
class SolverState:
    """Everything that a solver knows between two iterations.

    Attributes
    ----------
    theta, grad : ndarray of shape (p,)
    loss : float
    n_iter, n_evaluations : int
    recent_losses : tuple of float
        Losses of the last iterations, for the convergence test.
    step : float
        Length of the last accepted step, in units of the search direction.
    memory : mapping of str to array-like of float
        What else the solver knows, under names of its own: arrays, or sequences of numbers or of
        arrays of one shape. From a checkpoint each comes back as one array; empty ones do not come
        back.
    """

    theta: Float64Array
    loss: float
    grad: Float64Array
    n_iter: int = 0
    n_evaluations: int = 1
    recent_losses: tuple[float, ...] = ()
    step: float = 0.0
    memory: Mapping[str, Sequence[Any] | Float64Array] = field(default_factory=dict, repr=False)


class SolverResult(NamedTuple):
    """The best point found, and why the solver stopped there."""

    state: SolverState
    reason: StopReason


class Solver(Protocol):
    """The contract of every solver.

    A solver derives from scikit-learn's `BaseEstimator`, so that it prints, and is saved, with its
    parameters.
    """

    def minimize(
        self,
        loss_grad: LossGrad,
        theta0: Float64Array,
        *,
        max_iter: int,
        tol: float,
        callback: Callable[[SolverState], StopReason | None] | None = None,
        state: SolverState | None = None,
    ) -> SolverResult:
        """Minimize `loss_grad` from `theta0`, or go on from `state`.

        The callback is given the state after every iteration; a reason that it returns ends the
        run.
        """
        ...


#: Iterations over which the convergence test compares losses.
WINDOW = 10
#: Iterations after which H is renewed: often while much changes, and seldom later.
EARLY_RENEWAL, EARLY, RENEWAL = 3, 30, 10
#: Decrease that a direction promises, in units of what rounding hides, below which a search that
#: fails has found the end of precision, and above which something is wrong.
PROMISE = 1e4
#: Least products of vectors that are not rounded away, and may be divided by.
TINY = float(np.finfo(float).tiny)

#: Takes a gradient to a direction.
Operator: TypeAlias = Callable[[Float64Array], Float64Array]


class Metric(Protocol):
    """An approximate inverse H of the second derivatives of a function, positive definite."""

    def at(self, theta: Float64Array) -> Operator:
        """H at a point, as a function g -> H g."""


class _Metric:
    """H of a function at the point that a state remembers; 1 if the function has none."""

    def __init__(self, loss_grad: LossGrad) -> None:
        self._metric: Metric | None = getattr(loss_grad, "metric", None)
        self._made: tuple[Any, Operator] = None, np.copy

    def renewed(self, state: SolverState) -> SolverState:
        """The state with H made at its own point if it is time to, or if it has none."""
        if self._metric is None:
            return state
        period = EARLY_RENEWAL if state.n_iter < EARLY else RENEWAL
        if AT in state.memory and state.n_iter % period:
            return state
        return replace(state, memory={**state.memory, AT: state.theta})

    def __call__(self, state: SolverState) -> Operator:
        if self._metric is not None and self._made[0] is not state.memory[AT]:
            self._made = state.memory[AT], self._metric.at(np.asarray(state.memory[AT]))
        return self._made[1]


class GradientDescent(BaseEstimator):
    """Batch gradient descent, with a line search along minus H times the gradient."""

    def check(self) -> None:
        """Raise TypeError or ValueError if a parameter is not as described."""

    def direction(self, state: SolverState, H: Operator) -> Float64Array:
        """Search direction at `state`."""
        return H(-state.grad)

    def first_step(self, state: SolverState, direction: Float64Array) -> float:
        """Step to try first: twice the last one, so that it can grow; a short one at the start."""
        return 2 * state.step if state.step else _first_step(state, direction)

    def remember(self, before: SolverState, after: SolverState) -> SolverState:
        """`after` with what the next direction needs to know of the step from `before`."""
        return after

    def forget(self, state: SolverState) -> SolverState | None:
        """`state` without memory, for a fresh start where the search fails; None if it has none."""
        return None

    def minimize(
        self,
        loss_grad: LossGrad,
        theta0: Float64Array,
        *,
        max_iter: int,
        tol: float,
        callback: Callable[[SolverState], StopReason | None] | None = None,
        state: SolverState | None = None,
    ) -> SolverResult:
        """Minimize `loss_grad`; see `Solver`.

        The loss falls with every iteration. A step to where it is infinite is shortened; NaN ends
        the run. Neither is ever reported as converged.
        """
        self.check()
        metric = _Metric(loss_grad)
        hidden_at = getattr(loss_grad, "hidden", lambda loss: 0.0)
        jumps: bool = getattr(loss_grad, "jumps", False)
        if state is None:
            loss, grad = loss_grad(theta0)
            state = SolverState(theta0, float(loss), grad, recent_losses=(float(loss),))
            if not is_finite(loss, grad):
                return SolverResult(state, StopReason.NOT_A_NUMBER)
        while True:
            if _has_converged(state, tol):
                return SolverResult(state, StopReason.CONVERGED)
            if state.n_iter >= max_iter:
                return SolverResult(state, StopReason.MAX_ITER)
            if not state.grad.any():
                return SolverResult(state, StopReason.CONVERGED)
            state = metric.renewed(state)
            direction = self.direction(state, metric(state))
            slope = float(state.grad @ direction)
            hidden = hidden_at(state.loss)
            start = Point(0.0, state.theta, state.loss, state.grad, slope)
            search = Line(loss_grad, start, direction, hidden, jumps)
            step = self.first_step(state, direction)
            try:
                point = search.wolfe_point(step)
            except NotANumber:
                counted = replace(state, n_evaluations=state.n_evaluations + search.n_evaluations)
                return SolverResult(counted, StopReason.NOT_A_NUMBER)
            state = replace(state, n_evaluations=state.n_evaluations + search.n_evaluations)
            if point is None or state.loss - point.loss < hidden:
                fresh = self.forget(state)
                if fresh is None:
                    is_end = point is not None or -slope * step <= PROMISE * hidden
                    return SolverResult(
                        state, StopReason.PRECISION if is_end else StopReason.NO_DESCENT
                    )
                state = fresh
                continue
            after = replace(
                state,
                theta=point.theta,
                loss=point.loss,
                grad=point.grad,
                n_iter=state.n_iter + 1,
                recent_losses=(*state.recent_losses[-WINDOW:], point.loss),
                step=point.step,
            )
            state = self.remember(state, after)
            reason = callback(state) if callback is not None else None
            if reason is not None:
                return SolverResult(state, reason)


class LBFGS(GradientDescent):
    """Limited-memory BFGS: gradient descent in a metric that is corrected by recent steps.

    The first matrix is gamma H, or gamma where the function has no H.

    Parameters
    ----------
    memory : int, default=10
        Number of steps remembered. The state's memory holds that many ``steps`` of theta, oldest
        first, as many ``changes`` of the gradient, and their products, the ``curvatures``.

    Examples
    --------
    >>> from rhohat import LBFGS
    >>> def square(theta):
    ...     return float(theta @ theta), 2 * theta
    >>> import numpy as np
    >>> result = LBFGS().minimize(square, np.array([3.0, 4.0]), max_iter=20, tol=1e-9)
    >>> bool(abs(result.state.theta).max() < 1e-6)
    True
    """

    def __init__(self, memory: int = 10) -> None:
        self.memory = memory

    def check(self) -> None:
        """Raise unless memory is an integer of at least 1."""
        check_integer("LBFGS memory", self.memory, low=1)

    def direction(self, state: SolverState, H: Operator) -> Float64Array:
        """Minus the corrected H times the gradient, by the two-loop recursion (algorithm 7.4)."""
        q = -state.grad
        if "steps" not in state.memory:
            return H(q)
        remembered = (state.memory[name] for name in ("steps", "changes", "curvatures"))
        pairs = list(zip(*remembered, strict=True))
        scaled = np.empty_like(q)
        alphas = []
        for s, y, curvature in reversed(pairs):
            alpha = float(s @ q) / curvature
            q -= np.multiply(alpha, y, out=scaled)
            alphas.append(alpha)
        _, y, curvature = pairs[-1]
        q, length = H(q), float(y @ H(y))
        if length >= TINY:
            q *= curvature / length
        for (s, y, curvature), alpha in zip(pairs, reversed(alphas), strict=True):
            q += np.multiply(alpha - float(y @ q) / curvature, s, out=scaled)
        return q

    def first_step(self, state: SolverState, direction: Float64Array) -> float:
        """One, the length that the metric gives; a short step as long as no metric is known."""
        return 1.0 if "steps" in state.memory else _first_step(state, direction)

    def remember(self, before: SolverState, after: SolverState) -> SolverState:
        """`after` with the step and the change of gradient, if their product shows curvature."""
        step, change = after.theta - before.theta, after.grad - before.grad
        curvature = float(step @ change)
        if curvature <= max(np.finfo(float).eps * float(change @ change), TINY):
            return after
        new = {"steps": step, "changes": change, "curvatures": curvature}
        memory = {
            name: (*before.memory.get(name, ()), value)[-self.memory :]
            for name, value in new.items()
        }
        return replace(after, memory={**after.memory, **memory})

    def forget(self, state: SolverState) -> SolverState | None:
        """`state` without memory, so that the next direction is that of H alone, made anew."""
        return replace(state, memory={}) if "steps" in state.memory else None


def _first_step(state: SolverState, direction: Float64Array) -> float:
    """One where there is an H; else a step that moves the parameters by at most 1 in total."""
    if AT in state.memory:
        return 1.0
    return min(1.0, 1.0 / max(float(np.abs(direction).sum()), TINY))


def _has_converged(state: SolverState, tol: float) -> bool:
    """Whether the loss fell by less than `tol`, relatively, over the last iterations."""
    losses = state.recent_losses
    return len(losses) > WINDOW and losses[0] - losses[-1] <= tol * abs(losses[-1])


#: Solvers by their names; each is made without parameters.
SOLVERS: dict[str, type[Solver]] = {
    "lbfgs": LBFGS,
    "gradient-descent": GradientDescent,
}


def check_solver(solver: Any) -> None:
    """Raise TypeError or ValueError unless it learns, from streams or not, as it is set."""
    found = solver if hasattr(solver, "learn") else solver_of(solver)
    if hasattr(found, "check"):
        found.check()


def solver_of(solver: Any) -> Solver:
    """The solver that a name stands for, or the one given.

    Raises
    ------
    TypeError
        If it learns from streams only.
    ValueError
        If it is neither a name nor a solver.
    """
    if hasattr(solver, "learn"):
        raise TypeError(
            f"{type(solver).__name__} is for partial_fit, which learns from a stream. fit "
            "minimizes the exact objective: use solver='lbfgs'."
        )
    minimizes = hasattr(solver, "minimize")
    found: Solver = solver if minimizes else look_up("solver", solver, SOLVERS)()
    return found
