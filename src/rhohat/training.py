"""Training: objective, source, engine and solver joined into one run.

On many rows it starts on a small random part of them, which is enough to find rough features, and
goes on with larger parts (`growth_stages`). Every stage starts where the one before ended, the last
one runs on all rows, and the loss that is reported is that of all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rhohat._typing import Float64Array, FloatArray
from rhohat.engines import Engine
from rhohat.interrupts import interrupts_as_requests
from rhohat.objective import LossTerms, SparseObjective, Terms, Workspace
from rhohat.solvers import Solver, SolverState, StopReason
from rhohat.sources import Head, Partition, Rows, RowSubset, Source, in_memory
from rhohat.variables import Variables

__all__ = [
    "IterationCallback",
    "Stage",
    "Sweep",
    "TrainingProgress",
    "TrainingResult",
    "activation_extremes",
    "growth_stages",
    "train",
]


class TrainingProgress(NamedTuple):
    """What a callback is told after every iteration.

    Attributes
    ----------
    n_iter : int
        Iterations done, over all stages.
    max_iter : int
        Iterations allowed.
    n_rows : int
        Rows that this stage trains on.
    loss : LossTerms
        The three terms of the exact loss over these rows; ``loss.total`` is J.
    average_activation : ndarray of shape (k,)
        rho_hat, the average of every unit's activation over these rows.
    work_done : float
        Share of the rows to be read in all that have been read, for the remaining time.
    theta : ndarray of shape (p,)
        The parameters, as `SparseObjective.unpack` takes them apart.
    """

    n_iter: int
    max_iter: int
    n_rows: int
    loss: LossTerms
    average_activation: Float64Array
    work_done: float
    theta: Float64Array


IterationCallback: TypeAlias = Callable[[TrainingProgress], bool | None]


class Stage(NamedTuple):
    """Iterations on a number of rows."""

    n_rows: int
    max_iter: int


class TrainingResult(NamedTuple):
    """The best model found and how it was reached.

    Attributes
    ----------
    theta : ndarray of shape (p,)
    average_activation : ndarray of shape (k,)
        Over all rows.
    loss : LossTerms
        Over all rows.
    loss_terms : ndarray of shape (n_iter + 1, 3)
        Reconstruction, weight decay and sparsity, at the start and after every iteration, over the
        rows of its stage.
    stage_rows : ndarray of shape (n_iter + 1,)
        Rows of the stage that each entry of `loss_terms` belongs to.
    n_iter : int
    n_evaluations : float
        Sweeps over all rows, or their equivalent.
    reason : StopReason
    detail : str
        Where NaN came up: the term and the iteration. Empty otherwise.
    """

    theta: Float64Array
    average_activation: Float64Array
    loss: LossTerms
    loss_terms: Float64Array
    stage_rows: NDArray[np.int64]
    n_iter: int
    n_evaluations: float
    reason: StopReason
    detail: str


#: Rows from which training starts on a part of them.
GROWTH_THRESHOLD = 5000
#: Rows and share of all iterations of the first stages. Trials on photographs: a smaller start
#: leaves noise in some units, more iterations on it take longer to unlearn.
FIRST_STAGES = ((2000, 0.35), (5000, 0.35))
#: Bytes of a stage's rows that are read once and held, instead of at every evaluation.
STAGE_BYTES = 64 << 20
#: Bytes of activations that are kept from the first half of an evaluation to the second, and the
#: features from which a product saved outweighs writing and reading them.
KEPT_BYTES, KEPT_FEATURES = 256 << 20, 128
#: Factor by which further stages grow.
GROWTH_FACTOR = 4


def growth_stages(n_rows: int, max_iter: int, growth: bool = True) -> list[Stage]:
    """Divide the iterations among growing parts of the data; the last stage has all rows.

    >>> [tuple(stage) for stage in growth_stages(20_000, 200)]
    [(2000, 70), (5000, 70), (20000, 60)]
    """
    if not growth or n_rows <= GROWTH_THRESHOLD:
        return [Stage(n_rows, max_iter)]
    stages = [Stage(rows, int(share * max_iter)) for rows, share in FIRST_STAGES]
    sizes = []
    size = stages[-1].n_rows * GROWTH_FACTOR
    while size * 2 <= n_rows:
        sizes.append(size)
        size *= GROWTH_FACTOR
    left = max_iter - sum(stage.max_iter for stage in stages)
    for index, size in enumerate(sizes):
        share = left // (len(sizes) + 1 - index)
        stages.append(Stage(size, share))
        left -= share
    return [stage for stage in stages if stage.max_iter > 0] + [Stage(n_rows, left)]


class Sweep:
    """loss_grad of one source in the solver's variables, which remembers what else it saw.

    The solver's contract is ``q -> (loss, grad)``; the terms of the loss and the averages at the
    point that it accepts are asked for afterwards.
    """

    def __init__(
        self,
        objective: SparseObjective,
        variables: Variables,
        engine: Engine,
        partition: Partition,
        source: Source,
    ) -> None:
        self.objective = objective
        self.variables = variables
        self.engine = engine
        self.partition = partition
        self.source = source
        self.nan_in = ""
        self._workspace = Workspace()
        self._kept_activations = self._room_for_activations()
        self._seen: list[tuple[Float64Array, LossTerms, Float64Array]] = []

    def __call__(self, q: Float64Array) -> tuple[float, Float64Array]:
        """Loss and gradient at q, over all rows of the source."""
        with overflow_as_infinity():
            theta = self.variables.to_theta(q)
            total = self._sums(theta.astype(self.source.dtype))
            terms = self.objective.loss_terms(total, theta)
            grad = self.variables.gradient(self.objective.gradient(total, theta))
        nan_terms = [name for name, term in terms._asdict().items() if np.isnan(term)]
        self.nan_in = ", ".join(nan_terms) or "the gradient"
        self._seen.append((q, terms, self.objective.average_activity(total)))
        return terms.total, grad

    def _room_for_activations(self) -> FloatArray:
        """For those of whole chunks, within the budget; none where the slope is known anyway."""
        k, dtype = self.objective.n_components, self.source.dtype
        n_rows = 0
        if self.objective.penalty.fixed_slope is None and self.source.shape[1] >= KEPT_FEATURES:
            fitting = KEPT_BYTES // (k * dtype.itemsize)
            n_rows = self.source.shape[0]
            if n_rows > fitting:
                n_rows = fitting // self.partition.chunk_size * self.partition.chunk_size
        return np.empty((n_rows, k), dtype)

    def _sums(self, theta: FloatArray) -> Terms:
        """Sum over all rows.

        As far as the activations can be kept, they are computed first, so that the penalty's slope
        is known when the gradient is; the other rows do with a sixth product instead.
        """
        objective, kept = self.objective, self._kept_activations

        def first(rows: Rows) -> Terms:
            with overflow_as_infinity():
                stop = rows.start + len(rows.X)
                if stop <= len(kept):
                    A = kept[rows.start : stop]
                    return objective.activities(rows.X, theta, rows.sample_weight, out=A)
                return objective.terms(rows.X, theta, rows.sample_weight, self._workspace)

        total = self.engine.map_sum(first, self.source, self.partition)
        if not len(kept):
            return total
        slope = objective.penalty_slope(total)

        def second(rows: Rows) -> Terms:
            with overflow_as_infinity():
                A = kept[rows.start : rows.start + len(rows.X)]
                weight, workspace = rows.sample_weight, self._workspace
                return objective.terms(rows.X, theta, weight, workspace, A=A, slope=slope)

        total += self.engine.map_sum(second, Head(self.source, len(kept)), self.partition)
        return total

    def at(self, q: Float64Array) -> tuple[LossTerms, Float64Array]:
        """Terms and averages of the sweep at `q`; forgets all others."""
        found = next(seen for seen in self._seen if seen[0] is q or np.array_equal(seen[0], q))
        self._seen = [found]
        return found[1:]


def overflow_as_infinity() -> np.errstate:
    """Let overflow show as an infinite loss, which solvers know how to handle."""
    return np.errstate(over="ignore", invalid="ignore")


def train(
    objective: SparseObjective,
    source: Source,
    *,
    q0: Float64Array,
    variables: Variables,
    stages: Sequence[Stage],
    engine: Engine,
    partition: Partition,
    solver: Solver,
    tol: float,
    random_state: np.random.RandomState,
    callback: IterationCallback | None = None,
) -> TrainingResult:
    """Minimise `objective` over all rows of `source`, starting at `q0` in `variables`.

    The first Ctrl-C or SIGTERM ends the run after the iteration under way; a second one at once.

    Raises
    ------
    ValueError
        If the loss at the start is not finite: the data's values are too large for its precision.
    """
    n_rows = source.shape[0]
    max_iter = sum(stage.max_iter for stage in stages)
    work = sum(stage.n_rows * stage.max_iter for stage in stages)
    order = random_state.permutation(n_rows) if len(stages) > 1 else np.arange(0)
    q, detail = q0, ""
    history: list[LossTerms] = []
    stage_rows: list[int] = []
    rows_worked = 0
    rows_read = 0

    with interrupts_as_requests() as interrupt:
        for stage in stages:
            part = source
            if stage.n_rows < n_rows:
                part = in_memory(RowSubset(source, np.sort(order[: stage.n_rows])), STAGE_BYTES)
            sweep = Sweep(objective, variables, engine, partition, part)
            loss, grad = sweep(q)
            if history and np.isnan(loss):
                reason = StopReason.NOT_A_NUMBER
                detail = f"{sweep.nan_in} in iteration {len(history)}"
                break
            with overflow_as_infinity():
                is_finite = np.isfinite(loss) and np.isfinite(grad @ grad)
            if not is_finite:
                raise ValueError(
                    f"the loss at the start of training is {loss} in {source.dtype.name}: the "
                    "values are too large, or too small. Scale the data, for instance with "
                    "sklearn.preprocessing.StandardScaler."
                )
            if not history:
                history.append(sweep.at(q)[0])
                stage_rows.append(stage.n_rows)

            def after_iteration(
                state: SolverState, stage: Stage = stage, sweep: Sweep = sweep
            ) -> StopReason | None:
                nonlocal rows_worked
                terms, average = sweep.at(state.theta)
                history.append(terms)
                stage_rows.append(stage.n_rows)
                rows_worked += stage.n_rows
                progress = TrainingProgress(
                    n_iter=len(history) - 1,
                    max_iter=max_iter,
                    n_rows=stage.n_rows,
                    loss=terms,
                    average_activation=average,
                    work_done=rows_worked / work,
                    theta=variables.to_theta(state.theta),
                )
                if callback is not None and callback(progress):
                    return StopReason.CALLBACK
                return StopReason.INTERRUPTED if interrupt.requested else None

            state, reason = solver.minimize(
                sweep,
                q,
                max_iter=stage.max_iter,
                tol=tol,
                callback=after_iteration,
                state=SolverState(q, loss, grad, recent_losses=(loss,)),
            )
            q = state.theta
            rows_read += stage.n_rows * state.n_evaluations
            if reason is StopReason.NOT_A_NUMBER:
                detail = f"{sweep.nan_in} in iteration {len(history)}"
            if reason in (StopReason.CALLBACK, StopReason.INTERRUPTED, StopReason.NOT_A_NUMBER):
                break

        if stage.n_rows < n_rows:
            sweep = Sweep(objective, variables, engine, partition, source)
            sweep(q)
            rows_read += n_rows
        loss_terms, average = sweep.at(q)
    return TrainingResult(
        theta=variables.to_theta(q),
        average_activation=average,
        loss=loss_terms,
        loss_terms=np.array(history),
        stage_rows=np.array(stage_rows, dtype=np.int64),
        n_iter=len(history) - 1,
        n_evaluations=rows_read / n_rows,
        reason=reason,
        detail=detail,
    )


@dataclass
class _Extremes:
    """Least and greatest activation of every unit over the rows seen."""

    low: Float64Array
    high: Float64Array

    def __iadd__(self, other: _Extremes) -> _Extremes:
        np.minimum(self.low, other.low, out=self.low)
        np.maximum(self.high, other.high, out=self.high)
        return self

    def widened(self) -> _Extremes:
        """Itself: the sums are float64."""
        return self


def activation_extremes(
    objective: SparseObjective,
    theta: Float64Array,
    source: Source,
    engine: Engine,
    partition: Partition,
) -> tuple[Float64Array, Float64Array]:
    """Least and greatest activation of every unit over all rows, each (k,)."""
    parameters = objective.unpack(theta.astype(source.dtype))

    def extremes(rows: Rows) -> _Extremes:
        A = objective.encode(rows.X, parameters)
        return _Extremes(A.min(axis=0), A.max(axis=0))

    total = engine.map_sum(extremes, source, partition)
    return total.low, total.high
