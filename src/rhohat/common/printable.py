"""Printable text: names and messages from anywhere, made safe for terminals, logs and files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: Characters of a message that are shown, at most.
MESSAGE = 2_000
#: Names, of columns for instance, that a message lists.
NAMED = 8


def printable(value: Any) -> str:
    """Text on one line, in which what could control a terminal or break the line is escaped.

    So is what cannot be encoded: bytes of file names that are not UTF-8.
    """
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in str(value)
    )


def printable_lines(text: Any) -> str:
    """The same for a text that has lines of its own, which stay."""
    return "\n".join(map(printable, str(text).split("\n")))


def enumerated(words: Sequence[str]) -> str:
    """Words, one at least, as a sentence lists them.

    >>> enumerated(["rho", "beta", "lambda"])
    'rho, beta and lambda'
    """
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def first_of(words: Sequence[str], most: int) -> str:
    """The first words, and how many more there are.

    >>> first_of(["rho", "beta", "lambda"], 2)
    'rho, beta and 1 more'
    """
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def listed(names: Sequence[str]) -> str:
    """Some of the names, in quotes, and how many more there are."""
    return first_of([f'"{name:.60}"' for name in names], NAMED)


def encodable(text: str) -> str:
    """Text in which only what UTF-8 cannot encode is escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def shortened(text: str, longest: int = MESSAGE) -> str:
    """Text that, if it is too long, tells how much more there was."""
    more = len(text) - longest
    return text if more <= 0 else f"{text[:longest]}... ({more:,} characters more)"


def count(number: int, noun: str) -> str:
    """A number with its noun, which is in the plural unless the number is 1; series stay series."""
    is_plural = number != 1 and not noun.endswith("s")
    return f"{number:,} {noun}{'s' if is_plural else ''}"
