"""Users' files: photographs and arrays, of images or of plain rows.

Each kind of file is one row of `FORMATS`: how to tell what a file holds from its header, and how to
read it. Files come from anywhere, so that nothing in them is run or believed, and whatever is wrong
with one is said with its name.
"""

from __future__ import annotations

import os
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rhohat._typing import FloatArray
from rhohat._validation import look_up

__all__ = [
    "FORMATS",
    "DataFileError",
    "DataFiles",
    "LoadedImages",
    "Skipped",
    "load_images",
    "load_rows",
]

PathLike: TypeAlias = str | os.PathLike[str]

#: Pixels from which an image is taken for a decompression bomb.
PIXEL_LIMIT = 89_478_485
#: A compressed array this much larger than its file, and larger than 100 MB, is taken for one.
RATIO_LIMIT, BYTES_LIMIT = 100, 100_000_000
ON_ERROR = {"skip": "leave the file out and go on", "fail": "raise DataFileError"}


class DataFileError(ValueError):
    """A file that cannot be read, or none that can."""


class LoadedImages(NamedTuple):
    """Images and what they are called.

    Attributes
    ----------
    images : list of ndarray of shape (height, width), or (height, width, 3) in colour
        Of photographs the float32 brightness, never negative; the standard deviation of each is 1.
        Of arrays the values as they are; integers are divided by the largest of their type.
    names : list of str
    skipped : list of Skipped
        Files that were left out.
    """

    images: list[FloatArray]
    names: list[str]
    skipped: list[Skipped]


class Skipped(NamedTuple):
    """A file that was left out, and why."""

    file: str
    reason: str


class Content(NamedTuple):
    """What a file's header says that it holds.

    Attributes
    ----------
    kind : {"images", "rows"}
    shape : tuple of int
        (images, height, width[, channels]), or (rows, columns).
    dtype : dtype
        Of the file's numbers; what is computed with is a float.
    """

    kind: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


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
    """

    suffixes: tuple[str, ...]
    look: Callable[[Path, str | None], Content]
    read: Callable[[Path, str | None], NDArray[Any]]
    is_photograph: bool = False


# Photographs


@contextmanager
def _opened_image(path: Path) -> Iterator[Any]:
    """Open with Pillow; what it cannot decode is a DataFileError, and so is a bomb."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about oddities in metadata; what matters, raises
            with Image.open(path) as image:
                pixels = image.width * image.height
                if pixels > PIXEL_LIMIT:
                    raise DataFileError(
                        f"announces {image.width} x {image.height} pixels, more than "
                        f"{PIXEL_LIMIT:,}, which a small file may do to fill the memory. Scale "
                        "the image down"
                    )
                yield image
    except Image.DecompressionBombError:
        raise DataFileError(
            f"announces more than {2 * PIXEL_LIMIT:,} pixels, which a small file may do to fill "
            "the memory. Scale the image down"
        ) from None
    except UnidentifiedImageError:
        raise DataFileError("is not an image in a format that can be read") from None
    except (DataFileError, FileNotFoundError):
        raise
    except Exception as error:  # decoders raise errors of all kinds on damaged files
        raise DataFileError(f"cannot be decoded: {error}") from error


def _look_at_photograph(path: Path, key: str | None) -> Content:
    with _opened_image(path) as image:
        return Content("images", (1, image.height, image.width), np.dtype(np.float32))


def _read_photograph(path: Path, key: str | None) -> NDArray[Any]:
    """The first picture of a file, upright, (1, height, width[, 3]); transparent is white."""
    from PIL import Image, ImageOps

    with _opened_image(path) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
            image = image.convert("RGBA")
            paper = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(paper, image).convert("RGB")
        elif image.mode == "1":
            image = image.convert("L")
        elif image.mode not in ("L", "F", "I") and not image.mode.startswith("I;16"):
            image = image.convert("RGB")
        return np.asarray(image)[None]


@contextmanager
def _deep_page(path: Path) -> Iterator[Any]:
    """The first page of a TIFF of more than 8 bits in each of 3 colours, else None.

    Pillow keeps 8 bits of such pictures, or does not know them.
    """
    from tifffile import TiffFile

    try:
        with TiffFile(path) as tiff:
            page: Any = tiff.pages[0]
            deep = page.photometric == 2 and page.samplesperpixel == 3 and page.bitspersample > 8
            if deep and page.imagelength * page.imagewidth <= PIXEL_LIMIT:
                yield page
                return
    except DataFileError:
        raise
    except Exception as error:  # decoders raise errors of all kinds on damaged files
        raise DataFileError(f"cannot be decoded: {error}") from error
    yield None


def _look_at_tiff(path: Path, key: str | None) -> Content:
    with _deep_page(path) as page:
        if page is None:
            return _look_at_photograph(path, key)
        shape = (1, page.imagelength, page.imagewidth)
        return Content("images", shape, np.dtype(np.float32))


def _read_tiff(path: Path, key: str | None) -> NDArray[Any]:
    with _deep_page(path) as page:
        if page is None:
            return _read_photograph(path, key)
        picture: NDArray[Any] = page.asarray()
        return np.moveaxis(picture, 0, -1)[None] if page.planarconfig == 2 else picture[None]


# Arrays


def _content(shape: tuple[int, ...], dtype: np.dtype[Any], *, images_last: bool = False) -> Content:
    """What an array is, by its shape."""
    if dtype.kind not in "buif":
        raise DataFileError(f"holds values of type {dtype}, expected real numbers")
    if min(shape, default=0) < 1:
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
    return _as_stack(np.load(path, allow_pickle=False))


def _choose(arrays: Mapping[str, str], key: str | None) -> str:
    """Name of the array meant, of those that a file holds, each with its shape for the error."""
    if not arrays:
        raise DataFileError("holds no array of numbers")
    listed = ", ".join(f"{name} {shape}" for name, shape in arrays.items())
    if key is None and len(arrays) > 1:
        raise DataFileError(f"holds several arrays: {listed}. Choose one by its name, the key")
    if key is not None and key not in arrays:
        raise DataFileError(f"holds no array {key!r}, but {listed}")
    return key if key is not None else next(iter(arrays))


@contextmanager
def _opened_npz(path: Path, key: str | None) -> Iterator[tuple[IO[bytes], zipfile.ZipInfo]]:
    """The chosen member of a .npz."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {m.filename[:-4]: m for m in archive.infolist() if m.filename[-4:] == ".npy"}
            shapes = {}
            for name, member in members.items():
                with archive.open(member) as stream:
                    shapes[name] = str(_read_npy_header(stream, member.file_size)[0])
            member = members[_choose(shapes, key)]
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
        array = np.lib.format.read_array(stream, allow_pickle=False)
        stream.read()  # to its end, where the checksum is compared
        return _as_stack(array)


_MATLAB_CLASSES = {"double": "f8", "single": "f4", "logical": "u1"}


def _look_at_mat(path: Path, key: str | None) -> Content:
    return _find_in_mat(path, key)[1]


def _find_in_mat(path: Path, key: str | None) -> tuple[str, Content]:
    """The chosen variable of a .mat; images lie along the last axis there, as MATLAB has them."""
    from scipy.io import whosmat

    try:
        variables = {name: (shape, kind) for name, shape, kind in whosmat(path)}
    except NotImplementedError:
        raise DataFileError(
            "is a MATLAB 7.3 file. Save it with save(..., '-v7'), or as .npy"
        ) from None
    except FileNotFoundError:
        raise
    except Exception as error:  # damaged files raise errors of all kinds
        raise DataFileError(f"is not a sound MATLAB file: {error}") from error
    dtypes = {}
    for name, (_, kind) in variables.items():
        if kind in _MATLAB_CLASSES or kind.startswith(("int", "uint")):
            dtypes[name] = np.dtype(_MATLAB_CLASSES.get(kind, kind))
    name = _choose({name: str(variables[name][0]) for name in dtypes}, key)
    shape = variables[name][0]
    _refuse_bomb(prod(shape) * dtypes[name].itemsize, path.stat().st_size)
    return name, _content(shape, dtypes[name], images_last=True)


def _read_mat(path: Path, key: str | None) -> NDArray[Any]:
    from scipy.io import loadmat

    name, content = _find_in_mat(path, key)
    try:
        array = np.asarray(loadmat(path, variable_names=[name])[name])
    except Exception as error:
        raise DataFileError(f"is not a sound MATLAB file: {error}") from error
    if content.kind == "images":
        array = _as_stack(np.moveaxis(array, -1, 0))
    return np.ascontiguousarray(array)


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
)
_BY_SUFFIX = {suffix: row for row in FORMATS for suffix in row.suffixes}


@dataclass
class DataFiles:
    """Files of one kind, found and looked at, not yet read.

    Attributes
    ----------
    kind : {"images", "rows"}
    contents : dict of Path to Content
        In the order of their names, folder by folder.
    skipped : list of Skipped
        Files that cannot be read; reading adds to it.
    ignored : list of Path
        Files in folders whose endings are not those of data.
    """

    kind: str
    contents: dict[Path, Content]
    skipped: list[Skipped]
    ignored: list[Path]
    key: str | None = None
    on_error: str = "fail"

    @classmethod
    def find(
        cls, paths: Iterable[PathLike], *, key: str | None = None, on_error: str = "fail"
    ) -> DataFiles:
        """Look at files, and at all files in folders.

        Parameters
        ----------
        paths : iterable of path-like
            Files and folders. Folders are searched to the bottom, without hidden files and without
            following links to folders.
        key : str, default=None
            Name of the array in files that hold several.
        on_error : {"fail", "skip"}, default="fail"
            What to do where a file cannot be read. A path that does not exist always fails.

        Raises
        ------
        FileNotFoundError
            If a path does not exist.
        DataFileError
            If none can be read; with "fail", also if one cannot, or if some hold images and others
            rows. With "skip" the kind that most files are of is taken.
        """
        look_up("on_error", on_error, ON_ERROR)
        files, ignored = _walk(paths)
        found = cls("", {}, [], ignored, key, on_error)
        for path in files:
            with found._on_error(path):
                found.contents[path] = _format_of(path).look(path, key)
        found._need_some(list(found.contents))
        kinds = Counter(content.kind for content in found.contents.values())
        found.kind, n_files = kinds.most_common(1)[0]
        for path in [p for p, content in found.contents.items() if content.kind != found.kind]:
            with found._on_error(path):
                held = found.contents.pop(path).kind
                raise DataFileError(f"holds {held}, but {n_files} of the others {found.kind}")
        return found

    def images(self, *, color: bool = False, smallest: tuple[int, int] = (1, 1)) -> LoadedImages:
        """Read images, all gray or all in colour.

        Parameters
        ----------
        color : bool, default=False
            Red, green and blue instead of gray.
        smallest : tuple of int, default=(1, 1)
            Height and width; files with smaller images are taken for ones that cannot be used.
        """
        images: list[FloatArray] = []
        names: list[str] = []
        for path in self.contents:
            with self._on_error(path):
                format_ = _format_of(path)
                stack = _as_images(format_.read(path, self.key), color)
                if stack.shape[1] < smallest[0] or stack.shape[2] < smallest[1]:
                    raise DataFileError(
                        f"has {stack.shape[1]} x {stack.shape[2]} pixels, too few for patches of "
                        f"{smallest[0]} x {smallest[1]}"
                    )
                if format_.is_photograph:
                    images.append(_at_unit_contrast(stack[0]))
                    names.append(str(path))
                else:
                    images.extend(stack)
                    names.extend(f"{path}[{index}]" for index in range(len(stack)))
        self._need_some(names)
        return LoadedImages(images, names, list(self.skipped))

    def rows(self) -> FloatArray:
        """Read rows, those of several files one below the other."""
        parts: list[FloatArray] = []
        for path in self.contents:
            with self._on_error(path):
                part = _as_floats(_format_of(path).read(path, self.key))
                if parts and part.shape[1] != parts[0].shape[1]:
                    raise DataFileError(
                        f"has {part.shape[1]} columns, the files before it {parts[0].shape[1]}"
                    )
                parts.append(part)
        self._need_some(parts)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    @contextmanager
    def _on_error(self, path: Path) -> Iterator[None]:
        """Skip the file, or name it in the error."""
        try:
            yield
        except FileNotFoundError:
            raise
        except (DataFileError, OSError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            if self.on_error == "fail":
                raise DataFileError(f"{path} {reason}.") from error
            self.skipped.append(Skipped(str(path), reason))

    def _need_some(self, found: list[Any]) -> None:
        if found:
            return
        if not self.skipped:
            endings = ", ".join(_BY_SUFFIX)
            raise DataFileError(f"found no data: no file that ends in {endings}.")
        first = self.skipped[0]
        others = len(self.skipped) - 1
        more = f", and {others} more {'file' if others == 1 else 'files'}" if others else ""
        raise DataFileError(f"nothing could be read: {first.file} {first.reason}{more}.")


def _walk(paths: Iterable[PathLike]) -> tuple[list[Path], list[Path]]:
    """Data files at and below `paths`, and the others in folders; each once, in order of names."""
    files: dict[Path, None] = {}
    ignored: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            for folder, folders, names in os.walk(path):
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                for name in sorted(name for name in names if not name.startswith(".")):
                    inside = Path(folder, name)
                    (files if inside.suffix.lower() in _BY_SUFFIX else ignored)[inside] = None
        elif not path.exists():
            raise FileNotFoundError(2, "No such file or folder", str(path))
        else:
            files[path] = None
    return list(files), list(ignored)


def _format_of(path: Path) -> FileFormat:
    format_ = _BY_SUFFIX.get(path.suffix.lower())
    if format_ is None:
        raise DataFileError(f"ends in none of {', '.join(_BY_SUFFIX)}")
    if not path.is_file():
        raise DataFileError("is not a file")
    return format_


def _as_floats(array: NDArray[Any]) -> FloatArray:
    """The same numbers in float32 or float64, all finite."""
    precision = np.float32 if array.dtype.itemsize <= 2 or array.dtype == np.float32 else np.float64
    floats: FloatArray = array.astype(precision, copy=False)
    bad = ~np.isfinite(floats)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise DataFileError(
            f"holds NaN or infinity, {int(bad.sum()):,} in all, the first at {where}"
        )
    return floats


def _as_images(array: NDArray[Any], color: bool) -> FloatArray:
    """Images (n, height, width, ...), gray or colour as asked for; integers become 0 to 1."""
    from skimage.color import gray2rgb, rgb2gray
    from skimage.util import img_as_float32

    stack = img_as_float32(array) if array.dtype.kind in "bu" else _as_floats(array)
    if stack.ndim == 4:
        channels = stack.shape[3]
        if channels not in (1, 3, 4):
            raise DataFileError(f"has images of {channels} channels, expected 1, 3 or 4")
        if channels == 4:  # transparent is white
            alpha = stack[..., 3:]
            stack = stack[..., :3] * alpha + (1 - alpha)
        elif channels == 1:
            stack = stack[..., 0]
    if color and stack.ndim == 3:
        stack = gray2rgb(stack)
    elif not color and stack.ndim == 4:
        stack = rgb2gray(stack)
    return stack


def _at_unit_contrast(image: FloatArray) -> FloatArray:
    """A photograph divided by the standard deviation of its brightness, where it has any."""
    deviation = image.std(dtype=np.float64)
    return np.asarray(image / deviation if deviation > 0 else image, dtype=np.float32)


def load_images(
    paths: PathLike | Iterable[PathLike],
    *,
    color: bool = False,
    key: str | None = None,
    on_error: str = "fail",
) -> LoadedImages:
    """Read photographs, and arrays of images.

    Photographs (PNG, JPEG, TIFF, WebP and others; gray, colour, palette, CMYK, 16-bit) are turned
    upright as their EXIF data say, what is transparent becomes white, and each is divided by the
    standard deviation of its brightness, so that all have the same contrast and none dominates the
    others. Of animations and files of several pages the first picture is taken; PNG in colour of
    16 bits is read at 8.

    Arrays (.npy, .npz, .mat) hold images along their first axis, (images, height, width) or
    (images, height, width, channels), or one colour image, (height, width, 3); in .mat files images
    lie along the last axis, as in Olshausen's ``IMAGES.mat``. Values stay as they are; integers are
    divided by the largest of their type.

    Parameters
    ----------
    paths : path-like or iterable of path-like
        Files and folders. Folders are searched to the bottom, without hidden files.
    color : bool, default=False
        Red, green and blue instead of gray. Gray images then have three equal channels.
    key : str, default=None
        Name of the array in .npz and .mat files that hold several.
    on_error : {"fail", "skip"}, default="fail"
        What to do where a file cannot be read: raise, or leave it out and list it in `skipped`.

    Returns
    -------
    images : LoadedImages

    Raises
    ------
    DataFileError
        If a file cannot be read and `on_error` is "fail", or if none can. Names the file.
    FileNotFoundError
        If a path does not exist.
    """
    files = DataFiles.find(_listed(paths), key=key, on_error=on_error)
    if files.kind != "images":
        raise DataFileError(
            f"{next(iter(files.contents))} holds plain rows of numbers, no images. Use load_rows; "
            "an array of one image must have shape (1, height, width)."
        )
    return files.images(color=color)


def load_rows(
    paths: PathLike | Iterable[PathLike], *, key: str | None = None, on_error: str = "fail"
) -> FloatArray:
    """Read two-dimensional arrays from .npy, .npz and .mat files, one below the other.

    Parameters
    ----------
    paths, key, on_error : as in `load_images`

    Returns
    -------
    X : ndarray of shape (rows, columns), float32 or float64

    Raises
    ------
    DataFileError, FileNotFoundError
        As in `load_images`.
    """
    files = DataFiles.find(_listed(paths), key=key, on_error=on_error)
    if files.kind != "rows":
        raise DataFileError(f"{next(iter(files.contents))} holds images. Use load_images.")
    return files.rows()


def _listed(paths: PathLike | Iterable[PathLike]) -> Iterable[PathLike]:
    return [paths] if isinstance(paths, (str, os.PathLike)) else paths
