"""Tables in text: CSV and its relatives, whatever parts their cells, and ARFF."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rhohat.common.errors import DataFileError
from rhohat.rows.arrow_table import ArrowTable, arrow
from rhohat.rows.claims import BYTES_LIMIT, RATIO_LIMIT, check_deflated
from rhohat.rows.dialect import COMMENTS, NOTHING, SAMPLE, cells_of, dialect_of
from rhohat.rows.file_format import Selection, told
from rhohat.rows.table_format import table_format

#: Characters of a text that is read.
TEXT_LIMIT = 2_000_000_000


def read_text(path: Path) -> tuple[str, list[str]]:
    """The text of a file, packed by gzip or not; and notes on how it had to be decoded.

    Raises
    ------
    DataFileError
        If it is not a text file, or larger than can be read.
    """
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        check_deflated(data, max(BYTES_LIMIT, RATIO_LIMIT * len(data)), "its text")
        data = gzip.decompress(data)
    if len(data) > TEXT_LIMIT:
        raise DataFileError(
            f"is a text file of {len(data):,} bytes, but at most {TEXT_LIMIT:,} can be read at "
            "once: save it as Parquet, which is read block by block"
        )
    notes = []
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = data.decode("utf-16")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")
            notes.append("is not in UTF-8, and was read as Windows-1252 (Latin-1)")
    if "\0" in text[:100_000]:
        raise DataFileError("is not a text file")
    return text.replace("\r\n", "\n").replace("\r", "\n"), notes


def _sifted(text: str) -> tuple[list[str], list[int] | None, list[str]]:
    """Lines that hold data, their numbers if any were left out, and comments before them."""
    lines = text.split("\n")
    if not any(mark in text for mark in COMMENTS) and "\n\n" not in text:
        kept = [line for line in lines if line.strip()]
        if len(kept) == len(lines) - (lines[-1] == ""):
            return kept, None, []
    numbers: list[int] = []
    comments: list[str] = []
    is_inside = False  # a quoted cell that goes over several lines
    for number, line in enumerate(lines):
        start = line.lstrip()
        mark = next((m for m in COMMENTS if start.startswith(m)), None) if not is_inside else None
        if mark is not None:
            if not numbers:
                comments.append(start.removeprefix(mark).strip())
        elif start or is_inside:
            numbers.append(number)
        if mark is None and line.count('"') % 2:
            is_inside = not is_inside
    return [lines[number] for number in numbers], numbers, comments


def _parse(
    lines: Sequence[str],
    numbers: Sequence[int] | None,
    first: int,
    delimiter: str,
    decimal: str,
    *,
    quote: str = '"',
    types: dict[str, Any] | None = None,
) -> Any:
    """Lines from number `first` on as a table of Arrow, whose columns are called f0, f1, ..."""
    pa = arrow()
    from pyarrow import csv

    body = lines[first:]
    if delimiter == " ":
        delimiter = "\t"
        body = ["\t".join(f'"{c}"' if '"' in c else c for c in cells_of(b, " ")) for b in body]
    data = "\n".join([*body, ""]).encode()
    try:
        return csv.read_csv(
            io.BytesIO(data),
            # In one block, so that a column's type is told by all of it.
            read_options=csv.ReadOptions(
                autogenerate_column_names=True, block_size=len(data) + 1024, use_threads=False
            ),
            parse_options=csv.ParseOptions(
                delimiter=delimiter,
                quote_char=quote,
                escape_char="\\" if quote == "'" else False,
                newlines_in_values=True,
            ),
            convert_options=csv.ConvertOptions(
                decimal_point=decimal,
                null_values=list(NOTHING),
                strings_can_be_null=True,
                column_types=types,
            ),
        )
    except pa.ArrowInvalid as error:
        raise DataFileError(_told_ragged(str(error), numbers, first)) from error


def _told_ragged(message: str, numbers: Sequence[int] | None, first: int) -> str:
    """What pyarrow says of a line that does not fit, in the file's own numbers."""
    found = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", message)
    if not found:
        return f"cannot be read as a table: {told(ValueError(message))}"
    row, expected, got = map(int, found.groups())
    line = first + row - 1
    line = numbers[line] if numbers is not None and line < len(numbers) else line
    return (
        f"has a different number of cells in line {line + 1} than in the first line, {got} instead "
        f"of {expected}: check for a cell that holds a delimiter and is not quoted, or a comment "
        "without a #"
    )


def open_text(path: Path, selection: Selection) -> ArrowTable:
    """The table in a text, whatever dialect it is in."""
    text, notes = read_text(path)
    lines, numbers, comments = _sifted(text)
    dialect = dialect_of(lines[:SAMPLE], comments, selection.heading)
    table = _parse(lines, numbers, dialect.first, dialect.delimiter, dialect.decimal)
    return _named(table, dialect.names, [*notes, *dialect.notes])


def _named(table: Any, names: Sequence[str], notes: list[str]) -> ArrowTable:
    """A table whose columns have these names; with notes on columns that are none, or an index."""
    n_columns = table.num_columns
    names = [name.strip() for name in names] or [""] * n_columns
    if len(names) != n_columns:
        raise DataFileError(f"names {len(names)} columns, but its rows have {n_columns}")
    if n_columns > 1 and not names[-1] and table.column(n_columns - 1).null_count == len(table):
        table = table.remove_column(n_columns - 1)
        names = names[:-1]
        notes.append("has a delimiter at the end of each line, which is ignored")
    if any(names) and not names[0]:
        column = table.column(0)
        if arrow().types.is_integer(column.type) and not column.null_count:
            counted = column.to_numpy() - column[0].as_py()
            if column[0].as_py() in (0, 1) and (counted == range(len(counted))).all():
                notes.append(
                    "has a first column that has no name and numbers the rows: --drop 0 leaves it "
                    "out"
                )
    return ArrowTable(table.rename_columns(list(names)), notes)


#: An attribute's line: its name, quoted or not, and its type.
_ATTRIBUTE = re.compile(r"@attribute\s+('(?:[^'\\]|\\.)*'|\"[^\"]*\"|\S+)\s+(.+)", re.IGNORECASE)


def _open_arff(path: Path, selection: Selection) -> ArrowTable:
    pa = arrow()
    text, notes = read_text(path)
    lines = text.split("\n")
    names: list[str] = []
    types: dict[str, Any] = {}
    numbers: list[int] = []
    is_data = False
    for number, line in enumerate(lines):
        start = line.strip()
        if not start or start.startswith("%"):
            continue
        if is_data:
            numbers.append(number)
        elif start.lower().startswith("@data"):
            is_data = True
        elif match := _ATTRIBUTE.match(start):
            kind = match[2].strip().lower()
            is_numeric = kind.split()[0] in ("numeric", "real", "integer")
            types[f"f{len(names)}"] = pa.float64() if is_numeric else pa.string()
            names.append(match[1].strip("'\""))
        elif not start.lower().startswith("@relation"):
            raise DataFileError(f"is not an ARFF file: line {number + 1} is {start!r:.60}")
    if not numbers or not names:
        raise DataFileError("is not an ARFF file, or has no rows" if not names else "has no rows")
    body = [lines[number].strip() for number in numbers]
    if body[0].startswith("{"):
        raise DataFileError(
            "is a sparse ARFF file, which is not supported: save it as a dense one (with Weka's "
            "filter SparseToNonSparse), or as CSV"
        )
    quote = '"' if any('"' in line for line in body) else "'"
    table = _parse(body, numbers, 0, ",", ".", quote=quote, types=types)
    return _named(table, names, notes)


TEXT_TABLE = table_format(
    tuple(ending + packed for ending in (".csv", ".tsv", ".tab") for packed in ("", ".gz")),
    open_text,
    precedence=1,
)
PLAIN_TEXT = table_format(
    tuple(ending + packed for ending in (".txt", ".dat", ".data") for packed in ("", ".gz")),
    open_text,
    precedence=2,
)
ARFF = table_format((".arff", ".arff.gz"), _open_arff)
