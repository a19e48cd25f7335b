"""Sums over all rows that give the mean and standard deviation of the features."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from rhohat.common.arrays import Float64Array, overflow_as_infinity
from rhohat.rows.engines import Engine, Summable
from rhohat.rows.partition import Partition
from rhohat.rows.sources import Rows, Source, first_rows


@dataclass
class FeatureSums(Summable):
    """Sums over rows of 1, x - shift and (x - shift)^2, row i counted w_i times.

    Attributes
    ----------
    weight : float
        Sum of w_i.
    first, second : ndarray of shape (d,)
        Sums of x - shift and of its square.
    shift : ndarray of shape (d,)
        A row of the data, which avoids the cancellation of large offsets.
    low, high : float
        The least and the greatest of all values.
    target : FeatureSums or None
        The same of the rows' targets, if they have some.
    """

    weight: float
    first: Float64Array
    second: Float64Array
    shift: Float64Array
    low: float
    high: float
    target: FeatureSums | None = None

    def __iadd__(self, other: FeatureSums) -> FeatureSums:
        self.weight += other.weight
        self.first += other.first
        self.second += other.second
        self.low = min(self.low, other.low)
        self.high = max(self.high, other.high)
        if self.target is not None and other.target is not None:
            self.target += other.target
        return self

    @classmethod
    def of(
        cls, rows: Rows, shift: Float64Array, target_shift: Float64Array | None = None
    ) -> FeatureSums:
        """Sums over one block."""
        if rows.target is not None and target_shift is not None:
            sums = cls.of(rows._replace(target=None), shift)
            sums.target = cls.of(rows._replace(X=rows.target, target=None), target_shift)
            return sums
        with overflow_as_infinity():  # the loss reports it
            D = rows.X - shift
            w = np.ones(len(D)) if rows.sample_weight is None else rows.sample_weight
            low, high = float(rows.X.min()), float(rows.X.max())
            return cls(float(w.sum()), w @ D, w @ (D * D), shift, low, high)

    @classmethod
    def over(cls, source: Source, engine: Engine, partition: Partition) -> FeatureSums:
        """Sums over all rows of `source`."""
        first = first_rows(source)
        shift = first.X[0].astype(np.float64)
        target = None if first.target is None else first.target[0].astype(np.float64)
        of = partial(cls.of, shift=shift, target_shift=target)
        return engine.map_sum(of, source, partition)

    @property
    def of_targets(self) -> FeatureSums:
        """Those of what is to be reconstructed: the targets, or the rows themselves."""
        return self if self.target is None else self.target

    @property
    def largest(self) -> float:
        """The greatest absolute value."""
        return max(abs(self.low), abs(self.high))

    @property
    def mean(self) -> Float64Array:
        """Mean of every feature."""
        return self.shift + self.first / self.weight

    @property
    def variances(self) -> Float64Array:
        """Variance of every feature, at least 0."""
        with overflow_as_infinity():
            variances = self.second / self.weight - (self.first / self.weight) ** 2
            return np.maximum(variances, 0)

    @property
    def standard_deviation(self) -> float:
        """Root mean square, over the features, of their standard deviations."""
        with overflow_as_infinity():
            return float(np.sqrt(self.variances.mean()))
