"""Corrupted rows: what a denoising autoencoder encodes, with the rows that it reconstructs."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray
from rhohat.rows.sources import ArraySource, Column, Paired, Rows, Source, Wrapper


class Corruption(Protocol):
    """What is done to rows before they are encoded."""

    def of(self, X: FloatArray, numbers: NDArray[np.intp]) -> FloatArray:
        """Rows of X, which have these numbers, as they are encoded; in the precision of X."""


class Corrupted(Wrapper):
    """Rows of another source, corrupted; their targets are the rows as they were, or their own.

    Parameters
    ----------
    source : Source
    corruption : Corruption
    first : int, default=0
        What the number of row 0 counts as.
    """

    def __init__(self, source: Source, corruption: Corruption, first: int = 0) -> None:
        super().__init__(source)
        self.corruption = corruption
        self.first = first
        self.n_targets = self.n_targets or source.shape[1]

    def read(self, start: int, stop: int) -> Rows:
        """Rows start to stop of the other, corrupted."""
        return self._corrupted(self.source.read(start, stop), np.arange(start, stop))

    def take(self, indices: NDArray[np.intp]) -> Rows:
        """The rows with these numbers, corrupted as they are wherever they are read."""
        return self._corrupted(self.source.take(indices), indices)

    def _corrupted(self, rows: Rows, numbers: NDArray[np.intp]) -> Rows:
        X = self.corruption.of(rows.X, self.first + numbers)
        return rows._replace(X=X, target=rows.X if rows.target is None else rows.target)


def corrupted(source: Source, corruption: Corruption | None) -> Source:
    """`source` with its rows corrupted: those of an array once, all others whenever they are read.

    It is `source` itself if the corruption is None.
    """
    if corruption is None:
        return source
    if isinstance(source, Column):
        made = corrupted(source.source, corruption)
        return type(source)(made, source.values, source.first)
    clean, target = source, source
    if isinstance(source, Paired):
        clean, target = source.source, source.target
    if isinstance(clean, ArraySource):
        X = Corrupted(clean, corruption).read(0, clean.shape[0]).X
        return Paired(ArraySource(X), target)
    return Corrupted(source, corruption)
