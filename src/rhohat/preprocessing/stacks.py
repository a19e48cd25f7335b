"""Stacks of arrays of one shape: where they are small, work on each alone would take longer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from rhohat.common.arrays import FloatArray

#: Bytes of a stack, at most, unless one array has more.
STACK_BYTES = 4 << 20


def stacked(arrays: Iterable[FloatArray]) -> Iterator[FloatArray]:
    """Stacks, (n, *shape), of arrays that follow one another and have one shape and dtype.

    Parameters
    ----------
    arrays : iterable of ndarray
        Read one after the other; no more than a stack of them is held.
    """
    held: list[FloatArray] = []
    for array in arrays:
        alike = held and array.shape == held[0].shape and array.dtype == held[0].dtype
        if held and (not alike or (len(held) + 1) * array.nbytes > STACK_BYTES):
            yield _stack(held)
            held = []
        held.append(array)
    if held:
        yield _stack(held)


def _stack(held: list[FloatArray]) -> FloatArray:
    return held[0][None] if len(held) == 1 else np.stack(held)
