"""Sparse matrices of SciPy: held as they are, and made dense a run of rows at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import float_dtype
from rhohat.rows.claims import Claims
from rhohat.rows.sources import Column, Origin, Paired, Rows, Source, in_memory


class SparseRows(Origin):
    """Rows of a sparse matrix in memory, which is never dense as a whole.

    What is computed from them has the same bits as from the dense array.

    Parameters
    ----------
    matrix : sparse matrix or array of SciPy, of shape (m, d)
        Converted to CSR, unless it is that. Of real numbers, in any precision: rows are read in
        that of `float_dtype`.

    Raises
    ------
    ValueError
        If it has no rows or columns, or not two axes.
    TypeError
        If its values are not real numbers.
    """

    name = "the sparse matrix"
    held = True

    def __init__(self, matrix: Any) -> None:
        if len(matrix.shape) != 2 or 0 in matrix.shape:
            raise ValueError(
                f"{self.name} has shape {matrix.shape}, expected (rows, columns), at least one "
                "each."
            )
        self.matrix = matrix.tocsr()
        self.shape = int(matrix.shape[0]), int(matrix.shape[1])
        self.dtype: np.dtype[Any] = float_dtype(np.dtype(matrix.dtype))

    def read(self, start: int, stop: int) -> Rows:
        """Rows start to stop, dense."""
        return Rows(self._dense(self.matrix[start:stop]), start=start)

    def take(self, indices: NDArray[np.intp]) -> Rows:
        """The rows with these numbers, dense."""
        return Rows(self._dense(self.matrix[indices]))

    def whole(self, stored: int) -> NDArray[Any]:
        """All rows, dense, if a file of so many bytes makes them plausible.

        Raises
        ------
        DataFileError
            If it does not.
        """
        Claims(self.shape, np.dtype(self.matrix.dtype), stored).check()
        dense: NDArray[Any] = self.matrix.toarray()
        return dense

    def _dense(self, part: Any) -> NDArray[Any]:
        return np.ascontiguousarray(part.astype(self.dtype, copy=False).toarray())


def taken(source: Source, indices: NDArray[np.intp]) -> Source:
    """The rows with these numbers, which ascend, as a source in memory; sparse ones stay so."""
    if isinstance(source, Column):
        values = source.values[indices - source.first]
        return type(source)(taken(source.source, indices), values)
    if isinstance(source, Paired):
        return Paired(taken(source.source, indices), taken(source.target, indices))
    if isinstance(source, SparseRows):
        return SparseRows(source.matrix[indices])
    rows = source.take(indices)
    return in_memory(rows.X, rows.sample_weight, rows.y, rows.target)
