"""AnnData's files: a matrix X of cells by genes, and others beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import is_real
from rhohat.common.errors import DataFileError
from rhohat.common.extras import import_extra
from rhohat.rows.claims import Claims
from rhohat.rows.densify import check_whole, whole
from rhohat.rows.file_format import Content, FileFormat, Selection, array_content, decoding
from rhohat.rows.hdf5 import (
    Hdf5Dataset,
    check_dataset,
    choose_dataset,
    found_apart,
    is_sparse,
    named,
    opened_file,
)
from rhohat.rows.sources import Source

#: The matrix that is meant where nothing is said.
_USUAL = "X"


def find_matrix(path: str, key: str | None) -> list[Any]:
    """Name, shape and type of the matrix that is meant, and facts; asked in another process.

    Raises
    ------
    DataFileError
        If there is none, or it is not to be believed.
    """
    h5py = import_extra("h5py", "store")
    with decoding(), h5py.File(path, "r") as file:
        size = os.stat(path).st_size
        node = named(h5py, file, key or _USUAL)
        facts: dict[str, Any] = {"array": key or _USUAL}
        if not isinstance(node, h5py.Dataset) and not (node is not None and is_sparse(node)):
            entry, facts = choose_dataset(h5py, file, key)
            node = entry.handle
        if is_sparse(node):
            for part in ("data", "indices", "indptr"):
                check_dataset(node[part], size)
            shape, dtype = _sparse_shape(node), node["data"].dtype
            if not is_real(dtype):
                raise DataFileError(f"holds values of type {dtype}, expected real numbers")
            check_whole(shape, dtype)
        else:
            check_dataset(node, size)
            shape, dtype = node.shape, node.dtype
        name = str(node.name)
        if name in ("/X", f"/layers/{name.split('/')[-1]}"):
            facts["columns"] = _names(h5py, file, size, shape[-1])
        return [name, [int(n) for n in shape], dtype.str, facts]


def _sparse_shape(node: Any) -> tuple[int, ...]:
    shape = node.attrs.get("shape", node.attrs.get("h5sparse_shape"))
    if shape is None or len(shape) != 2:
        raise DataFileError("holds a sparse matrix without a shape")
    return tuple(int(n) for n in shape)


def _names(h5py: Any, file: Any, size: int, n: int) -> list[str]:
    """Names of the variables, if there are as many as columns."""
    group = named(h5py, file, "var")
    if not isinstance(group, h5py.Group):
        return []
    index = group.attrs.get("_index", "_index")
    index = index.decode() if isinstance(index, bytes) else str(index)
    dataset = named(h5py, file, f"var/{index}")
    if not isinstance(dataset, h5py.Dataset) or dataset.shape != (n,):
        return []
    Claims(dataset.shape, np.dtype(np.uint8), size).check()
    return [
        value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        for value in dataset[...].tolist()
    ]


@contextmanager
def _opened(path: Path, selection: Selection) -> Iterator[tuple[Any, Content]]:
    """The matrix that is meant, and what it holds."""
    name, shape, dtype, facts = found_apart(find_matrix, path, selection.key)
    facts = {**facts, "columns": tuple(facts.get("columns", ()))}
    with opened_file(path) as file, decoding():
        node = file[name]
        content = array_content(
            tuple(shape), np.dtype(dtype), is_whole=not hasattr(node, "dtype"), **facts
        )
        yield node, content


def _look(path: Path, selection: Selection) -> Content:
    with _opened(path, selection) as (_, content):
        return content


def _read(path: Path, selection: Selection) -> NDArray[Any]:
    with _opened(path, selection) as (node, content):
        if not content.is_whole:
            return np.asarray(node[...])
        from scipy import sparse

        kind = node.attrs.get("encoding-type", node.attrs.get("h5sparse_format", "csr"))
        make: Any = sparse.csc_matrix if "csc" in str(kind) else sparse.csr_matrix
        parts = (node["data"][...], node["indices"][...], node["indptr"][...])
        return whole(make(parts, shape=content.shape), content.dtype)


def _open(path: Path, selection: Selection) -> Source:
    with _opened(path, selection) as (node, _):
        return Hdf5Dataset(node, hold=False)


H5AD = FileFormat((".h5ad",), _look, _read, _open, group="genes")
