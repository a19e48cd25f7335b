"""What may be given instead of an array: how each is recognized, and what reads it."""

from __future__ import annotations

import inspect
import mmap
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from rhohat.common.arrays import float_dtype
from rhohat.common.errors import DataFileError
from rhohat.common.libraries import from_device, is_elsewhere
from rhohat.rows.dask_arrays import DaskArray
from rhohat.rows.derived import Concatenation
from rhohat.rows.file_format import Selection
from rhohat.rows.formats import endings, format_named, format_of
from rhohat.rows.hdf5 import Hdf5Dataset
from rhohat.rows.npy import FlatFile
from rhohat.rows.sources import ArraySource, Source
from rhohat.rows.sparse_rows import SparseRows
from rhohat.rows.streams import BlockStream
from rhohat.rows.zarr import ZarrArray


def open_file(path: str | os.PathLike[str], key: str | None = None) -> Source:
    """The rows of a file or folder, in the format that its suffix says.

    Parameters
    ----------
    path : path-like
        Of the form ``"file.h5::name"`` to choose one of several arrays, or ``"file.h5::run*"`` for
        the rows of all whose names fit.
    key : str, default=None
        Name of the array, if the path has none.

    Returns
    -------
    source : Source

    Raises
    ------
    ValueError
        If the format cannot read a run of rows at a time, or is not known.
    FileNotFoundError
        If the path does not exist.
    DataFileError
        If the file does not hold rows, or is damaged; names it.
    ImportError
        If the library that reads it is missing.
    """
    text = os.fspath(path)
    plain, _, inner = text.partition("::")
    file, selection = Path(plain), Selection(key=key or inner or None)
    row = format_named(file)
    if row is None or row.open is None:
        raise ValueError(
            f"{text} must end in one of {', '.join(endings(opened=True))}. Read other files with "
            "rhohat.load_rows or rhohat.load_images."
        )
    if not file.exists():
        raise FileNotFoundError(f"No such file or folder: {plain}")
    try:
        content = format_of(file).look(file, selection)  # says what is wrong with it
        if content.matches:
            return Concatenation([open_file(plain, name) for name in content.matches])
        return row.open(file, selection)
    except DataFileError as error:
        raise DataFileError(f"{plain} {error}.") from error


def _is_a(package: str, name: str) -> Callable[[Any], bool]:
    """Whether a value is of a class of a package, which need not be installed."""
    return lambda value: any(
        cls.__name__ == name and cls.__module__.split(".")[0] == package
        for cls in type(value).__mro__
    )


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
        and all(isinstance(part, os.PathLike | str) or _is_block(part) for part in X)
    )


def _is_block(part: Any) -> bool:
    return (isinstance(part, np.ndarray) or is_elsewhere(part)) and part.ndim == 2


def _concatenate(X: Sequence[Any]) -> Source:
    parts = [from_device(part) for part in X]
    return Concatenation(
        [
            ArraySource(part.astype(float_dtype(part.dtype), copy=False))
            if isinstance(part, np.ndarray)
            else open_file(part)
            for part in parts
        ]
    )


#: How each kind of store is recognized, and what reads it.
STORES: tuple[tuple[Callable[[Any], bool], Callable[[Any], Source]], ...] = (
    (_is_source, lambda source: source),
    (lambda X: isinstance(X, str | os.PathLike), open_file),
    (_is_mapped_file, lambda X: FlatFile(X.filename, X.shape, X.dtype, X.offset)),
    (_is_a("zarr", "Array"), ZarrArray),
    (_is_a("h5py", "Dataset"), Hdf5Dataset),
    (_is_a("dask", "Array"), DaskArray),
    (scipy.sparse.issparse, SparseRows),
    (_is_blocks, _concatenate),
    (lambda X: callable(X) and not hasattr(X, "__array__"), BlockStream),
)


def open_store(X: Any) -> Source | None:
    """Rows that are no array as a source; None for arrays and what NumPy converts to arrays.

    Parameters
    ----------
    X : object
        Path of a file whose format can read a run of rows at a time, such as .npy, .zarr or .h5
        (``"file.h5::name"`` if it holds several arrays), numpy.memmap, zarr or Dask array, HDF5
        dataset, sparse matrix or array of SciPy, list of two-dimensional arrays or of paths,
        function that makes the same iterable of blocks whenever it is called, or a source.

    Returns
    -------
    source : Source or None

    Raises
    ------
    TypeError
        If it is a generator, which can be read only once.
    ValueError
        If it is a path of another format, or does not hold rows.
    FileNotFoundError
        If the path does not exist.
    ImportError
        If the library that reads it is missing.
    """
    if inspect.isgenerator(X):
        raise TypeError(
            "a generator can be read only once, but training reads the rows many times: pass the "
            "function that creates it, fit(make_blocks) instead of fit(make_blocks()), or learn "
            "from each block once with partial_fit."
        )
    return next((open_it(X) for recognizes, open_it in STORES if recognizes(X)), None)
