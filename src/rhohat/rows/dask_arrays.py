"""Dask arrays, computed where they are read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.rows.stores import ChunkedStore, even_ends


class DaskArray(ChunkedStore):
    """A Dask array, computed a granule at a time by whoever reads it.

    Parameters
    ----------
    array : dask.array.Array
    """

    def __init__(self, array: Any) -> None:
        if any(np.isnan(size) for size in array.shape):
            raise ValueError(
                "the number of rows of the Dask array is unknown: call its compute_chunk_sizes() "
                "first."
            )
        self.array = array
        name = f"the Dask array {array.name}"
        super().__init__(name, array.shape, array.dtype, even_ends(array))

    def load_granule(self, start: int, stop: int) -> NDArray[Any]:
        """The rows of one granule."""
        return np.asarray(self.array[start:stop].compute(scheduler="synchronous"))
