"""Zarr arrays, which are folders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import DataChangedError, DataFileError
from rhohat.common.extras import import_extra
from rhohat.rows.claims import RATIO_LIMIT, Claims, bytes_in
from rhohat.rows.file_format import Opened, Selection, array_format, decoding, told
from rhohat.rows.inventory import Entry, choose
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
        try:
            return np.asarray(self.array[start:stop])
        except DataFileError as error:
            raise DataFileError(f"{self.name} {error}.") from error
        except Exception as error:  # of whatever kind zarr has for it
            raise DataChangedError(f"{self.name} can no longer be read: {told(error)}") from error


@contextmanager
def _opened(path: Path, selection: Selection) -> Iterator[Opened]:
    """The array that is meant."""
    zarr = import_extra("zarr", "store")
    from rhohat.rows.zarr_store import ContainedStore

    store = ContainedStore(path, read_only=True)
    with decoding():
        opened = zarr.open(store, mode="r")
        is_group = isinstance(opened, zarr.Group)
        arrays = dict(opened.members(max_depth=None)) if is_group else {}
    array = opened
    facts: dict[str, Any] = {}
    if is_group:
        names = sorted(name for name, node in arrays.items() if isinstance(node, zarr.Array))

        def describe(name: str) -> Entry:
            return Entry(name, arrays[name].shape, np.dtype(arrays[name].dtype))

        entry, facts = choose(names, describe, selection.key)
        array = arrays[entry.name]
    Claims(
        array.shape,
        np.dtype(array.dtype),
        bytes_in(path, prod(array.shape) * array.dtype.itemsize // RATIO_LIMIT + 1),
        chunk=array.shards or array.chunks,
    ).check()
    array.store_path.store.expect(array)
    yield Opened(array, facts)


ZARR = array_format((".zarr",), _opened, ZarrArray, is_folder=True)
