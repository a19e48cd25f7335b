"""Columns of a table: what they hold, and which of them are meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from rhohat.common.errors import DataFileError
from rhohat.common.printable import NAMED, listed

if TYPE_CHECKING:
    from rhohat.rows.file_format import Selection

#: What a column may hold, and what one such value is called.
HELD = {
    "numbers": "numbers",
    "text": "text",
    "dates": "dates or times",
    "lists": "lists or structures",
    "nothing": "no value at all",
}
#: Names of columns that hold an answer rather than a measurement, most likely.
ANSWERS = re.compile(r"(class|label|target|species|diagnosis|outcome|group|fold)s?", re.IGNORECASE)


class Column(NamedTuple):
    """A column of a table.

    Attributes
    ----------
    name : str
        Empty if it has none.
    held : str
        What it holds, a key of `HELD`.
    note : str, default=""
        What else is worth telling if it cannot be learned from.
    n_values : int, default=0
        How many different values it has, if they are texts.
    """

    name: str
    held: str = "numbers"
    note: str = ""
    n_values: int = 0


class Output(NamedTuple):
    """A column of the rows that are learned from.

    Attributes
    ----------
    name : str
    origin : int
        Number of the column of the table that it is made of.
    value : str, default=None
        If given, it is 1 where that column has this value, and 0 elsewhere.
    """

    name: str
    origin: int
    value: str | None = None


@dataclass(frozen=True)
class Plan:
    """Which columns of a table become which columns of rows.

    Attributes
    ----------
    columns : tuple of Column
        Of the table.
    kept : tuple of int
        Those that are learned from.
    one_hot : frozenset of int
        Those of them that become a column for each of their values.
    labels : tuple of int
        Those that are kept beside the rows.
    like : tuple of Output
        If not empty: exactly these columns are made, instead of `kept`.
    """

    columns: tuple[Column, ...]
    kept: tuple[int, ...]
    one_hot: frozenset[int] = frozenset()
    labels: tuple[int, ...] = ()
    like: tuple[Output, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether every column of the rows is a column of the table."""
        return not self.one_hot and all(output.value is None for output in self.like)

    @property
    def indices(self) -> list[int]:
        """Columns of the table in the order of the rows' columns, if it `is_plain`."""
        return [output.origin for output in self.like] or list(self.kept)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the rows' columns, if it `is_plain`; empty if the table has none."""
        if not any(column.name for column in self.columns):
            return ()
        return tuple(called(self.columns, index) for index in self.indices)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Names of the columns that are not learned from."""
        kept = set(self.kept)
        return tuple(
            called(self.columns, index) for index in range(len(self.columns)) if index not in kept
        )


def called(columns: Sequence[Column], index: int) -> str:
    """A column's name; its number if it has none."""
    return columns[index].name or f"column {index}"


def find_columns(wanted: Sequence[str], columns: Sequence[Column], option: str) -> list[int]:
    """Numbers of the columns that are meant, in the order of the table.

    Parameters
    ----------
    wanted : sequence of str
        Each is a name; or a pattern of names, such as "wl_*"; or a number, from 0; or a range of
        numbers, such as "2:10", without the last one; or what columns hold, such as "text"; or
        several of these with commas between them. The first of these that fits is taken.
    columns : sequence of Column
    option : str
        What errors call the choice.

    Raises
    ------
    DataFileError
        If there is no such column.
    """
    found: set[int] = set()
    for text in wanted:
        matches = _matches(text, columns)
        parts = [part.strip() for part in text.split(",")]
        if not matches and len(parts) > 1:
            matches = find_columns(parts, columns, option)
        if not matches and text not in HELD:
            raise DataFileError(f"has no column {text!r:.80} for {option}{_hint(text, columns)}")
        found.update(matches)
    return sorted(found)


def _matches(text: str, columns: Sequence[Column]) -> list[int]:
    everywhere = range(len(columns))
    exact = [index for index in everywhere if columns[index].name == text]
    if exact and text:
        return exact
    if match := re.fullmatch(r"(\d*)(:?)(\d*)", text):
        start, colon, stop = match.groups()
        if colon:
            return list(everywhere[int(start or 0) : int(stop or len(columns))])
        if start:
            return list(everywhere[int(start) : int(start) + 1])
    if text in HELD:
        return [index for index in everywhere if columns[index].held == text]
    if set(text) & set("*?["):
        return [index for index in everywhere if fnmatchcase(columns[index].name, text)]
    return []


def _hint(text: str, columns: Sequence[Column]) -> str:
    names = [column.name for column in columns if column.name]
    folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(text.casefold(), list(folded), n=1)
    if near:
        return f" (did you mean {folded[near[0]]!r}?)"
    if not names:
        return f": its columns have no names; give their numbers, 0 to {len(columns) - 1}"
    return f", but {len(columns):,} columns: {listed(names)}"


def plan_of(columns: Sequence[Column], selection: Selection) -> Plan:
    """Which columns become which, by what is selected.

    Raises
    ------
    DataFileError
        If a column that is named does not exist, none is left, or one that is left holds no
        numbers; names these columns, and says what to type.
    """
    columns = tuple(columns)
    labels = find_columns(selection.labels, columns, "--labels")
    one_hot = find_columns(selection.one_hot, columns, "--one-hot")
    dropped = {*labels, *find_columns(selection.drop, columns, "--drop")}
    if selection.like and not selection.columns:
        like = _like(columns, selection.like)
        kept = tuple(dict.fromkeys(output.origin for output in like))
        return Plan(columns, kept, labels=tuple(labels), like=like)
    wanted = (
        {*find_columns(selection.columns, columns, "--columns"), *one_hot}
        if selection.columns
        else range(len(columns))
    )
    kept = tuple(index for index in sorted(wanted) if index not in dropped)
    if not kept:
        raise DataFileError("has no columns left to learn from")
    plan = Plan(
        columns, kept, frozenset(i for i in one_hot if i not in dropped), labels=tuple(labels)
    )
    _check_held(plan)
    return plan


def _like(columns: tuple[Column, ...], names: Sequence[str]) -> tuple[Output, ...]:
    """The columns with these names, some of which stand for a value of a column."""
    numbers = {called(columns, index): index for index in reversed(range(len(columns)))}
    outputs, lacking = [], []
    for name in names:
        if name in numbers:
            outputs.append(Output(name, numbers[name]))
            continue
        cuts = [match.start() for match in re.finditer("=", name)]
        cut = next((cut for cut in cuts if name[:cut] in numbers), None)
        if cut is None:
            lacking.append(name)
        else:
            outputs.append(Output(name, numbers[name[:cut]], name[cut + 1 :]))
    if lacking:
        raise DataFileError(
            f"lacks columns that the model learned from: {listed(lacking)}. To use others in their "
            "place, name all columns with --columns"
        )
    for output in outputs:
        column = columns[output.origin]
        if output.value is None and column.held != "numbers":
            raise DataFileError(
                f"has {HELD[column.held]} in column {output.name!r:.80}, which held numbers when "
                f"the model learned{column.note}"
            )
    return tuple(outputs)


def _check_held(plan: Plan) -> None:
    """Raise DataFileError if a column cannot be learned from."""
    bad: dict[str, list[int]] = {}
    for index in plan.kept:
        held = plan.columns[index].held
        if held != "numbers" and not (held == "text" and index in plan.one_hot):
            bad.setdefault(held, []).append(index)
    if not bad:
        return
    told = []
    for held, indices in bad.items():
        names = listed([called(plan.columns, index) for index in indices])
        notes = [plan.columns[index].note for index in indices if plan.columns[index].note]
        told.append(f"{HELD[held]} in {names}{notes[0] if notes else ''}")
    indices = [index for group in bad.values() for index in group]
    drop = " ".join(f"--drop {_typed(plan.columns, index)}" for index in indices[:NAMED])
    drop = drop if len(indices) <= NAMED else " ".join(f"--drop {held}" for held in bad)
    ways = [f"{drop} leaves {'it' if len(indices) == 1 else 'them'} out"]
    if "text" in bad:
        fewest = min(bad["text"], key=lambda index: plan.columns[index].n_values)
        first, n_values = _typed(plan.columns, fewest), plan.columns[fewest].n_values
        ways.append(
            f"--one-hot {first} makes a column of 0 and 1 for each of its {n_values:,} values"
        )
        ways.append(f"--labels {first} keeps it as a label, not to learn from")
    if len(bad) < len({column.held for column in plan.columns}) + 1 and any(
        plan.columns[index].held == "numbers" for index in plan.kept
    ):
        ways.append("--columns numbers uses only columns of numbers")
    raise DataFileError(
        f"has {'; '.join(told)}, but features can only be learned from numbers. {'; '.join(ways)} "
        "(in Python drop=, one_hot=, labels=, columns= of load_rows)"
    )


def _typed(columns: Sequence[Column], index: int) -> str:
    """A column as it is typed on a command line."""
    name = columns[index].name
    if not name or sum(column.name == name for column in columns) > 1:
        return str(index)
    return name if re.fullmatch(r"[\w.+-]+", name) else f"'{name:.60}'"


def notes_on(plan: Plan) -> list[str]:
    """What is odd about the names of the columns that are kept, in whole sentences."""
    notes = []
    for index in plan.kept:
        name = plan.columns[index].name
        if ANSWERS.fullmatch(name):
            notes.append(
                f'has a column "{name}" that looks like labels, but is learned from: --labels '
                f"{_typed(plan.columns, index)} keeps it apart"
            )
    return notes
