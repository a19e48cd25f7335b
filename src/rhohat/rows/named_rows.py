"""Rows of numbers whose columns have names: an array like others, with the names along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


class NamedRows(np.ndarray):
    """A two-dimensional array that knows the names of its columns, and labels of its rows.

    Parts of it keep theirs; anything computed from it is a plain array.

    Parameters
    ----------
    X : array-like of shape (n, d)
    columns : sequence of str, of length d
        Empty if the columns have no names.
    labels : ndarray of shape (n,) or (n, n_labels), default=None

    Attributes
    ----------
    columns : tuple of str
        Empty if they are unknown.
    labels : ndarray or None
        None if there are none.
    """

    columns: tuple[str, ...]
    labels: NDArray[Any] | None

    def __new__(
        cls, X: Any, columns: Sequence[str] = (), labels: NDArray[Any] | None = None
    ) -> Self:
        """An array, seen with names."""
        rows = np.asarray(X).view(cls)
        if rows.ndim != 2 or (len(columns) and rows.shape[1] != len(columns)):
            raise ValueError(f"{len(columns)} names do not fit an array of shape {rows.shape}.")
        if labels is not None and len(labels) != len(rows):
            raise ValueError(f"{len(labels)} labels do not fit an array of shape {rows.shape}.")
        rows.columns = tuple(columns)
        rows.labels = labels
        return rows

    def __array_finalize__(self, array: Any) -> None:
        self.columns = ()
        self.labels = None

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return array[()] if return_scalar else np.asarray(array)

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        if not isinstance(part, NamedRows):
            return part
        rows, which = key if isinstance(key, tuple) and len(key) == 2 else (key, slice(None))
        if part.ndim != 2 or any(_adds_axis(index) for index in (rows, which)):
            return part.view(np.ndarray)
        if self.columns:
            names = np.array(self.columns, dtype=object)[which]
            if np.ndim(names) != 1 or len(names) != part.shape[1]:
                return part.view(np.ndarray)
            part.columns = tuple(names.tolist())
        if self.labels is not None:
            labels = self.labels[rows]
            part.labels = labels if len(labels) == len(part) else None
        return part

    def __reduce__(self) -> Any:
        return NamedRows, (self.view(np.ndarray), self.columns, self.labels)


def _adds_axis(index: Any) -> bool:
    """Whether an index of one axis is not a plain choice along it."""
    return index is None or index is Ellipsis or isinstance(index, tuple) or np.ndim(index) > 1


def columns_of(X: Any) -> tuple[str, ...]:
    """Names of the columns of rows, in memory or not; empty if they have none."""
    names: Any = getattr(X, "columns", ()) if hasattr(X, "shape") else ()
    is_own = isinstance(X, NamedRows) or hasattr(X, "origin")
    return tuple(names) if is_own else ()


def with_columns(X: NDArray[Any], columns: Sequence[str]) -> NDArray[Any]:
    """The array with these names, if there are any."""
    return NamedRows(X, columns) if len(columns) else X
