"""Images: in memory, or in files, where they are photographs and arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray, Images, rounding_noise
from rhohat.common.errors import DataFileError
from rhohat.common.validation import check_floats, check_integer
from rhohat.files.finding import DataFiles, PathLike, Skipped, read_again, shaped
from rhohat.files.lazy_sequence import LazySequence
from rhohat.rows.file_format import Selection, finite_floats


class LoadedImages(NamedTuple):
    """Images and their names.

    Attributes
    ----------
    images : sequence of ndarray of shape (height, width), or (height, width, 3) in color
        Photographs are float32, and the standard deviation of each one's brightness is 1. Arrays
        keep their values, except that unsigned integers are divided by the largest value of their
        type.
    names : list of str
    skipped : list of Skipped
        Files that were left out.
    """

    images: Sequence[FloatArray]
    names: list[str]
    skipped: list[Skipped]


def read_images(files: DataFiles, *, color: bool = False, lazy: bool = False) -> LoadedImages:
    """Read images, all gray or all in color, either now or, if lazy, when they are asked for.

    In both cases what cannot be read is found now, in a pass over the files.
    """
    images: list[FloatArray] = []
    items: list[tuple[Path, int]] = []
    names: list[str] = []
    dtypes = set()
    for path in files.contents:
        with files.reading(path):
            stack = images_of_file(files, path, color)
            is_one = len(stack) == 1 and files.place(path).format.is_photograph
            dtypes.add(stack[0].dtype)
            if lazy:
                items.extend((path, index) for index in range(len(stack)))
            else:
                images.extend(stack)
            numbered = (f"{path}[{index}]" for index in range(len(stack)))
            names.extend([str(path)] if is_one else numbered)
    files.need_some(names)
    found = FileImages(files, items, color, np.result_type(*dtypes)) if lazy else images
    return LoadedImages(found, names, list(files.skipped))


def images_of_file(files: DataFiles, path: Path, color: bool) -> FloatArray | list[FloatArray]:
    """The images of one file."""
    array = files.read(path)
    if files.shape is not None:
        array = shaped(array, files.shape, files.column_major)
    stack = _as_images(array, color)
    is_photograph = files.place(path).format.is_photograph
    return [_at_unit_contrast(image) for image in stack] if is_photograph else stack


class FileImages(LazySequence):
    """Images in files, read whenever they are asked for; the file read last is held.

    Parameters
    ----------
    files : DataFiles
    items : sequence of tuple (Path, int)
        File of each image, and its number there.
    color : bool
    dtype : dtype
    """

    def __init__(
        self,
        files: DataFiles,
        items: Sequence[tuple[Path, int]],
        color: bool,
        dtype: np.dtype[Any],
    ) -> None:
        super().__init__(items, dtype)
        self._files = files
        self._color = color
        self._held: tuple[Path, Any] | None = None

    def _read(self, item: tuple[Path, int]) -> FloatArray:
        path, index = item
        held = self._held  # a reference of its own, since threads may ask at once
        if held is None or held[0] != path:
            with read_again(path):
                held = self._held = path, images_of_file(self._files, path, self._color)
        image: FloatArray = held[1][index]
        return image


def _as_images(array: NDArray[Any], color: bool) -> FloatArray:
    """Images (n, height, width[, 3]), gray or in color; unsigned integers become 0 to 1."""
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
    noise = rounding_noise(float(np.abs(image).max()), image.dtype)
    return np.asarray(image / deviation if deviation > noise else image, dtype=np.float32)


def load_images(
    paths: PathLike | Iterable[PathLike],
    *,
    color: bool = False,
    key: str | None = None,
    axes: str | None = None,
    on_error: str = "fail",
    smallest: tuple[int, int] = (1, 1),
    lazy: bool = False,
    max_pixels: int | None = None,
) -> LoadedImages:
    """Read photographs, and arrays of images.

    Photographs (PNG, JPEG, TIFF, WebP, HEIC and others; gray, color, palette, CMYK, 16-bit) are
    turned upright according to their EXIF data, and transparent pixels become white. Each is
    divided by the standard deviation of its brightness, so that all have the same contrast and none
    dominates the others. Each page of a TIFF is an image, as is each frame of an animation, if it
    has the size of the first; a 16-bit color PNG is read with 8 bits.

    Arrays (.npy, .npz, .mat, .h5, .zarr and others) hold images along their first axis, (images,
    height, width) or (images, height, width, channels), or one color image, (height, width, 3).
    Channels may come first where that is unambiguous, (images, 3, height, width). In .mat files,
    images are stacked along the last axis, as in Olshausen's ``IMAGES.mat``. State other orders
    with `axes`. Values stay as they are, except that unsigned integers are divided by the largest
    value of their type.

    Parameters
    ----------
    paths : path-like or iterable of path-like
        Files and folders. Folders are searched to any depth; hidden files are ignored.
    color : bool, default=False
        Red, green and blue instead of gray. Gray images then have three equal channels.
    key : str, default=None
        Name of the array in files that hold several, or a pattern such as ``"run*/x"`` for all that
        match.
    axes : str, default=None
        One letter for each axis of an array: N images, H height, W width, C channels; for instance
        ``"NCHW"``. None infers them from the shape.
    on_error : {"fail", "skip"}, default="fail"
        What to do if a file cannot be read: raise an error, or skip the file and list it in
        `skipped`.
    smallest : tuple of int, default=(1, 1)
        Height and width that patches need; files with smaller images count as unreadable.
    lazy : bool, default=False
        Whether to return a sequence that reads each image only when it is needed, for more
        photographs than memory can hold. `OneOverFWhitening` and `PatchExtractor` go through it one
        image at a time.
    max_pixels : int, default=None
        Largest number of pixels that a photograph may have; raise it for files you trust. None
        means 89,478,485.

    Returns
    -------
    images : LoadedImages

    Raises
    ------
    DataFileError
        If a file cannot be read and `on_error` is "fail", or if none can be read; the message names
        the file.
    FileNotFoundError
        If a path does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import load_images
    >>> np.save("stack.npy", np.random.RandomState(0).rand(5, 16, 16))
    >>> len(load_images("stack.npy").images)
    5
    """
    if max_pixels is not None:
        check_integer("max_pixels", max_pixels, low=1)
    selection = Selection(key, axes=axes, max_pixels=max_pixels)
    files = DataFiles.find(paths, selection=selection, on_error=on_error, smallest=smallest)
    if files.kind == "recordings":
        raise DataFileError(f"{next(iter(files.contents))} is a recording. Use load_recordings.")
    if files.kind == "series":
        raise DataFileError(f"{next(iter(files.contents))} holds series. Use load_series.")
    if files.kind != "images":
        raise DataFileError(
            f"{next(iter(files.contents))} holds rows of numbers, not images. Use load_rows; an "
            "array of one image must have shape (1, height, width)."
        )
    return read_images(files, color=color, lazy=lazy)


def each_image(X: Images) -> Iterator[FloatArray]:
    """Images as finite float arrays, one after another.

    Raises
    ------
    ValueError
        If there are none, or if one, which it names, is not a finite image.
    """
    if isinstance(X, np.ndarray) and X.ndim not in (3, 4):
        raise ValueError(
            f"expected a sequence of images, or an array (images, height, width[, channels]); got "
            f"an array of shape {X.shape}. Put a single image in a list: [image]."
        )
    if not hasattr(X, "__len__"):
        raise ValueError(f"expected a sequence of images, got {type(X).__name__}.")
    if len(X) == 0:
        raise ValueError("expected at least one image, got an empty sequence.")
    for index, image in enumerate(X):
        checked = check_floats(f"image {index}", image)
        if checked.ndim not in (2, 3) or 0 in checked.shape:
            raise ValueError(
                f"image {index} must have shape (height, width) or (height, width, channels), "
                f"got {checked.shape}."
            )
        yield checked
