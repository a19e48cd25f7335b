"""Labels of examples: in a column, in a file beside the data, or by where the examples lie."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import DataFileError
from rhohat.common.printable import first_of, listed
from rhohat.files.finding import DataFiles
from rhohat.files.row_files import read_beside
from rhohat.rows.columns import ANSWERS, Column, find_columns
from rhohat.rows.file_format import Selection, decoding
from rhohat.rows.formats import file_of, format_named
from rhohat.rows.inventory import LISTED
from rhohat.rows.npy import array_names, read_any_array
from rhohat.rows.table import is_missing
from rhohat.rows.text_tables import open_text, read_text

#: Words that stand for where examples lie.
PLACES = {"folders": "the folder that each file lies in", "files": "the file of each example"}
#: Endings of files of tables that are not text.
_TABLES = (".parquet", ".pq", ".feather", ".arrow")


def names_column(labels: str, inputs: Sequence[Path]) -> bool:
    """Whether labels are a column of the data, rather than a place, a file or an array.

    Parameters
    ----------
    labels : str
        As in `read_labels`.
    inputs : sequence of Path
        Files of the data.
    """
    if labels in PLACES or "::" in labels or Path(labels).is_file():
        return False
    return bool(inputs) and (not _is_archive(inputs) or re.fullmatch(r"\d+", labels) is not None)


def _is_archive(inputs: Sequence[Path]) -> bool:
    return len(inputs) == 1 and inputs[0].suffix.lower() == ".npz"


def labels_in_column(files: DataFiles, name: str, option: str = "--labels") -> NDArray[Any]:
    """Labels of rows, in a column of the files that these come from.

    Raises
    ------
    DataFileError
        If it is not one column.
    """
    found = read_beside(files, [name])
    if len(found) != 1:
        raise DataFileError(f"{option} {name} names {len(found)} columns, expected one.")
    return _as_labels(next(iter(found.values())))


def read_labels(
    labels: str,
    inputs: Sequence[Path],
    names: Sequence[str],
    n_examples: int | None = None,
    option: str = "--labels",
) -> NDArray[Any]:
    """Read labels from a file, another array of the data's file, or the names of folders.

    Parameters
    ----------
    labels : str
        A .npy file; a text with one label per line or a table (``"FILE::COLUMN"`` if it has
        several columns), with or without a heading; the name of an array in the .npz file that is
        the only input; "folders" or "files".
    inputs : sequence of Path
        Files of the data.
    names : sequence of str
        Files of the examples; empty if they have none.
    n_examples : int, default=None
        How many labels there should be; tells whether a text has a heading.
    option : str, default="--labels"
        What errors call it.

    Returns
    -------
    y : ndarray
        Numbers or texts; None or NaN where a label is missing.

    Raises
    ------
    ValueError
        If there are no such labels, or they cannot be read.
    """
    if labels in PLACES:
        if not names:
            raise ValueError(
                f"{option} {labels} needs examples that come from files, but these do not."
            )
        is_folder = labels == "folders"
        return np.array([file_of(Path(n)).parent.name if is_folder else n for n in names])
    text, _, column = labels.partition("::")
    path = Path(text)
    if path.is_file():
        if path.suffix.lower() in (".npy", ".npz"):
            is_archive = path.suffix.lower() == ".npz"
            called = f"{option} {labels}: expected an array of labels, but it"
            return _in_array(path, column or None if is_archive else None, called)
        try:
            return _in_table(path, column, n_examples)
        except (DataFileError, OSError) as error:
            raise ValueError(f"{option} {labels}: {path} {error}.") from error
    if _is_archive(inputs):
        return _in_array(inputs[0], labels, str(inputs[0]))
    raise ValueError(f"{option} {labels}: expected a file or a column of the data, found neither.")


def has_label(y: NDArray[Any]) -> NDArray[np.bool_]:
    """Where labels are not missing."""
    return ~is_missing(y)


def _in_array(path: Path, key: str | None, called: str) -> NDArray[Any]:
    """Labels in an array of NumPy's, of any type but objects."""
    try:
        names = array_names(path) if key is not None else []
        if key is not None and key not in names:
            raise DataFileError(f"holds no array {key!r}, only {first_of(names, LISTED)}")
        held = read_any_array(path, key)
    except (DataFileError, OSError) as error:
        raise ValueError(f"{called} {error}.") from error
    return held.squeeze() if held.ndim > 1 else held


def _in_table(path: Path, column: str, n_examples: int | None) -> NDArray[Any]:
    """Labels in a file of text, a line or a cell each, or in another table."""
    row = format_named(path)
    if path.name.lower().endswith(_TABLES) and row is not None and row.beside is not None:
        if not column:
            raise DataFileError("has columns: name the one with the labels, FILE::COLUMN")
        selection = Selection(labels=column, columns=":")
        return _as_labels(next(iter(row.beside(path, selection).values())))
    with decoding():
        text, _ = read_text(path)
        lines = [line.strip() for line in text.rstrip().split("\n")]
        table: Any = open_text(path, Selection()) if _has_cells(lines) else None
        if table is not None and n_examples == table.n_rows + 1:
            table = open_text(path, Selection(heading=False))
        if table is not None and n_examples == table.n_rows - 1:
            table = open_text(path, Selection(heading=True))
    if table is not None and len(table.columns) > 1:
        return _as_labels(table.values(_column_of_labels(table, column)))
    if "" in lines:
        raise DataFileError(f"is empty in line {lines.index('') + 1}: expected a label")
    has_heading = lines[0] == column or (n_examples is not None and len(lines) == n_examples + 1)
    if column and lines[0] != column:
        raise DataFileError(f"has no column {column!r:.80}, but one that begins with {lines[0]!r}")
    return np.array(lines[1:] if has_heading else lines)


def _has_cells(lines: Sequence[str]) -> bool:
    """Whether lines are likely to have several cells, not a label each."""
    return any(mark in lines[0] for mark in ",;\t")


def _column_of_labels(table: Any, column: str) -> int:
    """Number of the column that holds the labels, of several."""
    columns: list[Column] = table.columns
    if column:
        found = find_columns([column], columns, "labels")
        if len(found) == 1:
            return found[0]
        raise DataFileError(f"has {len(found)} columns {column!r}, expected one")
    answers = [n for n, c in enumerate(columns) if ANSWERS.fullmatch(c.name)]
    others = [n for n in range(len(columns)) if not _counts(table, n)]
    for found in (answers, others):
        if len(found) == 1:
            return found[0]
    names = listed([c.name or str(n) for n, c in enumerate(columns)])
    raise DataFileError(f"has several columns, {names}: name the one with the labels, FILE::COLUMN")


def _counts(table: Any, number: int) -> bool:
    """Whether a column only numbers the rows."""
    if table.columns[number].held != "numbers":
        return False
    values = table.numbers(number)
    return bool(len(values) > 1 and (values[0] in (0, 1)) and (np.diff(values) == 1).all())


def _as_labels(values: NDArray[Any]) -> NDArray[Any]:
    """Values as numbers or as texts, with None where one is missing."""
    if values.dtype.kind != "O":
        return values
    where = is_missing(values)
    if where.any():
        texts = np.array([None if m else str(v) for v, m in zip(values, where, strict=True)])
        return texts.astype(object)
    return np.array([str(value) for value in values.tolist()])
