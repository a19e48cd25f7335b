"""What a format of files must answer, and what formats have in common.

Files may come from anywhere: nothing in them is run or trusted. Whatever is wrong with one is a
`DataFileError` of the reason alone, before which callers put the file's name.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, fields
from functools import partial, wraps
from math import prod
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray, float_dtype, is_real
from rhohat.common.errors import DataChangedError, DataFileError
from rhohat.common.printable import count
from rhohat.rows.axes import Arrangement, Guess, arrange, check_axes, usual_axes
from rhohat.rows.chosen_columns import HeldRows, beside_array, choosing
from rhohat.rows.claims import RATIO_LIMIT, Claims, bytes_in
from rhohat.rows.sources import Source

T = TypeVar("T")


class Content(NamedTuple):
    """What a file holds, by its header.

    Attributes
    ----------
    kind : {"images", "rows", "recordings", "series", "array"}
        An array is what `array_content` gives; `FileFormat` makes it rows or images.
    shape : tuple of int
        (images, height, width[, channels]), (rows, columns), or (series, channels, samples), one
        recording or any number of series.
    dtype : dtype
        Of the file's numbers, which are converted to floats.
    rate : float, default=0
        Samples per second of a recording, which has a whole number of them, or of series.
    note : str, default=""
        What is wrong with a file that can be used all the same.
    columns : tuple of str, default=()
        Names of the columns of rows, where the file has any.
    array : str, default=""
        Name of the array that was taken, of a file that holds more than this.
    scene : tuple of int, default=()
        ([scenes,] height, width), if each row is a pixel of a cube, row by row.
    is_whole : bool, default=False
        Whether rows are not as they lie in the file, or packed, so that it must be read whole.
    left_out : tuple of str, default=()
        Columns of the file that the rows have nothing of.
    channels : tuple of str, default=()
        Names of the channels of series, if they have any.
    is_sparse : bool, default=False
        Whether rows are a sparse matrix, which is opened and never made dense as a whole.
    matches : sequence of str, default=()
        Names of all arrays that are meant, if a pattern fits several; the first is described.
    """

    kind: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    rate: float = 0
    note: str = ""
    columns: tuple[str, ...] = ()
    array: str = ""
    scene: tuple[int, ...] = ()
    is_whole: bool = False
    left_out: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    is_sparse: bool = False
    matches: Sequence[str] = ()


@dataclass(frozen=True)
class Selection:
    """What of a file is meant, where it holds several things or can be read in several ways.

    Attributes
    ----------
    key : str, default=None
        Name of the array, in files that hold several, or a pattern that fits some of them.
    transpose : bool, default=False
        Whether the examples of an array of two axes are its columns.
    axes : str, default=None
        What each axis of an array is, a letter each: N rows or images, H height, W width, C
        columns, channels or bands. ``"NCHW"`` for instance. None tells by the shape.
    columns, drop, labels, one_hot : str or sequence of str, default=()
        Columns to learn from (all if there are none), to leave out, to keep beside the rows, and to
        replace by a column of 0 and 1 for each of their values; see `find_columns`.
    missing : {"error", "drop", "median"}, default="error"
        What to do about missing values.
    heading : bool, default=None
        Whether the first line of a text names the columns; None tells by the lines.
    like : tuple of str, default=()
        Names of the columns that a model has learned from, which are taken in this order.
    series : bool, default=False
        Whether arrays are series, whose windows are learned from.
    channels : tuple of str, default=None
        Names of the channels of series, or their numbers counted from 0; None takes all.
    time : {"rows", "columns"}, default=None
        Whether each row of an array of series is a moment, or each column. None: whatever alone is
        plausible.
    max_pixels : int, default=None
        Pixels that a picture may have; None is the limit of `rhohat.rows.claims`.
    """

    key: str | None = None
    transpose: bool = False
    axes: str | None = None
    columns: Sequence[str] = ()
    drop: Sequence[str] = ()
    labels: Sequence[str] = ()
    one_hot: Sequence[str] = ()
    missing: str = "error"
    heading: bool | None = None
    like: tuple[str, ...] = field(default=(), metadata={"follows": "from a model"})
    series: bool = False
    channels: tuple[str, ...] | None = None
    time: str | None = None
    max_pixels: int | None = None

    def __post_init__(self) -> None:
        if self.axes is not None:
            object.__setattr__(self, "axes", check_axes(self.axes))
        for name in ("columns", "drop", "labels", "one_hot", "like"):
            given = getattr(self, name)
            listed = (given,) if isinstance(given, str | int) else given
            object.__setattr__(self, name, tuple(map(str, listed or ())))

    @property
    def chooses_columns(self) -> bool:
        """Whether the rows are others than the file's."""
        chosen = (self.columns, self.drop, self.labels, self.one_hot)
        return any(chosen) or self.missing != "error"

    @property
    def is_about_columns(self) -> bool:
        """Whether anything is said about columns."""
        return self.chooses_columns or bool(self.like)

    @property
    def keeps_values(self) -> bool:
        """Whether all rows are kept as they are: none is dropped, no value filled in or encoded."""
        return self.missing == "error" and not self.one_hot

    def keywords(self) -> list[str]:
        """What is selected, as arguments of `rhohat.load_rows`."""
        return [
            f"{name}={list(value) if isinstance(value, tuple) else value!r}"
            for name, value in self._given()
        ]

    def options(self) -> list[str]:
        """What is selected, as options of a command."""
        words: list[str] = []
        for name, value in self._given():
            option = f"--{name.replace('_', '-')}"
            if isinstance(value, bool):
                words.append(option if value else f"--no-{option[2:]}")
            elif name == "channels":
                words += [option, ",".join(value)]
            else:
                for text in value if isinstance(value, tuple) else (value,):
                    words += [option, str(text)]
        return words

    def _given(self) -> list[tuple[str, Any]]:
        return [
            (part.name, getattr(self, part.name))
            for part in fields(self)
            if getattr(self, part.name) != part.default and not part.metadata
        ]


#: Nothing in particular.
ANY = Selection()


@dataclass(frozen=True)
class FileFormat:
    """A format of files.

    Whatever `look` and `read` raise on a damaged file becomes a DataFileError, and what `look`
    finds is checked: see `rhohat.rows.claims`, where a format also states what else its files
    claim, before it believes it.

    Attributes
    ----------
    suffixes : tuple of str
        Endings of its files' names, in lower case: ``".npy"``, ``".csv.gz"``, ``"idx3-ubyte"``.
    look : callable
        ``look(path, selection) -> Content``, from the header alone.
    read : callable
        ``read(path, selection) -> ndarray`` of the content's shape.
    open : callable, default=None
        ``open(path, selection) -> Source`` of rows, which reads a run of them at a time; None if
        such files must be read whole.
    is_folder : bool, default=False
        Whether each is a folder.
    beside : callable, default=None
        ``beside(path, selection) -> dict``: the columns that are selected as labels, by their
        names. None if the format leaves it to others to choose columns of its arrays.
    precedence : int, default=0
        In a folder, only files of the formats of least precedence are data: texts beside images
        are about them.
    axes : callable or None, default=usual_axes
        ``axes(shape) -> Axes`` of the arrays that it gives, where the user says nothing of them;
        None if they are rows or images already, whose axes are known.
    group : str, default="arrays"
        What such files hold, in a word, by which the help of ``rhohat learn`` lists their endings.
    """

    suffixes: tuple[str, ...]
    look: Callable[[Path, Selection], Content]
    read: Callable[[Path, Selection], NDArray[Any]]
    open: Callable[[Path, Selection], Source] | None = None
    is_folder: bool = False
    beside: Callable[[Path, Selection], dict[str, NDArray[Any]]] | None = None
    precedence: int = 0
    axes: Guess | None = usual_axes
    group: str = "arrays"

    def __post_init__(self) -> None:
        read, opened, beside = _decoded(self.read), self.open, self.beside
        look = _checked(partial(self._looked, self.look))
        if self.axes is not None:
            read = partial(self._arranged, read)
            opened = None if opened is None else partial(_opened, look, read, opened)
        if beside is None:
            beside = beside_array(look, read)
            look, read, opened = choosing(look, read, opened)
        object.__setattr__(self, "look", _decoded(look))
        object.__setattr__(self, "read", _decoded(read))
        object.__setattr__(self, "open", opened)
        object.__setattr__(self, "beside", _decoded(beside))

    @property
    def is_photograph(self) -> bool:
        """Whether each holds one photograph, whose contrast depends on exposure."""
        return self.group == "photographs"

    def matches(self, name: str) -> int:
        """How long the ending is by which a file of this name is of the format; 0 if it is not."""
        name = name.lower()
        return max((len(end) for end in self.suffixes if name.endswith(end)), default=0)

    def _arrangement(self, shape: tuple[int, ...], selection: Selection) -> Arrangement:
        assert self.axes is not None
        return arrange(shape, selection.axes, selection.transpose, self.axes)

    def _looked(
        self, look: Callable[[Path, Selection], Content], path: Path, selection: Selection
    ) -> Content:
        """What is found by looking, its axes in order."""
        content = look(path, selection)
        if self.axes is None or content.kind not in ("array", "rows"):
            if selection.axes is not None or selection.transpose:
                raise DataFileError(
                    f"holds {content.kind}, whose axes are known: leave out --axes and --transpose"
                )
            return content
        if selection.series:  # of which it is told later, which axis is time
            shape = content.shape if len(content.shape) > 1 else (*content.shape, 1)
            return content._replace(kind="rows" if len(shape) == 2 else "images", shape=shape)
        found = self._arrangement(content.shape, selection)
        return content._replace(
            kind=found.kind,
            shape=found.shape,
            scene=found.scene or content.scene,
            note=content.note or found.note,
            columns=content.columns if found.order[-1] == len(content.shape) - 1 else (),
            is_whole=content.is_whole or found.moves,
        )

    def _arranged(
        self, read: Callable[[Path, Selection], NDArray[Any]], path: Path, selection: Selection
    ) -> NDArray[Any]:
        """What is read, its axes in order."""
        array = read(path, selection)
        if selection.series:
            return array if array.ndim > 1 else array[:, None]
        found = self._arrangement(array.shape, selection)
        return np.ascontiguousarray(found.of(array)) if found.moves else array


def _opened(
    look: Callable[[Path, Selection], Content],
    read: Callable[[Path, Selection], NDArray[Any]],
    open_rows: Callable[[Path, Selection], Source],
    path: Path,
    selection: Selection,
) -> Source:
    """The rows of a file where they lie, or in memory if their axes were moved."""
    content = look(path, selection)
    if content.kind != "rows":
        raise DataFileError(f"has shape {content.shape}, expected (rows, columns)")
    if content.is_whole:
        return HeldRows(str(path), finite_floats(read(path, selection)), content.columns)
    return open_rows(path, selection)


def _decoded(read: Callable[[Path, Selection], T]) -> Callable[[Path, Selection], T]:
    @wraps(read)
    def decoded(path: Path, selection: Selection) -> T:
        with decoding():
            return read(path, selection)

    return decoded


def _checked(look: Callable[[Path, Selection], Content]) -> Callable[[Path, Selection], Content]:
    look = _decoded(look)

    def checked(path: Path, selection: Selection) -> Content:
        content = look(path, selection)
        if content.is_sparse:  # its zeros take no room, nowhere
            return content
        is_sound = content.kind == "recordings"
        Claims(
            content.shape,
            np.dtype(np.uint8),  # whatever the type, a value in a file takes a byte or so
            bytes_in(path, prod(content.shape) // RATIO_LIMIT + 1),
            rate=int(content.rate) if is_sound else None,
            channels=content.shape[1] if is_sound else None,
        ).check()
        return content

    return checked


def array_content(shape: tuple[int, ...], dtype: np.dtype[Any], **facts: Any) -> Content:
    """What an array holds; `FileFormat` tells from its shape whether it is rows or images.

    Parameters
    ----------
    shape : tuple of int
    dtype : dtype
    **facts
        Other attributes of `Content`.

    Raises
    ------
    DataFileError
        If it is empty, or does not hold real numbers.
    """
    if not is_real(dtype):
        raise DataFileError(f"holds values of type {dtype}, expected real numbers")
    if 0 in shape:
        raise DataFileError(f"holds an empty array, of shape {shape}")
    return Content("array", shape, dtype, **facts)


def finite_floats(array: NDArray[Any]) -> FloatArray:
    """The array in the precision that is computed in.

    Raises
    ------
    DataFileError
        If a number is not real, or not finite.
    """
    if not is_real(array.dtype):
        raise DataFileError(f"holds values of type {array.dtype}, expected real numbers")
    floats: FloatArray = array.astype(float_dtype(array.dtype), copy=False)
    bad = ~np.isfinite(floats)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise DataFileError(
            f"holds NaN or infinity in {count(int(bad.sum()), 'place')}, the first at {where}"
        )
    return floats


class Opened(NamedTuple):
    """An array of an opened file.

    Attributes
    ----------
    array : object
        Has a shape and a dtype, and is read by slices.
    facts : dict
        Attributes of `Content` beside these.
    """

    array: Any
    facts: dict[str, Any]


def array_format(
    suffixes: tuple[str, ...],
    opened: Callable[[Path, Selection], AbstractContextManager[Opened]],
    store: Callable[[Any], Source],
    *,
    is_folder: bool = False,
) -> FileFormat:
    """The format of a library whose arrays have a shape and a dtype, and are read by slices.

    Parameters
    ----------
    suffixes, is_folder : as in `FileFormat`
    opened : callable
        ``opened(path, selection)`` is a context with the array that is meant.
    store : callable
        ``store(array) -> Source`` of its rows.
    """

    def look(path: Path, selection: Selection) -> Content:
        with opened(path, selection) as (array, facts):
            return array_content(array.shape, np.dtype(array.dtype), **facts)

    def read(path: Path, selection: Selection) -> NDArray[Any]:
        with opened(path, selection) as (array, _), decoding():
            return np.asarray(array[...])

    def open_rows(path: Path, selection: Selection) -> Source:
        with opened(path, selection) as (array, _):
            return store(array)

    return FileFormat(suffixes, look, read, open_rows, is_folder=is_folder)


@contextmanager
def decoding() -> Iterator[None]:
    """Turn whatever a decoder raises on a damaged file into a DataFileError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of oddities in metadata; what matters is an error
            yield
    except (DataFileError, DataChangedError, ImportError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:  # not Pillow's, HDF5's
            raise
        raise DataFileError(f"cannot be decoded: {told(error)}") from error


def told(error: Exception) -> str:
    """An error of a library in one line, however much of the file it repeats."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0] if len(lines[0]) <= 300 else f"{lines[0][:297]}..."
