"""Sources outside memory: files, stores and streams of rows, read a run at a time.

`rows_of` finds the source for whatever an estimator is given. Each kind of store is one small
class, one function that recognises it, and one row of `STORES`.
"""

from __future__ import annotations

import inspect
import mmap
import os
import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rhohat.common.arrays import FloatArray
from rhohat.common.errors import DataChangedError
from rhohat.common.validation import PRECISIONS, check_input, extra
from rhohat.rows.sources import CHUNK_ROWS, ArraySource, Origin, Rows, Source, Wrapper, check_finite

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

__all__ = [
    "SUFFIXES",
    "BlockStream",
    "ChunkedStore",
    "Concatenation",
    "DaskArray",
    "Hdf5Dataset",
    "Mapped",
    "NpyFile",
    "RowData",
    "ZarrArray",
    "is_stored",
    "open_file",
    "open_store",
    "rows_of",
]

#: What estimators take as rows: arrays, or what `open_store` knows.
RowData: TypeAlias = ArrayLike | str | os.PathLike[str] | Source | Callable[[], Iterable[ArrayLike]]

#: Rows read at a time where a store has no chunks of its own.
GRANULE_ROWS = 8192
#: Storage chunks that are held, for the threads that read parts of them.
GRANULES_HELD = 4
#: Bytes that the system is asked to read ahead.
READ_AHEAD = 8 << 20


def _precision(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """What is computed with: float32 and float64 as they are, float64 for other real numbers."""
    if dtype.kind not in "buif":
        raise TypeError(f"expected real numbers, got values of type {dtype}.")
    return dtype if dtype in PRECISIONS else np.dtype(np.float64)


def _check_shape(name: str, shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"{name} has shape {shape}, expected (rows, columns), at least one each.")
    return int(shape[0]), int(shape[1])


class Store(Origin, ABC):
    """A source outside memory.

    Parameters
    ----------
    name : str
        What errors call it.
    shape : tuple of int
        (rows, columns).
    dtype : dtype
        As stored.
    """

    def __init__(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.name = name
        self.shape = _check_shape(name, shape)
        self.stored_dtype = np.dtype(dtype)
        self.dtype = _precision(self.stored_dtype)

    @abstractmethod
    def load(self, start: int, stop: int) -> NDArray[Any]:
        """Rows start to stop as they are stored."""

    def read(self, start: int, stop: int) -> Rows:
        """Rows start to stop in the precision that is computed in."""
        X = np.ascontiguousarray(self.load(start, stop), dtype=self.dtype)
        if X.shape != (stop - start, self.shape[1]):
            raise DataChangedError(
                f"{self.name} gave {X.shape} for rows {start} to {stop - 1}, expected "
                f"{(stop - start, self.shape[1])}: it was shortened since it was opened."
            )
        return Rows(X, start=start)

    def take(self, indices: NDArray[np.intp]) -> Rows:
        """The rows with these numbers, ascending: a pass over the runs that hold them."""
        X = np.empty((len(indices), self.shape[1]), self.dtype)
        done = 0
        while done < len(indices):
            start = int(indices[done]) // GRANULE_ROWS * GRANULE_ROWS
            stop = min(start + GRANULE_ROWS, self.shape[0])
            until = int(np.searchsorted(indices, stop))
            X[done:until] = self.read(start, stop).X[indices[done:until] - start]
            done = until
        return Rows(X)


class NpyFile(Store):
    """Rows one after the other in a file, as .npy files have them.

    The file is opened anew for every run of rows and read, not mapped: one that was shortened is an
    error then, where a mapped one would end the process.

    Parameters
    ----------
    path : path-like
    shape : tuple of int
    dtype : dtype
    offset : int
        Of the first row, in bytes.
    size : int, default=None
        Of the whole file, in bytes; None where more may follow the rows.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        offset: int,
        size: int | None = None,
    ) -> None:
        self.path = os.path.abspath(path)
        self.offset = offset
        self.size = size
        super().__init__(str(path), shape, dtype)

    def load(self, start: int, stop: int) -> NDArray[Any]:
        """Rows start to stop; the system is told to read on meanwhile."""
        rows = np.empty((stop - start, self.shape[1]), self.stored_dtype)
        with self._opened() as stream:
            self._fill(stream, start, rows)
            if self.size is not None and os.fstat(stream.fileno()).st_size > self.size:
                raise DataChangedError(f"{self.name} has grown since it was opened.")
            if hasattr(os, "posix_fadvise"):
                end = self._position(stop)
                os.posix_fadvise(stream.fileno(), end, READ_AHEAD, os.POSIX_FADV_WILLNEED)
        return rows

    def take(self, indices: NDArray[np.intp]) -> Rows:
        """The rows with these numbers, each read by itself."""
        rows = np.empty((len(indices), self.shape[1]), self.stored_dtype)
        with self._opened() as stream:
            for row, index in zip(rows, indices.tolist(), strict=True):
                self._fill(stream, index, row)
        return Rows(rows.astype(self.dtype, copy=False))

    def _opened(self) -> Any:
        try:
            return open(self.path, "rb", buffering=0)
        except FileNotFoundError as error:
            raise DataChangedError(f"{self.name} is gone since it was opened.") from error

    def _position(self, row: int) -> int:
        return self.offset + row * self.shape[1] * self.stored_dtype.itemsize

    def _fill(self, stream: Any, start: int, rows: NDArray[Any]) -> None:
        """Read rows from number `start` on."""
        stream.seek(self._position(start))
        left = memoryview(rows.reshape(-1).view(np.uint8).data)
        while left:
            n_read = stream.readinto(left)
            if not n_read:
                raise DataChangedError(
                    f"{self.name} ends before row {start + len(rows) - 1} of "
                    f"{self.shape[0]}: it was shortened since it was opened."
                )
            left = left[n_read:]


class ColumnMajorFile(Store):
    """Rows of a .npy file whose columns lie one after the other.

    Parameters
    ----------
    path : path-like
    shape : tuple of int
    dtype : dtype
    """

    def __init__(
        self, path: str | os.PathLike[str], shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self.path = os.path.abspath(path)
        super().__init__(str(path), shape, dtype)

    def load(self, start: int, stop: int) -> NDArray[Any]:
        """Rows start to stop; the file is mapped anew for every run."""
        try:
            mapped = np.load(self.path, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise DataChangedError(f"{self.name} can no longer be read: {error}") from error
        rows: NDArray[Any] = mapped[start:stop]
        return rows


class Granules:
    """The storage chunks read last, so that threads that need parts of one read it once.

    Parameters
    ----------
    load : callable
        ``load(number)`` reads one.
    """

    def __init__(self, load: Callable[[int], NDArray[Any]]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._held: OrderedDict[int, Future[NDArray[Any]]] = OrderedDict()

    def __getitem__(self, number: int) -> NDArray[Any]:
        with self._lock:
            granule = self._held.get(number)
            mine = granule is None
            if granule is None:
                granule = self._held[number] = Future()
                while len(self._held) > GRANULES_HELD:
                    self._held.popitem(last=False)
        if mine:
            try:
                granule.set_result(self._load(number))
            except BaseException as error:
                with self._lock:
                    self._held.pop(number, None)
                granule.set_exception(error)
        return granule.result()

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._held.clear()


class ChunkedStore(Store):
    """A store that is read in chunks of its own, each as a whole.

    Parameters
    ----------
    ends : ndarray of int
        Row after the last of each chunk.
    """

    def __init__(
        self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], ends: NDArray[np.intp]
    ) -> None:
        super().__init__(name, shape, dtype)
        self.ends = ends
        self._granules = Granules(self._load_granule)

    @abstractmethod
    def load_granule(self, start: int, stop: int) -> NDArray[Any]:
        """Rows of one chunk."""

    def _begin(self, number: int) -> int:
        return int(self.ends[number - 1]) if number else 0

    def _load_granule(self, number: int) -> NDArray[Any]:
        return self.load_granule(self._begin(number), int(self.ends[number]))

    def load(self, start: int, stop: int) -> NDArray[Any]:
        """Rows start to stop, out of the chunks that hold them."""
        if start == 0:  # a new sweep: read again what may have changed
            self._granules.clear()
        first, last = np.searchsorted(self.ends, [start, stop - 1], side="right").tolist()
        parts = []
        for number in range(first, last + 1):
            begin = self._begin(number)
            parts.append(self._granules[number][max(start - begin, 0) : stop - begin])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_granules"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._granules = Granules(self._load_granule)


def _even_ends(shape: tuple[int, ...], rows: int) -> NDArray[np.intp]:
    """Ends of chunks of so many rows each; small ones are read some together."""
    n_rows = shape[0] if shape else 0
    rows *= -(-CHUNK_ROWS // rows)
    return np.append(np.arange(rows, n_rows, rows), n_rows)


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
        super().__init__(name, array.shape, array.dtype, _even_ends(array.shape, rows))

    def load_granule(self, start: int, stop: int) -> NDArray[Any]:
        """Rows of one chunk."""
        rows: NDArray[Any] = np.asarray(self.array[start:stop])
        return rows


class Hdf5Dataset(ChunkedStore):
    """A dataset of an HDF5 file.

    Parameters
    ----------
    dataset : h5py.Dataset
    hold : bool, default=True
        Whether to go on with this one, instead of opening its file whenever it is read.
    """

    def __init__(self, dataset: Any, hold: bool = True) -> None:
        self.path, self.key = str(dataset.file.filename), str(dataset.name)
        self._dataset: Any = dataset if hold else None
        rows = dataset.chunks[0] if dataset.chunks else GRANULE_ROWS
        name = f"{self.path}{self.key}"
        super().__init__(name, dataset.shape, dataset.dtype, _even_ends(dataset.shape, rows))

    def load_granule(self, start: int, stop: int) -> NDArray[Any]:
        """Rows of one chunk."""
        rows: NDArray[Any]
        if self._dataset is not None:
            rows = self._dataset[start:stop]
            return rows
        try:
            with _h5py().File(self.path, "r") as file:
                rows = file[self.key][start:stop]
        except (OSError, KeyError) as error:
            raise DataChangedError(f"{self.name} can no longer be read: {error}") from error
        return rows

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"path": os.path.abspath(self.path), "_dataset": None}


class DaskArray(ChunkedStore):
    """A Dask array, computed a chunk of rows at a time where it is read.

    Parameters
    ----------
    array : dask.array.Array
    """

    def __init__(self, array: Any) -> None:
        if any(np.isnan(size) for size in array.shape):
            raise ValueError(
                "the Dask array does not know how many rows it has: call its "
                "compute_chunk_sizes() first."
            )
        self.array = array
        name = f"the Dask array {array.name}"
        rows = int(max(array.chunks[0])) if array.ndim else 1
        super().__init__(name, array.shape, array.dtype, _even_ends(array.shape, rows))

    def load_granule(self, start: int, stop: int) -> NDArray[Any]:
        """Rows of one chunk."""
        return np.asarray(self.array[start:stop].compute(scheduler="synchronous"))


class BlockStream(Store):
    """Blocks of rows that a function makes anew, in the same order, whenever it is called.

    Parameters
    ----------
    factory : callable
        ``factory()`` gives an iterable of arrays (rows, columns).
    """

    def __init__(self, factory: Callable[[], Iterable[ArrayLike]]) -> None:
        self.factory = factory
        name = f"the stream of blocks that {getattr(factory, '__name__', 'the function')}() makes"
        n_rows, widths, dtypes = 0, set(), []
        made_blocks = factory()
        if not isinstance(made_blocks, Iterable):
            raise TypeError(
                f"{name} are none: it gave {type(made_blocks).__name__}, expected an iterable of "
                "arrays (rows, columns)."
            )
        for number, made in enumerate(made_blocks):
            block = np.asarray(made)
            if block.ndim != 2:
                raise ValueError(f"block {number} of {name} has shape {block.shape}, expected two.")
            n_rows += len(block)
            widths.add(block.shape[1])
            dtypes.append(block.dtype)
            if len(widths) > 1:
                raise ValueError(f"blocks of {name} have {sorted(widths)} columns, expected one.")
        if not n_rows:
            raise ValueError(f"{name} is empty.")
        super().__init__(name, (n_rows, widths.pop()), np.result_type(*set(dtypes)))
        self._restart()

    def _restart(self) -> None:
        self._lock = threading.Lock()
        self._blocks: Iterator[ArrayLike] = iter(())
        self._position = 0  # of the first row in the buffer
        self._buffer: list[NDArray[Any]] = []

    def load(self, start: int, stop: int) -> NDArray[Any]:
        """Rows start to stop.

        Threads ask for runs roughly in order. What others have not asked for yet is kept; a run
        that has gone by starts the stream again.
        """
        with self._lock:
            if start < self._position or not self._buffer:
                self._blocks, self._position, self._buffer = iter(self.factory()), 0, []
            parts = []
            end = self._position
            index = 0
            while end < stop:
                if index == len(self._buffer):
                    block = next(self._blocks, None)
                    if block is None:
                        break
                    self._buffer.append(np.array(block))  # the function may fill one anew
                begin, end = end, end + len(self._buffer[index])
                if end > start:
                    part = slice(max(start - begin, 0), stop - begin)
                    parts.append(self._buffer[index][part])
                index += 1
            if stop == self.shape[0] and (end > stop or next(self._blocks, None) is not None):
                raise DataChangedError(f"{self.name} is longer than the first time.")
            self._forget(start - 64 * (stop - start))
            return np.concatenate(parts) if parts else np.empty((0, self.shape[1]))

    def _forget(self, start: int) -> None:
        """Drop blocks that lie before `start`."""
        while len(self._buffer) > 1 and self._position + len(self._buffer[0]) <= start:
            self._position += len(self._buffer.pop(0))

    def __getstate__(self) -> dict[str, Any]:
        kept = ("factory", "name", "shape", "stored_dtype", "dtype")
        return {name: getattr(self, name) for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._restart()


class Concatenation(Origin):
    """Rows of several sources, one below the other.

    Parameters
    ----------
    parts : sequence of Source
    """

    def __init__(self, parts: Sequence[Source]) -> None:
        widths = {part.shape[1] for part in parts}
        if len(widths) > 1:
            raise ValueError(f"expected blocks of one width, got {sorted(widths)} columns.")
        self.parts = list(parts)
        self.ends = np.cumsum([part.shape[0] for part in parts])
        if not self.ends[-1]:
            raise ValueError("the blocks hold no rows.")
        self.name = f"{len(parts)} blocks, the first of them {parts[0].name},"
        self.shape = int(self.ends[-1]), widths.pop()
        self.dtype = np.dtype(np.result_type(*{part.dtype for part in parts}))

    def _pieces(self, start: int, stop: int) -> Iterator[tuple[Source, int, int]]:
        """Parts that hold rows start to stop, and which of their own rows these are."""
        begin = 0
        for part, end in zip(self.parts, self.ends.tolist(), strict=True):
            if start < end and begin < stop:
                yield part, max(start - begin, 0), min(stop, end) - begin
            begin = end

    def read(self, start: int, stop: int) -> Rows:
        """Rows start to stop, of whichever parts hold them."""
        found = [part.read(a, b).X for part, a, b in self._pieces(start, stop)]
        X = found[0] if len(found) == 1 else np.concatenate(found)
        return Rows(X.astype(self.dtype, copy=False), start=start)

    def take(self, indices: NDArray[np.intp]) -> Rows:
        """The rows with these numbers, ascending."""
        owners = np.searchsorted(self.ends, indices, side="right")
        begins = np.concatenate([[0], self.ends])
        found = [
            self.parts[number].take(indices[owners == number] - begins[number]).X
            for number in np.unique(owners).tolist()
        ]
        return Rows(np.concatenate(found).astype(self.dtype, copy=False))


class Mapped(Wrapper):
    """What a function makes of another source's rows, computed whenever they are read.

    `numpy.asarray` makes an array of it, for what fits in memory.

    Parameters
    ----------
    source : Source
    function : callable
        ``function(X) -> array (len(X), n_features)``, in the precision of X.
    n_features : int
    """

    def __init__(
        self, source: Source, function: Callable[[FloatArray], FloatArray], n_features: int
    ) -> None:
        super().__init__(source)
        self.function = function
        self.n_features = n_features

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.source.shape[0], self.n_features

    def read(self, start: int, stop: int) -> Rows:
        """Rows start to stop of the other, as the function makes them."""
        rows = self.source.read(start, stop)
        check_finite(rows, self.name)
        return rows._replace(X=self.function(rows.X))

    def take(self, indices: NDArray[np.intp]) -> Rows:
        """Rows of the other, as the function makes them of the chunks that they are in."""
        X = np.empty((len(indices), self.n_features), self.dtype)
        chunks = indices // CHUNK_ROWS
        for chunk in np.unique(chunks):  # whole, for the same bits as those that `read` gives
            start, mine = chunk * CHUNK_ROWS, chunks == chunk
            read = self.read(start, min(start + CHUNK_ROWS, len(self)))
            X[mine] = read.X[indices[mine] - start]
        return self.source.take(indices)._replace(X=X)

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        made = np.empty(self.shape, self.dtype)
        for start in range(0, len(made), CHUNK_ROWS):  # as in memory, for the same bits
            stop = min(start + CHUNK_ROWS, len(made))
            made[start:stop] = self.read(start, stop).X
        return made if dtype is None else made.astype(dtype, copy=False)


# What an estimator may be given


def open_file(path: str | os.PathLike[str], key: str | None = None) -> Store:
    """The rows in a file or folder, by the ending of its name; `key` is the array meant."""
    text = os.fspath(path)
    plain, _, inner = text.partition("::")
    opener = SUFFIXES.get(Path(plain).suffix.lower())
    if opener is None:
        raise ValueError(
            f"{text} ends in none of {', '.join(SUFFIXES)}. Read other files with "
            "rhohat.load_rows or rhohat.load_images."
        )
    if not os.path.exists(plain):
        raise FileNotFoundError(f"No such file or folder: {plain}")
    return opener(plain, key or inner or None)


def _open_npy(path: str, key: str | None) -> Store:
    with open(path, "rb") as stream:
        try:
            version = np.lib.format.read_magic(stream)
            read_header = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, is_fortran, dtype = read_header(stream)
        except (ValueError, EOFError, SyntaxError) as error:
            raise ValueError(f"{path} is not an array in NumPy's format: {error}") from error
        offset = stream.tell()
    if is_fortran and len(shape) == 2:
        return ColumnMajorFile(path, shape, dtype)
    return NpyFile(path, shape, dtype, offset, size=os.path.getsize(path))


def _open_zarr(path: str, key: str | None) -> Store:
    zarr = extra("zarr", "store")
    opened = zarr.open(path, mode="r")
    if isinstance(opened, zarr.Group):
        members = opened.members(max_depth=None)
        arrays = {
            name: member
            for name, member in members
            if isinstance(member, zarr.Array) and member.ndim == 2
        }
        opened = arrays[_only(arrays, key, path)]
    return ZarrArray(opened)


def _open_hdf5(path: str, key: str | None) -> Store:
    h5py = _h5py()
    found: dict[str, Any] = {}

    def visit(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset) and node.ndim == 2 and node.dtype.kind in "buif":
            found[name] = node

    try:
        with h5py.File(path, "r") as file:
            file.visititems(visit)
            return Hdf5Dataset(found[_only(found, key, path)], hold=False)
    except OSError as error:
        raise ValueError(f"{path} is not an HDF5 file: {error}") from error


def _only(arrays: dict[str, Any], key: str | None, path: str) -> str:
    """Name of the array meant."""
    if key in arrays:
        return str(key)
    if key is None and len(arrays) == 1:
        return next(iter(arrays))
    held = ", ".join(f"{name} {array.shape}" for name, array in arrays.items()) or "none"
    raise ValueError(
        f"{path} holds these arrays of rows: {held}. Choose one by its name: '{path}::name', or "
        "--key name on the command line."
    )


def _h5py() -> Any:
    return extra("h5py", "store")


#: What opens files of rows that are read a run at a time, by the ending of their names.
SUFFIXES: dict[str, Callable[[str, str | None], Store]] = {
    ".npy": _open_npy,
    ".zarr": _open_zarr,
    ".h5": _open_hdf5,
    ".hdf5": _open_hdf5,
}


def _is_a(kind: str) -> Callable[[Any], bool]:
    """Whether a value is of a class of a package, which need not be installed."""
    package, _, name = kind.rpartition(".")

    def check(value: Any) -> bool:
        return any(
            cls.__name__ == name and cls.__module__.split(".")[0] == package
            for cls in type(value).__mro__
        )

    return check


def _is_mapped_file(X: Any) -> bool:
    whole = isinstance(X, np.memmap) and isinstance(X.base, mmap.mmap) and X.filename is not None
    return bool(whole and X.ndim == 2 and X.flags.c_contiguous and X.mode != "c")


def _is_source(X: Any) -> bool:
    return all(hasattr(X, name) for name in ("read", "take", "portion", "origin"))


def _is_blocks(X: Any) -> bool:
    return (
        isinstance(X, Sequence)
        and not isinstance(X, str | bytes)
        and len(X) > 0
        and all(
            isinstance(part, os.PathLike | str) or (isinstance(part, np.ndarray) and part.ndim == 2)
            for part in X
        )
    )


def _array_block(X: NDArray[Any]) -> Source:
    return ArraySource(X.astype(_precision(X.dtype), copy=False))


def _concatenate(X: Sequence[Any]) -> Source:
    return Concatenation(
        [_array_block(part) if isinstance(part, np.ndarray) else open_file(part) for part in X]
    )


#: How each kind of store is recognised, and what reads it.
STORES: tuple[tuple[Callable[[Any], bool], Callable[[Any], Source]], ...] = (
    (_is_source, lambda source: source),
    (lambda X: isinstance(X, str | os.PathLike), open_file),
    (_is_mapped_file, lambda X: NpyFile(X.filename, X.shape, X.dtype, X.offset)),
    (_is_a("zarr.Array"), ZarrArray),
    (_is_a("h5py.Dataset"), Hdf5Dataset),
    (_is_a("dask.Array"), DaskArray),
    (_is_blocks, _concatenate),
    (lambda X: callable(X) and not hasattr(X, "__array__"), BlockStream),
)


def open_store(X: Any) -> Source | None:
    """The source of rows outside memory; None for arrays and what numpy makes arrays of.

    Parameters
    ----------
    X : object
        Path of a .npy, .zarr, .h5 or .hdf5 (``"file.h5::name"`` where it holds several arrays),
        numpy.memmap, zarr or Dask array, HDF5 dataset, list of two-dimensional arrays or of paths,
        function that makes an iterable of blocks anew whenever it is called, or a source.

    Raises
    ------
    TypeError, ValueError
        If it is a path of another ending, no array of rows, or an iterator that is used up once.
    FileNotFoundError
        If the path does not exist.
    ImportError
        If the library that reads it is missing.
    """
    if inspect.isgenerator(X):
        raise TypeError(
            "a generator can be read once, but training reads the rows many times: pass the "
            "function that makes it, fit(make_blocks) instead of fit(make_blocks()), or learn from "
            "each block once with partial_fit."
        )
    return next((open_it(X) for recognises, open_it in STORES if recognises(X)), None)


def is_stored(source: Source) -> bool:
    """Whether the rows lie outside memory."""
    return not isinstance(source.origin, ArraySource)


def rows_of(estimator: BaseEstimator, X: RowData, *, reset: bool) -> Source:
    """Source of an estimator's input, in memory or not; see `check_input` and `open_store`."""
    source = open_store(X)
    if source is None:
        return ArraySource(check_input(estimator, cast(ArrayLike, X), reset=reset))
    n_features = source.shape[1]
    if reset:
        estimator.n_features_in_ = n_features
        if hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
    elif n_features != estimator.n_features_in_:
        raise ValueError(
            f"{source.name} has {n_features} columns, but {type(estimator).__name__} was fitted on "
            f"{estimator.n_features_in_}."
        )
    return source
