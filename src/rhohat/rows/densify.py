"""Sparse matrices in files, made whole where they are small."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import DataFileError

#: Bytes of a matrix, with all its zeros, up to which it is made whole.
WHOLE_BYTES = 1 << 30


def check_whole(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raise DataFileError if a sparse matrix is too large to be made whole.

    Parameters
    ----------
    shape : tuple of int
    dtype : dtype
        Of its numbers.
    """
    if len(shape) != 2 or min(shape) < 0:
        raise DataFileError(f"claims a sparse matrix of shape {shape}")
    n_bytes = prod(shape) * dtype.itemsize
    if n_bytes > WHOLE_BYTES:
        raise DataFileError(
            f"holds a sparse matrix {shape}, which would take {n_bytes / 2**30:,.1f} GiB with all "
            "its zeros. Choose fewer columns, such as the genes or words that vary most, or read "
            "it in Python and pass the sparse matrix to fit"
        )


def check_sound(matrix: Any) -> None:
    """Raise DataFileError if the parts of a compressed matrix of SciPy's do not fit one another."""
    try:
        if (matrix.indptr[1:] < matrix.indptr[:-1]).any():  # which SciPy lets pass if it ends in 0
            raise ValueError("its index pointers fall")
        matrix.check_format(full_check=True)
    except ValueError as error:
        raise DataFileError(f"holds a damaged sparse matrix: {error}") from error


def whole(matrix: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """A matrix of SciPy's with all its zeros.

    Raises
    ------
    DataFileError
        If its parts do not fit one another.
    """
    check_sound(matrix)
    array: NDArray[Any] = matrix.toarray()
    return array.astype(dtype, copy=False)
