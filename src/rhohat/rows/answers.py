"""Answers of workers: the sums of some chunks, and what they are the sums of.

A worker may be confused: it may answer with sums for parameters of before, leave rows out, or send
something else altogether. So every answer says which work it is of and which rows it counted, and
is believed only if that is what was asked for.
"""

from __future__ import annotations

import hashlib
import pickle
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from rhohat.rows.sources import Rows, Source, targets_of

#: The pickle protocol: one that gives arrays memory of their own.
PROTOCOL = 4

#: Where the arrays of a sum are in it, and their shapes.
Form = frozenset[tuple[str, tuple[int, ...]]]


class RefusedAnswerError(Exception):
    """An answer is not what was asked for; the text, which goes on after "its answer", says why."""


class Answer(NamedTuple):
    """What a worker sends, pickled, with a checksum.

    Attributes
    ----------
    digest : bytes
        Of the work that was done: function, parameters, source, blocks and chunks.
    rows : list of tuple of int
        First row of each chunk, and how many of its rows were summed.
    sums : list
        One for each chunk.
    """

    digest: bytes
    rows: list[tuple[int, int]]
    sums: list[Any]


def digest_of(work: bytes, block_size: int, chunks: list[tuple[int, int]]) -> bytes:
    """SHA-256 of all that decides the bits of a task's sums."""
    digest = hashlib.sha256(work)
    digest.update(repr((block_size, [tuple(chunk) for chunk in chunks])).encode())
    return digest.digest()


def packed(digest: bytes, rows: list[tuple[int, int]], sums: list[Any]) -> bytes:
    """The answer, ready to travel."""
    content = pickle.dumps((digest, rows, sums), PROTOCOL)
    return pickle.dumps((zlib.crc32(content), content), PROTOCOL)


def unpacked(
    answer: Any, digest: bytes, chunks: list[tuple[int, int]], forms: set[Form]
) -> list[Any]:
    """The sums in an answer, one for each chunk.

    Parameters
    ----------
    answer : bytes
    digest : bytes
        Of the work that was asked for.
    chunks : list of tuple of int
    forms : set of Form
        Those that a sum may have.

    Raises
    ------
    RefusedAnswerError
        If it is not the answer to this work, or not all of it.
    """
    try:
        checksum, content = pickle.loads(answer)
        is_whole = zlib.crc32(content) == checksum
    except Exception as error:  # whatever it is, it is no answer
        raise RefusedAnswerError(f"cannot be read ({type(error).__name__}: {error})") from error
    if not is_whole:
        raise RefusedAnswerError("was corrupted in transit")
    found = Answer(*pickle.loads(content))
    if found.digest != digest:
        raise RefusedAnswerError("has the sums for other parameters or other rows")
    asked = [(start, stop - start) for start, stop in chunks]
    if found.rows != asked:
        n_found, n_asked = (sum(n for _, n in rows) for rows in (found.rows, asked))
        raise RefusedAnswerError(f"has the sums of {n_found} rows, expected {n_asked}")
    if len(found.sums) != len(chunks):
        raise RefusedAnswerError(f"has {len(found.sums)} sums, expected {len(chunks)}")
    for total in found.sums:
        if form(total) not in forms:
            raise RefusedAnswerError(f"has a sum of unexpected shapes, {_in_words(form(total))}")
    return found.sums


def form(total: Any) -> Form:
    """Where the arrays of a sum are in it, and their shapes: sums that are added share them."""
    return frozenset(
        (path, leaf.shape) for path, leaf in _leaves(total) if isinstance(leaf, np.ndarray)
    )


def forms_of(work: bytes, source: Source, chunks: list[tuple[int, int]]) -> set[Form]:
    """What the sums over these chunks look like, tried on one row of zeros.

    Sums over the first rows may look unlike the others: see `KeptActivations`.

    Parameters
    ----------
    work : bytes
        The function and its source, pickled.
    source : Source
    chunks : list of tuple of int
    """
    function, _ = pickle.loads(work)
    X, y = np.zeros((1, source.shape[1]), source.dtype), np.zeros(1, np.intp)
    n_targets = targets_of(source)
    target = np.zeros((1, n_targets), source.dtype) if n_targets else None
    with np.errstate(all="ignore"):
        rows = (Rows(X, start=chunks[end][0], y=y, target=target) for end in (0, -1))
        return set(map(form, map(function, rows)))


def holds_nan(total: Any) -> bool:
    """Whether a number in a sum is NaN."""
    return any(
        np.isnan(leaf).any()
        for _, leaf in _leaves(total)
        if isinstance(leaf, float | np.floating)
        or (isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f")
    )


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Everything in a sum that is neither a list nor an object of Python, and where it is."""
    if isinstance(value, list):
        for number, part in enumerate(value):
            yield from _leaves(part, f"{path}[{number}]")
    elif hasattr(value, "__dict__"):
        for name, part in vars(value).items():
            yield from _leaves(part, f"{path}.{name}" if path else name)
    else:
        yield path, value


def _in_words(form: Form) -> str:
    return ", ".join(f"{path} {shape}" for path, shape in sorted(form)) or "of no array"
