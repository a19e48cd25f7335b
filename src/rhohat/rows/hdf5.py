"""Datasets of HDF5 files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import DataChangedError, DataFileError
from rhohat.common.extras import import_extra
from rhohat.rows.apart import run_apart
from rhohat.rows.claims import Claims, check_search
from rhohat.rows.file_format import (
    Selection,
    array_format,
    choose,
    decoding,
    holds_examples,
    told,
)
from rhohat.rows.stores import ChunkedStore, even_ends

#: Bytes of a dataset that are read to try whether it can be read.
TRIED_BYTES = 64 << 20


class Hdf5Dataset(ChunkedStore):
    """A dataset of an HDF5 file.

    Parameters
    ----------
    dataset : h5py.Dataset
    hold : bool, default=True
        Whether to read from this dataset, which stays open, instead of opening its file each time.
    """

    _dataset: Any = None  # in other processes

    def __init__(self, dataset: Any, hold: bool = True) -> None:
        path, self.key = str(dataset.file.filename), str(dataset.name)
        self.path = os.path.abspath(path)
        name = f"{path}{self.key}"
        super().__init__(name, dataset.shape, dataset.dtype, even_ends(dataset))
        self._dataset = dataset if hold else None

    def load_granule(self, start: int, stop: int) -> NDArray[Any]:
        """The rows of one granule."""
        if self._dataset is not None:
            return np.asarray(self._dataset[start:stop])
        try:
            with import_extra("h5py", "store").File(self.path, "r") as file:
                return np.asarray(file[self.key][start:stop])
        except Exception as error:  # of whatever kind h5py has for it
            raise DataChangedError(f"{self.name} can no longer be read: {told(error)}") from error


def find_dataset(path: str, key: str | None) -> str:
    """Name of the dataset that is meant, of which a part is read to see that this goes well.

    libhdf5 can crash on a damaged file, so this is asked in another process first. Only what lies
    in the file itself counts: links are not followed.

    Raises
    ------
    DataFileError
        If there is none, or it is not to be believed.
    """
    h5py = import_extra("h5py", "store")
    with decoding(), h5py.File(path, "r") as file:
        dataset = _named(h5py, file, key)
        if dataset is None:
            dataset = choose(_datasets(h5py, file), key)
        _check(dataset, os.stat(path).st_size)
        _try(dataset)
        return str(dataset.name)


def _named(h5py: Any, file: Any, key: str | None) -> Any:
    """The dataset of this name, which may lie among more objects than can be looked through."""
    node = file
    for part in (key or "").strip("/").split("/"):
        if not (part and isinstance(node, h5py.Group) and _holds(h5py, node, part)):
            return None
        node = node[part]
    return node if isinstance(node, h5py.Dataset) and holds_examples(node) else None


def _holds(h5py: Any, group: Any, name: str) -> bool:
    """Whether a group holds an object of this name itself, and not by a link to elsewhere."""
    links, name_bytes = group.id.links, name.encode("utf-8", "surrogateescape")
    return bool(links.exists(name_bytes) and links.get_info(name_bytes).type == h5py.h5l.TYPE_HARD)


def _datasets(h5py: Any, file: Any) -> dict[str, Any]:
    """All datasets of a file that may be the data, by their names."""
    found: dict[str, Any] = {}
    seen = set()
    links: list[str] = []
    left = [(file, "", 0)]
    while left:
        node, name, depth = left.pop()
        about = h5py.h5o.get_info(node.id)
        if (about.fileno, about.addr) in seen:  # groups may hold each other
            continue
        seen.add((about.fileno, about.addr))
        if isinstance(node, h5py.Dataset) and holds_examples(node):
            found[name] = node
        if isinstance(node, h5py.Group):
            check_search(depth, len(seen) + len(left) + len(node))
            for inner in sorted(node, reverse=True):
                path = f"{name}/{inner}" if name else inner
                if _holds(h5py, node, inner):
                    left.append((node[inner], path, depth + 1))
                else:
                    links.append(path)
    if links and not found:
        raise DataFileError(
            f"holds no array of numbers but links to elsewhere, such as {links[0]:.80}, which are "
            "not followed: they could lead to any file of yours. Copy the numbers into one file"
        )
    return found


def _check(dataset: Any, size: int) -> None:
    """Raise DataFileError if claims of a dataset are not to be believed."""
    created = dataset.id.get_create_plist()
    numbers = [created.get_filter(i)[0] for i in range(created.get_nfilters())]
    elsewhere = "its numbers" if dataset.external else ""
    if dataset.is_virtual:
        elsewhere = "parts"
    Claims(
        dataset.shape,
        dataset.dtype,
        0 if elsewhere else min(dataset.id.get_storage_size(), size),
        chunk=dataset.chunks,
        codecs=[_CODECS.get(number, f"filter {number}") for number in numbers],
        elsewhere=elsewhere,
    ).check()


def _try(dataset: Any) -> None:
    """Read what can be read of a dataset in little time: all of a small one."""
    if dataset.ndim == 0 or 0 in dataset.shape:
        return
    row = prod(dataset.shape[1:]) * dataset.dtype.itemsize
    at_once = dataset.chunks[0] if dataset.chunks is not None else 1
    if at_once * row > TRIED_BYTES:
        return
    n_rows = min(TRIED_BYTES // row, len(dataset))
    step = max(at_once, TRIED_BYTES // 8 // row, 1)
    for start in range(0, n_rows, step):
        dataset[start : min(start + step, n_rows)]
    dataset[-1:]


#: Names of HDF5's filters, which h5py comes with, by their numbers.
_CODECS = {1: "deflate", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset"}
_CODECS |= {32000: "lzf"}


@lru_cache(maxsize=1024)
def _found(path: str, key: str | None, state: tuple[int, ...]) -> str:
    """As `find_dataset`, asked once for each state of a file."""
    name: str = run_apart(find_dataset, path, key)
    return name


@contextmanager
def _opened(path: Path, selection: Selection) -> Iterator[Any]:
    """The dataset that is meant, with its file open inside the block."""
    h5py = import_extra("h5py", "store")
    about = path.stat()
    state = about.st_ino, about.st_size, about.st_mtime_ns
    name = _found(os.path.abspath(path), selection.key, state)
    with decoding():
        file = h5py.File(path, "r")
    with file:
        with decoding():
            dataset = file[name]
        yield dataset


HDF5 = array_format((".h5", ".hdf5"), _opened, partial(Hdf5Dataset, hold=False))
