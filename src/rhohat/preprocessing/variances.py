"""Variances of data: of the mean one, the epsilon of whitening is a share."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TypeVar

import numpy as np

from rhohat.common.arrays import FloatArray, overflow_as_infinity
from rhohat.common.validation import check_magnitude
from rhohat.preprocessing.inputs import sum_over
from rhohat.rows.blas import BLAS
from rhohat.rows.feature_sums import FeatureSums
from rhohat.rows.moments import Moments
from rhohat.rows.sources import ArraySource, Source, first_row

SumsT = TypeVar("SumsT", FeatureSums, Moments)


def variance_of_pixels(images: Iterable[FloatArray]) -> float:
    """Variance of all pixels, in a pass over the images."""
    n_pixels, total, squares, largest, shift = 0, 0.0, 0.0, 0.0, None
    for image in images:
        shift = float(image.flat[0]) if shift is None else shift
        with overflow_as_infinity():  # of which `largest` will tell
            deviations = np.subtract(image, shift, dtype=np.float64)
            total += float(deviations.sum())
            squares += float(np.vdot(deviations, deviations))
        n_pixels += image.size
        largest = max(largest, float(np.abs(deviations).max()))
    check_magnitude(largest, np.dtype(np.float64))
    return max(squares / n_pixels - (total / n_pixels) ** 2, 0.0)


def variance_of_rows(rows: FloatArray | Source) -> float:
    """Mean variance of the columns, in a pass over the rows, wherever they lie."""
    source = ArraySource(rows) if isinstance(rows, np.ndarray) else rows
    return feature_sums(source).standard_deviation ** 2


def feature_sums(source: Source) -> FeatureSums:
    """Sums over all rows that give the columns' means and variances.

    Raises
    ------
    ValueError
        If a value is not finite, or if all are too large, or too small, for their squares.
    """
    return _summed(FeatureSums, source)


def moments(source: Source) -> Moments:
    """Sums over all rows that give the columns' mean and covariance.

    Raises
    ------
    ValueError
        If a value is not finite, or if all are too large, or too small, for their squares.
    """
    return _summed(Moments, source)


def _summed(kind: type[SumsT], source: Source) -> SumsT:
    with BLAS.single_threaded():
        sums = sum_over(partial(kind.of, shift=first_row(source)), source)
    check_magnitude(sums.largest, source.dtype)
    return sums
