"""Arrays: what the package calls them, and the precision that it computes in."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: float32 or float64, whichever the data came in.
FloatArray: TypeAlias = NDArray[np.floating[Any]]
#: float64: parameters, gradients and sums on the driver.
Float64Array: TypeAlias = NDArray[np.float64]
#: Images of any shapes, (height, width) or (height, width, channels), or one array of equal ones.
Images: TypeAlias = Sequence[FloatArray] | FloatArray
#: Recordings as arrays or files, one array with the recordings along its first axis, or a sequence
#: that reads them on request.
Recordings: TypeAlias = Sequence[FloatArray | str | os.PathLike[str]] | FloatArray

#: The precisions that are computed in. Images and weights of other types are converted to the
#: first, rows as `float_dtype` says.
PRECISIONS = (np.float64, np.float32)


def overflow_as_infinity() -> np.errstate:
    """Let overflow make values infinite, or NaN, without a warning; for whoever looks at them."""
    return np.errstate(over="ignore", invalid="ignore")


def underflow_as_zero() -> np.errstate:
    """Let what is too small for its precision be 0, whatever NumPy is set to do about it."""
    return np.errstate(under="ignore")


def rounding_noise(largest: float, dtype: np.dtype[Any]) -> float:
    """The deviation that rounding errors may have, of values of up to `largest`."""
    return 10 * float(np.finfo(dtype).eps) * largest


def is_real(dtype: np.dtype[Any]) -> bool:
    """Whether values of this type are real numbers or booleans."""
    return dtype.kind in "buif"


def float_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The precision for rows of a type, wherever they are stored.

    float32 for float32 and for types of at most 16 bits, whose values it holds exactly; float64 for
    all other real numbers.

    Raises
    ------
    TypeError
        If they are not real numbers.
    """
    if not is_real(dtype):
        raise TypeError(f"expected real numbers, got values of type {dtype}.")
    is_short = dtype.itemsize <= 2 or dtype.newbyteorder("=") == np.float32
    return np.dtype(np.float32 if is_short else np.float64)


def row_dtypes(X: ArrayLike) -> Any:
    """The ``dtype`` that scikit-learn's checks of rows take for X; see `float_dtype`.

    Where NumPy finds no real numbers in X, they convert or refuse it.
    """
    dtype = getattr(X, "dtype", None)
    if not isinstance(dtype, np.dtype):  # an array, dense or sparse, is not converted to tell
        dtype = np.asarray(X).dtype
    return float_dtype(dtype) if is_real(dtype) else PRECISIONS


def as_floats(numbers: ArrayLike) -> FloatArray:
    """Numbers as a float32 or float64 array; from any other type, float64."""
    array: FloatArray = np.asarray(numbers)
    return array if array.dtype in PRECISIONS else array.astype(np.float64)
