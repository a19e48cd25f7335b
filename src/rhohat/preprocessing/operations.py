"""Steps told as operations that other programs compute, too.

A report's page, ONNX and files of NumPy code follow them. Whitening and other affine steps are
folded into the layer or step after them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.preprocessing.steps import AffineMap, Operation, folded, step_of

#: Name of an operation that is W x + b.
AFFINE = "affine"


class NotComputedError(ValueError):
    """What a model does cannot be told as operations; the text says what, and why."""


@dataclass(frozen=True)
class Told:
    """What an estimator computes, and of what.

    Attributes
    ----------
    takes : {"rows", "images", "series", "recordings"}
        What it is given.
    shape : tuple of int or None
        Of an array of them, (n, ...); None for sizes that are free.
    operations : sequence of Operation
        One after the other.
    classes : ndarray or None, default=None
        Of a classifier.
    """

    takes: str
    shape: tuple[int | None, ...]
    operations: Sequence[Operation]
    classes: NDArray[Any] | None = None


def affine(own: AffineMap) -> Operation:
    """W x + b as an operation."""
    return Operation(AFFINE, own._asdict())


def width_after(steps: Sequence[Any]) -> int:
    """Columns of what steps of rows give."""
    names = getattr(steps[-1], "get_feature_names_out", None)
    width = getattr(steps[-1], "_n_features_out", None)
    if width is None and names is not None:
        width = len(names())
    return int(steps[-1].n_features_in_ if width is None else width)


def operations_of_rows(steps: Sequence[Any], width: int) -> list[Operation]:
    """Steps of rows, after which there are `width` values, each run of affine ones as one."""
    found: list[Operation] = []
    while steps:
        left, own = folded(steps, AffineMap(np.eye(width), np.zeros(width)))
        if len(left) == len(steps):
            found.append(operation_of_step(left.pop()))
        else:
            found.append(affine(own))
        width, steps = steps[len(left)].n_features_in_, left
    return found[::-1]


def operation_of_step(step: Any) -> Operation:
    """What a step computes.

    Raises
    ------
    NotComputedError
        If that is not known.
    """
    computed = step_of(step).operation()
    if computed is None:
        raise NotComputedError(unknown(step))
    return computed


def unknown(step: Any) -> str:
    """What is said of a step whose operation is not known."""
    return f"the operation of {type(step).__name__} is not known"


def told_of_rows(step: Any) -> Told:
    """A step of rows, told.

    Raises
    ------
    NotComputedError
        If it takes no rows, or its operation is not known.
    """
    if step_of(step).takes is not None:
        raise NotComputedError(f"{type(step).__name__} does not take rows")
    operations = operations_of_rows([step], width_after([step]))
    return Told("rows", (None, int(step.n_features_in_)), operations)
