"""Pictures in 8 bits as a page holds them: the twin of pictures.js."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from math import prod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray
from rhohat.common.pictures import quantize

#: Values of a curve on a page, at most; of longer ones the least and greatest of each run are kept.
LONGEST = 1200


def outlined(rows: FloatArray, longest: int) -> FloatArray:
    """Rows, (n, d), of at most `longest` values that look the same as curves.

    Longer rows are cut into runs; of each, the least and the greatest value are kept, as they
    follow each other.
    """
    n, d = rows.shape
    if d <= longest:
        return rows
    starts = run_starts(d, longest)
    low, high = np.minimum.reduceat(rows, starts, 1), np.maximum.reduceat(rows, starts, 1)
    falls = rows[:, starts] > (low + high) / 2  # from its beginning, the run goes down first
    first, second = np.where(falls, high, low), np.where(falls, low, high)
    return np.stack([first, second], axis=2).reshape(n, -1)


def run_starts(d: int, longest: int) -> NDArray[np.intp]:
    """Where the runs begin that rows of d values are cut into."""
    return np.linspace(0, d, longest // 2 + 1).astype(np.intp)[:-1]


@dataclass(frozen=True)
class Pictures:
    """Pictures of one shape.

    Attributes
    ----------
    kind : {"image", "trace", "bars"}
        How they are drawn: as pixels, as a line for each row, or as a bar for each value.
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
        own: bool = False,
        **more: Any,
    ) -> Self:
        """Rows that have this shape; without one they are traces. For `own` see `quantize`."""
        rows = values.reshape(-1, *(shape or (1, prod(values.shape[1:]))))
        if shape is None and kind == "trace":
            rows = outlined(rows[:, 0], LONGEST)[:, None]
        levels, low, high = quantize(rows, own=own)
        data = base64.b64encode(levels.tobytes()).decode()
        kind = "trace" if shape is None and kind == "image" else kind
        return cls(kind, levels.shape, levels.dtype == np.int8, low, high, data, **more)
