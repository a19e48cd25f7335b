"""Intervals: random rows of each unit, by how strongly they activate it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.rows.engines import Summable
from rhohat.rows.sampling import sample_rows
from rhohat.rows.sources import Source


class Interval(NamedTuple):
    """A part of the range of activations: the share of it at which it begins, and its name."""

    begins: float
    told: str


#: Random rows whose activations tell the range of each unit.
RANGED = 4096
#: Intervals from the lowest; the next one ends each. Below all of them a unit is silent.
INTERVALS = {
    "weak": Interval(1 / 10, "between a tenth and a third of its range"),
    "middle": Interval(1 / 3, "in the middle third of its range"),
    "strong": Interval(2 / 3, "in the upper third of its range"),
}


def interval_bounds(activations: Source) -> Float64Array:
    """Activations at which each unit's intervals begin, (k, 3); infinite if it has no range.

    The range is from the least to the greatest activation on `RANGED` random rows, so that it is
    known before the others are gone through.
    """
    n_rows = activations.shape[0]
    A = activations.take(np.sort(sample_rows(n_rows, RANGED, seed=0))).X
    low, high = (end.astype(np.float64)[:, None] for end in (A.min(axis=0), A.max(axis=0)))
    shares = np.array([interval.begins for interval in INTERVALS.values()])
    return np.where(high > low, low + (high - low) * shares, np.inf)


@dataclass
class IntervalSample(Summable):
    """Random rows of each unit in each interval of its activation, and how many there are.

    Of an interval's rows, those with the least `row_keys` are kept. Each set of them is equally
    likely, whatever the blocks, and units that are active on the same rows keep the same ones.

    Attributes
    ----------
    counts : ndarray of int of shape (k, 3)
        Number of rows in each interval.
    rows : ndarray of int of shape (k, 3, size)
        Numbers of the rows that are kept, by their keys; -1 where there are no more.
    values : ndarray of shape (k, 3, size)
        Their activations.
    """

    counts: NDArray[np.int64]
    rows: NDArray[np.int64]
    values: FloatArray

    @classmethod
    def of(cls, A: FloatArray, start: int, bounds: Float64Array, size: int) -> IntervalSample:
        """Sample of the activations, (k, n), of a block that begins with row `start`."""
        n_rows, n_intervals = A.shape[1], bounds.shape[1]
        numbers = np.arange(start, start + n_rows)
        order = np.argsort(row_keys(numbers))
        level = np.zeros(A.shape, dtype=np.uint8)  # 0 below all intervals
        for bound in bounds.T.astype(A.dtype):
            level += bound[:, None] <= A
        ranked = np.argsort(level[:, order], axis=1, kind="stable")  # by level, then by key
        counts = np.stack([(level == 1 + i).sum(axis=1) for i in range(n_intervals)], axis=1)
        begins = n_rows - np.cumsum(counts[:, ::-1], axis=1)[:, ::-1]
        places = np.minimum(begins[:, :, None] + np.arange(size), n_rows - 1)
        kept = order[np.take_along_axis(ranked, places.reshape(len(A), -1), axis=1)]
        values = np.take_along_axis(A, kept, axis=1).reshape(places.shape)
        exists = np.arange(size) < counts[:, :, None]
        rows = np.where(exists, numbers[kept].reshape(places.shape), -1)
        return cls(counts.astype(np.int64), rows, values)

    def __iadd__(self, other: IntervalSample) -> IntervalSample:
        size = self.rows.shape[2]
        self.counts += other.counts
        rows = np.concatenate([self.rows, other.rows], axis=2)
        values = np.concatenate([self.values, other.values], axis=2)
        keys = np.where(rows < 0, np.iinfo(np.uint64).max, row_keys(rows))
        least = np.argsort(keys, axis=2, kind="stable")[:, :, :size]
        self.rows = np.take_along_axis(rows, least, axis=2)
        self.values = np.take_along_axis(values, least, axis=2)
        return self


def row_keys(rows: NDArray[np.integer]) -> NDArray[np.uint64]:
    """A random-looking number for each row, from its number alone; no two rows share one.

    References
    ----------
    G. L. Steele, D. Lea, C. H. Flood (2014), Fast splittable pseudorandom number generators,
    OOPSLA: SplitMix64.
    """
    z = (rows.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
