"""Input of estimators: rows in memory or outside it, with the columns seen in fit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from rhohat.common.arrays import FloatArray, Images, overflow_as_infinity, row_dtypes
from rhohat.common.validation import check_rows
from rhohat.rows.engines import Summable, ThreadEngine
from rhohat.rows.opening import open_store
from rhohat.rows.partition import Partition
from rhohat.rows.sampling import sample_rows
from rhohat.rows.sources import ArraySource, Holders, Rows, Source, check_finite

S = TypeVar("S", bound=Summable)

#: What estimators take as rows: arrays, or whatever `open_store` recognizes.
RowData: TypeAlias = ArrayLike | str | os.PathLike[str] | Source | Callable[[], Iterable[ArrayLike]]


@overflow_as_infinity()  # of sums, by which NaN is sought
def check_input(estimator: BaseEstimator, X: ArrayLike, *, reset: bool) -> FloatArray:
    """Like `check_rows`, for an estimator's input: the features must be those seen in fit.

    With `reset`, the estimator takes their number and names from X.
    """
    rows: FloatArray = validate_data(estimator, X, reset=reset, dtype=row_dtypes(X))
    return rows


def rows_of(estimator: BaseEstimator, X: RowData, *, reset: bool) -> Source:
    """The source of an estimator's input, in memory or not; see `check_input` and `open_store`."""
    source = open_store(X)
    if source is None:
        return ArraySource(check_input(estimator, cast(ArrayLike, X), reset=reset))
    if not reset and source.shape[1] != estimator.n_features_in_:
        raise ValueError(
            f"{source.name} has {source.shape[1]} columns, but {type(estimator).__name__} was "
            f"fitted on {estimator.n_features_in_}."
        )
    if reset:
        validate_data(estimator, source, reset=True, skip_check_array=True)
    return source


def drawn_rows(X: RowData, most: int, seed: int) -> tuple[FloatArray, int]:
    """Rows drawn at random, in a random order, wherever they lie; and how many there are in all.

    Parameters
    ----------
    X : rows, in memory or not
    most : int
        How many to draw, if there are as many.
    seed : int
    """
    source = open_store(X)
    if source is None:
        source = ArraySource(check_rows(cast(ArrayLike, X)))
    n_rows = source.shape[0]
    drawn = sample_rows(n_rows, min(n_rows, most), seed)
    order = np.argsort(drawn)
    rows = np.empty((len(drawn), source.shape[1]), source.dtype)
    taken = source.take(drawn[order])
    check_finite(taken, source.name)
    rows[order] = taken.X
    return rows, n_rows


def sum_over(function: Callable[[Rows], S], source: Source) -> S:
    """Sum of a function over blocks of a source's rows, by the threads of this process.

    Raises
    ------
    ValueError
        If a value is NaN or infinite.
    """

    def checked(rows: Rows) -> S:
        check_finite(rows, Holders.of(source))
        return function(rows)

    partition = Partition.for_shape(source.shape[1], source.shape[1], source.dtype)
    engine = ThreadEngine()
    with engine.running():
        return engine.map_sum(checked, source, partition)


def precision_of(X: Images) -> np.dtype[Any]:
    """float32 if all images are, else float64."""
    images = [X] if hasattr(X, "dtype") else X
    single = all(getattr(image, "dtype", None) == np.float32 for image in images)
    return np.dtype(np.float32 if single else np.float64)
