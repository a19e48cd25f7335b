"""What a file holds: arrays that can be learned from, what is beside them, and which is meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from fnmatch import fnmatchcase
from math import prod
from os.path import commonprefix
from typing import Any, NamedTuple

import numpy as np

from rhohat.common.arrays import is_real
from rhohat.common.errors import DataFileError
from rhohat.common.printable import first_of

#: Arrays of a file that an error lists.
LISTED = 10
#: Words in the names of what goes with data: labels, and the bounds of netCDF's cells.
_BESIDE = {"label", "target", "class", "classe", "gnd", "onehot", "index", "idx", "bnd", "bound"}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
#: How a name begins that is `y`, in lower case: X and Y are often data.
_Y = re.compile(r"y(_|\d|$)")


class Entry(NamedTuple):
    """Something in a file.

    Attributes
    ----------
    name : str
    shape : tuple of int, default=()
    dtype : dtype, default=None
        None if it is no array of numbers.
    reason : str, default=""
        What it is, if it cannot be read.
    may_be_data : bool, default=True
        If it cannot be read: whether somebody may look for the data there.
    handle : object, default=None
        In whatever way the format refers to it.
    """

    name: str
    shape: tuple[int, ...] = ()
    dtype: np.dtype[Any] | None = None
    reason: str = ""
    may_be_data: bool = True
    handle: Any = None

    def __str__(self) -> str:
        name = _short(self.name)
        return f"{name} ({self.reason})" if self.reason else f"{name} {self.shape}"

    @property
    def is_readable(self) -> bool:
        """Whether it is an array of real numbers."""
        return not self.reason and self.dtype is not None and is_real(self.dtype)

    @property
    def is_candidate(self) -> bool:
        """Whether it may be meant: no scalar, vector or column, and not called labels."""
        return self.is_readable and sum(n != 1 for n in self.shape) > 1 and not _goes_beside(self)


def _goes_beside(entry: Entry) -> bool:
    """Whether an array is called like labels."""
    name = re.split(r"[/.]", entry.name)[-1]
    words = {word.lower().rstrip("s") for word in _WORDS.findall(name)}
    return bool(words & _BESIDE or _Y.match(name))


class Chosen(NamedTuple):
    """What is meant of a file.

    Attributes
    ----------
    entry : Entry
    facts : dict
        Attributes of `Content` that tell of the choice.
    """

    entry: Entry
    facts: dict[str, Any]


def choose(names: Iterable[str], describe: Callable[[str], Entry], key: str | None) -> Chosen:
    """The array that is meant, of those that a file holds.

    Parameters
    ----------
    names : iterable of str
        Of all that the file holds.
    describe : callable
        ``describe(name) -> Entry``; asked of all only where that is needed. A DataFileError becomes
        the reason why something cannot be read.
    key : str or None
        The user's choice; may be None if one array alone can be the data. A pattern, such as
        ``"run*/signal"``, chooses all that fit and are no scalars: the first is taken, and the
        names of all are among the facts.

    Raises
    ------
    DataFileError
        If there is none, or none of this name, or several and no name; it lists them.
    """
    names = list(names)

    def described(name: str) -> Entry:
        try:
            return describe(name)
        except DataFileError as error:
            return Entry(name, reason=str(error))

    if key is not None and key in names:
        entry = described(key)
        if entry.reason:
            raise DataFileError(f"holds {_short(key)!r}, which cannot be read: {entry.reason}")
        return Chosen(entry, {"array": key})
    entries = [described(name) for name in names]
    fitting = _fitting(entries, key) if key is not None and is_pattern(key) else None
    if fitting is not None:
        return fitting
    readable = [entry for entry in entries if entry.is_readable]
    candidates = [entry for entry in readable if entry.is_candidate]
    if key is None and len(readable) == len(entries) == 1:
        candidates = readable
    if key is None and len(candidates) == 1:
        (entry,) = candidates
        return Chosen(entry, _facts(entry, entries))
    raise DataFileError(_question(entries, readable, candidates, key))


def is_pattern(key: str) -> bool:
    """Whether a name may mean several arrays: with ``*``, ``?`` or ``[...]``, as of files."""
    return any(sign in key for sign in "*?[")


def _fitting(entries: Collection[Entry], pattern: str) -> Chosen | None:
    """The first of the arrays that a pattern fits, and the names of all if there are several."""
    fitting = [entry for entry in entries if fnmatchcase(entry.name, pattern)]
    found = [entry for entry in fitting if entry.is_readable and prod(entry.shape) > 1]
    if not found:
        return None
    names = [entry.name for entry in found]
    facts: dict[str, Any] = {"array": names[0], "matches": names if len(names) > 1 else []}
    others = [str(entry) for entry in fitting if entry.reason]
    if others:
        facts["note"] = (
            f"holds more arrays that match {pattern!r} but cannot be read: {_list(others)}"
        )
    return Chosen(found[0], facts)


def _facts(entry: Entry, entries: Collection[Entry]) -> dict[str, Any]:
    """What to tell of an array that was taken without being named."""
    facts: dict[str, Any] = {"array": entry.name if len(entries) > 1 else ""}
    others = [str(other) for other in entries if other.reason and other.may_be_data]
    if others:
        facts["note"] = f"is read from {entry}; its other contents cannot be read: {_list(others)}"
    return facts


def _question(
    entries: list[Entry], readable: list[Entry], candidates: list[Entry], key: str | None
) -> str:
    """Why nothing was chosen, what there is, and how to choose."""
    wrong = "" if key is None else f"no array {key!r}, but "
    if not readable:
        what = f"{wrong}no array of numbers"
        return f"holds {what}{f', but {_list(entries)}' if entries else ''}"
    ordered = sorted(entries, key=lambda entry: _rank(entry, candidates))
    listed = _list(ordered)
    if key is not None:
        what = f"{wrong}{listed}"
    elif candidates:
        what = f"several arrays: {listed}"
    else:
        what = f"no array that is clearly rows or images, but {listed}"
    first = _short(ordered[0].name)
    alike = [entry.name for entry in (candidates if len(candidates) > 1 else readable)]
    pattern = f"{commonprefix(alike)[:60]}*"  # noqa: RUF071 (names are no paths)
    several = f", or several with a pattern, --key '{pattern}'" if len(readable) > 1 else ""
    return (
        f"holds {what}. Choose one: --key {first} on the command line, key={first!r} in Python, "
        f"'path::{first}' in fit{several}"
    )


def _rank(entry: Entry, candidates: list[Entry]) -> tuple[bool, bool, int]:
    """The most plausible first: candidates before others, large before small."""
    return entry not in candidates, not entry.is_readable, -prod(entry.shape)


def _list(entries: Collection[Entry | str]) -> str:
    """The first of them."""
    return first_of([str(entry) for entry in entries], LISTED)


def _short(name: str) -> str:
    return name if len(name) <= 80 else f"{name[:77]}..."
