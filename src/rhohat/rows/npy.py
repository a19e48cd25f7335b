"""NumPy's files: .npy, an array after a header, and .npz, several of these in a zip archive.

A .npz may also hold a sparse matrix. Rows of a .npy are read from the file when they are needed.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import is_real
from rhohat.common.errors import DataChangedError, DataFileError
from rhohat.rows.claims import Claims, check_search
from rhohat.rows.file_format import (
    Content,
    FileFormat,
    Selection,
    array_content,
    decoding,
    told,
)
from rhohat.rows.inventory import Chosen, Entry, choose
from rhohat.rows.sources import Rows, Source
from rhohat.rows.sparse_npz import MEMBERS, look_at_sparse, read_sparse
from rhohat.rows.stores import Store

#: Bytes that the system is asked to read ahead.
READ_AHEAD = 8 << 20


class FlatFile(Store):
    """Rows one after the other in a file, behind a header or none, as in most .npy files.

    The file is opened and read for every run of rows, and not mapped: if it was shortened, that is
    an error then, where a mapped file would end the process.

    Parameters
    ----------
    path : path-like
    shape : tuple of int
    dtype : dtype
    offset : int
        Of the first row, in bytes.
    size : int, default=None
        Of the whole file, in bytes; None if more may follow the rows.
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
        """Rows start to stop; meanwhile the system is told to read ahead."""
        rows = np.empty((stop - start, self.shape[1]), self.stored_dtype)
        with self._opened() as stream:
            self._fill(stream, start, rows)
            if self.size is not None and os.fstat(stream.fileno()).st_size > self.size:
                raise DataChangedError(f"{self.name} has grown since it was opened.")
            if hasattr(os, "posix_fadvise"):
                flag = os.POSIX_FADV_WILLNEED
                os.posix_fadvise(stream.fileno(), stream.tell(), READ_AHEAD, flag)
        return rows

    def take(self, indices: NDArray[np.intp]) -> Rows:
        """The rows with these numbers, each read on its own."""
        rows = np.empty((len(indices), self.shape[1]), self.stored_dtype)
        with self._opened() as stream:
            for number, index in enumerate(indices.tolist()):
                self._fill(stream, index, rows[number : number + 1])
        return Rows(rows.astype(self.dtype, copy=False))

    def _opened(self) -> Any:
        try:
            return open(self.path, "rb", buffering=0)
        except FileNotFoundError as error:
            raise DataChangedError(f"{self.name} has disappeared since it was opened.") from error

    def _fill(self, stream: Any, start: int, rows: NDArray[Any]) -> None:
        """Fill `rows` with those from number `start` on."""
        stream.seek(self.offset + start * self.shape[1] * self.stored_dtype.itemsize)
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
    """Rows of a .npy file in which columns follow one another.

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
            return np.asarray(np.load(self.path, mmap_mode="r")[start:stop])
        except (OSError, ValueError) as error:
            raise DataChangedError(f"{self.name} can no longer be read: {error}") from error


#: Versions of the format.
_VERSIONS = ((1, 0), (2, 0), (3, 0))


def _read_header(stream: IO[bytes], size: int) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether it is column-major, and dtype of the array in a .npy of `size` bytes.

    Array and header must account for every byte. The stream is left where the array begins.
    """
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            header = np.lib.format.read_array_header_1_0(stream)
        else:
            header = np.lib.format.read_array_header_2_0(stream)
    except (OSError, zipfile.BadZipFile, zlib.error):
        raise
    except Exception as error:  # Python's own parser has many kinds of them
        raise DataFileError("is not an array in NumPy's format, or its header is broken") from error
    if version not in _VERSIONS:
        raise DataFileError(f"is in version {version} of NumPy's format, which is not supported")
    shape, _, dtype = header
    if dtype.hasobject:
        raise DataFileError("holds Python objects, which are never loaded; expected numbers")
    found = size - stream.tell()
    Claims(shape, dtype, found).check()
    announced = prod(shape) * dtype.itemsize
    if announced != found:
        raise DataFileError(f"claims {announced:,} bytes of array {shape}, but holds {found:,}")
    return header


def _read_array(stream: IO[bytes]) -> NDArray[Any]:
    """Read a .npy, header and all."""
    try:
        array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
    except (ValueError, TypeError) as error:
        raise DataFileError(f"is not a valid array: {told(error)}") from error
    return array


def _look(path: Path, selection: Selection) -> Content:
    with path.open("rb") as stream:
        shape, _, dtype = _read_header(stream, os.fstat(stream.fileno()).st_size)
    return array_content(shape, dtype)


def _read(path: Path, selection: Selection) -> NDArray[Any]:
    return _read_npy(path)


def _read_npy(path: Path) -> NDArray[Any]:
    with path.open("rb") as stream:
        _read_header(stream, os.fstat(stream.fileno()).st_size)
        stream.seek(0)
        return _read_array(stream)


def _open(path: Path, selection: Selection) -> Store:
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        shape, is_column_major, dtype = _read_header(stream, size)
        offset = stream.tell()
    if is_column_major and len(shape) == 2:
        return ColumnMajorFile(path, shape, dtype)
    return FlatFile(path, shape, dtype, offset, size)


@contextmanager
def _archive(path: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]]:
    """An archive and its arrays, by their names; whatever is wrong with it is a DataFileError."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {m.filename[:-4]: m for m in archive.infolist() if m.filename[-4:] == ".npy"}
            check_search(0, len(members))
            yield archive, members
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, struct.error) as error:
        raise DataFileError(f"is not a valid .npz archive: {told(error)}") from error


class _Member(NamedTuple):
    """An array in an archive, once its claims are believed: by its header, and as a stream."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    stream: IO[bytes]

    def read(self) -> NDArray[Any]:
        array = _read_array(self.stream)
        self.stream.read()  # to its end, where zipfile compares the checksum
        return array


@contextmanager
def _member(path: Path, name: str) -> Iterator[_Member]:
    """The array of this name, of any type."""
    with _archive(path) as (archive, members):
        member = members[name]
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataFileError("is compressed in a way that np.savez_compressed never uses")
        stored = min(member.compress_size, path.stat().st_size)
        with archive.open(member) as stream:
            shape, _, dtype = _read_header(stream, member.file_size)
        Claims(shape, dtype, stored).check()
        with archive.open(member) as stream:
            yield _Member(shape, dtype, stream)


def _chosen(path: Path, key: str | None) -> Chosen:
    """The array of rows or images that is meant."""
    with _archive(path) as (archive, members):

        def describe(name: str) -> Entry:
            with archive.open(members[name]) as stream:
                shape, _, dtype = _read_header(stream, members[name].file_size)
            text = "" if is_real(dtype) else f"values of type {dtype}"
            return Entry(name, shape, dtype, text, may_be_data=dtype.kind not in "SU")

        return choose(members, describe, key)


def _look_at_npz(path: Path, selection: Selection) -> Content:
    if _is_sparse(path, selection):
        size, values = look_at_sparse(path, _opened_member)
        return Content("rows", size, values, is_sparse=True)
    entry, facts = _chosen(path, selection.key)
    with _member(path, entry.name) as member:
        return array_content(member.shape, member.dtype, is_whole=True, **facts)


def _is_sparse(path: Path, selection: Selection) -> bool:
    """Whether an archive is what `scipy.sparse.save_npz` writes, and no array of it is chosen."""
    if selection.key is not None:
        return False
    with _archive(path) as (_, members):
        return members.keys() >= MEMBERS


@contextmanager
def _opened_member(path: Path, name: str) -> Iterator[tuple[tuple[int, ...], np.dtype[Any], Any]]:
    """Shape and type of one array of a sparse matrix, and a function that reads it."""
    with _member(path, name) as member:
        yield member.shape, member.dtype, member.read


def _open_npz(path: Path, selection: Selection) -> Source:
    return read_sparse(path, _opened_member)  # others are read whole


def _read_npz(path: Path, selection: Selection) -> NDArray[Any]:
    if _is_sparse(path, selection):
        return read_sparse(path, _opened_member).whole(path.stat().st_size)
    return _read_member(path, _chosen(path, selection.key).entry.name)


def _read_member(path: Path, name: str) -> NDArray[Any]:
    with _member(path, name) as member:
        return member.read()


def read_any_array(path: Path, key: str | None = None) -> NDArray[Any]:
    """An array of any shape and type but objects, such as labels, from a .npy or .npz.

    Raises
    ------
    DataFileError
        If it is damaged, or not to be believed.
    """
    with decoding():
        if path.suffix.lower() == ".npy":
            return _read_npy(path)
        names = array_names(path)
        if key not in names:
            key = names[0] if key is None and len(names) == 1 else _chosen(path, key).entry.name
        return _read_member(path, key)


def array_names(path: Path) -> list[str]:
    """Names of the arrays in a .npz."""
    with decoding(), _archive(path) as (_, members):
        return list(members)


NPY = FileFormat((".npy",), _look, _read, _open)
NPZ = FileFormat((".npz",), _look_at_npz, _read_npz, _open_npz)
