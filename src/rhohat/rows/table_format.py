"""Formats of tables: a library's table, of which rows of numbers are made."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import DataFileError
from rhohat.rows.chosen_columns import HeldRows
from rhohat.rows.columns import Plan, notes_on, plan_of
from rhohat.rows.file_format import Content, FileFormat, Selection, decoding
from rhohat.rows.named_rows import with_columns
from rhohat.rows.sources import Source
from rhohat.rows.table import Chosen, Table, choose_rows, dtype_of


class FileTable(Table, Protocol):
    """A table in a file.

    Attributes
    ----------
    notes : sequence of str
        What is odd about the file, in whole sentences.
    """

    @property
    def notes(self) -> tuple[str, ...]:
        """What is odd about the file."""

    def store(self, plan: Plan, dtype: np.dtype[Any]) -> Source | None:
        """Rows of the columns that are kept, read a run at a time; None if this cannot be."""


#: Rows of at most so many bytes are decoded once and held, instead of in every sweep.
HELD_BYTES = 512 << 20


def _n_bytes(source: Source) -> int:
    return source.shape[0] * source.shape[1] * source.dtype.itemsize


class _Last:
    """What was made of the file that was looked at last, so that it is not read twice."""

    def __init__(self) -> None:
        self._held: tuple[Any, Chosen] | None = None

    def hold(self, path: Path, selection: Selection, chosen: Chosen) -> None:
        self._held = _state(path, selection), chosen

    def take(self, path: Path, selection: Selection) -> Chosen | None:
        held, self._held = self._held, None
        return held[1] if held is not None and held[0] == _state(path, selection) else None


def _state(path: Path, selection: Selection) -> Any:
    about = path.stat()
    at = about.st_ino, about.st_dev, about.st_size, about.st_mtime_ns
    return os.path.abspath(path), at, selection


def table_format(
    suffixes: tuple[str, ...],
    opened: Callable[[Path, Selection], FileTable],
    *,
    precedence: int = 0,
    streams: bool = False,
) -> FileFormat:
    """The format of tables that have named columns of several types.

    Parameters
    ----------
    suffixes, precedence : as in `FileFormat`
    opened : callable
        ``opened(path, selection) -> FileTable``.
    streams : bool, default=False
        Whether its stores read no more than a run of rows at a time.
    """
    last = _Last()

    def chosen_of(path: Path, selection: Selection) -> Chosen:
        held = last.take(path, selection)
        if held is not None:
            return held
        table = opened(path, selection)
        if table.n_rows == 0:
            raise DataFileError("holds a table without rows")
        chosen = choose_rows(table, selection)
        notes = (*table.notes, *chosen.notes)
        return Chosen(chosen.X, chosen.names, chosen.left_out, chosen.beside, notes)

    def stored(path: Path, selection: Selection) -> tuple[Source, Plan, FileTable] | None:
        if not streams or selection.missing != "error":
            return None
        table = opened(path, selection)
        plan = plan_of(table.columns, selection)
        if not plan.is_plain or table.n_rows == 0:
            return None
        source = table.store(plan, dtype_of(table, plan))
        return None if source is None else (source, plan, table)

    def look(path: Path, selection: Selection) -> Content:
        found = stored(path, selection)
        if found is not None:
            source, plan, table = found
            names = plan.names
            notes = "; ".join([*table.notes, *notes_on(plan)])
            shape = source.shape
            return Content(
                *("rows", shape, source.dtype),
                note=notes,
                columns=names,
                is_whole=not streams,
                left_out=plan.left_out,
            )
        chosen = chosen_of(path, selection)
        last.hold(path, selection, chosen)
        return Content(
            "rows",
            chosen.X.shape,
            chosen.X.dtype,
            note="; ".join(chosen.notes),
            columns=chosen.names,
            is_whole=True,
            left_out=chosen.left_out,
        )

    def read(path: Path, selection: Selection) -> NDArray[Any]:
        chosen = chosen_of(path, selection)
        return with_columns(chosen.X, chosen.names)

    def open_rows(path: Path, selection: Selection) -> Source:
        with decoding():
            found = stored(path, selection)
            if found is not None and _n_bytes(found[0]) > HELD_BYTES:
                return found[0]
            chosen = chosen_of(path, selection)
        return HeldRows(str(path), chosen.X, chosen.names)

    def beside(path: Path, selection: Selection) -> dict[str, NDArray[Any]]:
        with decoding():
            return choose_rows(opened(path, selection), selection).beside

    return FileFormat(
        suffixes, look, read, open_rows, beside=beside, precedence=precedence, group="tables"
    )
