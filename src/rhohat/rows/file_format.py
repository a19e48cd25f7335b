"""Kinds of files that data come in: what each is asked, and what it answers.

Files come from anywhere, so that nothing in them is run or believed, and whatever is wrong with one
is said: by a `DataFileError` of the reason alone, which callers put the file's name before.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray, float_dtype, is_real
from rhohat.common.errors import DataFileError
from rhohat.rows.sources import Source

#: A compressed array this much larger than its file, and larger than 100 MB, is taken for one that
#: is made to fill the memory.
RATIO_LIMIT, BYTES_LIMIT = 100, 100_000_000


class Content(NamedTuple):
    """What a file's header says that it holds.

    Attributes
    ----------
    kind : {"images", "rows", "recordings"}
    shape : tuple of int
        (images, height, width[, channels]), (rows, columns), or (1, channels, samples).
    dtype : dtype
        Of the file's numbers; what is computed with is a float.
    rate : int, default=0
        Samples per second of a recording.
    note : str, default=""
        What is wrong with a file that can be used all the same.
    """

    kind: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    rate: int = 0
    note: str = ""


class FileFormat(NamedTuple):
    """A kind of file.

    Attributes
    ----------
    suffixes : tuple of str
        Endings of its files' names, in small letters.
    look : callable
        ``look(path, key) -> Content``, from the header alone; `key` is the name of the array that
        is meant, or None.
    read : callable
        ``read(path, key) -> ndarray`` of the content's shape.
    open : callable, default=None
        ``open(path, key) -> Source`` of rows, which reads a run of them at a time; None if files of
        this kind must be read whole.
    is_photograph : bool, default=False
        Whether it holds one photograph, whose contrast depends on exposure.
    is_folder : bool, default=False
        Whether it is a folder of its own.
    """

    suffixes: tuple[str, ...]
    look: Callable[[Path, str | None], Content]
    read: Callable[[Path, str | None], NDArray[Any]]
    open: Callable[[Path, str | None], Source] | None = None
    is_photograph: bool = False
    is_folder: bool = False


def array_content(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Content:
    """What an array is, by its shape.

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
    """The array in the shape that `array_content` gives it."""
    return array[None] if _is_one_color_image(array.shape) else array


def _is_one_color_image(shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 and shape[-1] in (3, 4)


def finite_floats(array: NDArray[Any]) -> FloatArray:
    """The same numbers in the precision that they are computed in, all finite.

    Raises
    ------
    DataFileError
        If they are not real, or not finite.
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
    """Whether one of several arrays may be the data, and not labels or text that lie beside."""
    return array.ndim > 1 and is_real(np.dtype(array.dtype))


def choose(
    names: Iterable[str], key: str | None, shape_of: Callable[[str], tuple[int, ...]]
) -> str:
    """Name of the array that is meant, of those that a file holds.

    Parameters
    ----------
    names : iterable of str
    key : str or None
        What the user calls it; may be None where there is one.
    shape_of : callable
        ``shape_of(name) -> tuple of int``, for the error that lists them.

    Raises
    ------
    DataFileError
        If there is none, or none of this name, or several and no name.
    """
    names = list(names)
    if not names:
        raise DataFileError("holds no array of numbers")
    if key in names:
        return key
    if key is None and len(names) == 1:
        return names[0]
    listed = []
    for name in names:
        try:
            listed.append(f"{name} {shape_of(name)}")
        except DataFileError as error:
            listed.append(f"{name} ({error})")
    held = ", ".join(listed)
    found = f"no array {key!r}, but {held}" if key is not None else f"several arrays: {held}"
    raise DataFileError(
        f"holds {found}. Choose one: key={names[0]!r} where files are loaded, 'path::{names[0]}' "
        f"in fit, --key {names[0]} on the command line"
    )


def refuse_bomb(announced: int, compressed: int) -> None:
    """Raise DataFileError if so many bytes would be far more than the file that they come from."""
    if announced > max(BYTES_LIMIT, RATIO_LIMIT * compressed):
        raise DataFileError(
            f"announces {announced:,} bytes of array in {compressed:,} compressed ones; such a "
            "file may be made to fill the memory. If it is sound, save the array uncompressed, "
            "as .npy"
        )


@contextmanager
def decoding() -> Iterator[None]:
    """Whatever a decoder raises on a damaged file, errors of all kinds, is a DataFileError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about oddities in metadata; what matters, raises
            yield
    except (DataFileError, OSError) as error:
        if isinstance(error, OSError) and error.errno is None:  # Pillow's, and HDF5's
            raise DataFileError(f"cannot be decoded: {error}") from error
        raise
    except Exception as error:
        raise DataFileError(f"cannot be decoded: {error}") from error
