"""Cell arrays of MATLAB, whose cells are matrices of one size, as one array."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray


def cell_shape(n: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of n cells in one array: a row for each vector, or matrices along the last axis."""
    return (n, prod(shape)) if len(shape) == 2 and 1 in shape else (*shape, n)


def stack_cells(cells: list[NDArray[Any]]) -> NDArray[Any]:
    """Cells of one shape as one array; see `cell_shape`."""
    if cells[0].ndim == 2 and 1 in cells[0].shape:
        return np.stack([cell.ravel() for cell in cells])
    return np.stack(cells, axis=-1)
