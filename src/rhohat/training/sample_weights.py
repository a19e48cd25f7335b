"""Sample weights: how often each row counts."""

from __future__ import annotations

from numbers import Real

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_array, check_non_negative

from rhohat.common.arrays import Float64Array
from rhohat.common.libraries import from_device
from rhohat.rows.sources import Source, Weighted
from rhohat.rows.sparse_rows import taken
from rhohat.rows.stores import is_stored


def validated_weight(sample_weight: ArrayLike, n_rows: int) -> Float64Array:
    """Weights as float64, scaled to a maximum of 1.

    Raises
    ------
    ValueError
        If there is not one for each row, one is negative, or all are zero.
    """
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n_rows, sample_weight)
    given, name = from_device(sample_weight), "sample_weight"
    weight: Float64Array = check_array(
        given, dtype=np.float64, order="C", ensure_2d=False, input_name=name
    )
    if weight.shape != (n_rows,):
        raise ValueError(
            f"sample_weight has shape {weight.shape}, expected ({n_rows},): one for each row."
        )
    check_non_negative(weight, "`sample_weight`")
    if not weight.any():
        raise ValueError(
            "Sample weights must contain at least one non-zero number: sample_weight is zero for "
            "every row."
        )
    # Only ratios count, and float32 cannot hold every scale.
    scaled: Float64Array = weight / weight.max()
    scaled[scaled < np.finfo(np.float32).tiny] = 0
    return scaled


def weighted(source: Source, sample_weight: ArrayLike) -> Source:
    """`source` with weights; rows in memory that weigh nothing are left out."""
    weight = validated_weight(sample_weight, source.shape[0])
    counts = weight > 0
    if counts.all():
        return Weighted(source, weight)
    if is_stored(source):
        raise ValueError(
            f"sample_weight is zero for row {int(np.argmin(counts))}: for rows outside memory, "
            "leave out those that should not count."
        )
    return Weighted(taken(source, np.flatnonzero(counts)), weight[counts])
