"""Checks of parameters and arrays, worded alike: what was expected, and what came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from rhohat.common.arrays import PRECISIONS, FloatArray, overflow_as_infinity, row_dtypes
from rhohat.common.libraries import from_device

T = TypeVar("T")


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
    try:
        number = float(value)
    except OverflowError:  # an integer beyond all floats
        number = inf
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


def check_flag(name: str, value: Any) -> bool:
    """Return `value` if it is True or False, else raise TypeError."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}.")
    return bool(value)


def check_pair(name: str, value: Any) -> tuple[int, int]:
    """Return (height, width), given as two integers of at least 1 or as one for both, else raise.

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


@overflow_as_infinity()  # of sums, by which NaN is sought
def check_rows(X: ArrayLike) -> FloatArray:
    """Return X as a finite two-dimensional float array, else raise; see `check_array`."""
    from sklearn.utils.validation import check_array  # here, so that parameters need no sklearn

    X = from_device(X)
    rows: FloatArray = check_array(X, dtype=row_dtypes(X), ensure_all_finite=False)
    check_all_finite(rows, names_of_frame(X))
    return rows


def names_of_frame(X: Any) -> tuple[str, ...]:
    """Names of the columns of a data frame, if X is one, or of rows that know theirs."""
    names = getattr(X, "columns", ())
    try:
        return tuple(str(name) for name in names) if hasattr(X, "shape") else ()
    except TypeError:  # no sequence
        return ()


def check_all_finite(X: FloatArray, names: Sequence[str] = ()) -> None:
    """Raise ValueError if a value of rows is NaN or infinite; names the first one's place.

    Parameters
    ----------
    X : ndarray of shape (m, d)
    names : sequence of str, default=()
        Of the columns.
    """
    if is_finite(X):
        return
    bad = ~np.isfinite(X)
    row, column = (int(index) for index in np.argwhere(bad)[0])
    value = "NaN" if np.isnan(X[row, column]) else "infinity"
    at = f'column {column}, "{names[column]}"' if len(names) == X.shape[1] else f"column {column}"
    n_rows = int(bad.any(axis=1).sum())
    rows = "1 row holds" if n_rows == 1 else f"{n_rows:,} of {len(X):,} rows hold"
    raise ValueError(
        f"X holds {value} in row {row}, {at}; {rows} NaN or infinity. Leave such rows out, X = "
        "X[np.isfinite(X).all(axis=1)], or fill them in, for instance with scikit-learn's "
        'SimpleImputer(strategy="median") before this estimator in a pipeline.'
    )


@overflow_as_infinity()
def check_floats(name: str, X: ArrayLike) -> FloatArray:
    """Return X, of any shape, as a finite float array, else raise; see `check_array`."""
    if type(X) is np.ndarray and X.dtype in PRECISIONS and is_finite(X):
        return X  # most are, and the full check takes longer than work on a small image
    from sklearn.utils.validation import check_array  # here, so that parameters need no sklearn

    array: FloatArray = check_array(
        X,
        dtype=PRECISIONS,
        allow_nd=True,
        ensure_2d=False,
        ensure_min_samples=0,
        ensure_min_features=0,
        input_name=name,
    )
    return array


def check_magnitude(largest: float, dtype: np.dtype[Any]) -> None:
    """Raise ValueError unless values of this magnitude can be squared and summed, or are all zero.

    Their squares, and those of their rounding errors, must be normal numbers of float64; and the
    values themselves must leave as much room in their own precision.

    Parameters
    ----------
    largest : float
        The greatest absolute value; NaN or infinite if something has overflowed already.
    dtype : dtype
        Of the values.
    """
    own, wide = np.finfo(dtype), np.finfo(np.float64)
    low = max(float(own.tiny) / float(own.eps), float(wide.tiny) ** 0.5 / float(wide.eps))
    high = min(float(own.max) * float(own.eps), float(wide.max) ** 0.5 * float(wide.eps))
    if largest != 0 and not low <= largest <= high:
        small = largest < low
        raise ValueError(
            f"values of up to {largest:.3g} in {np.dtype(dtype).name} are too "
            f"{'small' if small else 'large'} to be squared and summed: the largest must be "
            f"between {low:.0e} and {high:.0e}. Scale the data, for instance "
            f"{'multiply' if small else 'divide'} them by a power of ten."
        )


def is_finite(X: FloatArray) -> bool:
    """Whether all values are finite; a fast pass over them is enough where they are."""
    with overflow_as_infinity():
        return bool(np.isfinite(X.sum()) or np.isfinite(X).all())


def check_overflow(values: FloatArray, X: FloatArray) -> FloatArray:
    """Return the values that were computed from X, unless they overflow: then raise ValueError.

    What is not finite in X itself is left to whoever reads X.
    """
    if not is_finite(values) and is_finite(X):
        raise ValueError(
            f"the values are too large: computing with them overflows {values.dtype.name}. Scale "
            "the data, for instance divide them by a power of ten, both for fit and afterwards."
        )
    return values
