"""Input of estimators: rows in memory or outside it, with the columns seen in fit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from rhohat.common.arrays import FloatArray, Images, overflow_as_infinity, row_dtypes
from rhohat.common.libraries import from_device
from rhohat.common.printable import listed
from rhohat.common.validation import check_all_finite, check_rows, names_of_frame
from rhohat.rows.engines import Summable, ThreadEngine
from rhohat.rows.named_rows import columns_of
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
    X = from_device(X)
    names = columns_of(X)
    if names and not reset:
        check_names(estimator, names, reset=False)
        rows: FloatArray = check_rows(X)
        _check_width(estimator, rows.shape[1], "X")
        return rows
    rows = validate_data(estimator, X, reset=reset, dtype=row_dtypes(X), ensure_all_finite=False)
    check_all_finite(rows, names_of_frame(X))
    if names:
        check_names(estimator, names, reset=True)
    return rows


def check_names(estimator: Any, names: Sequence[str], *, reset: bool) -> None:
    """Give the names of columns to an estimator; without `reset`, compare them with its own."""
    if reset:
        estimator.feature_names_in_ = np.array(names, dtype=object)
        return
    own = getattr(estimator, "feature_names_in_", None)
    if own is None or list(own) == list(names):
        return
    unknown = [name for name in names if name not in set(own)]
    lacking = [name for name in own if name not in set(names)]
    told = [f"it lacks {listed(lacking)}"] if lacking else []
    told += [f"{listed(unknown)} are unknown"] if unknown else []
    raise ValueError(
        f"the columns are not those that {type(estimator).__name__} was fitted on: "
        f"{', '.join(told) or 'their order differs'}."
    )


def _check_width(estimator: Any, width: int, name: str) -> None:
    if width != estimator.n_features_in_:
        raise ValueError(
            f"{name} has {width} columns, but {type(estimator).__name__} was fitted on "
            f"{estimator.n_features_in_}."
        )


def rows_of(estimator: BaseEstimator, X: RowData, *, reset: bool) -> Source:
    """The source of an estimator's input, in memory or not; see `check_input` and `open_store`."""
    source = open_store(X)
    if source is None:
        return ArraySource(check_input(estimator, cast(ArrayLike, X), reset=reset))
    if reset:
        validate_data(estimator, source, reset=True, skip_check_array=True)
    else:
        _check_width(estimator, source.shape[1], source.name)
    names = columns_of(source)
    if names:
        check_names(estimator, names, reset=reset)
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
