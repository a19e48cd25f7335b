"""Tables: named columns, of which rows of numbers are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray, float_dtype
from rhohat.common.errors import DataFileError
from rhohat.common.printable import NAMED, listed
from rhohat.common.validation import look_up
from rhohat.rows.columns import Column, Output, Plan, called, notes_on, plan_of

if TYPE_CHECKING:
    from rhohat.rows.file_format import Selection

#: What to do about values that are missing.
MISSING = {
    "error": "raise DataFileError, which counts them by column",
    "drop": "leave out the rows that lack one",
    "median": "put the median of the column in their place",
}
#: The most values of a column that each become a column of 0 and 1.
VALUES_LIMIT = 1000


class Table(Protocol):
    """Columns of equal length, by their numbers.

    Attributes
    ----------
    columns : sequence of Column
    n_rows : int
    """

    @property
    def columns(self) -> Sequence[Column]:
        """What each column is called, and what it holds."""

    @property
    def n_rows(self) -> int:
        """Their length."""

    def dtype(self, index: int) -> np.dtype[Any]:
        """Type of the numbers in a column."""

    def numbers(self, index: int) -> NDArray[Any]:
        """A column of numbers; if any is missing, as floats with NaN in its place."""

    def values(self, index: int) -> NDArray[Any]:
        """A column of anything, as numbers or as objects; None, or NaN, where one is missing."""


class ArrayTable:
    """A two-dimensional array as a table.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    names : sequence of str
        Of the columns; empty if they have none.
    """

    def __init__(self, X: NDArray[Any], names: Sequence[str] = ()) -> None:
        self.X = X
        self.columns = columns_named(names, X.shape[1])

    @property
    def n_rows(self) -> int:
        """Rows of the array."""
        return len(self.X)

    def dtype(self, index: int) -> np.dtype[Any]:
        """That of the array."""
        return self.X.dtype

    def numbers(self, index: int) -> NDArray[Any]:
        """A column."""
        return self.X[:, index]

    values = numbers


def columns_named(names: Sequence[str], n_columns: int) -> list[Column]:
    """Columns of numbers with these names, if they have any."""
    return [Column(name) for name in names] if names else [Column("")] * n_columns


@dataclass(frozen=True)
class Chosen:
    """Rows of numbers, made of the columns of a table that are meant.

    Attributes
    ----------
    X : ndarray of shape (n, d), float32 or float64
        Finite.
    names : tuple of str
        Of its columns; empty if they have none.
    left_out : tuple of str
        Columns of the table that X has nothing of.
    beside : dict of str to ndarray of shape (n,)
        Labels of the rows, by the names of their columns.
    notes : tuple of str
        What is odd about them.
    """

    X: FloatArray
    names: tuple[str, ...]
    left_out: tuple[str, ...]
    beside: dict[str, NDArray[Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def dtype_of(table: Table, plan: Plan) -> np.dtype[Any]:
    """The precision of rows: float32 if it holds all of their numbers."""
    plain = set(plan.kept) - plan.one_hot
    plain &= {o.origin for o in plan.like if o.value is None} if plan.like else plain
    made = {float_dtype(table.dtype(index)) for index in plain}
    return np.dtype(np.result_type(*made)) if made else np.dtype(np.float32)


def choose_rows(table: Table, selection: Selection) -> Chosen:
    """Rows of numbers, made of the columns that are selected.

    Raises
    ------
    DataFileError
        If a column cannot be learned from, or a value is missing or infinite; see `plan_of`.
    """
    look_up("missing", selection.missing, MISSING)
    plan = plan_of(table.columns, selection)
    notes = notes_on(plan)
    outputs: list[Output] = list(plan.like)
    held = {index: table.values(index) for index in _encoded(plan)}
    for index in () if outputs else plan.kept:
        name = called(plan.columns, index)
        if index in plan.one_hot:
            outputs += [Output(f"{name}={v}", index, v) for v in _distinct(name, held[index])]
        else:
            outputs.append(Output(name, index))
    X = np.empty((table.n_rows, len(outputs)), dtype_of(table, plan))
    missing: dict[int, NDArray[np.bool_]] = {index: is_missing(held[index]) for index in held}
    texts = {index: as_texts(held[index]) for index in held}
    for position, output in enumerate(outputs):
        if output.value is not None:
            X[:, position] = texts[output.origin] == output.value
        else:
            X[:, position] = numbers = table.numbers(output.origin)
            if numbers.dtype.kind == "f" and np.isnan(numbers).any():
                missing[output.origin] = np.isnan(numbers)
    seen = {index: texts[index][~missing[index]] for index in texts}
    _note_new_values(plan, seen, notes)
    missing = {index: where for index, where in missing.items() if where.any()}
    if missing:
        X, kept_rows = _filled(X, outputs, missing, plan, selection.missing, notes)
    else:
        kept_rows = None
    names = tuple(output.name for output in outputs)
    check_chosen(X, names)
    if not plan.one_hot and not any(column.name for column in plan.columns):
        names = ()
    beside = {}
    for index in plan.labels:
        values = table.values(index)
        beside[called(plan.columns, index)] = values if kept_rows is None else values[kept_rows]
    return Chosen(X, names, plan.left_out, beside, tuple(notes))


def _encoded(plan: Plan) -> list[int]:
    """Columns whose values each are a column of the rows, or may be."""
    return sorted(plan.one_hot | {o.origin for o in plan.like if o.value is not None})


def as_texts(values: NDArray[Any]) -> NDArray[Any]:
    """Values as texts, whole numbers without a point."""
    if values.dtype.kind == "f":
        return np.array([f"{value:.17g}" for value in values.tolist()], dtype=object)
    return np.array([str(value) for value in values.tolist()], dtype=object)


def is_missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where values are missing: None, NaN or an empty text."""
    if values.dtype.kind == "f":
        return np.asarray(np.isnan(values))
    if values.dtype.kind != "O":
        return np.zeros(len(values), dtype=bool)
    return np.array([v is None or v != v or v == "" for v in values.tolist()], dtype=bool)


def _distinct(name: str, values: NDArray[Any]) -> list[str]:
    texts = as_texts(values[~is_missing(values)])
    found = sorted(set(texts.tolist()))
    if len(found) > VALUES_LIMIT:
        raise DataFileError(
            f'has {len(found):,} different values in column "{name:.60}", too many for --one-hot, '
            f"which makes a column of each (at most {VALUES_LIMIT:,}). Leave the column out with "
            "--drop"
        )
    return found


def _note_new_values(plan: Plan, texts: dict[int, NDArray[Any]], notes: list[str]) -> None:
    """Tell of values that a model has not seen: all of their columns are 0."""
    for index in texts:
        known = {o.value for o in plan.like if o.origin == index}
        new = [text for text in dict.fromkeys(texts[index].tolist()) if text not in known]
        if plan.like and new:
            notes.append(
                f'has values in column "{called(plan.columns, index):.60}" that the model did not '
                f"see in training, {listed(new)}: they become zeros"
            )


def _filled(
    X: FloatArray,
    outputs: Sequence[Output],
    missing: dict[int, NDArray[np.bool_]],
    plan: Plan,
    how: str,
    notes: list[str],
) -> tuple[FloatArray, NDArray[np.bool_] | None]:
    """X without missing values, and which rows were kept if some were left out."""
    incomplete = np.logical_or.reduce(list(missing.values()))
    n_rows = len(X)
    empty = [called(plan.columns, index) for index in missing if missing[index].all()]
    if empty and how != "error":
        raise DataFileError(
            f"has no values at all in {listed(empty)}: leave such columns out with --drop "
            f"{empty[0]:.60}"
        )
    if how == "error":
        raise DataFileError(_told_missing(missing, plan, int(incomplete.sum()), n_rows))
    if how == "drop":
        kept = ~incomplete
        if not kept.any():
            raise DataFileError(
                f"has no row without missing values: {_counted(missing, plan)}. Fill them in with "
                "--missing median, or leave columns out with --drop"
            )
        notes.append(
            f"has {int(incomplete.sum()):,} of {n_rows:,} rows with missing values, which are left "
            f"out ({_counted(missing, plan)})"
        )
        return X[kept], kept
    for position, output in enumerate(outputs):
        where = missing.get(output.origin)
        if where is None:
            continue
        X[where, position] = 0 if output.value is not None else np.median(X[~where, position])
    notes.append(
        f"has {sum(int(where.sum()) for where in missing.values()):,} missing values, which are "
        f"replaced by the medians of this file ({_counted(missing, plan)})"
    )
    return X, None


def _counted(missing: dict[int, NDArray[np.bool_]], plan: Plan) -> str:
    """Missing values by column, most first."""
    counts = Counter({index: int(where.sum()) for index, where in missing.items()})
    shown = [
        f'{n:,} in "{called(plan.columns, index):.60}"' for index, n in counts.most_common(NAMED)
    ]
    more = len(counts) - len(shown)
    return ", ".join(shown) + (f", and more in {more:,} other columns" if more else "")


def _told_missing(
    missing: dict[int, NDArray[np.bool_]], plan: Plan, incomplete: int, n_rows: int
) -> str:
    most = max(missing, key=lambda index: int(missing[index].sum()))
    first = min(int(np.argmax(where)) for where in missing.values())
    return (
        f"has missing values: {_counted(missing, plan)}; they are in {incomplete:,} of {n_rows:,} "
        f"rows, the first of which is row {first}. --missing drop leaves these rows out, --missing "
        "median fills in the median of the column, --drop leaves out a column, such as "
        f'"{called(plan.columns, most):.60}" (in Python missing="drop", missing="median", drop= of '
        "load_rows)"
    )


def check_chosen(X: FloatArray, names: Sequence[str]) -> None:
    """Raise DataFileError if a value is infinite, or NaN; names row and column."""
    if np.isfinite(X).all():
        return
    bad = ~np.isfinite(X)
    row, position = (int(i) for i in np.argwhere(bad)[0])
    value = "NaN" if np.isnan(X[row, position]) else "infinity"
    raise DataFileError(
        f'holds {value} in row {row} of column "{names[position]:.60}" ({int(bad.sum()):,} such '
        f"values in all)"
    )
