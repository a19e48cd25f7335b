"""Training: objective, source, engine and solver joined into one run.

On many rows it starts on a small random part of them, which is enough to find rough features, and
goes on with larger parts (`growth_stages`). Every stage starts where the one before ended, the last
one runs on all rows, and the loss that is reported is that of all rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.objective.sparse import LossTerms, Objective, SparseObjective, Sums, Terms, Workspace
from rhohat.rows.engines import Engine
from rhohat.rows.sources import ArraySource, Head, Partition, Rows, Source, sample_rows
from rhohat.training.interrupts import InterruptRequest, interrupts_as_requests
from rhohat.training.solvers import Solver, SolverState, StopReason
from rhohat.training.variables import Variables

__all__ = [
    "Coordinates",
    "Evaluation",
    "IterationCallback",
    "Stage",
    "Sweep",
    "Training",
    "TrainingProgress",
    "TrainingResult",
    "TrainingState",
    "growth_stages",
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


#: What ends a run, and not only the stage.
ENDINGS = (StopReason.CALLBACK, StopReason.INTERRUPTED, StopReason.NOT_A_NUMBER)
#: After what a run has come to its end, and there is nothing to resume.
FINISHED = (StopReason.CONVERGED, StopReason.MAX_ITER, StopReason.NO_DESCENT, StopReason.CALLBACK)
#: Rows from which training starts on a part of them.
GROWTH_THRESHOLD = 5000
#: Rows and share of all iterations of the first stages. Trials on photographs: a smaller start
#: leaves noise in some units, more iterations on it take longer to unlearn.
FIRST_STAGES = ((2000, 0.35), (5000, 0.35))
#: Bytes that a growing part of the data may have: it is read once and held.
PART_BYTES = 64 << 20
#: Bytes of activations that are kept from the first half of an evaluation to the second, and the
#: features from which a product saved outweighs writing and reading them.
KEPT_BYTES, KEPT_FEATURES = 256 << 20, 128
#: Factor by which further stages grow.
GROWTH_FACTOR = 4


def growth_stages(
    n_rows: int, max_iter: int, growth: bool = True, *, row_bytes: int = 400
) -> list[Stage]:
    """Divide the iterations among growing parts of the data; the last stage has all rows.

    Parts are held in memory, and so are at most 64 MiB large.

    >>> [tuple(stage) for stage in growth_stages(20_000, 200)]
    [(2000, 70), (5000, 70), (20000, 60)]
    """
    if not growth or n_rows <= GROWTH_THRESHOLD:
        return [Stage(n_rows, max_iter)]
    stages = [Stage(rows, int(share * max_iter)) for rows, share in FIRST_STAGES]
    sizes = []
    size = stages[-1].n_rows * GROWTH_FACTOR
    while size * 2 <= n_rows and size * row_bytes <= PART_BYTES:
        sizes.append(size)
        size *= GROWTH_FACTOR
    left = max_iter - sum(stage.max_iter for stage in stages)
    for index, size in enumerate(sizes):
        share = left // (len(sizes) + 1 - index)
        stages.append(Stage(size, share))
        left -= share
    return [stage for stage in stages if stage.max_iter > 0] + [Stage(n_rows, left)]


ObjectiveT = TypeVar("ObjectiveT", bound=Objective[Any])


class Coordinates(Protocol):
    """The variables that a solver works in: theta = M q."""

    def to_theta(self, q: Float64Array) -> Float64Array:
        """Theta = M q."""
        ...

    def gradient(self, grad: Float64Array) -> Float64Array:
        """Gradient in q, M' grad, of a function whose gradient in theta is `grad`."""
        ...


class Evaluation(ABC, Generic[ObjectiveT]):
    """loss_grad of one source in the solver's variables, which remembers what else it saw.

    The solver's contract is ``q -> (loss, grad)``; the terms of the loss and the averages at the
    point that it accepts are asked for afterwards. How the sums are made is the objective's own.
    """

    def __init__(
        self,
        objective: ObjectiveT,
        variables: Coordinates,
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

    def at(self, q: Float64Array) -> tuple[LossTerms, Float64Array]:
        """Terms and averages of the sweep at `q`; forgets all others."""
        found = next(seen for seen in self._seen if seen[0] is q or np.array_equal(seen[0], q))
        self._seen = [found]
        return found[1:]

    @abstractmethod
    def _sums(self, theta: FloatArray) -> Sums:
        """Sum over all rows, at theta in their precision."""


class Sweep(Evaluation[SparseObjective]):
    """The evaluation of a sparse autoencoder."""

    def __init__(
        self,
        objective: SparseObjective,
        variables: Variables,
        engine: Engine,
        partition: Partition,
        source: Source,
    ) -> None:
        super().__init__(objective, variables, engine, partition, source)
        self._kept = _KeptActivations.for_source(objective, source, partition)

    def _sums(self, theta: FloatArray) -> Terms:
        """Sum over all rows.

        As far as activations may be kept, they are summed first, so that the penalty's slope is
        known when the gradient is computed; the other rows do with a sixth product instead.
        """
        n_kept = len(self._kept)
        first = _BlockTerms(self.objective, theta, self._kept)
        total = self.engine.map_sum(first, self.source, self.partition)
        if n_kept:
            slope = self.objective.penalty_slope(total)
            second = replace(first, slope=slope)
            total += self.engine.map_sum(second, Head(self.source, n_kept), self.partition)
        return total


#: Intermediate results of blocks, for every thread its own.
_WORKSPACE = Workspace()


class _KeptActivations:
    """Room for the activations of the first rows, shared by the threads of a process.

    In another process there is none: what needs them computes them again, to the same bits.
    """

    def __init__(self, n_rows: int, k: int, dtype: np.dtype[Any]) -> None:
        self._n_rows, self._k, self._dtype = n_rows, k, dtype
        self._array: FloatArray | None = None

    @classmethod
    def for_source(
        cls, objective: SparseObjective, source: Source, partition: Partition
    ) -> _KeptActivations:
        """For those of whole chunks, within the budget; none where the slope is known anyway."""
        k, dtype = objective.n_components, source.dtype
        n_rows = 0
        if objective.penalty.fixed_slope is None and source.shape[1] >= KEPT_FEATURES:
            fitting = KEPT_BYTES // (k * dtype.itemsize)
            n_rows = source.shape[0]
            if n_rows > fitting:
                n_rows = fitting // partition.chunk_size * partition.chunk_size
        kept = cls(n_rows, k, dtype)
        kept._array = np.empty((n_rows, k), dtype)
        return kept

    def __len__(self) -> int:
        return self._n_rows

    @property
    def are_here(self) -> bool:
        """Whether this process keeps them."""
        return self._array is not None

    def of(self, rows: Rows) -> FloatArray:
        """Where those of these rows are, or go."""
        if self._array is None:
            return _WORKSPACE.array("A", (len(rows.X), self._k), self._dtype)
        return self._array[rows.start : rows.start + len(rows.X)]

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_array": None}


@dataclass(frozen=True)
class _BlockTerms:
    """The sums over a block: activities alone where they are to be kept, and all else after.

    Attributes
    ----------
    objective : SparseObjective
    theta : ndarray of shape (p,)
        In the precision of the rows.
    kept : _KeptActivations
    slope : ndarray of shape (k,), default=None
        The penalty's slope, once it is known.
    """

    objective: SparseObjective
    theta: FloatArray
    kept: _KeptActivations
    slope: Float64Array | None = None

    def __call__(self, rows: Rows) -> Terms:
        X, theta, weight, objective = rows.X, self.theta, rows.sample_weight, self.objective
        with overflow_as_infinity():
            if rows.start + len(X) > len(self.kept):
                return objective.terms(X, theta, weight, _WORKSPACE)
            A = self.kept.of(rows)
            if self.slope is None:
                return objective.activities(X, theta, weight, out=A)
            if not self.kept.are_here:
                objective.encode(X, objective.unpack(theta), out=A)
            return objective.terms(X, theta, weight, _WORKSPACE, A=A, slope=self.slope)


def overflow_as_infinity() -> np.errstate:
    """Let overflow show as an infinite loss, which solvers know how to handle."""
    return np.errstate(over="ignore", invalid="ignore")


@dataclass(frozen=True)
class TrainingState:
    """Everything that a run knows between two iterations; it goes on from here bit for bit.

    Attributes
    ----------
    stage : int
        Number of the stage under way.
    solver : SolverState
        In the solver's variables, with the counts of this stage.
    seed : int
        Draws the growing part of the data.
    loss : LossTerms
        At the solver's point, over the rows of the stage.
    average_activation : ndarray of shape (k,)
        There.
    loss_terms : list of LossTerms
    stage_rows : list of int
    rows_read : int
        In the stages before.
    reason : StopReason, default=None
        Why the run has ended, if it has.
    detail : str, default=""
    """

    stage: int
    solver: SolverState
    seed: int
    loss: LossTerms
    average_activation: Float64Array
    loss_terms: tuple[LossTerms, ...]
    stage_rows: tuple[int, ...]
    rows_read: int = 0
    reason: StopReason | None = None
    detail: str = ""

    @property
    def n_iter(self) -> int:
        """Iterations done, over all stages."""
        return len(self.loss_terms) - 1


#: Keeps the state of a run; told whether it must, or may leave it for later.
KeepState: TypeAlias = Callable[[TrainingState, bool], None]


@dataclass(frozen=True)
class Training:
    """One run: `objective` minimised over all rows of `source`, in stages.

    Attributes
    ----------
    objective : Objective
    source : Source
    variables : Coordinates
    stages : sequence of Stage
    engine : Engine
    partition : Partition
    solver : Solver
    tol : float
    callback : callable, default=None
        Told of every iteration; ends the run if it returns True.
    keep : callable, default=None
        Given the state after every iteration.
    evaluation : callable, default=Sweep
        The `Evaluation` that suits the objective.
    """

    objective: Objective[Any]
    source: Source
    variables: Coordinates
    stages: Sequence[Stage]
    engine: Engine
    partition: Partition
    solver: Solver
    tol: float
    callback: IterationCallback | None = None
    keep: KeepState | None = None
    evaluation: Callable[..., Evaluation[Any]] = Sweep

    def run(
        self, q0: Float64Array, seed: int, state: TrainingState | None = None
    ) -> TrainingResult:
        """Train from `q0`, or go on from `state`.

        The first Ctrl-C or SIGTERM ends the run after the iteration under way; a second one at
        once.

        Raises
        ------
        ValueError
            If the loss at the start is not finite: the data's values are too large for its
            precision.
        """
        with interrupts_as_requests() as interrupt:
            if state is None or state.reason is None:
                for number in range(0 if state is None else state.stage, len(self.stages)):
                    state = self._run_stage(number, q0, seed, state, interrupt)
                    if state.reason in ENDINGS:
                        break
                assert state is not None
                state = self._on_all_rows(state)
                if self.keep is not None and state.reason in FINISHED:
                    self.keep(state, True)
        return self._result(state)

    def _run_stage(
        self,
        number: int,
        q0: Float64Array,
        seed: int,
        state: TrainingState | None,
        interrupt: InterruptRequest,
    ) -> TrainingState:
        """Do the iterations of one stage; `state` is that before it, or within it."""
        stage = self.stages[number]
        sweep = self._sweep(self._part(stage.n_rows, seed))
        if state is None or state.stage < number:
            state = self._begin(sweep, number, q0, seed, state)
            if state.reason is not None:
                return state

        work = sum(stage.n_rows * stage.max_iter for stage in self.stages)

        def after_iteration(solver: SolverState) -> StopReason | None:
            nonlocal state
            assert state is not None
            loss, average = sweep.at(solver.theta)
            state = replace(
                state,
                solver=solver,
                loss=loss,
                average_activation=average,
                loss_terms=(*state.loss_terms, loss),
                stage_rows=(*state.stage_rows, stage.n_rows),
            )
            stop = None
            if self.callback is not None and self.callback(self._progress(state, work)):
                stop = StopReason.CALLBACK
            elif interrupt.requested:
                stop = StopReason.INTERRUPTED
            if self.keep is not None:
                self.keep(state, stop is not None)
            return stop

        solver, reason = self.solver.minimize(
            sweep,
            state.solver.theta,
            max_iter=stage.max_iter,
            tol=self.tol,
            callback=after_iteration,
            state=state.solver,
        )
        detail = ""
        if reason is StopReason.NOT_A_NUMBER:
            detail = f"{sweep.nan_in} in iteration {state.n_iter + 1}"
        return replace(state, solver=solver, reason=reason, detail=detail)

    def _begin(
        self,
        sweep: Evaluation[Any],
        number: int,
        q0: Float64Array,
        seed: int,
        before: TrainingState | None,
    ) -> TrainingState:
        """Evaluate where a stage starts: at `q0`, or where the stage before has ended."""
        q = q0 if before is None else before.solver.theta
        loss, grad = sweep(q)
        if before is not None and np.isnan(loss):
            detail = f"{sweep.nan_in} in iteration {before.n_iter + 1}"
            return replace(before, reason=StopReason.NOT_A_NUMBER, detail=detail)
        with overflow_as_infinity():
            is_finite = np.isfinite(loss) and np.isfinite(grad @ grad)
        if not is_finite:
            raise ValueError(
                f"the loss at the start of training is {loss} in {self.source.dtype.name}: the "
                "values are too large, or too small. Scale the data, for instance with "
                "sklearn.preprocessing.StandardScaler."
            )
        terms, average = sweep.at(q)
        solver = SolverState(q, loss, grad, recent_losses=(loss,))
        n_rows = self.stages[number].n_rows
        if before is None:
            return TrainingState(number, solver, seed, terms, average, (terms,), (n_rows,))
        read = self.stages[before.stage].n_rows * before.solver.n_evaluations
        return replace(
            before,
            stage=number,
            solver=solver,
            loss=terms,
            average_activation=average,
            rows_read=before.rows_read + read,
            reason=None,
        )

    def _on_all_rows(self, state: TrainingState) -> TrainingState:
        """With loss and averages of all rows, if the run has ended on a part."""
        read = self.stages[state.stage].n_rows * state.solver.n_evaluations
        state = replace(state, rows_read=state.rows_read + read)
        if self.stages[state.stage].n_rows == self.source.shape[0]:
            return state
        sweep = self._sweep(self.source)
        sweep(state.solver.theta)
        loss, average = sweep.at(state.solver.theta)
        return replace(
            state,
            loss=loss,
            average_activation=average,
            rows_read=state.rows_read + self.source.shape[0],
        )

    def _sweep(self, source: Source) -> Evaluation[Any]:
        return self.evaluation(self.objective, self.variables, self.engine, self.partition, source)

    def _part(self, n_rows: int, seed: int) -> Source:
        """The rows of a stage: those drawn first of the largest part, or all."""
        total = self.source.shape[0]
        if n_rows == total:
            return self.source
        largest = max(stage.n_rows for stage in self.stages if stage.n_rows < total)
        rows = self.source.take(np.sort(sample_rows(total, largest, seed)[:n_rows]))
        return ArraySource(rows.X, rows.sample_weight, rows.y)

    def _progress(self, state: TrainingState, work: int) -> TrainingProgress:
        before = sum(stage.n_rows * stage.max_iter for stage in self.stages[: state.stage])
        here = self.stages[state.stage].n_rows * state.solver.n_iter
        return TrainingProgress(
            n_iter=state.n_iter,
            max_iter=sum(stage.max_iter for stage in self.stages),
            n_rows=state.stage_rows[-1],
            loss=state.loss,
            average_activation=state.average_activation,
            work_done=(before + here) / work,
            theta=self.variables.to_theta(state.solver.theta),
        )

    def _result(self, state: TrainingState) -> TrainingResult:
        assert state.reason is not None
        return TrainingResult(
            theta=self.variables.to_theta(state.solver.theta),
            average_activation=state.average_activation,
            loss=state.loss,
            loss_terms=np.array(state.loss_terms),
            stage_rows=np.array(state.stage_rows, dtype=np.int64),
            n_iter=state.n_iter,
            n_evaluations=state.rows_read / self.source.shape[0],
            reason=state.reason,
            detail=state.detail,
        )
