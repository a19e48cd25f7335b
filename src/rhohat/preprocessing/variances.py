"""Mean variances, which epsilon of whitening is a share of."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rhohat.common.arrays import FloatArray
from rhohat.rows.engines import ThreadEngine
from rhohat.rows.feature_sums import FeatureSums
from rhohat.rows.partition import Partition
from rhohat.rows.sources import ArraySource, Rows, Source, check_finite, first_row


def variance_of_pixels(images: Iterable[FloatArray]) -> float:
    """Variance of all pixels, in a pass over the images."""
    n_pixels, total, squares, shift = 0, 0.0, 0.0, None
    for image in images:
        shift = float(image.flat[0]) if shift is None else shift
        deviations = np.subtract(image, shift, dtype=np.float64)
        n_pixels += image.size
        total += float(deviations.sum())
        squares += float(np.vdot(deviations, deviations))
    return max(squares / n_pixels - (total / n_pixels) ** 2, 0.0)


def variance_of_rows(rows: FloatArray | Source) -> float:
    """Mean variance over the columns, in a pass over the rows, wherever they lie."""
    source = ArraySource(rows) if isinstance(rows, np.ndarray) else rows
    engine = ThreadEngine()
    with engine.running():
        partition = Partition.for_shape(source.shape[1], source.shape[1], source.dtype)
        shift = first_row(source)

        def sums(rows: Rows) -> FeatureSums:
            check_finite(rows, source.name)
            return FeatureSums.of(rows, shift)

        return engine.map_sum(sums, source, partition).standard_deviation ** 2
