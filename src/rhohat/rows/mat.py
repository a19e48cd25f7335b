"""MATLAB's .mat files before version 7.3, in which images are stacked along the last axis."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from math import prod
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import DataFileError
from rhohat.rows.claims import Claims
from rhohat.rows.file_format import (
    Content,
    FileFormat,
    Selection,
    array_content,
    as_content,
    choose,
    decoding,
)

#: Types whose names in MATLAB differ from NumPy's.
_CLASSES = {"double": "f8", "single": "f4", "logical": "u1"}
#: Codes of elements: an array, and a compressed element.
_MATRIX, _COMPRESSED = 14, 15
#: Bytes of a number of each type, by the type's code.
_NUMBERS = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
#: Classes of arrays of numbers: double, single, and integers.
_NUMERIC = range(6, 16)
#: Classes of all that has a shape and a name; functions and objects of classes have none.
_WITH_SHAPE = range(1, 16)
#: The flag of complex numbers.
_COMPLEX = 0x0800
#: Bytes of an array that are looked at: its flags, lengths and name.
_HEAD = 4096
#: Variables that a file may have.
_VARIABLES = 10_000


def _complex_variables(path: Path) -> set[str]:
    """Names of arrays of complex numbers, once all elements of a file of version 5 are checked.

    SciPy believes the lengths of elements, and allocates and unpacks as much.

    Raises
    ------
    DataFileError
        If an element is longer than it can be.
    """
    found: set[str] = set()
    with path.open("rb") as stream:
        header = stream.read(128)
        order = {b"IM": "<", b"MI": ">"}.get(header[126:128])
        if order is None or 0 in header[:4] or 1 not in header[124:126]:
            return found  # version 4, which has no lengths but its shape, or 7.3, or junk
        size = os.fstat(stream.fileno()).st_size
        for number, (kind, begin, length) in enumerate(_elements(stream, order, size)):
            if number >= _VARIABLES:
                raise DataFileError(f"holds more than {_VARIABLES:,} variables")
            stream.seek(begin)
            head = stream.read(min(length, _HEAD))
            if kind == _COMPRESSED:
                head = zlib.decompressobj().decompress(head, _HEAD)
                kind, length = struct.unpack(f"{order}II", head[:8])
                head = head[8:]
            name = _check_matrix(order, head, length) if kind == _MATRIX else None
            if name is not None:
                found.add(name)
    return found


def _elements(stream: IO[bytes], order: str, size: int) -> Iterator[tuple[int, int, int]]:
    """Kind, begin and length of the elements of a file."""
    begin = 128
    while begin + 8 <= size:
        stream.seek(begin)
        kind, length = struct.unpack(f"{order}II", stream.read(8))
        begin += 8
        if begin + length > size:
            raise DataFileError(
                f"announces an element of {length:,} bytes, holds {size - begin:,} more"
            )
        yield kind, begin, length
        begin += length


def _check_matrix(order: str, head: bytes, length: int) -> str | None:
    """Name of an array of complex numbers, or None for others.

    Raises
    ------
    DataFileError
        If its numbers are not as many as its shape says.
    """
    _, n_bytes, begin, at = _part(order, head, 0)
    (flags,) = struct.unpack(f"{order}I", head[begin : begin + 4])
    if flags & 0xFF not in _WITH_SHAPE:
        return None
    _, n_bytes, begin, at = _part(order, head, at)
    shape = struct.unpack(f"{order}{n_bytes // 4}i", head[begin : begin + n_bytes // 4 * 4])
    _, n_bytes, begin, at = _part(order, head, at)
    name = head[begin : begin + n_bytes].decode("latin1")
    if at > len(head):
        raise DataFileError("has a variable whose name is too long")
    if flags & 0xFF not in _NUMERIC:
        return None
    Claims(shape, np.dtype(np.uint8), length).check()
    kind, n_bytes, _, _ = _part(order, head, at)
    if n_bytes != prod(shape) * _NUMBERS.get(kind, 0) or n_bytes > length:
        raise DataFileError(f"announces an array {shape}, but {n_bytes:,} bytes of numbers for it")
    return name if flags & _COMPLEX else None


def _part(order: str, head: bytes, at: int) -> tuple[int, int, int, int]:
    """Type, length, begin and end of a part of an array, which may be in a short form."""
    word, length = struct.unpack(f"{order}II", head[at : at + 8])
    if word >> 16:
        return word & 0xFFFF, word >> 16, at + 4, at + 8
    return word, length, at + 8, at + 8 + length + -length % 8


def _find(path: Path, selection: Selection) -> tuple[str, Content]:
    """Name and content of the variable that is meant."""
    from scipy.io import whosmat

    with decoding():
        try:
            complex_names = _complex_variables(path)
            variables = whosmat(path)
        except NotImplementedError:
            raise DataFileError(
                "is a MATLAB 7.3 file. Save it with save(..., '-v7'), or as .npy"
            ) from None
    arrays = {
        name: (name, shape, np.dtype(_CLASSES.get(kind, kind)))
        for name, shape, kind in variables
        if kind in _CLASSES or kind.startswith(("int", "uint"))
    }
    name, shape, dtype = choose(arrays, selection.key, itemgetter(1))
    if name in complex_names:
        raise DataFileError("holds values of type complex128, expected real numbers")
    Claims(shape, dtype, path.stat().st_size).check()
    if len(shape) in (3, 4):
        shape = (shape[-1], *shape[:-1])
    return name, array_content(shape, dtype, selection)


def _look(path: Path, selection: Selection) -> Content:
    return _find(path, selection)[1]


def _read(path: Path, selection: Selection) -> NDArray[Any]:
    from scipy.io import loadmat

    name, _ = _find(path, selection)
    with decoding():
        array = np.asarray(loadmat(path, variable_names=[name])[name])
    if array.ndim > 2:
        array = np.moveaxis(array, -1, 0)
    return np.ascontiguousarray(as_content(array))


MAT = FileFormat((".mat",), _look, _read)
