"""Exit codes, and text: safe to print, wrapped by words, and numbers with their units."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from rhohat.common.printable import count, printable, printable_lines, shortened

__all__ = ["count", "duration", "gibibytes", "printable", "printable_lines", "shortened"]

EXIT_FAILED = 1
#: Columns below which a line is not split further, and above which text is hard to read.
NARROWEST, WIDEST = 30, 120
#: A line that is a command to copy, after a word that says what it is for, or alone.
COMMAND = re.compile(r"\s*(?:\S+(?: \S+)*\s\s+)?(?=rhohat [a-z]+(?: \S+)*$)")
#: A line that is Python, likewise, up to its first parenthesis.
PYTHON = re.compile(r"\s*(?:\S+(?: \S+)*\s\s+)?(?=\w+ = )[^()]+\(")
#: A word in quotes.
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
#: Room that is left for the second column of a table, at least.
LEAST_COLUMN = 24


def exit_code_of(number: int) -> int:
    """What a command exits with that a signal has ended, as shells number it: 130 for SIGINT."""
    return 128 + number


def gibibytes(n_bytes: float) -> str:
    """Bytes of memory, in GiB or MiB."""
    return f"{n_bytes / 2**30:.1f} GiB" if n_bytes >= 2**30 else f"{n_bytes / 2**20:.0f} MiB"


def duration(seconds: float) -> str:
    """A time in seconds, minutes or hours."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 1 else "1 s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def width_of(stream: IO[Any]) -> int | None:
    """Columns that text on a stream may have; None if nobody looks at it in a window.

    The window's, or those of the environment variable COLUMNS.
    """
    if not (os.environ.get("COLUMNS", "").isdecimal() or stream.isatty()):
        return None
    return max(NARROWEST, min(shutil.get_terminal_size().columns, WIDEST))


def tell(text: str, *, err: bool = False) -> None:
    """Print text for people, wrapped by words where it is shown in a window."""
    width = width_of(sys.stderr if err else sys.stdout)
    click.echo(text if width is None else wrapped(text, width), err=err)


@contextmanager
def warnings_as_notes() -> Iterator[None]:
    """Print warnings when the work is done, one line each, on standard error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            for message in dict.fromkeys(printable(warning.message) for warning in caught):
                tell(f"note: {message}", err=True)


def wrapped(text: str, width: int) -> str:
    """Text whose lines are at most `width` columns wide, unless a word is longer.

    Further lines of a line are indented like its second column, if it has two, and a command goes
    on after a backslash, so that it can still be copied.

    >>> print(wrapped("  loss  0.5 = 0.4 error + 0.1 decay", 32))
      loss  0.5 = 0.4 error + 0.1
            decay
    >>> print(wrapped("  rhohat encode model.safetensors -o features.npy", 40))
      rhohat encode model.safetensors \\
          -o features.npy
    """
    return "\n".join(part for line in text.split("\n") for part in _lines_of(line, width))


def _lines_of(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    numbered = re.match(r"\s*\d+\. ", line)
    columns = re.match(r"(\s*)(\S.*?)(?:\s{2,})(?=\S)", line)
    indent = line[: len(line) - len(line.lstrip())]
    ends, further = "", indent
    command, python = COMMAND.match(line), PYTHON.match(line)
    if python is not None:
        hanging = len(line) - len(re.sub(r"^\s*(?:\S+(?: \S+)*\s\s+)?", "", line))
        return [python.group(), " " * (hanging + 4) + line[python.end() :]]
    if command is not None:
        ends, further = " \\", " " * (command.end() + 4)
        line = QUOTED.sub(lambda quoted: quoted[0].replace(" ", "\0"), line)
        line = re.sub(r" (--?[a-z-]+) (?=[^-\\])", r" \1\0", line)
    elif numbered is not None:
        further = " " * numbered.end()
    elif columns is not None and len(columns.group()) <= width - LEAST_COLUMN:
        further = " " * len(columns.group())
    elif columns is not None:
        rest = indent + "    " + line[len(columns.group()) :]
        return [line[: columns.end(2)], *_lines_of(rest, width)]
    parts = textwrap.wrap(
        line[len(indent) :],
        width - len(ends),
        initial_indent=indent,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
    parts = [part.replace("\0", " ") for part in parts]
    return [part + ends for part in parts[:-1]] + parts[-1:]
