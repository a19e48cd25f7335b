"""Classes: how units respond to the examples of each, where examples have labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.files.labels import has_label
from rhohat.rows.partition import CHUNK_ROWS
from rhohat.rows.sources import Source

#: Examples that a class has at least, for units to be called selective for it: of fewer, some unit
#: ranks all above others by chance.
LEAST = 5
#: Bytes that activations may take that are ranked.
RANKED_BYTES = 256 << 20


@dataclass(frozen=True, eq=False)
class Labels:
    """What each of the things that the user gave is called.

    Attributes
    ----------
    names : list of str
        Of the classes, in order.
    codes : ndarray of int of shape (n,)
        Number of the class of each; -1 where a label is missing.
    """

    names: list[str]
    codes: NDArray[np.intp]

    @classmethod
    def of(cls, labels: Iterable[Any], n_given: int | None) -> Self:
        """Labels, one for each of `n_given` images, series, recordings or rows.

        Raises
        ------
        ValueError
            If there are not as many of them.
        """
        values = list(labels)  # a Series is indexed by its own names
        if len(values) != n_given:
            given = "no data" if n_given is None else f"data of {n_given}"
            raise ValueError(
                f"labels must have one entry for each example, got {len(values)} for {given}."
            )
        held = np.empty(len(values), dtype=object)
        held[:] = values
        known = has_label(held)
        numbers = np.array(held[known].tolist())
        in_order = numbers if numbers.dtype.kind in "biuf" else [told_label(v) for v in held[known]]
        found, codes = np.unique(in_order, return_inverse=True)
        every = np.full(len(values), -1)
        every[known] = codes.ravel()
        return cls([told_label(value) for value in found.tolist()], every)

    def name_of(self, number: int) -> str | None:
        """What one thing is called; None where its label is missing."""
        code = int(self.codes[number])
        return None if code < 0 else self.names[code]


def told_label(value: Any) -> str:
    """A label as text; whole numbers are written as such, whatever their type."""
    is_whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value)) if is_whole else str(value)


class ClassResponses(NamedTuple):
    """How units respond to each class of examples.

    Attributes
    ----------
    counts : ndarray of int of shape (n_classes,)
        Examples of each class.
    means : ndarray of shape (k, n_classes)
        Average activation on the examples of each class; NaN where it has none.
    best : ndarray of int of shape (k,)
        The class that each unit is most selective for, of those with `LEAST` examples or more.
    auroc : ndarray of shape (k,)
        Area under the receiver operating characteristic for that class against all others: the
        probability that one of its examples activates the unit more than another one does, ties
        counting half.
    """

    counts: NDArray[np.intp]
    means: Float64Array
    best: NDArray[np.intp]
    auroc: Float64Array


def class_responses(
    activations: Source,
    codes: NDArray[np.intp],
    n_classes: int,
    *,
    max_bytes: int = RANKED_BYTES,
) -> ClassResponses | None:
    """Average activations by class, and how well each unit tells its best class from the others.

    All rows are ranked, exactly. Where activations of all units would take too much memory, the
    data are gone through once for each part of the units.

    Parameters
    ----------
    activations : Source
        One column per unit.
    codes : ndarray of int of shape (n,)
        The class of each row; rows of class -1 are left out.
    n_classes : int
    max_bytes : int, default=256 << 20

    Returns
    -------
    responses : ClassResponses or None
        None if no class of at least `LEAST` rows can be told from other rows.
    """
    from scipy.stats import rankdata

    k = activations.shape[1]
    known = np.flatnonzero(codes >= 0)
    n, classes = len(known), codes[known]
    counts = np.bincount(classes, minlength=n_classes)
    can_be_told = (counts >= LEAST) & (counts < n)
    if not can_be_told.any():
        return None
    others = np.where(can_be_told, counts * (n - counts), 1)
    means, auroc = np.empty((k, n_classes)), np.empty((k, n_classes))
    width = max(max_bytes // (n * activations.dtype.itemsize), 1)
    for start in range(0, k, width):
        A = _columns(activations, known, slice(start, min(start + width, k)))
        for unit, a in enumerate(A, start):
            sums = np.bincount(classes, a, minlength=n_classes)
            ranks = np.bincount(classes, rankdata(a), minlength=n_classes)
            means[unit] = np.divide(sums, counts, where=counts > 0, out=np.full(n_classes, np.nan))
            auroc[unit] = (ranks - counts * (counts + 1) / 2) / others
    auroc[:, ~can_be_told] = -1
    best = auroc.argmax(axis=1)
    return ClassResponses(counts, means, best, auroc[np.arange(k), best])


def _columns(activations: Source, rows: NDArray[np.intp], units: slice) -> FloatArray:
    """Activations of some units, (units, n), on the n rows with these numbers, which ascend."""
    A = np.empty((units.stop - units.start, len(rows)), dtype=activations.dtype)
    for start in range(0, len(rows), CHUNK_ROWS):
        part = slice(start, start + CHUNK_ROWS)
        A[:, part] = activations.take(rows[part]).X[:, units].T
    return A
