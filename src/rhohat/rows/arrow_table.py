"""Arrow's tables, into which pyarrow reads files of several formats."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.extras import import_extra
from rhohat.rows.columns import Column, Plan
from rhohat.rows.sources import Source

#: Values of a column of text that are looked at, to tell what they are like.
LOOKED_AT = 10_000
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
_DATE = re.compile(
    r"\s*(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})|\d{1,2}:\d{2}(:\d{2})?)"
    r"([T ,]\s*\d{1,2}:\d{2}.*)?\s*"
)


def arrow() -> Any:
    """The library pyarrow."""
    return import_extra("pyarrow", "tables")


class ArrowTable:
    """A table of Arrow in memory.

    Parameters
    ----------
    table : pyarrow.Table
    notes : sequence of str, default=()
        What is odd about the file that it comes from.
    """

    def __init__(self, table: Any, notes: Sequence[str] = ()) -> None:
        self.table = table
        self.columns = [
            _described(field, table.column(index)) for index, field in enumerate(table.schema)
        ]
        self.notes = tuple(notes)

    @property
    def n_rows(self) -> int:
        """Rows of the table."""
        return int(self.table.num_rows)

    def dtype(self, index: int) -> np.dtype[Any]:
        """Type of the numbers in a column."""
        return numpy_dtype(self.table.schema.field(index).type)

    def numbers(self, index: int) -> NDArray[Any]:
        """A column of numbers, with NaN where one is missing."""
        return as_numbers(self.table.column(index))

    def values(self, index: int) -> NDArray[Any]:
        """A column of anything."""
        if self.columns[index].held == "numbers":
            return self.numbers(index)
        listed = self.table.column(index).to_pylist()
        values = np.empty(len(listed), dtype=object)
        values[:] = listed
        return values

    def store(self, plan: Plan, dtype: np.dtype[Any]) -> Source | None:
        """None: the table is in memory."""
        return None


def held_in(type_: Any) -> str:
    """What columns of a type of Arrow hold, as `rhohat.rows.columns.HELD` calls it."""
    types = arrow().types
    if types.is_dictionary(type_):
        return held_in(type_.value_type)
    if types.is_null(type_):
        return "nothing"
    if types.is_boolean(type_) or types.is_integer(type_) or types.is_floating(type_):
        return "numbers"
    if types.is_decimal(type_):
        return "numbers"
    if types.is_temporal(type_):
        return "dates"
    if types.is_nested(type_):
        return "lists"
    return "text"


def numpy_dtype(type_: Any) -> np.dtype[Any]:
    """NumPy's name for a type of numbers; decimal numbers are taken as floats."""
    types = arrow().types
    if types.is_dictionary(type_):
        return numpy_dtype(type_.value_type)
    return np.dtype(np.float64) if types.is_decimal(type_) else np.dtype(type_.to_pandas_dtype())


def as_numbers(column: Any) -> NDArray[Any]:
    """A column of numbers as an array, with NaN where one is missing."""
    import pyarrow as pa  # which is there, as its column is

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    copied = {} if hasattr(column, "chunks") else {"zero_copy_only": False}
    numbers: NDArray[Any] = column.to_numpy(**copied)
    return numbers.astype(np.float64) if numbers.dtype == object else numbers


def _described(field: Any, column: Any) -> Column:
    held = held_in(field.type)
    if held != "text":
        return Column(field.name, held)
    types = arrow().types
    if not (types.is_string(field.type) or types.is_large_string(field.type)):
        return Column(field.name, held)
    n_values = len(column.unique())
    texts = [text for text in column.slice(0, LOOKED_AT).to_pylist() if text]
    if texts and all(_DATE.fullmatch(text) for text in texts):
        return Column(field.name, "dates")
    strange = [text for text in texts if not _NUMBER.fullmatch(text)]
    if texts and len(strange) < len(texts) / 2:
        first = strange[0] if strange else texts[0]
        return Column(
            field.name,
            held,
            f" (though most of it is numbers; the first value that is not is {first!r:.40}: "
            "correct or empty such cells)",
            n_values,
        )
    return Column(field.name, held, n_values=n_values)
