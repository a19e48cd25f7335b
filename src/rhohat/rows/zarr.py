"""Zarr arrays, which are folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.extras import import_extra
from rhohat.rows.file_format import (
    Content,
    FileFormat,
    array_content,
    as_content,
    choose,
    decoding,
    holds_examples,
)
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
        rows = array.chunks[0] if array.ndim else 1
        super().__init__(name, array.shape, array.dtype, even_ends(array.shape, rows))

    def load_granule(self, start: int, stop: int) -> NDArray[Any]:
        """The rows of one granule."""
        return np.asarray(self.array[start:stop])


def _chosen(path: Path, key: str | None) -> Any:
    """The array that is meant."""
    zarr = import_extra("zarr", "store")
    with decoding():
        opened = zarr.open(str(path), mode="r")
        if isinstance(opened, zarr.Array):
            return opened
        arrays = {
            name: member
            for name, member in opened.members(max_depth=None)
            if isinstance(member, zarr.Array) and holds_examples(member)
        }
    return choose(arrays, key)


def _look(path: Path, key: str | None) -> Content:
    array = _chosen(path, key)
    return array_content(array.shape, np.dtype(array.dtype))


def _read(path: Path, key: str | None) -> NDArray[Any]:
    array = _chosen(path, key)
    with decoding():
        return as_content(np.asarray(array[...]))


def _open(path: Path, key: str | None) -> ZarrArray:
    return ZarrArray(_chosen(path, key))


ZARR = FileFormat((".zarr",), _look, _read, _open, is_folder=True)
