"""Sums over all rows that give the mean and the covariance of the features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rhohat.common.arrays import Float64Array, overflow_as_infinity
from rhohat.rows.engines import Summable
from rhohat.rows.sources import Rows


@dataclass
class Moments(Summable):
    """Sums over rows of 1, x - shift and (x - shift)(x - shift)', and the largest |x|.

    `shift` is a row of the data, which avoids the cancellation of large offsets.
    """

    weight: float
    first: Float64Array
    second: Float64Array
    shift: Float64Array
    largest: float

    @classmethod
    def of(cls, rows: Rows, shift: Float64Array) -> Moments:
        """Sums over one block."""
        largest = max(float(rows.X.max()), -float(rows.X.min()))
        with overflow_as_infinity():  # of which `largest` will tell
            D = rows.X - shift
            return cls(float(len(D)), D.sum(axis=0), D.T @ D, shift, largest)

    def __iadd__(self, other: Moments) -> Moments:
        self.weight += other.weight
        self.first += other.first
        with overflow_as_infinity():
            self.second += other.second
        self.largest = max(self.largest, other.largest)
        return self

    @property
    def mean(self) -> Float64Array:
        """Mean of every feature."""
        return self.shift + self.first / self.weight

    @property
    def covariance(self) -> Float64Array:
        """Covariance of the features, ddof 0."""
        center = self.first / self.weight
        covariance: Float64Array = self.second / self.weight - np.outer(center, center)
        return covariance
