"""Sources: where rows come from.

A source knows its shape and precision and reads any run of rows as a plain array, so that nothing
above it needs to know where the data are.
"""

from __future__ import annotations

import copy
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray, overflow_as_infinity
from rhohat.rows.partition import CHUNK_ROWS


class Rows(NamedTuple):
    """A run of rows of a source.

    Attributes
    ----------
    X : ndarray of shape (b, d)
    sample_weight : ndarray of shape (b,), default=None
        How often each row counts; once if None.
    start : int, default=0
        Number of the first row in the source.
    y : ndarray of int of shape (b,), default=None
        Class of each row, as a number; None if they are not labeled.
    target : ndarray of shape (b, t), default=None
        What is to be reconstructed from each row; None if that is the row itself.
    """

    X: FloatArray
    sample_weight: FloatArray | None = None
    start: int = 0
    y: NDArray[np.intp] | None = None
    target: FloatArray | None = None

    def blocks(self, size: int) -> Iterator[Rows]:
        """Cut into blocks of `size` rows, in order; the last may be shorter."""
        for start in range(0, self.X.shape[0], size):
            yield self.part(start, start + size)

    def part(self, start: int, stop: int) -> Rows:
        """Rows start to stop of these, without a copy."""
        part = slice(start, stop)
        weight = None if self.sample_weight is None else self.sample_weight[part]
        y = None if self.y is None else self.y[part]
        target = None if self.target is None else self.target[part]
        return Rows(self.X[part], weight, self.start + start, y, target)


class Source(Protocol):
    """What training needs to know about data.

    Attributes
    ----------
    name : str
        What errors call it, such as a file's path.
    shape : tuple of int
        (rows, columns).
    dtype : dtype
        float32 or float64: the precision of what `read` returns.
    """

    name: str
    shape: tuple[int, int]
    dtype: np.dtype[Any]

    def read(self, start: int, stop: int) -> Rows:
        """Rows start to stop as C-contiguous arrays in memory."""

    def take(self, indices: NDArray[np.intp]) -> Rows:
        """The rows with these numbers, which ascend."""

    def portion(self, start: int, stop: int) -> Source:
        """What another process needs to read rows start to stop, under the same numbers."""

    @property
    def origin(self) -> Source:
        """Where the rows come from before anything is done to them."""

    def over(self, origin: Source) -> Source:
        """The same with another origin."""


class Origin:
    """A source that is not made of another one.

    Attributes
    ----------
    held : bool
        Whether all rows are in the memory of this process.
    """

    held: ClassVar[bool] = False

    def portion(self, start: int, stop: int) -> Self:
        """Itself: what is sent says where the rows are."""
        return self

    @property
    def origin(self) -> Self:
        """Itself."""
        return self

    def over(self, origin: Source) -> Source:
        """The other origin."""
        return origin


class ArraySource(Origin):
    """Rows of an array in memory, or mapped into it.

    Parameters
    ----------
    X : ndarray of shape (m, d), float32 or float64
    """

    name = "the array"
    held = True

    def __init__(self, X: FloatArray) -> None:
        self.X = X
        self.shape = X.shape[0], X.shape[1]
        self.dtype: np.dtype[Any] = X.dtype

    def read(self, start: int, stop: int) -> Rows:
        """Rows start to stop; copied only where the array is not C-contiguous."""
        return Rows(np.ascontiguousarray(self.X[start:stop]), start=start)

    def take(self, indices: NDArray[np.intp]) -> Rows:
        """Copy of the rows with these numbers."""
        return Rows(np.ascontiguousarray(self.X[indices]))


class Wrapper:
    """A source made of another one; it overrides what it changes.

    Parameters
    ----------
    source : Source

    Attributes
    ----------
    n_targets : int
        Columns of the rows' targets; 0 if they have none.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.name, self.shape, self.dtype = source.name, source.shape, source.dtype
        self.n_targets = targets_of(source)

    def read(self, start: int, stop: int) -> Rows:
        """Rows of the other."""
        return self.source.read(start, stop)

    def take(self, indices: NDArray[np.intp]) -> Rows:
        """Rows of the other."""
        return self.source.take(indices)

    def portion(self, start: int, stop: int) -> Source:
        """The same wrapper, around the other's portion."""
        return self._around(self.source.portion(start, stop))

    @property
    def origin(self) -> Source:
        """The other's origin."""
        return self.source.origin

    def over(self, origin: Source) -> Source:
        """The same wrapper, around the other over `origin`."""
        return self._around(self.source.over(origin))

    def _around(self, source: Source) -> Source:
        wrapper = copy.copy(self)
        wrapper.source = source
        return wrapper


class Head(Wrapper):
    """The first rows of another source.

    Parameters
    ----------
    source : Source
    n_rows : int
    """

    def __init__(self, source: Source, n_rows: int) -> None:
        super().__init__(source)
        self.shape = n_rows, source.shape[1]


class Column(Wrapper):
    """Rows of another source, with one more value for each.

    Parameters
    ----------
    source : Source
    values : ndarray of shape (m,)
    first : int, default=0
        Number of the row that the first value belongs to.
    """

    #: Where the values go in `Rows`.
    field: ClassVar[str]

    def __init__(self, source: Source, values: NDArray[Any], first: int = 0) -> None:
        super().__init__(source)
        self.values = values
        self.first = first

    def read(self, start: int, stop: int) -> Rows:
        """Rows of the other, with their values."""
        values: dict[str, Any] = {self.field: self.values[start - self.first : stop - self.first]}
        return self.source.read(start, stop)._replace(**values)

    def take(self, indices: NDArray[np.intp]) -> Rows:
        """Rows of the other, with their values."""
        values: dict[str, Any] = {self.field: self.values[indices - self.first]}
        return self.source.take(indices)._replace(**values)

    def portion(self, start: int, stop: int) -> Self:
        """Only the values of these rows."""
        values = self.values[start - self.first : stop - self.first]
        return type(self)(self.source.portion(start, stop), values, start)


class Weighted(Column):
    """Rows of another source, each counted as often as it weighs."""

    field = "sample_weight"


class Labeled(Column):
    """Rows of another source, each with the number of its class."""

    field = "y"


class Paired(Wrapper):
    """Rows of a source, each with its target: the row of the same number of another source.

    The origin of a pair is the pair of both origins.

    Parameters
    ----------
    source, target : Source
        Of as many rows. Targets are read in the precision of the source.

    Raises
    ------
    ValueError
        If one has more rows than the other.
    """

    def __init__(self, source: Source, target: Source) -> None:
        super().__init__(source)
        if target.shape[0] != source.shape[0]:
            raise ValueError(
                f"{target.name} has {target.shape[0]:,} rows, but {source.name} has "
                f"{source.shape[0]:,}: the target needs one row for each row, in the same order."
            )
        self.target = target
        self.n_targets = target.shape[1]

    def read(self, start: int, stop: int) -> Rows:
        """Rows of both."""
        return self._with(self.source.read(start, stop), self.target.read(start, stop))

    def take(self, indices: NDArray[np.intp]) -> Rows:
        """Rows of both."""
        return self._with(self.source.take(indices), self.target.take(indices))

    def portion(self, start: int, stop: int) -> Paired:
        """Portions of both."""
        return Paired(self.source.portion(start, stop), self.target.portion(start, stop))

    @property
    def held(self) -> bool:
        """Whether all rows of both are in the memory of this process."""
        return all(getattr(part.origin, "held", False) for part in (self.source, self.target))

    @property
    def origin(self) -> Paired:
        """The origins of both."""
        return Paired(self.source.origin, self.target.origin)

    def over(self, origin: Source) -> Paired:
        """The same with another pair of origins."""
        assert isinstance(origin, Paired)
        return Paired(self.source.over(origin.source), self.target.over(origin.target))

    def _with(self, rows: Rows, target: Rows) -> Rows:
        return rows._replace(target=target.X.astype(self.dtype, copy=False))


def targets_of(source: Source) -> int:
    """Columns of the targets that a source's rows have; 0 if they have none."""
    return getattr(source, "n_targets", 0)


def column(source: Source, field: str) -> NDArray[Any] | None:
    """The "sample_weight" or "y" that a source has besides its rows, or None."""
    while isinstance(source, Wrapper):
        if isinstance(source, Column) and source.field == field:
            return source.values
        source = source.source
    return None


def in_memory(
    X: FloatArray,
    sample_weight: FloatArray | None = None,
    y: NDArray[np.intp] | None = None,
    target: FloatArray | None = None,
) -> Source:
    """Rows in memory as a source, with their targets, labels and weights if they have any."""
    source: Source = ArraySource(X)
    if target is not None:
        source = Paired(source, ArraySource(target))
    if y is not None:
        source = Labeled(source, y)
    return source if sample_weight is None else Weighted(source, sample_weight)


def first_rows(source: Source) -> Rows:
    """Those from row 0 that sweeps read at once: a computed row may be rounded otherwise alone."""
    return source.read(0, min(CHUNK_ROWS, source.shape[0]))


def first_row(source: Source) -> NDArray[np.float64]:
    """Row 0, in float64."""
    return np.array(first_rows(source).X[0], dtype=np.float64)


class Holders(NamedTuple):
    """Who holds which rows: what errors call each, and the row after its last.

    Attributes
    ----------
    names : tuple of str
    ends : tuple of int
    columns : tuple of str, default=()
        Names of the columns of all of them.
    target : Holders, default=None
        Who holds the rows' targets, if they have some.
    """

    names: tuple[str, ...]
    ends: tuple[int, ...]
    columns: tuple[str, ...] = ()
    target: Holders | None = None

    @classmethod
    def of(cls, source: Source) -> Holders:
        """Those of a source: its files, if it is made of several."""
        origin = source.origin
        if isinstance(origin, Paired):
            return cls.of(origin.source)._replace(target=cls.of(origin.target))
        held: Holders | None = getattr(origin, "holders", None)
        columns = tuple(getattr(origin, "columns", ()))
        if held is None:
            return cls((source.name,), (source.shape[0],), columns)
        return held._replace(columns=columns or held.columns)

    def column(self, number: int) -> str:
        """A column by its number, and its name if it has one."""
        if number < len(self.columns):
            return f'column {number}, "{self.columns[number]}"'
        return f"column {number}"

    def locate(self, row: int, value: object) -> str:
        """The holder of a row with a value that it should not have, and the row's number there."""
        number = bisect_right(self.ends, row)
        begin = self.ends[number - 1] if number else 0
        text = f"{self.names[number]} holds {value} in row {row - begin}"
        return text if len(self.names) == 1 else f"{text} ({row} of all)"


def check_finite(rows: Rows, holders: Holders | str) -> None:
    """Raise ValueError if a value is NaN or infinite; name the holder, row and column of the first.

    `holders` may be the name of the only one. Targets are looked at, too.
    """
    if rows.target is not None:
        theirs = holders.target if isinstance(holders, Holders) and holders.target else holders
        check_finite(Rows(rows.target, start=rows.start), theirs)
    with overflow_as_infinity():
        if np.isfinite(rows.X.sum()):  # a fast pass that misses nothing
            return
    bad = np.argwhere(~np.isfinite(rows.X))
    if len(bad):
        row, column = (int(index) for index in bad[0])
        if isinstance(holders, str):
            holders = Holders((holders,), (rows.start + len(rows.X),))
        raise ValueError(
            f"{holders.locate(rows.start + row, rows.X[row, column])}, "
            f"{holders.column(column)}, in the block of rows {rows.start} to "
            f"{rows.start + len(rows.X) - 1}. Leave such rows out, or fill them in."
        )
