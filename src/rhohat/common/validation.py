"""Checks of parameters, worded alike: what was expected, what came, what to do."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from math import inf
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from rhohat.common.arrays import FloatArray

T = TypeVar("T")

#: Precisions that are computed in. Images and weights of other types are converted to the first;
#: rows as `float_dtype` says.
PRECISIONS = (np.float64, np.float32)


def is_real(dtype: np.dtype[Any]) -> bool:
    """Whether values of a type are real numbers, or true and false."""
    return dtype.kind in "buif"


def float_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The precision that rows of a type are computed in, wherever they lie.

    float32 for float32 and for types of at most 16 bits, whose values it holds exactly; float64 for
    all other real numbers.

    Raises
    ------
    TypeError
        If they are no real numbers.
    """
    if not is_real(dtype):
        raise TypeError(f"expected real numbers, got values of type {dtype}.")
    is_short = dtype.itemsize <= 2 or dtype == np.float32
    return np.dtype(np.float32 if is_short else np.float64)


def row_dtypes(X: ArrayLike) -> Any:
    """What scikit-learn's checks of rows are to convert X to; see `float_dtype`.

    What numpy makes no real numbers of is left to them, to be converted or refused.
    """
    dtype = np.asarray(X).dtype
    return float_dtype(dtype) if is_real(dtype) else PRECISIONS


def check_real(
    name: str, value: Any, *, low: float = -inf, high: float = inf, open_ends: bool = False
) -> float:
    """Return `value` if it is a real number between `low` and `high`, else raise.

    Raises
    ------
    TypeError
        If `value` is not a real number.
    ValueError
        If it is NaN or outside the interval.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r} of type {type(value).__name__}.")
    number = float(value)
    inside = low < number < high if open_ends else low <= number <= high
    if not inside or number == inf:
        brackets = "()" if open_ends else "[]"
        raise ValueError(
            f"{name} must lie in {brackets[0]}{low:g}, {high:g}{brackets[1]}, got {value!r}."
        )
    return number


def check_integer(name: str, value: Any, *, low: int) -> int:
    """Return `value` if it is an integer of at least `low`, else raise.

    Raises
    ------
    TypeError
        If `value` is not an integer.
    ValueError
        If it is below `low`.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer, got {value!r} of type {type(value).__name__}.")
    if value < low:
        raise ValueError(f"{name} must be at least {low}, got {value!r}.")
    return int(value)


def check_pair(name: str, value: Any) -> tuple[int, int]:
    """Return `value`, (height, width) or one number for both, as two integers of at least 1.

    Raises
    ------
    TypeError
        If one is not an integer.
    ValueError
        If they are not two, or one is below 1.
    """
    if isinstance(value, (tuple, list)) and len(value) != 2:
        raise ValueError(f"{name} must be one number or (height, width), got {value!r}.")
    height, width = value if isinstance(value, (tuple, list)) else (value, value)
    return check_integer(name, height, low=1), check_integer(name, width, low=1)


def look_up(name: str, value: Any, table: Mapping[str, T]) -> T:
    """Return the row of `table` that `value` names, else raise a ValueError that lists the rows."""
    if isinstance(value, str) and value in table:
        return table[value]
    rows = ", ".join(repr(row) for row in table)
    raise ValueError(f"{name} must be one of {rows}, got {value!r}.")


def extra(module: str, name: str) -> Any:
    """Import a module that the extra `name` brings, or tell how to install it.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{module} is needed for this, and not installed: pip install 'rhohat[{name}]'"
        ) from error


def check_rows(X: ArrayLike) -> FloatArray:
    """X as a finite two-dimensional float32 or float64 array, else raise; see `check_array`."""
    from sklearn.utils.validation import check_array  # here, so that parameters need no sklearn

    rows: FloatArray = check_array(X, dtype=row_dtypes(X))
    return rows


def as_floats(weights: ArrayLike) -> FloatArray:
    """Weights as a float32 or float64 array: others are converted, since no gain is an integer."""
    array: FloatArray = np.asarray(weights)
    return array if array.dtype in PRECISIONS else array.astype(np.float64)
