"""Zarr arrays, which are folders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.extras import import_extra
from rhohat.rows.file_format import array_format, choose, decoding, holds_examples
from rhohat.rows.stores import ChunkedStore, even_ends


class ZarrArray(ChunkedStore):
    """A zarr array.

    Parameters
    ----------
    array : zarr.Array
    """

    def __init__(self, array: Any) -> None:
        self.array = array
        name = f"the zarr array {getattr(array, 'store_path', array.name)}"
        super().__init__(name, array.shape, array.dtype, even_ends(array))

    def load_granule(self, start: int, stop: int) -> NDArray[Any]:
        """The rows of one granule."""
        return np.asarray(self.array[start:stop])


@contextmanager
def _opened(path: Path, key: str | None) -> Iterator[Any]:
    """The array that is meant."""
    zarr = import_extra("zarr", "store")
    with decoding():
        opened = zarr.open(str(path), mode="r")
        is_group = isinstance(opened, zarr.Group)
        arrays = {
            name: member
            for name, member in (opened.members(max_depth=None) if is_group else ())
            if isinstance(member, zarr.Array) and holds_examples(member)
        }
    yield choose(arrays, key) if is_group else opened


ZARR = array_format((".zarr",), _opened, ZarrArray, is_folder=True)
