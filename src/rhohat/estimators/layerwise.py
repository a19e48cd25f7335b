"""Training part by part: what the parts of a network share with the whole, and leave to it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from rhohat.training.solvers import StopReason


def for_run(
    estimator: Any, owner: Any, folder: str, random_state: np.random.RandomState | None
) -> Any:
    """An unfitted copy of `estimator` that runs where, and keeps its state as, its owner does."""
    own = {"n_jobs": owner.n_jobs, "engine": owner.engine}
    if owner.checkpoint is not None:
        own |= {"checkpoint": Path(owner.checkpoint) / folder, "resume": owner.resume}
    if random_state is not None:
        own["random_state"] = int(random_state.randint(2**31 - 1))
    return clone(estimator).set_params(**own)


def seeds_of(random_state: Any) -> np.random.RandomState | None:
    """What draws the layers' seeds; None if each may draw its own, and a resumed run keep it."""
    return None if random_state is None else check_random_state(random_state)


def refuse_interrupted(reason: str, where: str, checkpoint: object) -> None:
    """Go no further after Ctrl-C: what comes next would be trained on a layer half done."""
    if reason == StopReason.INTERRUPTED.value:
        kept = "nothing is kept without a checkpoint"
        if checkpoint is not None:
            kept = f"resume=True goes on from {checkpoint}"
        raise KeyboardInterrupt(f"training was interrupted in {where}: {kept}")


@contextmanager
def as_parts() -> Iterator[None]:
    """Parts of a network give each other arrays, and leave it to the whole to tell of Ctrl-C."""
    with config_context(transform_output="default"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Training was interrupted", ConvergenceWarning)
        yield
