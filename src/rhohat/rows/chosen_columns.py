"""Columns chosen of rows that a file holds as an array, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import DataFileError
from rhohat.rows.columns import plan_of
from rhohat.rows.named_rows import with_columns
from rhohat.rows.sources import ArraySource, Holders, Origin, Rows, Source
from rhohat.rows.table import ArrayTable, Chosen, choose_rows, columns_named

if TYPE_CHECKING:
    from rhohat.rows.file_format import Content, Selection

Look: TypeAlias = "Callable[[Path, Selection], Content]"
Read: TypeAlias = "Callable[[Path, Selection], NDArray[Any]]"
Open: TypeAlias = "Callable[[Path, Selection], Source]"


class HeldRows(ArraySource):
    """Rows of a file that is read whole.

    Parameters
    ----------
    name : str
    X : ndarray of shape (m, d), float32 or float64
    columns : sequence of str, default=()
    """

    def __init__(self, name: str, X: NDArray[Any], columns: Sequence[str] = ()) -> None:
        super().__init__(np.asarray(X))
        self.name = name
        self.columns = tuple(columns)


class ChosenColumns(Origin):
    """Some columns of another source; the others are never looked at.

    Parameters
    ----------
    source : Source
    kept : sequence of int
    columns : sequence of str, default=()
        Names of those that are kept.
    """

    def __init__(self, source: Source, kept: Sequence[int], columns: Sequence[str] = ()) -> None:
        self.source = source
        self.kept = tuple(kept)
        self.columns = tuple(columns)
        self.name, self.dtype = source.name, source.dtype
        self.shape = source.shape[0], len(self.kept)

    @property
    def holders(self) -> Holders:
        """Who holds which of the rows."""
        return Holders.of(self.source)

    def read(self, start: int, stop: int) -> Rows:
        """Rows start to stop."""
        rows = self.source.read(start, stop)
        return rows._replace(X=np.ascontiguousarray(rows.X[:, self.kept]))

    def take(self, indices: NDArray[np.intp]) -> Rows:
        """The rows with these numbers."""
        rows = self.source.take(indices)
        return rows._replace(X=np.ascontiguousarray(rows.X[:, self.kept]))


def choosing(look: Look, read: Read, opens: Open | None) -> tuple[Look, Read, Open | None]:
    """What a format does, made to choose columns of rows."""

    def chosen_of(path: Path, selection: Selection, content: Content) -> Chosen:
        return choose_rows(
            ArrayTable(np.asarray(read(path, selection)), content.columns), selection
        )

    def plan_for(content: Content, selection: Selection) -> Any:
        named = selection if content.columns else replace(selection, like=())
        return plan_of(columns_named(content.columns, content.shape[1]), named)

    def concerns(content: Content, selection: Selection) -> bool:
        if content.kind == "rows":
            return True
        if selection.chooses_columns:
            wanted = [*selection.columns, *selection.drop, *selection.labels, *selection.one_hot]
            such = f", so there is no {wanted[0]!r:.60}" if wanted else ""
            raise DataFileError(
                f"holds {content.kind}, but columns can only be chosen from rows{such}"
            )
        return False

    @wraps(look)
    def look_chosen(path: Path, selection: Selection) -> Content:
        content = look(path, selection)
        if not selection.is_about_columns or not concerns(content, selection):
            return content
        if selection.like and not content.columns and not selection.chooses_columns:
            fits = len(selection.like) == content.shape[1]
            return content._replace(columns=selection.like) if fits else content
        if selection.keeps_values:
            plan = plan_for(content, selection)
            shape = content.shape[0], len(plan.indices)
            names = plan.names if content.columns else ()
            return content._replace(shape=shape, columns=names, left_out=plan.left_out)
        chosen = chosen_of(path, selection, content)
        return content._replace(
            shape=chosen.X.shape,
            dtype=chosen.X.dtype,
            columns=chosen.names,
            left_out=chosen.left_out,
            note="; ".join(filter(None, [content.note, *chosen.notes])),
        )

    @wraps(read)
    def read_chosen(path: Path, selection: Selection) -> NDArray[Any]:
        if not selection.is_about_columns:
            return read(path, selection)
        content = look(path, selection)
        if not concerns(content, selection):
            return read(path, selection)
        if not selection.chooses_columns:
            return read(path, selection)
        if selection.keeps_values:
            plan = plan_for(content, selection)
            return np.asarray(read(path, selection))[:, plan.indices]
        chosen = chosen_of(path, selection, content)
        return with_columns(chosen.X, chosen.names)

    def open_chosen(path: Path, selection: Selection) -> Source:
        assert opens is not None
        if not selection.chooses_columns:
            return opens(path, selection)
        content = look(path, selection)
        if selection.keeps_values:
            plan = plan_for(content, selection)
            names = plan.names if content.columns else ()
            return ChosenColumns(opens(path, selection), plan.indices, names)
        chosen = chosen_of(path, selection, content)
        return HeldRows(str(path), chosen.X, chosen.names)

    return look_chosen, read_chosen, None if opens is None else open_chosen


def beside_array(look: Look, read: Read) -> Callable[[Path, Selection], dict[str, NDArray[Any]]]:
    """What reads the labels beside the rows of an array."""

    def beside(path: Path, selection: Selection) -> dict[str, NDArray[Any]]:
        table = ArrayTable(np.asarray(read(path, selection)), look(path, selection).columns)
        return choose_rows(table, selection).beside

    return beside
