"""Kinds of files that data come in: photographs, arrays, recordings.

Each kind is one row of `FORMATS`: how to tell what a file holds from its header, and how to read
it. Files come from anywhere, so that nothing in them is run or believed, and whatever is wrong with
one is said.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import DataFileError
from rhohat.common.validation import extra
from rhohat.files.recordings import look_at_sound, read_sound

__all__ = ["BY_SUFFIX", "FORMATS", "Content", "FileFormat", "format_of", "is_folder_format"]

#: Pixels from which an image is taken for a decompression bomb.
PIXEL_LIMIT = 89_478_485
#: A compressed array this much larger than its file, and larger than 100 MB, is taken for one.
RATIO_LIMIT, BYTES_LIMIT = 100, 100_000_000
#: EXIF's tag of how the camera was held.
ORIENTATION = 274


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
        (path, key) -> Content, from the header alone.
    read : callable
        (path, key) -> array of the content's shape.
    is_photograph : bool
        Whether it holds one photograph, whose contrast depends on exposure.
    is_folder : bool
        Whether it is a folder of its own.
    """

    suffixes: tuple[str, ...]
    look: Callable[[Path, str | None], Content]
    read: Callable[[Path, str | None], NDArray[Any]]
    is_photograph: bool = False
    is_folder: bool = False


# Photographs


@contextmanager
def _decoding() -> Iterator[None]:
    """Whatever a decoder raises on a damaged file, errors of all kinds, is a DataFileError."""
    log = logging.getLogger("tifffile")
    before, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about oddities in metadata; what matters, raises
            yield
    except (DataFileError, OSError) as error:
        if isinstance(error, OSError) and error.errno is None:  # Pillow's
            raise DataFileError(f"cannot be decoded: {error}") from error
        raise
    except Exception as error:
        raise DataFileError(f"cannot be decoded: {error}") from error
    finally:
        log.disabled = before


@contextmanager
def _opened_image(path: Path) -> Iterator[Any]:
    """Open with Pillow."""
    from PIL import Image, UnidentifiedImageError

    with _decoding():
        try:
            opened = Image.open(path)
        except Image.DecompressionBombError:
            raise _bomb(f"more than {2 * PIXEL_LIMIT:,}") from None
        except UnidentifiedImageError:
            raise DataFileError("is not an image in a format that can be read") from None
        with opened as image:
            _refuse_bomb_image(image.height, image.width)
            yield image


def _refuse_bomb_image(height: int, width: int) -> None:
    if height * width > PIXEL_LIMIT:
        raise _bomb(f"{width} x {height}, more than {PIXEL_LIMIT:,}")


def _bomb(pixels: str) -> DataFileError:
    return DataFileError(
        f"announces {pixels} pixels, which a small file may do to fill the memory. Scale the image "
        "down"
    )


#: What EXIF's orientations do to a picture: each turns a stored one upright.
_UPRIGHT: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: np.fliplr,
    3: lambda picture: np.rot90(picture, 2),
    4: np.flipud,
    5: lambda picture: np.swapaxes(picture, 0, 1),
    6: lambda picture: np.rot90(picture, -1),
    7: lambda picture: np.swapaxes(np.rot90(picture, 2), 0, 1),
    8: np.rot90,
}


def _upright(picture: NDArray[Any], orientation: int) -> NDArray[Any]:
    return _UPRIGHT[orientation](picture) if orientation in _UPRIGHT else picture


def _photograph(height: int, width: int, orientation: int) -> Content:
    """One photograph, turned upright."""
    shape = (width, height) if orientation >= 5 else (height, width)
    return Content("images", (1, *shape), np.dtype(np.float32))


def _look_at_photograph(path: Path, key: str | None) -> Content:
    with _opened_image(path) as image:
        return _photograph(image.height, image.width, image.getexif().get(ORIENTATION, 1))


def _read_photograph(path: Path, key: str | None) -> NDArray[Any]:
    """The first picture of a file, upright, (1, height, width[, 3]); transparent is white."""
    from PIL import Image

    with _opened_image(path) as image:
        orientation = image.getexif().get(ORIENTATION, 1)
        paletted = image.mode in ("P", "L", "RGB") and "transparency" in image.info
        if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or paletted:
            image = image.convert("RGBA")
            paper = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(paper, image).convert("RGB")
        elif image.mode == "1":
            image = image.convert("L")
        elif image.mode not in ("L", "F", "I") and not image.mode.startswith("I;16"):
            image = image.convert("RGB")
        return _upright(np.asarray(image), orientation)[None]


@contextmanager
def _deep_page(path: Path) -> Iterator[Any]:
    """The first page of a TIFF of which Pillow would lose bits, or that it does not know.

    That is one of more than 8 bits in each of 3 colours, or of more than 16. None for the others.
    """
    from tifffile import COMPRESSION, TiffFile

    with _decoding(), TiffFile(path) as tiff:
        page: Any = tiff.pages[0] if tiff.pages else None
        if page is None:
            raise DataFileError("holds no picture")
        colors, bits = page.samplesperpixel, page.bitspersample
        kinds = ((page.photometric == 2, 3, 8), (page.photometric in (0, 1), 1, 16))
        if not any(fits and colors == n and bits > usual for fits, n, usual in kinds):
            yield None
            return
        _refuse_bomb_image(page.imagelength, page.imagewidth)
        needs_codec = page.compression not in (COMPRESSION.NONE, COMPRESSION.ADOBE_DEFLATE)
        if needs_codec and importlib.util.find_spec("imagecodecs") is None:
            raise DataFileError(
                f"holds {bits} bits a colour, compressed by {page.compression.name}. Save it "
                "uncompressed, or pip install imagecodecs"
            )
        yield page


def _look_at_tiff(path: Path, key: str | None) -> Content:
    with _deep_page(path) as page:
        if page is not None:
            return _photograph(page.imagelength, page.imagewidth, _orientation(page))
    return _look_at_photograph(path, key)


def _read_tiff(path: Path, key: str | None) -> NDArray[Any]:
    with _deep_page(path) as page:
        if page is not None:
            picture: NDArray[Any] = page.asarray()
            if page.samplesperpixel == 3 and page.planarconfig == 2:
                picture = np.moveaxis(picture, 0, -1)
            return _upright(picture, _orientation(page))[None]
    return _read_photograph(path, key)


def _orientation(page: Any) -> int:
    tag = page.tags.get(ORIENTATION)
    return 1 if tag is None else int(tag.value)


# Arrays


def _content(shape: tuple[int, ...], dtype: np.dtype[Any], *, images_last: bool = False) -> Content:
    """What an array is, by its shape."""
    if dtype.kind not in "buif":
        raise DataFileError(f"holds values of type {dtype}, expected real numbers")
    if 0 in shape:
        raise DataFileError(f"holds an empty array, of shape {shape}")
    if len(shape) == 2:
        return Content("rows", shape, dtype)
    if len(shape) in (3, 4):
        if images_last:
            shape = (shape[-1], *shape[:-1])
        return Content("images", (1, *shape) if _is_one_colour_image(shape) else shape, dtype)
    raise DataFileError(
        f"holds an array of shape {shape}, expected (rows, columns), (images, height, width) or "
        "(images, height, width, channels)"
    )


def _is_one_colour_image(shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 and shape[-1] in (3, 4)


def _as_stack(array: NDArray[Any]) -> NDArray[Any]:
    return array[None] if _is_one_colour_image(array.shape) else array


def _read_npy_header(stream: IO[bytes], size: int) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype that a .npy of `size` bytes announces; they must account for every byte."""
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        else:
            shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    except (ValueError, EOFError, KeyError, TypeError, SyntaxError, UnicodeError) as error:
        raise DataFileError("is not an array in NumPy's format, or its header is broken") from error
    if not all(type(size) is int and size >= 0 for size in shape):
        raise DataFileError(f"announces an array of shape {shape}")
    if dtype.hasobject:
        raise DataFileError("holds Python objects, which are never loaded; expected numbers")
    announced = prod(shape) * dtype.itemsize
    found = size - stream.tell()
    if announced != found:
        raise DataFileError(f"announces {announced:,} bytes of array {shape}, holds {found:,}")
    return shape, dtype


def _look_at_npy(path: Path, key: str | None) -> Content:
    with path.open("rb") as stream:
        return _content(*_read_npy_header(stream, os.fstat(stream.fileno()).st_size))


def _read_npy(path: Path, key: str | None) -> NDArray[Any]:
    with path.open("rb") as stream:
        return _read_npy_array(stream)


def _read_npy_array(stream: IO[bytes]) -> NDArray[Any]:
    try:
        return _as_stack(np.lib.format.read_array(stream, allow_pickle=False))
    except (ValueError, TypeError) as error:
        raise DataFileError(f"is not a sound array: {error}") from error


def _choose(names: Iterable[str], key: str | None, shape_of: Callable[[str], Any]) -> str:
    """Name of the array meant, of those that a file holds; their shapes go into the error."""
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
    if key is None:
        raise DataFileError(
            f"holds several arrays: {held}. Choose one, by key={names[0]!r} in Python or "
            f"--key {names[0]} on the command line"
        )
    raise DataFileError(f"holds no array {key!r}, but {held}")


@contextmanager
def _opened_npz(path: Path, key: str | None) -> Iterator[tuple[IO[bytes], zipfile.ZipInfo]]:
    """The chosen member of a .npz."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {m.filename[:-4]: m for m in archive.infolist() if m.filename[-4:] == ".npy"}

            def shape_of(name: str) -> Any:
                with archive.open(members[name]) as stream:
                    return _read_npy_header(stream, members[name].file_size)[0]

            member = members[_choose(members, key, shape_of)]
            _refuse_bomb(member.file_size, member.compress_size)
            with archive.open(member) as stream:
                yield stream, member
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise DataFileError(f"is not a sound .npz archive: {error}") from error


def _refuse_bomb(announced: int, compressed: int) -> None:
    if announced > max(BYTES_LIMIT, RATIO_LIMIT * compressed):
        raise DataFileError(
            f"announces {announced:,} bytes of array in {compressed:,} compressed ones; such a "
            "file may be made to fill the memory. If it is sound, save the array uncompressed, "
            "as .npy"
        )


def _look_at_npz(path: Path, key: str | None) -> Content:
    with _opened_npz(path, key) as (stream, member):
        return _content(*_read_npy_header(stream, member.file_size))


def _read_npz(path: Path, key: str | None) -> NDArray[Any]:
    with _opened_npz(path, key) as (stream, _):
        array = _read_npy_array(stream)
        stream.read()  # to its end, where the checksum is compared
        return array


_MATLAB_CLASSES = {"double": "f8", "single": "f4", "logical": "u1"}


def _look_at_mat(path: Path, key: str | None) -> Content:
    return _find_in_mat(path, key)[1]


def _find_in_mat(path: Path, key: str | None) -> tuple[str, Content]:
    """The chosen variable of a .mat; images lie along the last axis there, as MATLAB has them."""
    from scipy.io import whosmat

    with _decoding():
        try:
            variables = {name: (shape, kind) for name, shape, kind in whosmat(path)}
        except NotImplementedError:
            raise DataFileError(
                "is a MATLAB 7.3 file. Save it with save(..., '-v7'), or as .npy"
            ) from None
    dtypes = {}
    for name, (_, kind) in variables.items():
        if kind in _MATLAB_CLASSES or kind.startswith(("int", "uint")):
            dtypes[name] = np.dtype(_MATLAB_CLASSES.get(kind, kind))
    name = _choose(dtypes, key, lambda name: variables[name][0])
    shape = variables[name][0]
    _refuse_bomb(prod(shape) * dtypes[name].itemsize, path.stat().st_size)
    return name, _content(shape, dtypes[name], images_last=True)


def _read_mat(path: Path, key: str | None) -> NDArray[Any]:
    from scipy.io import loadmat

    name, content = _find_in_mat(path, key)
    with _decoding():
        array = np.asarray(loadmat(path, variable_names=[name])[name])
    if content.kind == "images":
        array = _as_stack(np.moveaxis(array, -1, 0))
    return np.ascontiguousarray(array)


@contextmanager
def _opened_hdf5(path: Path, key: str | None) -> Iterator[Any]:
    """The chosen dataset of an HDF5 file."""
    h5py = _needed("h5py")
    with _decoding(), h5py.File(path, "r") as file:
        datasets: dict[str, Any] = {}

        def visit(name: str, node: Any) -> None:
            if isinstance(node, h5py.Dataset) and node.dtype.kind in "buif" and node.ndim > 1:
                datasets[name] = node

        file.visititems(visit)
        yield datasets[_choose(datasets, key, lambda name: datasets[name].shape)]


@contextmanager
def _opened_zarr(path: Path, key: str | None) -> Iterator[Any]:
    """The chosen array of a zarr store."""
    zarr = _needed("zarr")
    with _decoding():
        opened = zarr.open(str(path), mode="r")
        if isinstance(opened, zarr.Group):
            members = opened.members(max_depth=None)
            arrays = {name: member for name, member in members if isinstance(member, zarr.Array)}
            opened = arrays[_choose(arrays, key, lambda name: arrays[name].shape)]
        yield opened


def _needed(module: str) -> Any:
    try:
        return extra(module, "store")
    except ImportError as error:
        raise DataFileError(f"needs a library to be read: {error}") from error


def _look_in(opened: Callable[[Path, str | None], Any]) -> Callable[[Path, str | None], Content]:
    def look(path: Path, key: str | None) -> Content:
        with opened(path, key) as array:
            return _content(array.shape, np.dtype(array.dtype))

    return look


def _read_in(
    opened: Callable[[Path, str | None], Any],
) -> Callable[[Path, str | None], NDArray[Any]]:
    def read(path: Path, key: str | None) -> NDArray[Any]:
        with opened(path, key) as array:
            return _as_stack(np.asarray(array[...]))

    return read


# Recordings


def _look_at_sound(path: Path, key: str | None) -> Content:
    rate, n_samples, n_channels, note = look_at_sound(path)
    shape = 1, n_channels, n_samples
    return Content("recordings", shape, np.dtype(np.float32), rate, note)


def _read_sound(path: Path, key: str | None) -> NDArray[Any]:
    samples, _ = read_sound(path)
    return samples[None]


#: Kinds of files, each one row.
FORMATS = (
    FileFormat(
        (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".pgm", ".ppm"),
        _look_at_photograph,
        _read_photograph,
        is_photograph=True,
    ),
    FileFormat((".tif", ".tiff"), _look_at_tiff, _read_tiff, is_photograph=True),
    FileFormat((".npy",), _look_at_npy, _read_npy),
    FileFormat((".npz",), _look_at_npz, _read_npz),
    FileFormat((".mat",), _look_at_mat, _read_mat),
    FileFormat((".h5", ".hdf5"), _look_in(_opened_hdf5), _read_in(_opened_hdf5)),
    FileFormat((".wav", ".flac", ".ogg", ".oga", ".aiff", ".aif"), _look_at_sound, _read_sound),
    FileFormat((".zarr",), _look_in(_opened_zarr), _read_in(_opened_zarr), is_folder=True),
)
#: The row of each ending.
BY_SUFFIX = {suffix: row for row in FORMATS for suffix in row.suffixes}


def is_folder_format(path: Path) -> bool:
    """Whether a folder of this name is data itself."""
    format_ = BY_SUFFIX.get(path.suffix.lower())
    return format_ is not None and format_.is_folder


def format_of(path: Path) -> FileFormat:
    """The row of a file; raises DataFileError if there is none, or no such file."""
    format_ = BY_SUFFIX.get(path.suffix.lower())
    if format_ is None:
        raise DataFileError(f"ends in none of {', '.join(BY_SUFFIX)}")
    if not (path.is_dir() if format_.is_folder else path.is_file()):
        raise DataFileError("is not a file" if path.exists() else "is gone, or a link to nothing")
    return format_
