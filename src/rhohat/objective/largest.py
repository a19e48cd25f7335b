r"""The threshold above which so many numbers of all rows lie, exactly, by two sweeps over them.

Positive numbers of single precision are ordered as their bits are, read as an integer. So weights
counted by the upper half of these bits tell the upper half of the threshold, and weights of the
numbers with that upper half, counted by the lower one, tell the rest. Counts add up over blocks of
rows. Numbers of double precision are rounded up: those above a threshold of single precision stay
above it, and all others do not get there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from rhohat.common.arrays import Float64Array, FloatArray, overflow_as_infinity, underflow_as_zero
from rhohat.common.libraries import host

#: Bits in half a number, and how many values they have.
HALF_BITS = 16
N_HALVES = 1 << HALF_BITS
#: ``counts(upper)`` gives what `bit_counts` gives, summed over all rows.
BitCounts: TypeAlias = Callable[[int | None], tuple[float, Float64Array]]
#: What rounding may add to a sum of weights, relatively.
SLACK = 1e-12


def bit_counts(
    Z: FloatArray, sample_weight: FloatArray | None, upper: int | None
) -> tuple[float, Float64Array]:
    """Weights of the rows of Z, and of its positive numbers by half of their bits.

    Parameters
    ----------
    Z : ndarray of shape (m, k)
    sample_weight : ndarray of shape (m,) or None
        How often each row counts; once if None.
    upper : int or None
        None: by the upper half. Else by the lower half, of those numbers whose upper half it is.

    Returns
    -------
    weight : float
    counts : ndarray of shape (65536,)
    """
    Z = host(Z)
    with overflow_as_infinity(), underflow_as_zero():
        rounded = Z.astype(np.float32)
        low = rounded < Z
        rounded[low] = np.nextafter(rounded[low], np.float32(np.inf))
    chosen = rounded > 0
    bits = rounded.view(np.uint32)
    if upper is None:
        halves = bits >> HALF_BITS
    else:
        chosen &= bits >> HALF_BITS == upper
        halves = bits & (N_HALVES - 1)
    weight, weights = float(len(Z)), None
    if sample_weight is not None:
        w = host(sample_weight).astype(np.float64, copy=False)
        weight, weights = float(w.sum()), np.broadcast_to(w[:, None], Z.shape)[chosen]
    counts = np.bincount(halves[chosen], weights, minlength=N_HALVES)
    return weight, counts.astype(np.float64, copy=False)


def least_above(counts: BitCounts, most: float) -> float:
    """The least number of single precision, at least 0, above which lie at most so many.

    Parameters
    ----------
    counts : callable
    most : float
        For a row, on average.
    """
    weight, by_upper = counts(None)
    allowed = most * weight * (1 + SLACK)
    beyond = _beyond(by_upper)
    upper = int(np.argmax(beyond <= allowed))
    _, by_lower = counts(upper)
    lower = int(np.argmax(beyond[upper] + _beyond(by_lower) <= allowed))
    return float(np.uint32((upper << HALF_BITS) + lower).view(np.float32))


def _beyond(counts: Float64Array) -> Float64Array:
    """For each place, the sum of the counts after it."""
    return np.append(np.cumsum(counts[:0:-1])[::-1], 0.0)
