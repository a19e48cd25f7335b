"""Stores: sources outside memory, read a run of rows at a time.

Each kind of store is a small class that derives from one of these.
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import float_dtype
from rhohat.common.errors import DataChangedError
from rhohat.common.interrupts import current_request
from rhohat.rows.partition import CHUNK_ROWS
from rhohat.rows.sources import Origin, Rows, Source

#: Rows of a granule, which is what a store reads at a time, where the store does not say.
GRANULE_ROWS = 8192
#: Granules that are held, for the threads that read parts of them; and bytes of the rows of a whole
#: file up to which all of its granules are, if it tells whether it was changed.
GRANULES_HELD, HELD_BYTES = 4, 64 << 20


def is_stored(source: Source) -> bool:
    """Whether the rows are outside memory."""
    return not getattr(source.origin, "held", False)


class Store(Origin, ABC):
    """A source outside memory.

    Parameters
    ----------
    name : str
        What errors call it.
    shape : tuple of int
        (rows, columns).
    dtype : dtype
        As stored; rows are read in the precision of `float_dtype`.
    """

    def __init__(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        if len(shape) != 2 or 0 in shape:
            raise ValueError(
                f"{name} has shape {shape}, expected (rows, columns), at least one each."
            )
        self._restart()
        self.name = name
        self.shape = int(shape[0]), int(shape[1])
        self.stored_dtype = np.dtype(dtype)
        self.dtype = float_dtype(self.stored_dtype)

    def _restart(self) -> None:
        """Set private attributes, which are not sent to other processes, to initial values."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._restart()

    @abstractmethod
    def load(self, start: int, stop: int) -> NDArray[Any]:
        """Rows start to stop as they are stored."""

    def read(self, start: int, stop: int) -> Rows:
        """Rows start to stop, in the precision that is computed in."""
        X = np.ascontiguousarray(self.load(start, stop), dtype=self.dtype)
        if X.shape != (stop - start, self.shape[1]):
            raise DataChangedError(
                f"{self.name} gave {X.shape} for rows {start} to {stop - 1}, expected "
                f"{(stop - start, self.shape[1])}: it was shortened since it was opened."
            )
        return Rows(X, start=start)

    def take(self, indices: NDArray[np.intp]) -> Rows:
        """The rows with these numbers, which ascend: one pass over the runs that hold them."""
        X = np.empty((len(indices), self.shape[1]), self.dtype)
        request = current_request()
        done = 0
        while done < len(indices):
            request.check()
            start = int(indices[done]) // GRANULE_ROWS * GRANULE_ROWS
            stop = min(start + GRANULE_ROWS, self.shape[0])
            until = int(np.searchsorted(indices, stop))
            X[done:until] = self.read(start, stop).X[indices[done:until] - start]
            done = until
        return Rows(X)


class Granules:
    """The granules read last, so that one that several threads need parts of is read once.

    Parameters
    ----------
    load : callable
        ``load(number)`` reads one granule.
    most : int, default=4
        How many are held.
    """

    def __init__(self, load: Callable[[int], NDArray[Any]], most: int = GRANULES_HELD) -> None:
        self._load, self._most = load, most
        self._lock = threading.Lock()
        self._held: OrderedDict[int, Future[NDArray[Any]]] = OrderedDict()

    def __getitem__(self, number: int) -> NDArray[Any]:
        with self._lock:
            granule = self._held.get(number)
            mine = granule is None
            if granule is None:
                granule = self._held[number] = Future()
                while len(self._held) > self._most:
                    self._held.popitem(last=False)
        if mine:
            try:
                granule.set_result(self._load(number))
            except BaseException as error:
                with self._lock:
                    self._held.pop(number, None)
                granule.set_exception(error)
        return granule.result()


class ChunkedStore(Store):
    """A store that is read in granules, each of them one or more whole storage chunks.

    Parameters
    ----------
    name, shape, dtype : as in `Store`
    ends : ndarray of int
        Row after the last of each granule.

    Attributes
    ----------
    path : str or None
        The file that all rows are in, if they are in one.
    """

    path: str | None = None

    def __init__(
        self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], ends: NDArray[np.intp]
    ) -> None:
        super().__init__(name, shape, dtype)
        self.ends = ends

    def _restart(self) -> None:
        self._granules = Granules(self._load_granule)
        self._seen: object = None

    def state(self) -> object:
        """What is another where stored rows were changed; None if nothing tells."""
        return None if self.path is None else state_of(self.path)

    @abstractmethod
    def load_granule(self, start: int, stop: int) -> NDArray[Any]:
        """The rows of one granule."""

    def _begin(self, number: int) -> int:
        return int(self.ends[number - 1]) if number else 0

    def _load_granule(self, number: int) -> NDArray[Any]:
        return self.load_granule(self._begin(number), int(self.ends[number]))

    def load(self, start: int, stop: int) -> NDArray[Any]:
        """Rows start to stop, from the granules that hold them."""
        if start == 0:  # a new sweep reads again what may have changed
            state = self.state()
            if state is None or state != self._seen:
                self._restart()
                self._seen = state
                n_bytes = prod(self.shape) * self.stored_dtype.itemsize
                if state is not None and n_bytes <= HELD_BYTES:
                    self._granules = Granules(self._load_granule, max(len(self.ends), 1))
        first, last = np.searchsorted(self.ends, [start, stop - 1], side="right").tolist()
        parts = []
        for number in range(first, last + 1):
            begin = self._begin(number)
            parts.append(self._granules[number][max(start - begin, 0) : stop - begin])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def state_of(path: str | os.PathLike[str]) -> tuple[int, int, int] | None:
    """What is another once a file was written to or replaced; None if it is gone."""
    try:
        about = os.stat(path)
    except OSError:
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns


def even_ends(array: Any, axis: int = 0) -> NDArray[np.intp]:
    """Ends of granules of an array, which are storage chunks, or several of them if they are small.

    Parameters
    ----------
    array : dask.array.Array, h5py.Dataset or zarr.Array
    axis : int, default=0
        Along which its rows lie.
    """
    rows = max(int(np.max(array.chunks[axis])), 1) if array.chunks else GRANULE_ROWS
    rows *= -(-CHUNK_ROWS // rows)
    n_rows = prod(array.shape[axis : axis + 1])
    return np.append(np.arange(rows, n_rows, rows), n_rows)
