"""Training: one run of a solver on the rows of a source, in stages.

On many rows it starts on a small random part of them, which is enough to find rough features, and
goes on with larger parts (`growth_stages`). Every stage starts where the one before ended, the last
one runs on all rows, and the loss that is reported is that of all rows.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from rhohat.common.arrays import Float64Array, overflow_as_infinity
from rhohat.common.errors import CheckpointError, DeviceMemoryError
from rhohat.common.interrupts import Interrupted, InterruptRequest, interrupts_as_requests
from rhohat.objective.base import LossTerms
from rhohat.rows.sampling import sample_rows
from rhohat.rows.sources import Source
from rhohat.rows.sparse_rows import taken
from rhohat.training.evaluation import Evaluation
from rhohat.training.solvers import Solver, SolverState, StopReason
from rhohat.training.stages import Stage, iterations_of
from rhohat.training.validation import EVERY, Point, Validated, Validation
from rhohat.training.weight_search import FURTHER, WeightSearch, further_leg, most_iterations

#: What to do about values that overflow.
SCALE = "Scale the data, for instance with sklearn.preprocessing.StandardScaler"


class TrainingProgress(NamedTuple):
    """State of training that a callback receives after every iteration.

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
        Share of all the work that is done, for estimating the remaining time.
    theta : ndarray of shape (p,)
        The parameters, in the layout that `SparseObjective.unpack` takes apart.
    """

    n_iter: int
    max_iter: int
    n_rows: int
    loss: LossTerms
    average_activation: Float64Array
    work_done: float
    theta: Float64Array


IterationCallback: TypeAlias = Callable[[TrainingProgress], bool | None]


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
        rows of the stage.
    stage_rows : ndarray of shape (n_iter + 1,)
        Rows of the stage that each entry of `loss_terms` belongs to.
    n_iter : int
    n_evaluations : float
        Sweeps over all rows, or their equivalent.
    reason : StopReason
    detail : str
        What is not finite, and where. Empty if nothing is.
    weight : float or None, default=None
        Of the penalty, if it was sought.
    complaint : str, default=""
        Why the target is missed, if a weight was sought that meets it.
    validated : Validated
        The losses over rows held out.
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
    weight: float | None = None
    complaint: str = ""
    validated: Validated = Validated()

    def refuse_failure(self) -> None:
        """Raise FloatingPointError if NaN ended the run, DeviceMemoryError if a device's memory."""
        if self.reason is StopReason.OUT_OF_MEMORY:
            raise DeviceMemoryError(f"{self.reason.value}: {self.detail}")
        if self.reason is StopReason.NOT_A_NUMBER:
            raise FloatingPointError(f"{self.reason.value}: NaN in {self.detail}.")

    def warn_of_early_end(self, stacklevel: int) -> None:
        """Warn if the run was interrupted, could not go on, overflowed, or found no weight."""
        if self.detail or self.reason in (StopReason.INTERRUPTED, StopReason.NO_DESCENT):
            detail = f": {self.detail}" if self.detail else ""
            text = f"Training {self.reason.value}{detail}."
            warnings.warn(text, ConvergenceWarning, stacklevel=stacklevel + 1)
        elif self.complaint and self.reason is not StopReason.CALLBACK:
            warnings.warn(self.complaint, ConvergenceWarning, stacklevel=stacklevel + 1)


#: Reasons that end the whole run, not only a stage.
ENDINGS = (
    *(StopReason.CALLBACK, StopReason.VALIDATION),
    *(StopReason.INTERRUPTED, StopReason.NOT_A_NUMBER, StopReason.OVERFLOW),
    StopReason.OUT_OF_MEMORY,
)
#: Reasons after which there is nothing to resume.
FINISHED = (
    *(StopReason.CONVERGED, StopReason.PRECISION, StopReason.MAX_ITER),
    *(StopReason.NO_DESCENT, StopReason.CALLBACK, StopReason.VALIDATION, StopReason.OVERFLOW),
)
#: Reasons that end a run from outside, so that it may go on when it is resumed.
FROM_OUTSIDE = (StopReason.MAX_ITER, StopReason.CALLBACK)


@dataclass(frozen=True)
class TrainingState:
    """Everything that a run knows between two iterations; from here it goes on bit for bit.

    Attributes
    ----------
    stage : int
        Number of the stage under way.
    solver : SolverState
        In the solver's variables, with the counts of this stage.
    seed : int
        Draws the growing part of the data.
    theta : ndarray of shape (p,)
        The parameters at the solver's point.
    loss : LossTerms
        Over the rows of the stage.
    average_activation : ndarray of shape (k,)
        Likewise.
    loss_terms, stage_rows : tuple of LossTerms and tuple of int
        As in `TrainingResult`.
    rows_read : int
        In all stages before this one.
    reason : StopReason, default=None
        Why the run has ended, if it has.
    detail : str, default=""
    weight : float or None, default=None
        Of the penalty in this stage, if it is sought.
    validated : Validated
        The losses over rows held out so far.
    """

    stage: int
    solver: SolverState
    seed: int
    theta: Float64Array
    loss: LossTerms
    average_activation: Float64Array
    loss_terms: tuple[LossTerms, ...]
    stage_rows: tuple[int, ...]
    rows_read: int = 0
    reason: StopReason | None = None
    detail: str = ""
    weight: float | None = None
    validated: Validated = field(default_factory=Validated)

    @property
    def n_iter(self) -> int:
        """Iterations done, over all stages."""
        return len(self.loss_terms) - 1


@dataclass(frozen=True)
class Training:
    """One run: a loss over all rows of a source, minimized in stages.

    Attributes
    ----------
    evaluation : Evaluation
        The loss over all rows; over a part of them it is the same with another source.
    stages : sequence of Stage
    solver : Solver
    tol : float
    callback : callable, default=None
        Called after every iteration; ends the run if it returns True.
    keep : callable, default=None
        ``keep(state, must)`` is given the state after every iteration, to be kept for a resumed
        run; it may skip states unless it `must` keep them.
    search : WeightSearch, default=None
        Finds the penalty's weight for every stage.
    validation : Validation, default=None
        Rows held out, whose loss is looked at now and then.
    """

    evaluation: Evaluation[Any]
    stages: Sequence[Stage]
    solver: Solver
    tol: float
    callback: IterationCallback | None = None
    keep: Callable[[TrainingState, bool], None] | None = None
    search: WeightSearch | None = None
    validation: Validation | None = None

    @property
    def source(self) -> Source:
        """All rows."""
        return self.evaluation.source

    def run(
        self, q0: Float64Array, seed: int, state: TrainingState | None = None
    ) -> TrainingResult:
        """Train from `q0`, or go on from `state`.

        The first Ctrl-C, SIGTERM or SIGHUP ends the run where it is, with the state after the last
        iteration. Then losses and averages are those of all rows if they can be had soon; else
        they stay those of the rows of the stage.

        Raises
        ------
        Interrupted
            If an end was asked for before the first iteration had ended.
        ValueError
            If the loss at the start is not finite: the data's values are too large for its
            precision.
        CheckpointError
            If `state` has more iterations than all stages have.
        """
        if state is not None:
            state = self._reopened(state)
        with interrupts_as_requests() as interrupt:
            if state is None or state.reason is None:
                state = self._run_stages(q0, seed, state, interrupt)
                state = self._at_the_end(self._best_of(state), interrupt)
                if self.keep is not None and state.reason in FINISHED:
                    self.keep(state, True)
        return self._result(state)

    def _reopened(self, state: TrainingState) -> TrainingState:
        """The state to go on from; one that has ended if there is nothing to go on with.

        A run goes on that was ended from outside, if it has iterations left, or if its callback no
        longer ends it.

        Raises
        ------
        CheckpointError
            If it has more iterations than all stages have.
        """
        most = most_iterations(self.stages) if self.search else iterations_of(self.stages)
        if state.n_iter > most:
            raise CheckpointError(
                f"the run in the checkpoint already has {state.n_iter} iterations, more than "
                f"max_iter={most}: raise max_iter (--iterations on the command line), or delete "
                "the checkpoint to start over."
            )
        if state.reason not in FROM_OUTSIDE:
            return state
        # As it was before `_on_all_rows`.
        total, rows = self.source.shape[0], self._stage(state.stage).n_rows
        read = rows * state.solver.n_evaluations + (0 if rows == total else total)
        before = replace(
            state, loss=state.loss_terms[-1], rows_read=state.rows_read - read, reason=None
        )
        if state.reason is StopReason.MAX_ITER:
            is_over = state.solver.n_iter >= self._stage(state.stage).max_iter
        else:
            is_over = self.callback is not None and bool(self.callback(self._progress(before)))
        return state if is_over else before

    def _run_stages(
        self,
        q0: Float64Array,
        seed: int,
        state: TrainingState | None,
        interrupt: InterruptRequest,
    ) -> TrainingState:
        """Do the iterations of all stages that are left."""
        reached = [state]  # the last state that a run can go on from

        def reach(state: TrainingState) -> None:
            reached[0] = state

        try:
            number = 0 if state is None else state.stage
            state = self._run_stage(number, q0, seed, state, interrupt, reach)
            while state.reason not in ENDINGS and self._goes_on(state):
                number += 1
                state = self._run_stage(number, q0, seed, state, interrupt, reach)
        except (Interrupted, DeviceMemoryError) as error:
            [last] = reached
            if last is None or not last.n_iter:
                raise
            if self.keep is not None:
                self.keep(last, True)
            if isinstance(error, DeviceMemoryError):
                return replace(last, reason=StopReason.OUT_OF_MEMORY, detail=str(error))
            return replace(last, reason=StopReason.INTERRUPTED)
        return state

    def _run_stage(
        self,
        number: int,
        q0: Float64Array,
        seed: int,
        state: TrainingState | None,
        interrupt: InterruptRequest,
        reach: Callable[[TrainingState], None],
    ) -> TrainingState:
        """Do the iterations of one stage; `state` is that before it, or within it.

        `reach` is given every state that a run can go on from.
        """
        stage, is_begun = self._stage(number), state is not None and state.stage == number
        weight = state.weight if state is not None and is_begun else self._weight_after(state)
        evaluation = self._evaluation(weight, self._part(stage.n_rows, seed))
        if state is None or not is_begun:
            state = self._begin(evaluation, number, weight, q0, seed, state)
            if state.reason is not None:
                return state
            state = self._validate(evaluation, state)
            reach(state)

        def after_iteration(solver: SolverState) -> StopReason | None:
            nonlocal state
            assert state is not None
            theta, loss, average = evaluation.at(solver.theta)
            state = replace(
                state,
                solver=solver,
                theta=theta,
                loss=loss,
                average_activation=average,
                loss_terms=(*state.loss_terms, loss),
                stage_rows=(*state.stage_rows, stage.n_rows),
            )
            if solver.n_iter % EVERY == 0:
                state = self._validate(evaluation, state)
            reach(state)
            stop = None
            if self.validation is not None and self.validation.has_enough(state.validated):
                stop = StopReason.VALIDATION
            elif self.callback is not None and self.callback(self._progress(state)):
                stop = StopReason.CALLBACK
            elif interrupt.requested:
                stop = StopReason.INTERRUPTED
            if self.keep is not None:
                self.keep(state, stop is not None)
            return stop

        solver, reason = self.solver.minimize(
            evaluation,
            state.solver.theta,
            max_iter=stage.max_iter,
            tol=self.tol,
            callback=after_iteration,
            state=state.solver,
        )
        detail = ""
        if reason is StopReason.NOT_A_NUMBER:
            detail = f"{evaluation.nan_in} in iteration {state.n_iter + 1}"
        state = replace(state, solver=solver, reason=reason, detail=detail)
        if reason is StopReason.INTERRUPTED:
            return state
        return self._validate(evaluation, state)

    def _validate(self, evaluation: Evaluation[Any], state: TrainingState) -> TrainingState:
        """The state with the loss over rows held out, if there are any and it is not known yet."""
        if self.validation is None:
            return state
        found, is_last = state.validated, self._stage(state.stage).n_rows == self.source.shape[0]
        begins = state.solver.n_iter == 0
        if not begins and found.iterations[-1] == state.n_iter:
            return state
        loss = self.validation.loss(evaluation, state.theta)
        if not np.isfinite(loss.total):
            if state.n_iter == 0:
                raise ValueError(f"the loss on the held-out rows is {loss.total}. {SCALE}.")
            return state
        point = Point(state.theta, state.loss, state.average_activation)
        if begins or not is_last:
            found = found.restarted()
        found = found.followed_by(state.n_iter, loss, point if is_last else None)
        return replace(state, validated=found)

    def _begin(
        self,
        evaluation: Evaluation[Any],
        number: int,
        weight: float | None,
        q0: Float64Array,
        seed: int,
        before: TrainingState | None,
    ) -> TrainingState:
        """The state at the start of a stage: at `q0`, or where the stage before has ended."""
        q = q0 if before is None else before.solver.theta
        loss, grad = evaluation(q)
        with overflow_as_infinity():
            square = grad @ grad
        if not (np.isfinite(loss) and np.isfinite(square)):
            return self._not_begun(evaluation, loss, bool(np.isnan(square)), before)
        theta, terms, average = evaluation.at(q)
        solver = SolverState(q, loss, grad, recent_losses=(loss,))
        if before is None:
            rows = (self._stage(number).n_rows,)
            return TrainingState(
                number, solver, seed, theta, terms, average, (terms,), rows, weight=weight
            )
        return replace(
            before,
            stage=number,
            solver=solver,
            theta=theta,
            loss=terms,
            average_activation=average,
            rows_read=self._rows_read(before),
            reason=None,
            weight=weight,
        )

    def _not_begun(
        self,
        evaluation: Evaluation[Any],
        loss: float,
        has_nan_gradient: bool,
        before: TrainingState | None,
    ) -> TrainingState:
        """The state before a stage that cannot begin, as the end of the run."""
        is_nan = np.isnan(loss) or (has_nan_gradient and np.isfinite(loss))
        wrong = f"NaN in {evaluation.nan_in}" if is_nan else "the loss or its gradient overflows"
        if before is None:
            raise ValueError(
                f"{wrong} at the start of training in {self.source.dtype.name}: the values are "
                f"too large, or too small. {SCALE}."
            )
        if is_nan:
            detail = f"{evaluation.nan_in} in iteration {before.n_iter + 1}"
            return replace(before, reason=StopReason.NOT_A_NUMBER, detail=detail)
        rows = evaluation.source.shape[0]
        detail = f"{wrong} over {rows:,} rows, after iteration {before.n_iter}. {SCALE}"
        return replace(before, reason=StopReason.OVERFLOW, detail=detail)

    def _stage(self, number: int) -> Stage:
        return self.stages[number] if number < len(self.stages) else further_leg(self.stages)

    def _goes_on(self, state: TrainingState) -> bool:
        """Whether a stage follows: a planned one, or another leg of the search for the weight."""
        if state.stage + 1 < len(self.stages):
            return True
        return (
            self.search is not None
            and state.weight is not None
            and state.stage + 1 < len(self.stages) + FURTHER
            and state.weight < self.search.most
            and self.search.misses(state.average_activation)
        )

    def _weight_after(self, state: TrainingState | None) -> float | None:
        """The penalty's weight in the stage that follows, if it is sought."""
        if self.search is None:
            return None
        if state is None or state.weight is None:
            return self.search.first
        return self.search.after(state.weight, state.average_activation)

    def _evaluation(self, weight: float | None, source: Source) -> Evaluation[Any]:
        evaluation = replace(self.evaluation, source=source)
        return evaluation if weight is None else evaluation.weighed(weight)

    def _best_of(self, state: TrainingState) -> TrainingState:
        """The state at the point of least loss over rows held out, if they were to end the run."""
        best = state.validated.best
        if self.validation is None or self.validation.patience is None or best is None:
            return state
        theta, loss, average = best
        return replace(state, theta=theta, loss=loss, average_activation=average)

    def _at_the_end(self, state: TrainingState, interrupt: InterruptRequest) -> TrainingState:
        """The state at the end of the run; after an interrupt, as far as there is time."""
        try:
            with interrupt.grace():
                return self._on_all_rows(state)
        except Interrupted:
            read = self._rows_read(state)
            return replace(state, rows_read=read, reason=StopReason.INTERRUPTED)

    def _on_all_rows(self, state: TrainingState) -> TrainingState:
        """The state at the end of the run; loss and averages are those of all rows if finite."""
        read, total = self._rows_read(state), self.source.shape[0]
        all_were_seen = self._stage(state.stage).n_rows == total
        if all_were_seen or state.reason is StopReason.OUT_OF_MEMORY:
            return replace(state, rows_read=read)
        evaluation = self._evaluation(state.weight, self.source)
        evaluation(state.solver.theta)
        theta, loss, average = evaluation.at(state.solver.theta)
        if not (np.isfinite(loss.total) and np.isfinite(average).all()):
            rows = state.stage_rows[-1]
            detail = (
                f"the loss over all rows is {loss.total}; the reported loss is that of {rows:,} "
                "rows"
            )
            return replace(state, rows_read=read + total, detail=state.detail or detail)
        return replace(
            state, theta=theta, loss=loss, average_activation=average, rows_read=read + total
        )

    def _rows_read(self, state: TrainingState) -> int:
        """Rows read until the end of the state's stage."""
        return state.rows_read + self._stage(state.stage).n_rows * state.solver.n_evaluations

    def _part(self, n_rows: int, seed: int) -> Source:
        """The rows of a stage: all, or the first ones of a random order."""
        total = self.source.shape[0]
        if n_rows == total:
            return self.source
        largest = max(stage.n_rows for stage in self.stages if stage.n_rows < total)
        return taken(self.source, np.sort(sample_rows(total, largest, seed)[:n_rows]))

    def _progress(self, state: TrainingState) -> TrainingProgress:
        work = [stage.n_rows * stage.max_iter for stage in self.stages]
        here = self._stage(state.stage).n_rows * state.solver.n_iter
        planned = sum(work)
        further = [self._stage(n) for n in range(len(self.stages), state.stage + 1)]
        work += [stage.n_rows * stage.max_iter for stage in further]
        return TrainingProgress(
            n_iter=state.n_iter,
            max_iter=iterations_of([*self.stages, *further]),
            n_rows=state.stage_rows[-1],
            loss=state.loss,
            average_activation=state.average_activation,
            work_done=min((sum(work[: state.stage]) + here) / planned, 1.0),
            theta=state.theta,
        )

    def _result(self, state: TrainingState) -> TrainingResult:
        assert state.reason is not None
        complaint = ""
        if self.search is not None and state.weight is not None:
            complaint = self.search.complaint(state.weight, state.average_activation)
        return TrainingResult(
            theta=state.theta,
            average_activation=state.average_activation,
            loss=state.loss,
            loss_terms=np.array(state.loss_terms),
            stage_rows=np.array(state.stage_rows, dtype=np.int64),
            n_iter=state.n_iter,
            n_evaluations=state.rows_read / self.source.shape[0],
            reason=state.reason,
            detail=state.detail,
            weight=state.weight,
            complaint=complaint,
            validated=state.validated,
        )
