"""Rows in files, read into memory or where they are."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rhohat.common.arrays import FloatArray
from rhohat.common.errors import DataFileError
from rhohat.files.finding import DataFiles, PathLike
from rhohat.files.formats import format_of
from rhohat.rows.derived import Concatenation
from rhohat.rows.file_format import finite_floats
from rhohat.rows.opening import open_file
from rhohat.rows.sources import Source


def read_rows(files: DataFiles) -> FloatArray:
    """Read the rows of all files into one array."""
    parts: list[FloatArray] = []
    for path in files.contents:
        with files.reading(path):
            part = finite_floats(files.read(path))
            if parts and part.shape[1] != parts[0].shape[1]:
                raise DataFileError(
                    f"has {part.shape[1]} columns, the files before it {parts[0].shape[1]}"
                )
            parts.append(part)
    files.need_some(parts)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def can_be_stored(files: DataFiles) -> bool:
    """Whether the rows of all files can be read a run at a time."""
    return all(format_of(path).open is not None for path in files.contents)


def stored_rows(files: DataFiles) -> Source:
    """The rows of all files where they are, to be read a run at a time.

    Raises
    ------
    DataFileError
        If the files have different numbers of columns.
    """
    widths = {content.shape[1]: path for path, content in files.contents.items()}
    if len(widths) > 1:
        (first, one), (second, other) = list(widths.items())[:2]
        raise DataFileError(f"{other} has {second} columns, {one} has {first}.")
    parts = [open_file(path, files.key) for path in files.contents]
    return parts[0] if len(parts) == 1 else Concatenation(parts)


def load_rows(
    paths: PathLike | Iterable[PathLike], *, key: str | None = None, on_error: str = "fail"
) -> FloatArray:
    """Read two-dimensional arrays from .npy, .npz, .mat, .h5 and .zarr files into one.

    If memory is too small for that, give ``fit`` the path instead.

    Parameters
    ----------
    paths : path-like or iterable of path-like
        Files and folders. Folders are searched to any depth, without hidden files.
    key : str, default=None
        Name of the array in files that hold several.
    on_error : {"fail", "skip"}, default="fail"
        What to do if a file cannot be read: raise, or leave it out.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features), float32 or float64
        The rows of the files, one after another.

    Raises
    ------
    DataFileError
        If a file, which it names, cannot be read and `on_error` is "fail", or if none can.
    FileNotFoundError
        If a path does not exist.
    """
    files = DataFiles.find(paths, key=key, on_error=on_error)
    if files.kind != "rows":
        raise DataFileError(
            f"{next(iter(files.contents))} holds {files.kind}. Use load_{files.kind}."
        )
    return read_rows(files)
