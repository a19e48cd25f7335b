"""The dialect of a table in a text: what parts its cells, and what names its columns."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rhohat.common.errors import DataFileError

#: Lines that the dialect is told by: at most so many, of so many characters, but some.
SAMPLE, SAMPLE_CHARACTERS, LEAST_SAMPLE = 200, 100_000, 5
#: What may part cells, the likeliest first; a space stands for any white space.
DELIMITERS = ("\t", ";", ",", "|", " ")
#: What lines of comments begin with.
COMMENTS = ("#", "%", "//")
#: Texts of cells in which nothing was measured.
NOTHING = (
    *("", "?", "-", "--", ".", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "nil"),
    *("NA", "N/A", "#N/A", "#NA", "NaN", "-NaN", "NAN", "NULL", "None", "NONE", "Null", "<NA>"),
    *("missing", "Missing", "MISSING"),
)
#: The fewest columns of numbers whose first line may name them by numbers, such as wavelengths.
LEAST_WAVELENGTHS = 6
_POINT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity)", re.IGNORECASE)
_COMMA = re.compile(r"[+-]?(\d+,\d+|,\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Dialect:
    """How a table is written.

    Attributes
    ----------
    delimiter : str
        Between cells; a space stands for any white space.
    decimal : {".", ","}
    names : tuple of str
        Of the columns; empty if none are given.
    first : int
        Number of the first line of data, among those that are not empty and no comments.
    width : int
        Cells of a line.
    notes : tuple of str
        What had to be guessed.
    """

    delimiter: str
    decimal: str
    names: tuple[str, ...]
    first: int
    width: int
    notes: tuple[str, ...] = ()


def cells_of(line: str, delimiter: str) -> list[str]:
    """The cells of a line, without quotes and the space around them."""
    if '"' not in line:
        return [c.strip() for c in line.split(None if delimiter == " " else delimiter)]
    if delimiter == " ":
        return [cell.strip('"') for cell in re.findall(r'(?:"[^"]*"|[^\s"])+', line)]
    try:
        row = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        row = line.split(delimiter)
    return [cell.strip() for cell in row]


def is_number(cell: str, decimal: str = ".") -> bool:
    """Whether a cell is a number as it stands."""
    return bool(
        _POINT.fullmatch(cell) if decimal == "." else _COMMA.fullmatch(cell) or cell.isdecimal()
    )


def dialect_of(
    lines: Sequence[str], comments: Sequence[str] = (), heading: bool | None = None
) -> Dialect:
    """The dialect of a text.

    Parameters
    ----------
    lines : sequence of str
        The first lines of a text that are neither empty nor comments.
    comments : sequence of str
        Comments before the first of them, without what marks them.
    heading : bool, default=None
        Whether the first line names the columns; None tells by the lines.

    Raises
    ------
    DataFileError
        If there is no table.
    """
    if not lines:
        raise DataFileError("is empty: it holds only comments" if comments else "is empty")
    sample = _sample(lines)
    scored = [(*_score(sample, delimiter), -n) for n, delimiter in enumerate(DELIMITERS)]
    best = max(range(len(DELIMITERS)), key=scored.__getitem__)
    delimiter = DELIMITERS[best]  # of a lone column the likeliest, which no line has
    table = [cells_of(line, delimiter) for line in sample]
    width = Counter(map(len, table)).most_common(1)[0][0]
    notes: list[str] = []
    first = next(number for number, row in enumerate(table) if len(row) == width)
    names: tuple[str, ...] = ()
    if first and len(table[first - 1]) == width - 1 and heading is not False:
        names = ("", *table[first - 1])  # as R writes them: no name above the names of rows
        skipped = first - 1
    else:
        skipped = first
    if skipped:
        what = "a line that is" if skipped == 1 else f"{skipped} lines that are"
        notes.append(f"begins with {what} taken as a description of the table and skipped")
    rows = table[first:]
    decimal = _decimal(rows, delimiter)
    if not names and heading is not False:
        kind = "names" if heading else _heading_kind(rows, decimal)
        if kind:
            names, first = tuple(rows[0]), first + 1
        if kind == "wavelengths":
            notes.append(
                "has a first line that, unlike all others, ascends or descends: it is read as "
                "names of columns, such as wavelengths. If it holds data, add --no-heading"
            )
        if not names and comments and len(cells_of(comments[-1], delimiter)) == width:
            names = tuple(cells_of(comments[-1], delimiter))
    if decimal == ",":  # names that are numbers, as all programs write them
        names = tuple(n.replace(",", ".") if is_number(n, decimal) else n for n in names)
    if first >= len(lines):
        raise DataFileError("holds a line of column names, but no rows")
    return Dialect(delimiter, decimal, names, first, width, tuple(notes))


def _sample(lines: Sequence[str]) -> Sequence[str]:
    """The first lines, fewer if they are long."""
    n_characters = 0
    for number, line in enumerate(lines[:SAMPLE]):
        n_characters += len(line)
        if n_characters > SAMPLE_CHARACTERS:
            return lines[: max(number, LEAST_SAMPLE)]
    return lines[:SAMPLE]


def _score(sample: Sequence[str], delimiter: str) -> tuple[int, float, float]:
    """How well a delimiter fits: whether it parts lines alike, and how many cells are numbers."""
    table = [cells_of(line, delimiter) for line in sample]
    (width, n_lines), *_ = Counter(map(len, table)).most_common(1)
    if width < 2 or n_lines < 0.5 * len(sample):
        return 0, 0.0, 0.0
    n_filled = sum(cell not in NOTHING for row in table for cell in row)
    cells = [cell for row in table if len(row) == width for cell in row]
    numbers = sum(is_number(c) or (delimiter != "," and is_number(c, ",")) for c in cells)
    return 1, numbers / max(n_filled, 1), n_lines / len(sample)


def _decimal(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    """Whether numbers have a point or a comma."""
    if delimiter == ",":
        return "."
    cells = [cell for row in rows for cell in row]
    points = sum(bool(_POINT.fullmatch(cell)) and "." in cell for cell in cells)
    commas = sum(bool(_COMMA.fullmatch(cell)) for cell in cells)
    return "," if commas > points else "."


def _heading_kind(rows: Sequence[Sequence[str]], decimal: str) -> str:
    """Whether the first row names the columns: "names", "wavelengths" or ""."""
    if len(rows) < 2:
        return "" if all(is_number(cell, decimal) for cell in rows[0]) else "names"
    head, body = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]

    def is_numeric(index: int) -> bool:
        filled = [row[index] for row in body if row[index] not in NOTHING]
        return bool(filled) and sum(is_number(c, decimal) for c in filled) > 0.5 * len(filled)

    numeric = [index for index in range(len(head)) if is_numeric(index)]
    words = [
        index
        for index, cell in enumerate(head)
        if not is_number(cell, decimal) and cell not in NOTHING
    ]
    if set(words) & set(numeric):
        return "names"
    if not numeric:  # a table of text: its first line names columns where no other has its words
        below = {cell for row in body for cell in row}
        return "names" if words and not below & {head[index] for index in words} else ""
    values = _numbers([head[index] for index in numeric], decimal)
    if len(numeric) >= LEAST_WAVELENGTHS and _is_monotonic(values):
        others = (_numbers([row[index] for index in numeric], decimal) for row in body)
        if len(set(values)) == len(values) and not any(map(_is_monotonic, others)):
            return "wavelengths"
    return ""


def _numbers(cells: Sequence[str], decimal: str) -> list[float]:
    try:
        return [float(cell.replace(decimal, ".")) for cell in cells]
    except ValueError:
        return []


def _is_monotonic(values: Sequence[float]) -> bool:
    pairs = list(pairwise(values))
    return bool(pairs) and (all(a < b for a, b in pairs) or all(a > b for a, b in pairs))
