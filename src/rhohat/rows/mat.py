"""MATLAB's .mat files: their variables, fields of structures and cell arrays.

Those of version 7.3 are HDF5; see `rhohat.rows.mat73`.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import DataFileError
from rhohat.rows.axes import matlab_axes
from rhohat.rows.claims import DEPTH_LIMIT, Claims
from rhohat.rows.densify import check_whole, whole
from rhohat.rows.file_format import Content, FileFormat, Selection, array_content, decoding
from rhohat.rows.inventory import Chosen, Entry, choose
from rhohat.rows.mat73 import is_mat73, look_at_mat73, open_mat73, read_mat73
from rhohat.rows.mat_cells import cell_shape, stack_cells

#: Codes of elements: an array, and a compressed element.
_MATRIX, _COMPRESSED = 14, 15
#: Types of numbers by their codes.
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8"} | {
    12: "i8",
    13: "u8",
}
#: Codes of classes. Arrays of numbers are double, single, and integers.
_CELL, _STRUCT, _OBJECT, _CHAR, _SPARSE = range(1, 6)
_NUMERIC = range(6, 16)
#: What others are.
_KINDS = {_OBJECT: "an object", _CHAR: "text", 16: "a function", 17: "an object"}
#: The flag of complex numbers.
_COMPLEX = 0x0800
#: Bytes of an array that are looked at: its flags, lengths and name.
_HEAD = 4096
#: Variables that a file may have, and cells or fields in one of them.
_VARIABLES, _INNER = 10_000, 500_000
#: Types of version 4, whose names in MATLAB differ from NumPy's.
_CLASSES = {"double": "f8", "single": "f4", "logical": "u1"}


class _Matrix(NamedTuple):
    """An array of any class, as its header says.

    Attributes
    ----------
    code : int
        Of its class.
    flags, n_nonzero : int
    shape : tuple of int
    name : str
    at : int
        Where its contents begin.
    """

    code: int
    flags: int
    n_nonzero: int
    shape: tuple[int, ...]
    name: str
    at: int


class _Place(NamedTuple):
    """Where a value is: a variable, fields in it, and whether it is a cell array or sparse."""

    variable: str
    fields: tuple[str, ...] = ()
    is_cell: bool = False
    is_sparse: bool = False


def _inventory(path: Path) -> dict[str, Entry]:
    """All variables of a file and their fields, once all elements are checked.

    SciPy believes the lengths of elements, and allocates and unpacks as much.

    Raises
    ------
    DataFileError
        If an element is longer than it can be.
    """
    found: dict[str, Entry] = {}
    with path.open("rb") as stream:
        header = stream.read(128)
        order = {b"IM": "<", b"MI": ">"}.get(header[126:128])
        if order is None or 0 in header[:4] or 1 not in header[124:126]:
            return _old_inventory(path)  # version 4, which has no lengths but its shape, or junk
        size = os.fstat(stream.fileno()).st_size
        for number, (kind, begin, length) in enumerate(_elements(stream, order, size)):
            if number >= _VARIABLES:
                raise DataFileError(f"holds more than {_VARIABLES:,} variables")
            stream.seek(begin)
            head = stream.read(min(length, _HEAD))
            is_packed = kind == _COMPRESSED
            n_stored = length
            if is_packed:
                head = zlib.decompressobj().decompress(head, _HEAD)
                kind, length = struct.unpack(f"{order}II", head[:8])
                head = head[8:]
            if kind != _MATRIX:
                continue
            matrix = _header(order, head, 0)
            if not matrix.name:  # what functions remember
                continue
            if matrix.code in (_CELL, _STRUCT):
                stream.seek(begin)
                Claims((length,), np.dtype(np.uint8), n_stored).check()
                data = stream.read(n_stored)
                if is_packed:
                    data = zlib.decompressobj().decompress(data, length + 8)[8:]
                for entry in _inside(order, data, matrix, _Place(matrix.name)):
                    found[entry.name] = entry
            else:
                entry = _described(order, head, matrix, length, _Place(matrix.name))
                found[entry.name] = entry
    return found


def _old_inventory(path: Path) -> dict[str, Entry]:
    """All variables of a file of version 4."""
    from scipy.io import whosmat

    return {
        name: Entry(name, shape, np.dtype(_CLASSES.get(kind, kind)), handle=_Place(name))
        if kind in _CLASSES or kind.startswith(("int", "uint"))
        else Entry(name, shape, None, f"{kind} values", kind == "sparse")
        for name, shape, kind in whosmat(path)
    }


def _elements(stream: IO[bytes], order: str, size: int) -> Iterator[tuple[int, int, int]]:
    """Kind, begin and length of the elements of a file."""
    begin = 128
    while begin + 8 <= size:
        stream.seek(begin)
        kind, length = struct.unpack(f"{order}II", stream.read(8))
        begin += 8
        if begin + length > size:
            raise DataFileError(
                f"claims an element of {length:,} bytes, but holds only {size - begin:,} more"
            )
        yield kind, begin, length
        begin += length


def _header(order: str, data: bytes, at: int) -> _Matrix:
    """What the header of an array says."""
    _, _, begin, at = _part(order, data, at)
    flags, n_nonzero = struct.unpack(f"{order}II", data[begin : begin + 8])
    if flags & 0xFF > _NUMERIC[-1]:  # functions and objects of classes have no shape
        return _Matrix(flags & 0xFF, flags, 0, (), _name_of_object(order, data, at), at)
    _, n_bytes, begin, at = _part(order, data, at)
    shape = struct.unpack(f"{order}{n_bytes // 4}i", data[begin : begin + n_bytes // 4 * 4])
    _, n_bytes, begin, at = _part(order, data, at)
    if at > len(data):
        raise DataFileError("has a variable whose name is too long")
    name = data[begin : begin + n_bytes].decode("latin1")
    return _Matrix(flags & 0xFF, flags, n_nonzero, shape, name, at)


def _name_of_object(order: str, data: bytes, at: int) -> str:
    """Name of what has no shape, as far as it is told."""
    for _ in range(2):
        kind, n_bytes, begin, at = _part(order, data, at)
        if kind == 1 and n_bytes:
            return data[begin : begin + n_bytes].decode("latin1")
    return "(unnamed)"


def _described(order: str, data: bytes, matrix: _Matrix, length: int, place: _Place) -> Entry:
    """An array that is no cell array or structure; its data may be cut off.

    Raises
    ------
    DataFileError
        If its numbers are not as many as its shape says.
    """
    name = ".".join((place.variable, *place.fields))
    if matrix.code == _SPARSE:
        if length < matrix.n_nonzero * 5:
            raise DataFileError(f"claims {matrix.n_nonzero:,} numbers in {length:,} bytes")
        is_complex = matrix.flags & _COMPLEX
        reason = "a sparse matrix of complex numbers" if is_complex else ""
        dtype = np.dtype(np.float64)
        return Entry(name, matrix.shape, dtype, reason, handle=place._replace(is_sparse=True))
    if matrix.code not in _NUMERIC:
        what = _KINDS.get(matrix.code, "of an unknown kind")
        return Entry(name, matrix.shape, None, what, matrix.code != _CHAR)
    Claims(matrix.shape, np.dtype(np.uint8), length).check()
    kind, n_bytes, _, _ = _part(order, data, matrix.at)
    dtype = np.dtype(_NUMBERS.get(kind, "V1"))
    if n_bytes != prod(matrix.shape) * dtype.itemsize or n_bytes > length or kind not in _NUMBERS:
        raise DataFileError(
            f"claims an array {matrix.shape}, but {n_bytes:,} bytes of numbers for it"
        )
    if matrix.flags & _COMPLEX:
        return Entry(name, matrix.shape, np.dtype(complex), "values of type complex128")
    return Entry(name, matrix.shape, dtype, handle=place)


def _inside(order: str, data: bytes, matrix: _Matrix, place: _Place) -> list[Entry]:
    """A cell array, or all that is in a structure.

    Raises
    ------
    DataFileError
        If an element in it is longer than it can be.
    """
    name = ".".join((place.variable, *place.fields))
    if len(place.fields) > DEPTH_LIMIT:
        raise DataFileError(f"has structures nested more than {DEPTH_LIMIT} deep")
    at, names = matrix.at, [""]
    if matrix.code == _STRUCT:
        _, _, begin, at = _part(order, data, at)
        (width,) = struct.unpack(f"{order}i", data[begin : begin + 4])
        _, n_bytes, begin, at = _part(order, data, at)
        packed = [data[i : i + width] for i in range(begin, begin + n_bytes, max(width, 1))]
        names = [field.partition(b"\0")[0].decode("latin1") for field in packed]
    Claims(matrix.shape, np.dtype(np.uint8), 0).check()
    n_parts = prod(matrix.shape) * len(names)
    if n_parts > min(_INNER, len(data) // 8):
        raise DataFileError(f"claims {n_parts:,} cells or fields in {len(data):,} bytes")
    inner: list[Entry] = []
    for number in range(n_parts):
        kind, length, begin, at = _part(order, data, at)
        if kind != _MATRIX or begin + length > len(data):
            raise DataFileError(f"holds {name}, whose parts are longer than it")
        field = names[number % len(names)]
        inside = _Place(place.variable, (*place.fields, field))
        if not length:
            inner.append(Entry(".".join((name, field)), (0, 0), None, "empty", False))
            continue
        element = data[begin : begin + length]
        part = _header(order, element, 0)
        if part.code in (_CELL, _STRUCT):
            deeper = _inside(order, element, part, inside)
            inner += deeper if matrix.code == _STRUCT else [Entry(name, (), None, "not a matrix")]
        else:
            inner.append(_described(order, element, part, length, inside))
    if matrix.code == _CELL:
        return [_cells(name, inner, place)]
    if prod(matrix.shape) != 1:
        return [Entry(name, matrix.shape, None, f"an array of {prod(matrix.shape):,} structures")]
    return inner


def _cells(name: str, cells: list[Entry], place: _Place) -> Entry:
    """A cell array as one array, along whose last axis the cells lie."""
    what = f"a cell array of {len(cells):,} "
    if not cells or not all(cell.is_readable and not cell.handle.is_sparse for cell in cells):
        return Entry(name, (), None, f"{what}that are not all matrices of numbers")
    shapes = {cell.shape for cell in cells}
    if len(shapes) > 1:
        return Entry(name, (), None, f"{what}matrices of different sizes")
    shape = cell_shape(len(cells), shapes.pop())
    dtype = np.result_type(*{cell.dtype for cell in cells if cell.dtype is not None})
    return Entry(name, shape, dtype, handle=place._replace(is_cell=True))


def _part(order: str, data: bytes, at: int) -> tuple[int, int, int, int]:
    """Type, length, begin and end of a part of an array, which may be in a short form."""
    word, length = struct.unpack(f"{order}II", data[at : at + 8])
    if word >> 16:
        return word & 0xFFFF, word >> 16, at + 4, at + 8
    padding = 0 if word == _COMPRESSED else -length % 8
    return word, length, at + 8, at + 8 + length + padding


def _find(path: Path, selection: Selection) -> Chosen:
    """The variable that is meant, or what is in it."""
    with decoding():
        entries = _inventory(path)
    chosen = choose(entries, lambda name: entries[name], selection.key)
    entry = chosen.entry
    assert entry.dtype is not None
    if entry.handle.is_sparse:
        check_whole(entry.shape, entry.dtype)
    else:
        Claims(entry.shape, entry.dtype, path.stat().st_size).check()
    return chosen


def _look(path: Path, selection: Selection) -> Content:
    if is_mat73(path):
        return look_at_mat73(path, selection)
    entry, facts = _find(path, selection)
    assert entry.dtype is not None
    return array_content(entry.shape, entry.dtype, is_whole=True, **facts)


def _read(path: Path, selection: Selection) -> NDArray[Any]:
    if is_mat73(path):
        return read_mat73(path, selection)
    from scipy.io import loadmat

    entry, _ = _find(path, selection)
    place, dtype = entry.handle, entry.dtype
    assert dtype is not None
    value: Any = loadmat(path, variable_names=[place.variable])[place.variable]
    for field in place.fields:
        value = value[field][0, 0]
    if place.is_sparse:
        return whole(value, dtype)
    if place.is_cell:
        return stack_cells(list(value.ravel(order="F"))).astype(dtype, copy=False)
    if np.iscomplexobj(value):  # which the headers of version 4 say elsewhere
        raise DataFileError("holds values of type complex128, expected real numbers")
    array = np.asarray(value).astype(dtype, copy=False)
    return np.ascontiguousarray(array) if array.ndim == 2 else array


MAT = FileFormat((".mat",), _look, _read, open_mat73, axes=matlab_axes)
