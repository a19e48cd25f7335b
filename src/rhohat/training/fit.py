"""A fit: an objective minimized over all rows of a source, with checksums and a checkpoint.

Everything that decides the bits of the result is put into words, so that only the same fit is
resumed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import rhohat
from rhohat.common.arrays import FloatArray
from rhohat.common.errors import DeviceMemoryError
from rhohat.common.interrupts import Interrupted, current_request
from rhohat.common.libraries import sent
from rhohat.common.memory import check_memory
from rhohat.objective.base import Objective
from rhohat.objective.corruption import Corruption
from rhohat.rows.checksums import Manifest, verified
from rhohat.rows.corrupted import corrupted
from rhohat.rows.derived import Mapped
from rhohat.rows.engines import Engine, device_of_engine
from rhohat.rows.extremes import Extremes
from rhohat.rows.partition import Partition
from rhohat.rows.placed import placed
from rhohat.rows.sources import Column, Paired, Source, column
from rhohat.training.checkpoints import Checkpoint
from rhohat.training.run import IterationCallback, Training, TrainingResult
from rhohat.training.solvers import Solver, solver_of
from rhohat.training.stages import Stage
from rhohat.training.start import Start
from rhohat.training.validation import Validation
from rhohat.training.weight_search import with_legs

#: How training works, as far as it decides the result: a run that began otherwise is not gone on
#: with.
METHOD = "decoder solved for, metric of Gauss-Newton blocks"


class Fitted(NamedTuple):
    """The outcome of a fit.

    Attributes
    ----------
    objective : Objective
    result : TrainingResult
    theta : ndarray of shape (p,)
        The parameters, in the precision of the rows.
    extremes : Extremes or None
        Least and greatest activation of every unit over all rows, if they were asked for.
    partition : Partition
    fingerprint : str
        SHA-256 over the data.
    """

    objective: Any
    result: TrainingResult
    theta: FloatArray
    extremes: Extremes | None
    partition: Partition
    fingerprint: str

    @property
    def n_dead(self) -> int:
        """Number of dead units, whose activation is the same for all rows."""
        if self.extremes is None:
            raise ValueError("the fit did not record the extremes of its activations.")
        return int(self.extremes.constant(self.objective.activation.range).sum())


@dataclass(frozen=True)
class Fit:
    """One fit, ready to run.

    Attributes
    ----------
    objective : Objective
    source : Source
    stages : sequence of Stage
    engine : Engine
    partition : Partition
    solver : str or Solver
        As the user gave it: how it prints is a part of the fit's identity.
    tol : float
    settings : mapping of str to str
        What else decides the result, in words.
    checkpoint : Checkpoint or None
    verify : bool
        Whether rows outside memory are compared with checksums whenever they are read.
    callback : callable or None
        Called after every iteration; ends the run if it returns True.
    validation : Validation or None
    corruption : Corruption or None
        Of the rows that are trained on.
    """

    objective: Objective[Any]
    source: Source
    stages: Sequence[Stage]
    engine: Engine
    partition: Partition
    solver: str | Solver
    tol: float
    settings: Mapping[str, str]
    checkpoint: Checkpoint | None
    verify: bool
    callback: IterationCallback | None
    validation: Validation | None = None
    corruption: Corruption | None = None

    def run(
        self,
        begin: Callable[[Source, Engine, Partition, int | None], Start],
        encode: Callable[..., FloatArray] | None = None,
    ) -> Fitted:
        """Go through the data once, then train until the end.

        Parameters
        ----------
        begin : callable
            ``begin(source, engine, partition, seed)`` says where to start, given the data and the
            seed of the run that is gone on from, or None.
        encode : callable, default=None
            ``encode(X, parameters=...)`` gives activations, whose extremes are then found.

        Raises
        ------
        Interrupted
            If an end was asked for before the first iteration had ended.
        ValueError
            If a value is NaN or infinite, or if the loss at the start is.
        CheckpointError
            If the checkpoint is of another fit, or its folder in use.
        DataChangedError
            If rows are not what they were in the first pass.
        """
        engine, partition = self.engine, self.partition
        with nullcontext() if self.checkpoint is None else self.checkpoint.held(), engine.running():
            source, fingerprint = _inspected(self.source, engine, partition, self.verify)
            state, keep = None, None
            if self.checkpoint is not None:
                keep = self.checkpoint.keep
                identity, device = self._identity(source, fingerprint), device_of_engine(engine)
                state = self.checkpoint.begin(identity, device.name)
            seed = None if state is None else state.seed
            start = begin(corrupted(source, self.corruption), engine, partition, seed)
            solver = solver_of(self.solver)
            stages = self.stages if start.search is None else with_legs(self.stages)
            training = Training(
                *(start.evaluation, stages, solver, self.tol, self.callback, keep),
                start.search,
                self.validation,
            )
            result = training.run(start.q, start.seed, state)
            theta = result.theta.astype(source.dtype)
            extremes = None
            if encode is not None:
                encode = partial(encode, parameters=sent(self.objective.unpack(theta)))
                extremes = _extremes(encode, source, engine, partition)
        return Fitted(self.objective, result, theta, extremes, partition, fingerprint)

    @property
    def _held_out(self) -> dict[str, str]:
        """Rows held out and patience, in words, if there are any."""
        if self.validation is None:
            return {}
        with self.validation.engine.running() as engine:
            size = self.validation.partition.chunk_size
            manifest = Manifest.over(self.validation.source, engine, size)
        return {
            "held-out data": manifest.fingerprint,
            "patience": repr(self.validation.patience),
        }

    @property
    def _iterations(self) -> str:
        """What of the iterations decides the result, in words.

        Where all are done on all rows at once, their number does not: more can follow later.
        """
        if len(self.stages) == 1 and not self.objective.penalty.weight_is_sought:
            return f"any, all on {self.stages[0].n_rows:,} rows"
        return ", then ".join(f"{stage.max_iter} on {stage.n_rows:,} rows" for stage in self.stages)

    def _identity(self, source: Source, fingerprint: str) -> dict[str, str]:
        """What decides the result, in words."""

        def digest(values: Any) -> str:
            return hashlib.sha256(b"" if values is None else values.tobytes()).hexdigest()

        return {
            "method": METHOD,
            "versions": f"rhohat {rhohat.__version__}, NumPy {np.__version__}",
            "data": fingerprint,
            "precision": source.dtype.name,
            "sample weight": digest(column(source, "sample_weight")),
            "labels": digest(column(source, "y")),
            "shape": f"{source.shape[0]} rows, {source.shape[1]} features",
            "solver": str(self.solver),
            "tol": repr(float(self.tol)),
            **self._held_out,
            **(
                {}
                if self.corruption is None
                else {"corruption": f"{type(self.corruption).__name__} {vars(self.corruption)}"}
            ),
            "number of iterations (max_iter, --iterations)": self._iterations,
            "block and chunk size": str(tuple(self.partition)),
            **self.settings,
        }


def _inspected(
    source: Source, engine: Engine, partition: Partition, verify: bool
) -> tuple[Source, str]:
    """Go through the data once; the source, verified from now on, and its fingerprint."""
    manifest = Manifest.over(source.origin, engine, partition.chunk_size)
    if verify:
        source = verified(source, manifest)
    if _is_computed(source):
        manifest = Manifest.over(source, engine, partition.chunk_size)
    return source, manifest.fingerprint


def _is_computed(source: Source) -> bool:
    """Whether rows, or their targets, are made of others whenever they are read."""
    if isinstance(source, Paired):
        return _is_computed(source.source) or _is_computed(source.target)
    return _is_computed(source.source) if isinstance(source, Column) else isinstance(source, Mapped)


def _extremes(
    encode: Callable[..., FloatArray], source: Source, engine: Engine, partition: Partition
) -> Extremes:
    """Extremes of activations over all rows; after an interrupt, if there is no time, the first.

    Where a device's memory has run out, they are found on the processor, so that the model is kept.
    """
    of = partial(Extremes.of, encode=encode)
    try:
        with current_request().grace():
            try:
                rows = placed(source, device_of_engine(engine), keeps=False)
                return engine.map_sum(of, rows, partition)
            except DeviceMemoryError:
                return engine.map_sum(of, source, partition)
    except Interrupted:
        return of(source.read(0, min(partition.block_size, source.shape[0])))


def refuse_beyond_memory(objective: Objective[Any]) -> None:
    """Raise MemoryError, before anything is allocated, if the parameters cannot fit."""
    # theta, gradient, sums, and the solver's memory of 10 steps and 10 changes, in float64
    check_memory(
        8 * objective.n_parameters * 28,
        f"training {objective.n_parameters:,} parameters",
        "Use fewer units, or reduce the features, for instance with Whitening(n_components=...).",
    )
