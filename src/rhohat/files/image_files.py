"""Images in files: photographs and arrays, all gray or all in color."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray
from rhohat.common.errors import DataFileError
from rhohat.files.finding import DataFiles, PathLike, Skipped
from rhohat.files.formats import format_of
from rhohat.files.images import ImageSequence
from rhohat.rows.file_format import finite_floats


class LoadedImages(NamedTuple):
    """Images and what they are called.

    Attributes
    ----------
    images : sequence of ndarray of shape (height, width), or (height, width, 3) in color
        Of photographs the float32 brightness; the standard deviation of each is 1. Of arrays the
        values as they are; unsigned integers are divided by the largest of their type.
    names : list of str
    skipped : list of Skipped
        Files that were left out.
    """

    images: Sequence[FloatArray]
    names: list[str]
    skipped: list[Skipped]


def read_images(files: DataFiles, *, color: bool = False, lazy: bool = False) -> LoadedImages:
    """Read images, all gray or all in color; lazily, read them when they are asked for.

    What cannot be read is found in either case, in a pass over the files.
    """
    images: list[FloatArray] = []
    sizes: dict[Path, int] = {}
    dtypes = set()
    for path in files.contents:
        with files.reading(path):
            stack = images_of_file(files, path, color)
            sizes[path] = len(stack)
            dtypes.add(stack[0].dtype)
            if not lazy:
                images.extend(stack)
    names: list[str] = []
    for path, size in sizes.items():
        one = format_of(path).is_photograph
        names.extend([str(path)] if one else (f"{path}[{index}]" for index in range(size)))
    files.need_some(names)
    found = FileImages(files, sizes, color, np.result_type(*dtypes)) if lazy else images
    return LoadedImages(found, names, list(files.skipped))


def images_of_file(files: DataFiles, path: Path, color: bool) -> FloatArray | list[FloatArray]:
    """The images of one file."""
    array = files.read(path)
    if files.shape is not None:
        array = array.reshape(-1, *files.shape)
    stack = _as_images(array, color)
    return [_at_unit_contrast(stack[0])] if format_of(path).is_photograph else stack


class FileImages(ImageSequence):
    """Images in files, each file read when one of its images is asked for; the last one is held.

    Parameters
    ----------
    files : DataFiles
    sizes : dict of Path to int
        Images in each file.
    color : bool
    dtype : dtype
    """

    def __init__(
        self, files: DataFiles, sizes: Mapping[Path, int], color: bool, dtype: np.dtype[Any]
    ) -> None:
        self.dtype = dtype
        self._files = files
        self._color = color
        self._paths = list(sizes)
        self._ends = np.cumsum(list(sizes.values()))
        self._held: tuple[Path, Any] | None = None

    def __len__(self) -> int:
        return int(self._ends[-1])

    def _read(self, index: int) -> FloatArray:
        number = int(np.searchsorted(self._ends, index, side="right"))
        path = self._paths[number]
        held = self._held  # threads may ask at once
        if held is None or held[0] != path:
            try:
                held = self._held = path, images_of_file(self._files, path, self._color)
            except (DataFileError, OSError) as error:
                raise DataFileError(f"{path} {error}, though it could be read before.") from error
        image: FloatArray = held[1][index - (int(self._ends[number - 1]) if number else 0)]
        return image


def _as_images(array: NDArray[Any], color: bool) -> FloatArray:
    """Images (n, height, width[, 3]), gray or color as asked for; unsigned ones become 0 to 1."""
    from skimage.color import gray2rgb, rgb2gray
    from skimage.util import img_as_float32

    stack = img_as_float32(array) if array.dtype.kind in "bu" else finite_floats(array)
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
    noise = 10 * np.finfo(image.dtype).eps * float(np.abs(image).max())
    return np.asarray(image / deviation if deviation > noise else image, dtype=np.float32)


def load_images(
    paths: PathLike | Iterable[PathLike],
    *,
    color: bool = False,
    key: str | None = None,
    on_error: str = "fail",
    smallest: tuple[int, int] = (1, 1),
    lazy: bool = False,
) -> LoadedImages:
    """Read photographs, and arrays of images.

    Photographs (PNG, JPEG, TIFF, WebP and others; gray, color, palette, CMYK, 16-bit) are turned
    upright as their EXIF data say, what is transparent becomes white, and each is divided by the
    standard deviation of its brightness, so that all have the same contrast and none dominates the
    others. Of animations and files of several pages the first picture is taken; PNG in color of
    16 bits is read at 8.

    Arrays (.npy, .npz, .mat, .h5, .zarr) hold images along their first axis, (images, height,
    width) or (images, height, width, channels), or one color image, (height, width, 3); in .mat
    files images lie along the last axis, as in Olshausen's ``IMAGES.mat``. Values stay as they are;
    unsigned integers are divided by the largest of their type.

    Parameters
    ----------
    paths : path-like or iterable of path-like
        Files and folders. Folders are searched to the bottom, without hidden files.
    color : bool, default=False
        Red, green and blue instead of gray. Gray images then have three equal channels.
    key : str, default=None
        Name of the array in files that hold several.
    on_error : {"fail", "skip"}, default="fail"
        What to do where a file cannot be read: raise, or leave it out and list it in `skipped`.
    smallest : tuple of int, default=(1, 1)
        Height and width that patches need; files with smaller images are taken for ones that cannot
        be read.
    lazy : bool, default=False
        For more photographs than memory holds: a sequence that reads an image when it is asked for.
        `OneOverFWhitening` and `PatchExtractor` go through it one image at a time.

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
    files = DataFiles.find(paths, key=key, on_error=on_error, smallest=smallest)
    if files.kind == "recordings":
        raise DataFileError(f"{next(iter(files.contents))} is a recording. Use load_recordings.")
    if files.kind != "images":
        raise DataFileError(
            f"{next(iter(files.contents))} holds plain rows of numbers, no images. Use load_rows; "
            "an array of one image must have shape (1, height, width)."
        )
    return read_images(files, color=color, lazy=lazy)
