"""IDX files, as MNIST's: a short header, then numbers, most significant byte first."""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import DataFileError
from rhohat.rows.claims import Claims
from rhohat.rows.file_format import (
    ANY,
    Content,
    FileFormat,
    Selection,
    array_content,
    decoding,
)
from rhohat.rows.npy import FlatFile
from rhohat.rows.sources import Source

#: Types of numbers by their codes, and what names of files call them.
_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_NAMES = ("ubyte", "byte", "short", "int", "float", "double")
#: Axes that data may have: fewer are labels.
_AXES = (2, 3, 4)
_GZIP = b"\x1f\x8b"


class _Header(NamedTuple):
    """Shape and type of the numbers, and where they begin."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    is_packed: bool


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], _Header]]:
    """The file, unpacked if it is packed, behind its header."""
    with path.open("rb") as stream:
        is_packed = stream.read(2) == _GZIP
    opener: Any = gzip.open if is_packed else open
    with opener(path, "rb") as stream:
        yield stream, _read_header(stream, os.stat(path).st_size, is_packed)


def _read_header(stream: IO[bytes], size: int, is_packed: bool) -> _Header:
    begin = stream.read(4)
    if len(begin) < 4 or begin[:2] != b"\0\0" or begin[2] not in _TYPES:
        raise DataFileError("does not begin as IDX files do")
    n_axes = begin[3]
    lengths = stream.read(4 * n_axes)
    if len(lengths) < 4 * n_axes:
        raise DataFileError("ends within its header")
    shape, dtype = struct.unpack(f">{n_axes}I", lengths), np.dtype(_TYPES[begin[2]])
    Claims(shape, dtype, size).check()
    offset, announced = 4 + 4 * n_axes, prod(shape) * dtype.itemsize
    if not is_packed and size - offset != announced:
        raise DataFileError(
            f"claims {announced:,} bytes of array {shape}, but holds {size - offset:,}"
        )
    return _Header(shape, dtype, offset, is_packed)


def _look(path: Path, selection: Selection) -> Content:
    with _opened(path) as (_, header):
        return array_content(
            header.shape, header.dtype.newbyteorder("="), is_whole=header.is_packed
        )


def _read(path: Path, selection: Selection) -> NDArray[Any]:
    with _opened(path) as (stream, (shape, dtype, _, _)):
        announced = prod(shape) * dtype.itemsize
        data = stream.read(announced + 1)  # to the end, where gzip compares the checksum
    if len(data) != announced:
        found = f"{len(data):,}" if len(data) < announced else "more"
        raise DataFileError(f"claims {announced:,} bytes of array {shape}, but holds {found}")
    array = np.frombuffer(data, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="))


def read_idx(path: Path) -> NDArray[Any]:
    """The array of a file, whatever its axes: labels, which have one, too.

    Raises
    ------
    DataFileError
        If the file is damaged, or not to be believed.
    """
    with decoding():
        return _read(path, ANY)


def _open(path: Path, selection: Selection) -> Source:
    with _opened(path) as (_, (shape, dtype, offset, _)):
        return FlatFile(path, shape, dtype, offset, path.stat().st_size)


_ENDINGS = [".idx", *(f"idx{axes}-{name}" for axes in _AXES for name in _NAMES)]

IDX = FileFormat((*_ENDINGS, *(f"{end}.gz" for end in _ENDINGS)), _look, _read, _open)
