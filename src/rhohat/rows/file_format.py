"""What a format of files must answer, and what formats have in common.

Files may come from anywhere: nothing in them is run or trusted. Whatever is wrong with one is a
`DataFileError` of the reason alone, before which callers put the file's name.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields
from functools import wraps
from math import prod
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray, float_dtype, is_real
from rhohat.common.errors import DataChangedError, DataFileError
from rhohat.rows.claims import RATIO_LIMIT, Claims, bytes_in
from rhohat.rows.sources import Source

T = TypeVar("T")

#: Arrays of a file that an error lists.
LISTED = 10


class Content(NamedTuple):
    """What a file holds, by its header.

    Attributes
    ----------
    kind : {"images", "rows", "recordings"}
    shape : tuple of int
        (images, height, width[, channels]), (rows, columns), or (1, channels, samples).
    dtype : dtype
        Of the file's numbers, which are converted to floats.
    rate : int, default=0
        Samples per second of a recording.
    note : str, default=""
        What is wrong with a file that can be used all the same.
    is_sparse : bool, default=False
        Whether rows are a sparse matrix, which is opened and never made dense as a whole.
    """

    kind: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    rate: int = 0
    note: str = ""
    is_sparse: bool = False


@dataclass(frozen=True)
class Selection:
    """What of a file is meant, where it holds several things or can be read in several ways.

    Attributes
    ----------
    key : str, default=None
        Name of the array, in files that hold several.
    """

    key: str | None = None

    def keywords(self) -> list[str]:
        """What is selected, as arguments of `rhohat.load_rows`."""
        return [f"{name}={value!r}" for name, value in self._given()]

    def options(self) -> list[str]:
        """What is selected, as options of a command."""
        return [part for name, value in self._given() for part in (f"--{name}", str(value))]

    def _given(self) -> list[tuple[str, Any]]:
        return [
            (part.name, getattr(self, part.name))
            for part in fields(self)
            if getattr(self, part.name) != part.default
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
        Endings of its files' names, in lower case.
    look : callable
        ``look(path, selection) -> Content``, from the header alone.
    read : callable
        ``read(path, selection) -> ndarray`` of the content's shape.
    open : callable, default=None
        ``open(path, selection) -> Source`` of rows, which reads a run of them at a time; None if
        such files must be read whole.
    is_photograph : bool, default=False
        Whether each holds one photograph, whose contrast depends on exposure.
    is_folder : bool, default=False
        Whether each is a folder.
    is_packed : bool, default=False
        Whether `open` must read arrays as a whole, unless they are sparse.
    """

    suffixes: tuple[str, ...]
    look: Callable[[Path, Selection], Content]
    read: Callable[[Path, Selection], NDArray[Any]]
    open: Callable[[Path, Selection], Source] | None = None
    is_photograph: bool = False
    is_folder: bool = False
    is_packed: bool = False

    def opens(self, content: Content) -> bool:
        """Whether rows of such content can be read a run at a time."""
        return self.open is not None and (content.is_sparse or not self.is_packed)

    def __post_init__(self) -> None:
        object.__setattr__(self, "look", _checked(self.look))
        object.__setattr__(self, "read", _decoded(self.read))


def _decoded(read: Callable[[Path, Selection], T]) -> Callable[[Path, Selection], T]:
    @wraps(read)
    def decoded(path: Path, selection: Selection) -> T:
        with decoding():
            return read(path, selection)

    return decoded


def _checked(look: Callable[[Path, Selection], Content]) -> Callable[[Path, Selection], Content]:
    look = _decoded(look)

    @wraps(look)
    def checked(path: Path, selection: Selection) -> Content:
        content = look(path, selection)
        if content.is_sparse:  # its zeros take no room, nowhere
            return content
        is_sound = content.kind == "recordings"
        Claims(
            content.shape,
            np.dtype(np.uint8),  # whatever the type, a value in a file takes a byte or so
            bytes_in(path, prod(content.shape) // RATIO_LIMIT + 1),
            rate=content.rate if is_sound else None,
            channels=content.shape[1] if is_sound else None,
        ).check()
        return content

    return checked


def array_content(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Content:
    """What an array holds, by its shape.

    Raises
    ------
    DataFileError
        If it is neither rows nor images of real numbers.
    """
    if not is_real(dtype):
        raise DataFileError(f"holds values of type {dtype}, expected real numbers")
    if 0 in shape:
        raise DataFileError(f"holds an empty array, of shape {shape}")
    if len(shape) == 2:
        return Content("rows", shape, dtype)
    if len(shape) in (3, 4):
        return Content("images", (1, *shape) if _is_one_color_image(shape) else shape, dtype)
    raise DataFileError(
        f"holds an array of shape {shape}, expected (rows, columns), (images, height, width) or "
        "(images, height, width, channels)"
    )


def as_content(array: NDArray[Any]) -> NDArray[Any]:
    """The array, in the shape that `array_content` gives it."""
    return array[None] if _is_one_color_image(array.shape) else array


def _is_one_color_image(shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 and shape[-1] in (3, 4)


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
            f"holds NaN or infinity, {int(bad.sum()):,} in all, the first at {where}"
        )
    return floats


def holds_examples(array: Any) -> bool:
    """Whether one of several arrays may be the data, rather than labels or text beside them."""
    return array.ndim > 1 and is_real(np.dtype(array.dtype))


def choose(
    arrays: Mapping[str, T],
    key: str | None,
    shape_of: Callable[[T], tuple[int, ...]] = attrgetter("shape"),
) -> T:
    """The array that is meant, of those that a file holds.

    Parameters
    ----------
    arrays : mapping of str to object
        By their names, in whatever way the format refers to them.
    key : str or None
        The user's choice; may be None if there is one array.
    shape_of : callable
        ``shape_of(array) -> tuple of int``, for the error that lists the first of them.

    Raises
    ------
    DataFileError
        If there is none, or none of this name, or several and no name.
    """
    names = list(arrays)
    if not names:
        raise DataFileError("holds no array of numbers")
    if key is None and len(names) == 1:
        key = names[0]
    if key is not None and key in arrays:
        return arrays[key]
    listed = []
    for name in names[:LISTED]:
        try:
            listed.append(f"{_short(name)} {shape_of(arrays[name])}")
        except DataFileError as error:
            listed.append(f"{_short(name)} ({error})")
    if len(names) > LISTED:
        listed.append(f"and {len(names) - LISTED:,} more")
    held = ", ".join(listed)
    found = f"no array {key!r}, but {held}" if key is not None else f"several arrays: {held}"
    first = _short(names[0])
    raise DataFileError(
        f"holds {found}. Choose one: key={first!r} where files are loaded, 'path::{first}' "
        f"in fit, --key {first} on the command line"
    )


def _short(name: str) -> str:
    return name if len(name) <= 80 else f"{name[:77]}..."


def array_format(
    suffixes: tuple[str, ...],
    opened: Callable[[Path, Selection], AbstractContextManager[Any]],
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
        with opened(path, selection) as array:
            return array_content(array.shape, np.dtype(array.dtype))

    def read(path: Path, selection: Selection) -> NDArray[Any]:
        with opened(path, selection) as array, decoding():
            return as_content(np.asarray(array[...]))

    def open_rows(path: Path, selection: Selection) -> Source:
        with opened(path, selection) as array:
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
