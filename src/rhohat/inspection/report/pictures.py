"""Pictures in 8 bits as a page holds them: the twin of pictures.js."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from math import prod
from typing import Any, Self

import numpy as np

from rhohat.common.arrays import FloatArray
from rhohat.common.pictures import quantize


@dataclass(frozen=True)
class Pictures:
    """Pictures of one shape.

    Attributes
    ----------
    kind : {"image", "trace"}
        How they are drawn: as pixels, or as a line for each row.
    shape : tuple of int
        (n, height, width, channels).
    signed : bool
        Whether levels go from -127 to 127, or from 0 to 255.
    low, high : ndarray of shape (n,)
        Values that the least and the greatest level stand for.
    data : str
        The levels, as base64.
    """

    kind: str
    shape: tuple[int, ...]
    signed: bool
    low: FloatArray
    high: FloatArray
    data: str

    @classmethod
    def of(
        cls,
        values: FloatArray,
        shape: tuple[int, ...] | None,
        kind: str = "image",
        *,
        pairs: bool = False,
        **more: Any,
    ) -> Self:
        """Rows that have this shape; without one they are traces. For `pairs` see `quantize`."""
        rows = values.reshape(-1, *(shape or (1, prod(values.shape[1:]))))
        levels, low, high = quantize(rows, pairs=pairs)
        data = base64.b64encode(levels.tobytes()).decode()
        kind = "trace" if shape is None else kind
        return cls(kind, levels.shape, levels.dtype == np.int8, low, high, data, **more)
