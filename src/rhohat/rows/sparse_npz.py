"""Sparse matrices in .npz files, as `scipy.sparse.save_npz` writes them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from rhohat.common.arrays import is_real
from rhohat.common.errors import DataFileError
from rhohat.rows.claims import Claims
from rhohat.rows.densify import check_sound
from rhohat.rows.partition import CHUNK_ROWS
from rhohat.rows.sparse_rows import SparseRows

#: ``opened(path, name)`` is a context with shape and type of an array in an archive, by its header,
#: and a function that reads it.
Opened: TypeAlias = Callable[
    [Path, str], AbstractContextManager[tuple[tuple[int, ...], np.dtype[Any], Callable[[], Any]]]
]
#: Arrays that every sparse matrix has.
MEMBERS = frozenset(["format", "shape", "data"])
#: The other arrays of a matrix, by its format.
INDICES = {"csr": ("indices", "indptr"), "csc": ("indices", "indptr"), "coo": ("row", "col")}


def look_at_sparse(path: Path, opened: Opened) -> tuple[tuple[int, int], np.dtype[Any]]:
    """Shape and type of the matrix in a file, once its claims are believed.

    Raises
    ------
    DataFileError
        If it is of another format, or its arrays do not fit together.
    """
    format_, (n_rows, n_columns) = _layout(path, opened)
    lengths = {}
    for name in ("data", *INDICES[format_]):
        with opened(path, name) as (shape, dtype, _):
            kind = "real numbers" if name == "data" else "whole numbers"
            if len(shape) != 1 or not (is_real(dtype) if name == "data" else dtype.kind in "iu"):
                raise DataFileError(
                    f"holds a sparse matrix whose {name!r} is an array {shape} of {dtype}, "
                    f"expected one axis of {kind}"
                )
            lengths[name] = shape[0]
            if name == "data":
                values = dtype
    expected = dict.fromkeys(lengths, lengths["data"])
    if "indptr" in lengths:
        expected["indptr"] = (n_rows if format_ == "csr" else n_columns) + 1
    if lengths != expected:
        raise DataFileError(
            f"holds a sparse matrix ({n_rows}, {n_columns}) whose arrays have lengths {lengths}, "
            f"expected {expected}"
        )
    block = (min(n_rows, CHUNK_ROWS), n_columns)  # of which each is made dense
    Claims(block, values, path.stat().st_size).check()
    return (n_rows, n_columns), values


def _layout(path: Path, opened: Opened) -> tuple[str, tuple[int, int]]:
    """The format of the matrix, and its shape."""
    told = []
    for name, most in (("format", ((), "SU")), ("shape", ((2,), "iu"))):
        with opened(path, name) as (shape, dtype, read):
            if shape != most[0] or dtype.kind not in most[1] or dtype.itemsize > 64:
                raise DataFileError(f"holds a sparse matrix whose {name!r} is of {shape} {dtype}")
            told.append(read())
    format_, shape = told
    name = format_.item()
    name = name.decode("ascii", "replace") if isinstance(name, bytes) else name
    if name not in INDICES:
        raise DataFileError(
            f"holds a sparse matrix of format {name!r:.20}, expected {', '.join(INDICES)}. Convert "
            "it: scipy.sparse.save_npz('rows.npz', matrix.tocsr())"
        )
    n_rows, n_columns = (int(size) for size in shape)
    if min(n_rows, n_columns) < 1:
        raise DataFileError(f"holds a sparse matrix of shape ({n_rows}, {n_columns})")
    return name, (n_rows, n_columns)


def read_sparse(path: Path, opened: Opened) -> SparseRows:
    """The rows of the matrix in a file.

    Raises
    ------
    DataFileError
        If it is not sound.
    """
    from scipy.sparse import coo_array, csc_array, csr_array

    shape, _ = look_at_sparse(path, opened)
    format_, _ = _layout(path, opened)
    parts = []
    for name in ("data", *INDICES[format_]):
        with opened(path, name) as (_, _, read):
            parts.append(read())
    data, *indices = parts
    try:
        if format_ == "coo":
            matrix: Any = coo_array((data, tuple(indices)), shape=shape)
        else:
            make = csr_array if format_ == "csr" else csc_array
            matrix = make((data, *indices), shape=shape)
    except ValueError as error:
        raise DataFileError(f"holds a damaged sparse matrix: {error}") from error
    if format_ != "coo":
        check_sound(matrix)
    if data.dtype.kind == "f" and not np.isfinite(data).all():
        raise DataFileError("holds a sparse matrix with NaN or infinity")
    rows = SparseRows(matrix)
    rows.name = str(path)
    return rows
