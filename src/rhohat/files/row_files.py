"""Rows in files, read into memory or where they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np

from rhohat.common.arrays import FloatArray
from rhohat.common.errors import DataFileError
from rhohat.files.finding import DataFiles, PathLike
from rhohat.files.formats import format_of
from rhohat.rows.derived import Concatenation
from rhohat.rows.file_format import Selection, finite_floats
from rhohat.rows.sources import Source, check_finite

#: Rows that are read at a time to find files that cannot be read.
TRIED_ROWS = 8192

T = TypeVar("T", FloatArray, Source)


def read_rows(files: DataFiles) -> FloatArray:
    """Read the rows of all files into one array."""
    found: dict[Path, FloatArray] = {}
    for path in files.contents:
        with files.reading(path):
            found[path] = finite_floats(files.read(path))
    parts = _of_one_width(files, found)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _of_one_width(files: DataFiles, found: dict[Path, T]) -> list[T]:
    """What was found in files; those of another number of columns than most cannot be used."""
    files.need_some(list(found))
    widths = [part.shape[1] for part in found.values()]
    usual, _ = Counter(widths).most_common(1)[0]
    for number, (path, width) in enumerate(zip(list(found), widths, strict=True)):
        if width != usual:
            with files.reading(path):
                del found[path]
                others = "the files before it" if usual in widths[:number] else "most others"
                raise DataFileError(f"has {width} columns, {others} {usual}")
    return list(found.values())


def can_be_stored(files: DataFiles) -> bool:
    """Whether the rows of all files can be read a run at a time."""
    return all(format_of(path).opens(content) for path, content in files.contents.items())


def stored_rows(files: DataFiles) -> Source:
    """The rows of all files where they are, to be read a run at a time.

    If files that cannot be read are to be left out, all rows are read once to find these files.

    Raises
    ------
    DataFileError
        If the files have different numbers of columns.
    """
    found: dict[Path, Source] = {}
    for path in files.contents:
        with files.reading(path):
            opener = format_of(path).open
            assert opener is not None  # see `can_be_stored`
            source = opener(path, files.selection)
            if files.on_error == "skip" and len(files.contents) > 1:
                _try(source)
            found[path] = source
    parts = _of_one_width(files, found)
    return parts[0] if len(parts) == 1 else Concatenation(parts)


def _try(source: Source) -> None:
    """Raise DataFileError if rows of a file cannot be read, or are not finite."""
    try:
        for start in range(0, source.shape[0], TRIED_ROWS):
            rows = source.read(start, min(start + TRIED_ROWS, source.shape[0]))
            check_finite(rows, source.name)
    except OSError:
        raise
    except ValueError as error:
        raise DataFileError(str(error).removeprefix(source.name).strip().rstrip(".")) from error


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
    files = DataFiles.find(paths, selection=Selection(key=key), on_error=on_error)
    if files.kind != "rows":
        raise DataFileError(
            f"{next(iter(files.contents))} holds {files.kind}. Use load_{files.kind}."
        )
    return read_rows(files)
