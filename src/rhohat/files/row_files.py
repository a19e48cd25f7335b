"""Rows in files, read into memory or where they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray
from rhohat.common.errors import DataFileError
from rhohat.files.finding import DataFiles, PathLike
from rhohat.files.formats import place_of
from rhohat.rows.derived import Concatenation
from rhohat.rows.file_format import Selection, finite_floats
from rhohat.rows.named_rows import NamedRows, columns_of, with_columns
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
    names = files.columns
    parts = _of_one_width(files, found)
    rows = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return with_columns(rows, names) if len(names) == rows.shape[1] else rows


def read_beside(files: DataFiles, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Columns of the files' tables that are kept beside their rows, by their names.

    Parameters
    ----------
    files : DataFiles
        Whose rows were read.
    names : sequence of str
        As in `Selection.labels`.

    Raises
    ------
    DataFileError
        If a file, which it names, has no such column.
    """
    selection = replace(files.selection, labels=tuple(names))
    skipped = {file for file, _ in files.skipped}
    parts: list[dict[str, NDArray[Any]]] = []
    for path in files.contents:
        if str(path) not in skipped:
            try:
                place = place_of(path, selection)
                assert place.format.beside is not None  # every format has one
                parts.append(place.format.beside(place.file, place.selection))
            except DataFileError as error:
                raise DataFileError(f"{path} {error}.") from error
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


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
    if not files.selection.keeps_values:
        return False
    return all(
        files.place(path).format.open is not None and not content.is_whole
        for path, content in files.contents.items()
    )


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
            source = files.place(path).open()
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
    paths: PathLike | Iterable[PathLike],
    *,
    key: str | None = None,
    transpose: bool = False,
    axes: str | None = None,
    columns: str | Sequence[str] = (),
    drop: str | Sequence[str] = (),
    labels: str | Sequence[str] = (),
    one_hot: str | Sequence[str] = (),
    missing: str = "error",
    heading: bool | None = None,
    lazy: bool = False,
    on_error: str = "fail",
) -> FloatArray:
    """Read rows of tables and arrays, and pixels of cubes, from files of many kinds into one array.

    Arrays are read from .npy, .mat, .h5 and many other files, tables from text, Parquet and others:
    ``rhohat learn --help`` lists the endings of their names.

    Parameters
    ----------
    paths : path-like or iterable of path-like
        Files and folders. Folders are searched to any depth; hidden files are ignored.
    key : str, default=None
        Name of the array in files that hold several; ``"S.X"`` is a field of a MATLAB structure. A
        pattern such as ``"run*/X"`` takes all arrays that match, one after another.
    transpose : bool, default=False
        Whether examples are columns.
    axes : str, default=None
        One letter for each axis of an array: N rows, H height, W width, C columns or bands.
        ``"HWC"`` makes each pixel of a cube a row. None infers them from the shape.
    columns, drop, labels : str or sequence of str, default=()
        Columns to read (all if none are named), to leave out, and to use as labels: names, patterns
        such as ``"wl_*"``, numbers counted from 0, ranges such as ``"2:10"``, or types,
        ``"numbers"``, ``"text"`` or ``"dates"``. Labels are left out of X and become ``X.labels``.
    one_hot : str or sequence of str, default=()
        Columns to one-hot encode: each of their values becomes a column of 0 and 1, called
        ``name=value``.
    missing : {"error", "drop", "median"}, default="error"
        What to do about missing values: raise an error, drop the rows that have any, or fill in the
        median of the column.
    heading : bool, default=None
        Whether the first line of a text file names the columns; None infers it from the lines.
    lazy : bool, default=False
        Whether to leave the rows in their files, for ``fit`` to read block by block, with the same
        bits as from an array. Some files are read whole all the same: text files, compressed
        arrays, and those whose axes are moved, values filled in or columns one-hot encoded.
    on_error : {"fail", "skip"}, default="fail"
        What to do if a file cannot be read: raise an error, or skip the file.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features), float32 or float64
        The rows of the files, one after another. If the columns have names, these are
        ``X.columns``, and estimators that are fitted on X keep them as ``feature_names_in_``.
        ``X.labels`` holds the column of labels, of shape (n_samples,), or several, of shape
        (n_samples, n_labels). With `lazy`, X is a source, which the estimators of this package
        take; it has no labels.

    Raises
    ------
    DataFileError
        If a file cannot be read and `on_error` is "fail", or if none can be read; the message names
        the file.
    FileNotFoundError
        If a path does not exist.
    ValueError
        If `axes` are not axes of rows or images.

    Examples
    --------
    >>> from pathlib import Path
    >>> from rhohat import load_rows
    >>> text = "species,wl_400,wl_410"
    >>> lines = [text, "a,0.1,0.4", "b,0.3,0.2"]
    >>> _ = Path("spectra.csv").write_text(chr(10).join(lines))
    >>> X = load_rows("spectra.csv", labels="species")
    >>> X.shape, list(X.columns), X.labels.tolist()
    ((2, 2), ['wl_400', 'wl_410'], ['a', 'b'])
    """
    selection = Selection(key, transpose, axes, columns, drop, labels, one_hot, missing, heading)
    files = DataFiles.find(paths, selection=selection, on_error=on_error)
    if files.kind != "rows":
        raise DataFileError(
            f"{next(iter(files.contents))} holds {files.kind}. Use load_{files.kind}."
        )
    if lazy and can_be_stored(files):
        return cast(FloatArray, stored_rows(files))
    rows = read_rows(files)
    if not selection.labels:
        return rows
    beside = list(read_beside(files, selection.labels).values())
    of_rows = beside[0] if len(beside) == 1 else np.stack(beside, axis=1)
    return NamedRows(rows, columns_of(rows), of_rows)
