"""Layer-wise training: what the parts of a network take over from the whole, and leave to it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from rhohat.training.checkpoints import held
from rhohat.training.solvers import StopReason

F = TypeVar("F", bound=Callable[..., Any])


def for_run(
    estimator: Any, owner: Any, folder: str, random_state: np.random.RandomState | None
) -> Any:
    """An unfitted copy of `estimator` with its owner's engine, device, checkpoint and seed."""
    own = {"n_jobs": owner.n_jobs, "engine": owner.engine, "device": owner.device}
    if owner.checkpoint is not None:
        own |= {"checkpoint": Path(owner.checkpoint) / folder, "resume": owner.resume}
    if random_state is not None:
        own["random_state"] = int(random_state.randint(2**31 - 1))
    return clone(estimator).set_params(**own)


def seeds_of(random_state: Any) -> np.random.RandomState | None:
    """What draws the layers' seeds; None if each draws its own, which a resumed run keeps."""
    return None if random_state is None else check_random_state(random_state)


def refuse_interrupted(reason: str, where: str, checkpoint: object) -> None:
    """Raise KeyboardInterrupt if a part was interrupted, since the next would build on it."""
    if reason == StopReason.INTERRUPTED.value:
        kept = "without a checkpoint, nothing is kept"
        if checkpoint is not None:
            kept = f"resume=True continues from {checkpoint}"
        raise KeyboardInterrupt(f"training was interrupted in {where}: {kept}")


@contextmanager
def as_parts() -> Iterator[None]:
    """Let parts of a network pass each other arrays, and leave warnings of Ctrl-C to the whole."""
    with config_context(transform_output="default"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Training was interrupted", ConvergenceWarning)
        yield


@contextmanager
def of_unfitted(part: str) -> Iterator[None]:
    """Word NaN in a part as what it is to a whole that is not fitted yet, and keeps nothing."""
    try:
        yield
    except FloatingPointError as error:
        found = str(error).rpartition(": ")[2]
        raise FloatingPointError(
            f"training ended in {part}, before all layers were trained: {found}"
        ) from None


def holding_checkpoint(fit: F) -> F:
    """A `fit` that keeps the folder of its estimator's checkpoint from all others."""

    @wraps(fit)
    def holding(self: Any, *args: Any, **kwargs: Any) -> Any:
        with nullcontext() if self.checkpoint is None else held(self.checkpoint):
            return fit(self, *args, **kwargs)

    return cast(F, holding)
