"""Sources: where rows come from.

A source knows its shape and precision and reads any run of rows as a plain array, so that nothing
above it needs to know where the data lies.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rhohat._typing import FloatArray
from rhohat._validation import check_integer

__all__ = ["ArraySource", "Head", "Partition", "RowSubset", "Rows", "Source", "in_memory"]


class Rows(NamedTuple):
    """A run of rows of a source.

    Attributes
    ----------
    X : ndarray of shape (b, d)
    sample_weight : ndarray of shape (b,), default=None
        How often each counts; once if None.
    start : int, default=0
        Number of the first in the source.
    """

    X: FloatArray
    sample_weight: FloatArray | None = None
    start: int = 0

    def blocks(self, size: int) -> Iterator[Rows]:
        """Cut into blocks of `size` rows, in order; the last may be shorter."""
        for start in range(0, self.X.shape[0], size):
            part = slice(start, start + size)
            weight = None if self.sample_weight is None else self.sample_weight[part]
            yield Rows(self.X[part], weight, self.start + start)


class Source(Protocol):
    """What training needs to know of data."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64: the precision of what `read` gives."""
        ...

    def read(self, start: int, stop: int) -> Rows:
        """Rows start to stop as C-contiguous arrays in memory."""
        ...

    def take(self, indices: NDArray[np.intp]) -> Rows:
        """The rows with these numbers, in ascending order."""
        ...


class ArraySource:
    """Rows of an array in memory, or mapped into it.

    Parameters
    ----------
    X : ndarray of shape (m, d), float32 or float64
    sample_weight : ndarray of shape (m,), default=None
    """

    def __init__(self, X: FloatArray, sample_weight: FloatArray | None = None) -> None:
        self.X = X
        self.sample_weight = sample_weight

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        m, d = self.X.shape
        return m, d

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of the array."""
        return self.X.dtype

    def read(self, start: int, stop: int) -> Rows:
        """Rows start to stop; copied only where the array is not C-contiguous."""
        weight = None if self.sample_weight is None else self.sample_weight[start:stop]
        return Rows(np.ascontiguousarray(self.X[start:stop]), weight, start)

    def take(self, indices: NDArray[np.intp]) -> Rows:
        """Copy of the rows with these numbers."""
        weight = None if self.sample_weight is None else self.sample_weight[indices]
        return Rows(np.ascontiguousarray(self.X[indices]), weight)


def in_memory(source: Source, limit: int) -> Source:
    """The same rows read once and held, if they take `limit` bytes at most."""
    n_rows, n_features = source.shape
    if n_rows * n_features * source.dtype.itemsize > limit:
        return source
    rows = source.read(0, n_rows)
    return ArraySource(rows.X, rows.sample_weight)


class Head:
    """The first rows of another source.

    Parameters
    ----------
    source : Source
    n_rows : int
    """

    def __init__(self, source: Source, n_rows: int) -> None:
        self.source = source
        self.n_rows = n_rows
        self.read = source.read
        self.take = source.take

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.n_rows, self.source.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of the other source."""
        return self.source.dtype


class RowSubset:
    """Some of the rows of another source.

    Parameters
    ----------
    source : Source
    indices : ndarray of int
        Numbers of the rows, ascending.
    """

    def __init__(self, source: Source, indices: NDArray[np.intp]) -> None:
        self.source = source
        self.indices = indices

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.indices), self.source.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of the other source."""
        return self.source.dtype

    def read(self, start: int, stop: int) -> Rows:
        """Rows start to stop of the subset."""
        return self.source.take(self.indices[start:stop])._replace(start=start)

    def take(self, indices: NDArray[np.intp]) -> Rows:
        """Rows of the subset with these numbers."""
        return self.source.take(self.indices[indices])


#: Rows of a chunk: few enough for the first stage of training to keep two threads busy.
CHUNK_ROWS = 1024
#: What the intermediate results of one block may take, in each thread.
WORKSPACE_BYTES = 32 << 20


class Partition(NamedTuple):
    """How rows are cut up; it decides the order of summation, and so the bits of every sum.

    Attributes
    ----------
    block_size : int
        Rows computed at a time, few enough for their activations to stay in cache.
    chunk_size : int
        Rows of a run of blocks: the unit of reading, of a task and of ordered summation.
    """

    block_size: int
    chunk_size: int

    @classmethod
    def for_shape(
        cls,
        n_features: int,
        n_components: int,
        dtype: np.dtype[Any],
        block_size: int | None = None,
        chunk_size: int | None = None,
    ) -> Partition:
        """Sizes from shape and precision alone, so that every machine sums in the same order.

        Blocks of 1,024 rows were fastest in trials, though 512 of them would stay in a cache of 1
        MiB: with more rows the products themselves are faster, and Python is called less often.
        They are smaller where their intermediate results would take more than 32 MiB.

        Parameters
        ----------
        n_features, n_components : int
        dtype : dtype
        block_size, chunk_size : int, default=None
            Sizes to use instead.

        Raises
        ------
        ValueError
            If the chunk is not a number of whole blocks.
        """
        if block_size is None:
            bytes_per_row = (3 * n_features + 3 * n_components) * dtype.itemsize
            fitting = 1 << max(WORKSPACE_BYTES // bytes_per_row, 1).bit_length() - 1
            block_size = min(fitting, chunk_size or CHUNK_ROWS, CHUNK_ROWS)
        check_integer("block_size", block_size, low=1)
        if chunk_size is None:
            chunk_size = max(CHUNK_ROWS // block_size, 1) * block_size
        check_integer("chunk_size", chunk_size, low=1)
        if chunk_size % block_size:
            raise ValueError(
                f"chunk_size must be a multiple of block_size={block_size}, got {chunk_size}."
            )
        return cls(block_size, chunk_size)

    def chunks(self, n_rows: int) -> Iterator[tuple[int, int]]:
        """Start and stop of every chunk, in order."""
        for start in range(0, n_rows, self.chunk_size):
            yield start, min(start + self.chunk_size, n_rows)
