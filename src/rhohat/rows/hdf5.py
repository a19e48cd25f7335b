"""Datasets of HDF5 files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import is_real
from rhohat.common.errors import DataChangedError, DataFileError
from rhohat.common.extras import import_extra
from rhohat.rows.apart import run_apart
from rhohat.rows.claims import Claims, check_search
from rhohat.rows.file_format import Opened, Selection, array_format, decoding, told
from rhohat.rows.inventory import Chosen, Entry, choose
from rhohat.rows.stores import ChunkedStore, even_ends, state_of

#: Bytes of a dataset that are read to try whether it can be read.
TRIED_BYTES = 64 << 20


class Hdf5Dataset(ChunkedStore):
    """A dataset of an HDF5 file.

    Parameters
    ----------
    dataset : h5py.Dataset
    hold : bool, default=True
        Whether to read from this dataset, which stays open, instead of opening its file each time.
    transposed : bool, default=False
        Whether its columns are the rows.
    """

    path: str
    _dataset: Any = None  # in other processes

    def __init__(self, dataset: Any, hold: bool = True, *, transposed: bool = False) -> None:
        path, self.key = str(dataset.file.filename), str(dataset.name)
        self.path, self.transposed = os.path.abspath(path), transposed
        name = f"{path}{self.key}"
        axis = int(transposed)
        shape = dataset.shape[::-1] if transposed else dataset.shape
        super().__init__(name, shape, dataset.dtype, even_ends(dataset, axis))
        self._dataset = dataset if hold else None

    def state(self) -> object:
        """When the file was changed; None of a dataset that is open, perhaps to be written to."""
        return super().state() if self._dataset is None else None

    def load_granule(self, start: int, stop: int) -> NDArray[Any]:
        """The rows of one granule."""
        if self._dataset is not None:
            return self._rows(self._dataset, start, stop)
        try:
            with import_extra("h5py", "store").File(self.path, "r") as file:
                return self._rows(file[self.key], start, stop)
        except Exception as error:  # of whatever kind h5py has for it
            raise DataChangedError(f"{self.name} can no longer be read: {told(error)}") from error

    def _rows(self, dataset: Any, start: int, stop: int) -> NDArray[Any]:
        if self.transposed:
            return np.asarray(dataset[:, start:stop]).T
        return np.asarray(dataset[start:stop])


def find_dataset(path: str, key: str | None) -> list[Any]:
    """Name of the dataset that is meant, and facts of the choice.

    libhdf5 can crash on a damaged file, so this is asked in another process first, where a part of
    the dataset is read to see that this goes well. Only what lies in the file itself counts: links
    are not followed.

    Raises
    ------
    DataFileError
        If there is none, or it is not to be believed.
    """
    h5py = import_extra("h5py", "store")
    with decoding(), h5py.File(path, "r") as file:
        dataset = named(h5py, file, key)
        facts: dict[str, Any] = {"array": key or ""}
        if not isinstance(dataset, h5py.Dataset) or dataset.ndim < 2:
            entry, facts = choose_dataset(h5py, file, key)
            dataset = entry.handle
        check_dataset(dataset, os.stat(path).st_size)
        return [str(dataset.name), facts]


def choose_dataset(h5py: Any, file: Any, key: str | None) -> Chosen:
    """The dataset that is meant, of all in a file.

    Raises
    ------
    DataFileError
        If there is none, or several and no name.
    """
    found, links = _objects(h5py, file)
    if links and not found:
        raise DataFileError(
            f"holds no array of numbers, only links to other files, such as {links[0]:.80}, which "
            "are not followed, since they could lead to any of your files. Copy the numbers into "
            "one file"
        )
    return choose(found, lambda name: describe(name, found[name]), key)


def describe(name: str, node: Any) -> Entry:
    """A dataset, or a group that stands for one, in an inventory."""
    if not hasattr(node, "dtype"):
        return Entry(name, reason=f"a sparse matrix {_sparse_shape(node)}", handle=node)
    reason = "" if is_real(node.dtype) else f"values of type {node.dtype}"
    if node.dtype.kind in "OSU":
        reason = "text or objects"
    return Entry(name, node.shape, node.dtype, reason, False, node)


def named(h5py: Any, file: Any, key: str | None) -> Any:
    """The object of this name, which may lie among more than can be looked through, or None."""
    node = file
    for part in (key or "").strip("/").split("/"):
        if not (part and isinstance(node, h5py.Group) and _holds(h5py, node, part)):
            return None
        node = node[part]
    return node


def _holds(h5py: Any, group: Any, name: str) -> bool:
    """Whether a group holds an object of this name itself, and not by a link to elsewhere."""
    links, name_bytes = group.id.links, name.encode("utf-8", "surrogateescape")
    return bool(links.exists(name_bytes) and links.get_info(name_bytes).type == h5py.h5l.TYPE_HARD)


def _objects(h5py: Any, file: Any) -> tuple[dict[str, Any], list[str]]:
    """All datasets and sparse matrices of a file by their names, and names of links."""
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
        if isinstance(node, h5py.Dataset) or is_sparse(node):
            found[name] = node
        elif isinstance(node, h5py.Group):
            check_search(depth, len(seen) + len(left) + len(node))
            for inner in sorted(node, reverse=True):
                path = f"{name}/{inner}" if name else inner
                if _holds(h5py, node, inner):
                    left.append((node[inner], path, depth + 1))
                else:
                    links.append(path)
    return found, links


def is_sparse(node: Any) -> bool:
    """Whether a group holds the parts of a sparse matrix, as AnnData and MATLAB keep it."""
    return not hasattr(node, "dtype") and (
        "MATLAB_sparse" in node.attrs or {"data", "indices", "indptr"} <= set(node)
    )


def _sparse_shape(node: Any) -> tuple[int, ...]:
    """(rows, columns) of a sparse matrix, as far as they are told."""
    if "MATLAB_sparse" in node.attrs:
        return int(node.attrs["MATLAB_sparse"]), len(node["jc"]) - 1
    return tuple(int(n) for n in node.attrs.get("shape", node.attrs.get("h5sparse_shape", ())))


def check_dataset(dataset: Any, size: int) -> None:
    """Raise DataFileError if a dataset is not to be believed, or a part of it cannot be read."""
    _check(dataset, size)
    _try(dataset)


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
def _found(finder: Callable[..., Any], path: str, key: str | None, state: object) -> Any:
    """What a finder answers in the other process, asked once for each state of a file."""
    return run_apart(finder, path, key)


def found_apart(finder: Callable[[str, str | None], Any], path: Path, key: str | None) -> Any:
    """What ``finder(path, key)`` answers in another process; see `find_dataset`.

    Raises
    ------
    DataFileError
        That it raises, or if it crashes.
    """
    import_extra("h5py", "store")
    return _found(finder, os.path.abspath(path), key, state_of(path))


@contextmanager
def opened_file(path: Path) -> Iterator[Any]:
    """The file, open inside the block."""
    with decoding():
        file = import_extra("h5py", "store").File(path, "r")
    with file:
        yield file


@contextmanager
def _opened(path: Path, selection: Selection) -> Iterator[Opened]:
    """The dataset that is meant, with its file open inside the block."""
    name, facts = found_apart(find_dataset, path, selection.key)
    with opened_file(path) as file:
        with decoding():
            dataset = file[name]
        yield Opened(dataset, facts)


HDF5 = array_format((".h5", ".hdf5", ".he5"), _opened, partial(Hdf5Dataset, hold=False))
