"""Checkpoints: the state of a run in a file, so that nothing is lost when the machine stops.

A resumed run ends with the same weights and loss curve, bit for bit, as if it had not stopped. The
file is replaced as a whole: whenever the power fails, the old state or the new one is there. While
a run lasts, its folder is locked; the lock ends with its process, however that ends.
"""

from __future__ import annotations

import os
import platform
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from rhohat.common.errors import CheckpointError, ModelFileError
from rhohat.common.locks import is_locked_by_us
from rhohat.common.tensorfiles import Arrays, pack, unpack
from rhohat.common.writing import OPEN_FILES_CAN_MOVE, remove_leftovers, write_whole
from rhohat.objective.base import LossTerms
from rhohat.training.run import TrainingState
from rhohat.training.solvers import SolverState, StopReason
from rhohat.training.validation import Point, Validated

#: Name of the file within the folder.
FILE = "training.checkpoint"
#: Name of the file that is locked while a run lasts, and says whose it is.
LOCK = "training.lock"
#: Seconds that a run waits for a folder: another may only look whether it could run there.
PATIENCE = 0.5
#: After writing, so many times as long is waited as it took, so that it costs 5 % of the time.
SPACING = 20
#: Numbers and texts of the run, and of its solver, that the file holds by the same names.
RUN_VALUES = ("stage", "seed", "rows_read", "detail", "weight")
SOLVER_VALUES = ("n_iter", "n_evaluations", "step")
#: Prefix of the names of the arrays that are the solver's memory.
MEMORY = "memory."


@contextmanager
def held(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Make a folder if there is none, and keep it from all others.

    Raises
    ------
    CheckpointError
        If another run has it, of this process or another; names it.
    OSError
        If the folder cannot be written to.
    """
    path = Path(folder) / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + PATIENCE
    while True:
        stream = path.open("a+", encoding="utf-8")
        is_ours = is_locked_by_us(stream)
        if is_ours and _is_at(path, stream.fileno()):
            break
        stream.seek(0)
        holder = stream.read(200).strip() or "another process"
        stream.close()
        if not is_ours and time.monotonic() > until:
            raise CheckpointError(
                f"{path.parent} is in use: {holder} is training there. Wait until it has ended, or "
                "choose another folder."
            )
        time.sleep(0.01)
    try:
        with suppress(OSError):  # on a full disk it is locked all the same
            stream.truncate(0)
            stream.write(f"process {os.getpid()} on {platform.node()}\n")
            stream.flush()
        yield
    finally:
        if not OPEN_FILES_CAN_MOVE:
            stream.close()
        with suppress(OSError):
            path.unlink()
        with suppress(OSError):
            stream.close()


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether an open file is still the one at the path, and none that was removed."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


class Checkpoint:
    """The checkpoint of one run; made by `open`.

    Parameters
    ----------
    path : Path
        Of the file.
    resume : bool
        Whether to go on from what it holds.
    """

    def __init__(self, path: Path, resume: bool) -> None:
        self.path = path
        self.resume = resume
        self._identity: dict[str, str] = {}
        self._device = ""
        self._due = 0.0

    @classmethod
    def open(cls, folder: str | os.PathLike[str], resume: bool) -> Checkpoint:
        """Prepare the folder, and raise now what would fail later.

        Parameters
        ----------
        folder : path-like
            Made if it does not exist.
        resume : bool
            Whether to go on from what it holds.

        Raises
        ------
        CheckpointError
            If the folder is in use, or holds a damaged file, or a run that has not ended although
            `resume` is False.
        OSError
            If the folder cannot be written to.
        """
        checkpoint = cls(Path(folder) / FILE, resume)
        with checkpoint.held():
            with tempfile.TemporaryFile(dir=folder):
                pass
            remove_leftovers(checkpoint.path)
            checkpoint._found()
        return checkpoint

    def held(self) -> AbstractContextManager[None]:
        """Keep the folder from all others; see `held`."""
        return held(self.path.parent)

    def _found(self) -> tuple[dict[str, Any], Arrays] | None:
        """Description and arrays of the run to go on from; None to start anew."""
        if not self.path.exists():
            return None
        found = _contents(self.path)
        if self.resume:
            return found
        if found[0]["reason"] is None:
            raise CheckpointError(
                f"{self.path} holds an unfinished run. Continue it with resume=True (--resume on "
                "the command line), or delete the file to start over."
            )
        return None

    def begin(self, identity: Mapping[str, str], device: str = "cpu") -> TrainingState | None:
        """The state to go on from; None to start anew.

        Parameters
        ----------
        identity : mapping of str to str
            What decides the result: data and settings.
        device : str, default="cpu"
            Name of what computes, which decides its last digits.

        Raises
        ------
        CheckpointError
            If the file is of a run with other data or settings, of which the first is named.

        Warns
        -----
        UserWarning
            If the run was on another device until now.
        """
        self._identity, self._device = dict(identity), device
        kept = self._found()
        if kept is None:
            return None
        described, arrays = kept
        found = dict(described["checkpoint"] or {})
        for name in (*identity, *found):
            here = identity.get(name)
            if found.get(name) != here:
                raise CheckpointError(
                    f"{self.path} belongs to another run: its {name} is {found.get(name)}, but "
                    f"this run has {here}. Resume with the same data and settings, or delete the "
                    "file to start over."
                )
        try:
            state = _unpacked(described, arrays)
            before = str(described["device"])
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{self.path} is not a valid checkpoint: {error!r}. Delete it to start over."
            ) from error
        if before != device:
            warnings.warn(
                f"{self.path} was written on device={before!r}, but the run continues on "
                f"device={device!r}: the results differ by rounding from those of a run on a "
                "single device.",
                UserWarning,
                stacklevel=5,  # whoever calls the estimator's fit
            )
        return state

    def keep(self, state: TrainingState, must: bool) -> None:
        """Write the state if it is time to, or if it `must` be kept."""
        started = time.monotonic()
        if not must and started < self._due:
            return
        write_whole(self.path, _pack(state, self._identity, self._device))
        ended = time.monotonic()
        self._due = ended + SPACING * (ended - started)


def _contents(path: Path) -> tuple[dict[str, Any], Arrays]:
    """What a checkpoint's file holds."""
    try:
        with path.open("rb") as stream:
            described, arrays = unpack(stream, os.fstat(stream.fileno()).st_size)
        keys = {"class", "checkpoint", "reason"}
        if type(described) is not dict or not keys <= described.keys():
            raise ModelFileError("expected a checkpoint, found something else")
    except ModelFileError as error:
        raise CheckpointError(
            f"{path} is not a valid checkpoint: {error}. Delete it to start over."
        ) from error
    return described, arrays


def _pack(state: TrainingState, identity: Mapping[str, str], device: str) -> bytes:
    solver = state.solver
    arrays = {
        "theta": solver.theta,
        "grad": solver.grad,
        "recent_losses": np.array(solver.recent_losses),
        "parameters": state.theta,
        "loss_terms": np.array(state.loss_terms),
        "stage_rows": np.array(state.stage_rows, dtype=np.int64),
    }
    arrays |= {MEMORY + name: np.asarray(value) for name, value in solver.memory.items()}
    arrays["average_activation"] = state.average_activation
    validated = state.validated
    arrays["validation_iterations"] = np.array(validated.iterations, dtype=np.int64)
    arrays["validation_terms"] = np.array(validated.losses)
    if np.isfinite(validated.least):
        arrays["validation_least"] = np.array([validated.least])
    if validated.best is not None:
        arrays["best_theta"] = validated.best.theta
        arrays["best_average"] = validated.best.average_activation
    described = {
        "class": "checkpoint",
        "checkpoint": dict(identity),
        "device": device,
        "loss": list(state.loss),
        "reason": None if state.reason is None else state.reason.name,
        "solver_loss": solver.loss,
        "best_loss": None if validated.best is None else list(validated.best.loss),
        "validations_worse": validated.n_worse,
        **{name: getattr(state, name) for name in RUN_VALUES},
        **{name: getattr(solver, name) for name in SOLVER_VALUES},
    }
    # a file holds no empty arrays
    return pack(described, {name: array for name, array in arrays.items() if array.size})


def _unpacked(described: Mapping[str, Any], arrays: Mapping[str, Any]) -> TrainingState:
    solver = SolverState(
        theta=arrays["theta"],
        loss=described["solver_loss"],
        grad=arrays["grad"],
        recent_losses=tuple(arrays.get("recent_losses", np.empty(0)).tolist()),
        **{name: described[name] for name in SOLVER_VALUES},
        memory={
            name.removeprefix(MEMORY): array
            for name, array in arrays.items()
            if name.startswith(MEMORY)
        },
    )
    losses, best = arrays.get("validation_terms", np.empty((0, 3))).tolist(), None
    if described["best_loss"] is not None:
        terms = LossTerms(*described["best_loss"])
        best = Point(arrays["best_theta"], terms, arrays.get("best_average", np.empty(0)))
    validated = Validated(
        tuple(arrays.get("validation_iterations", np.empty(0, dtype=np.int64)).tolist()),
        tuple(LossTerms(*terms) for terms in losses),
        best,
        float(arrays.get("validation_least", [np.inf])[0]),
        described["validations_worse"],
    )
    return TrainingState(
        solver=solver,
        theta=arrays["parameters"],
        loss=LossTerms(*described["loss"]),
        validated=validated,
        average_activation=arrays.get("average_activation", np.empty(0)),
        loss_terms=tuple(LossTerms(*terms) for terms in arrays["loss_terms"].tolist()),
        stage_rows=tuple(arrays["stage_rows"].tolist()),
        reason=None if described["reason"] is None else StopReason[described["reason"]],
        **{name: described[name] for name in RUN_VALUES},
    )
