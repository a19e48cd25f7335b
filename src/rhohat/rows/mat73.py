"""MATLAB's files of version 7.3, which are HDF5: their axes are reversed there."""

from __future__ import annotations

import os
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import is_real
from rhohat.common.errors import DataFileError
from rhohat.common.extras import import_extra
from rhohat.rows.claims import check_search
from rhohat.rows.densify import check_whole, whole
from rhohat.rows.file_format import Content, Selection, array_content, decoding
from rhohat.rows.hdf5 import Hdf5Dataset, check_dataset, found_apart, is_sparse, opened_file
from rhohat.rows.inventory import Entry, choose
from rhohat.rows.mat_cells import cell_shape, stack_cells

#: Groups in which MATLAB keeps what others refer to.
_HIDDEN = ("#refs#", "#subsystem#")
#: Classes of arrays that are no numbers.
_KINDS = {"char": "text", "string": "text", "function_handle": "a function"}
#: Cells of one array that are read.
_CELLS = 100_000
#: How a sparse matrix, a cell array and another array are told apart.
_ARRAY, _CELL, _SPARSE = "array", "cells", "sparse"


class _Found(NamedTuple):
    """What is meant of a file.

    Attributes
    ----------
    how : {"array", "cells", "sparse"}
    name : str
        In the HDF5 file.
    shape : list of int
        As in MATLAB.
    dtype : str
    facts : dict
    """

    how: str
    name: str
    shape: list[int]
    dtype: str
    facts: dict[str, Any]


def is_mat73(path: Path) -> bool:
    """Whether a file begins as those of version 7.3 do, or is HDF5 altogether."""
    with path.open("rb") as stream:
        begin = stream.read(128)
    is_newer = begin[124:128] in (b"\x00\x02IM", b"\x02\x00MI")
    return is_newer or begin.startswith((b"MATLAB 7.3", b"\x89HDF\r\n\x1a\n"))


def find_variable(path: str, key: str | None) -> list[Any]:
    """What is meant of a file, as a `_Found`; asked in another process.

    Raises
    ------
    DataFileError
        If there is none, or it is not to be believed.
    """
    h5py = import_extra("h5py", "store")
    if not h5py.is_hdf5(path):
        raise DataFileError("begins as a MATLAB 7.3 file, but is cut off or damaged")
    with decoding(), h5py.File(path, "r") as file:
        entries: dict[str, Entry] = {}
        for name in sorted(set(file) - set(_HIDDEN)):
            _add(h5py, file, file, name, name, entries, 0)
        entry, facts = choose(entries, lambda name: entries[name], key)
        how, node = entry.handle
        assert entry.dtype is not None
        size = os.stat(path).st_size
        if how == _SPARSE:
            check_whole(entry.shape, entry.dtype)
            for part in ("data", "ir", "jc"):
                check_dataset(node[part], size)
        elif how == _CELL:
            for reference in node[...].ravel():
                check_dataset(file[reference], size)
        else:
            check_dataset(node, size)
        return list(_Found(how, node.name, [int(n) for n in entry.shape], entry.dtype.str, facts))


def _add(
    h5py: Any, file: Any, group: Any, inner: str, name: str, entries: dict[str, Entry], depth: int
) -> None:
    """Describe an object of a group and, if it is a structure, all that is in it."""
    check_search(depth, len(entries))
    link = group.get(inner, getlink=True)
    if not isinstance(link, h5py.HardLink):
        entries[name] = Entry(name, reason="a link to another file, which is not followed")
        return
    node = group[inner]
    kind = _class_of(node)
    if is_sparse(node):
        rows = int(node.attrs.get("MATLAB_sparse", 0))
        shape = rows, len(node["jc"]) - 1 if "jc" in node else 0
        real = "data" in node and is_real(node["data"].dtype)
        reason = "" if real else "a sparse matrix of other than real numbers"
        entries[name] = Entry(name, shape, np.dtype(np.float64), reason, handle=(_SPARSE, node))
    elif isinstance(node, h5py.Group):
        for field in sorted(node):
            _add(h5py, file, node, field, f"{name}.{field}", entries, depth + 1)
    elif h5py.check_ref_dtype(node.dtype) is not None:
        entries[name] = _cells(h5py, file, node, name, kind)
    elif kind in _KINDS:
        entries[name] = Entry(name, node.shape[::-1], None, _KINDS[kind], kind not in _KINDS)
    elif not is_real(node.dtype):
        what = "complex numbers" if node.dtype.names else f"values of type {node.dtype}"
        entries[name] = Entry(name, node.shape[::-1], None, what)
    elif node.attrs.get("MATLAB_empty", 0):
        entries[name] = Entry(name, (0, 0), None, "empty", False)
    else:
        entries[name] = Entry(name, node.shape[::-1], node.dtype, handle=(_ARRAY, node))


def _class_of(node: Any) -> str:
    """What MATLAB calls the class of a variable."""
    kind = node.attrs.get("MATLAB_class", b"")
    return kind.decode("latin1") if isinstance(kind, bytes) else str(kind)


def _cells(h5py: Any, file: Any, node: Any, name: str, kind: str) -> Entry:
    """A cell array, or a field of an array of structures."""
    n = prod(node.shape)
    if kind != "cell":
        return Entry(name, (), None, f"a field of an array of {n:,} structures")
    what = f"a cell array of {n:,} "
    if not 0 < n <= _CELLS or node.ndim > 2 or node.id.get_storage_size() < n:
        return Entry(name, (), None, f"{what}cells")
    cells: list[Any] = [file[ref] if ref else None for ref in node[...].ravel()]
    if not all(
        isinstance(cell, h5py.Dataset) and is_real(cell.dtype) and _class_of(cell) not in _KINDS
        for cell in cells
    ):
        return Entry(name, (), None, f"{what}that are not all matrices of numbers")
    shapes = {cell.shape[::-1] for cell in cells}
    if len(shapes) > 1:
        return Entry(name, (), None, f"{what}matrices of different sizes")
    dtype = np.result_type(*{cell.dtype for cell in cells})
    return Entry(name, cell_shape(n, shapes.pop()), dtype, handle=(_CELL, node))


def _found(path: Path, selection: Selection) -> _Found:
    return _Found(*found_apart(find_variable, path, selection.key))


def look_at_mat73(path: Path, selection: Selection) -> Content:
    """What a variable holds."""
    found = _found(path, selection)
    return array_content(
        tuple(found.shape), np.dtype(found.dtype), is_whole=found.how != _ARRAY, **found.facts
    )


def read_mat73(path: Path, selection: Selection) -> NDArray[Any]:
    """A variable, as `scipy.io.loadmat` reads it from older files."""
    found = _found(path, selection)
    dtype = np.dtype(found.dtype)
    with opened_file(path) as file, decoding():
        node = file[found.name]
        if found.how == _CELL:
            cells = [np.asarray(file[reference]).T for reference in node[...].ravel()]
            return stack_cells(cells).astype(dtype, copy=False)
        if found.how == _SPARSE:
            from scipy.sparse import csc_matrix

            rows, columns, ends = (node[part][...] for part in ("data", "ir", "jc"))
            n_rows, n_columns = found.shape
            matrix = csc_matrix((rows, columns, ends.astype(np.int64)), shape=(n_rows, n_columns))
            return whole(matrix, dtype)
        array = np.asarray(node[...]).T
        return np.ascontiguousarray(array) if array.ndim == 2 else array


def open_mat73(path: Path, selection: Selection) -> Hdf5Dataset:
    """Rows of a variable, where they lie."""
    found = _found(path, selection)
    with opened_file(path) as file:
        return Hdf5Dataset(file[found.name], hold=False, transposed=True)
