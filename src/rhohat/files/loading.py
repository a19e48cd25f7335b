"""Users' files: photographs, recordings, and arrays of images or of plain rows.

`DataFiles` finds files and looks at them, by the formats of `rhohat.files.formats`, and reads them.
What is wrong with one is said with its name, and is fatal or leaves it out.
"""

from __future__ import annotations

import errno
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil, prod
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray
from rhohat.common.errors import DataFileError
from rhohat.common.validation import check_integer, check_real, look_up
from rhohat.files.formats import BY_SUFFIX, Content, format_of, is_folder_format
from rhohat.files.images import ImageSequence
from rhohat.files.recordings import BLOCK_SECONDS, FileRecordings, Part, read_sound, samples_of
from rhohat.rows.sources import Source
from rhohat.rows.stores import SUFFIXES, Concatenation, open_file

__all__ = [
    "DataFiles",
    "LoadedImages",
    "LoadedRecordings",
    "Skipped",
    "load_images",
    "load_recordings",
    "load_rows",
]

PathLike: TypeAlias = str | os.PathLike[str]

#: Samples per second that recordings are brought to at most, unless a rate is given.
RATE = 16_000
#: What is said of a file whose samples are all zero.
SILENT = "holds nothing but silence"
ON_ERROR = {"skip": "leave the file out and go on", "fail": "raise DataFileError"}


class LoadedImages(NamedTuple):
    """Images and what they are called.

    Attributes
    ----------
    images : sequence of ndarray of shape (height, width), or (height, width, 3) in colour
        Of photographs the float32 brightness; the standard deviation of each is 1. Of arrays the
        values as they are; unsigned integers are divided by the largest of their type.
    names : list of str
    skipped : list of Skipped
        Files that were left out.
    """

    images: Sequence[FloatArray]
    names: list[str]
    skipped: list[Skipped]


class LoadedRecordings(NamedTuple):
    """Recordings and what they are called.

    Attributes
    ----------
    recordings : sequence of ndarray of float32 of shape (n_samples,)
        Each is decoded, mixed down and resampled when it is asked for.
    names : list of str
    skipped : list of Skipped
        Files that were left out.
    rate : int
        Samples per second.
    """

    recordings: FileRecordings
    names: list[str]
    skipped: list[Skipped]
    rate: int


class Skipped(NamedTuple):
    """A file that was left out, and why."""

    file: str
    reason: str


@dataclass
class DataFiles:
    """Files of one kind, found and looked at, not yet read.

    Attributes
    ----------
    kind : {"images", "rows", "recordings"}
    contents : dict of Path to Content
        In the order of their names, folder by folder.
    skipped : list of Skipped
        Files that cannot be read; reading adds to it.
    ignored : list of Path
        Files in folders whose endings are not those of data.
    notes : list of Skipped
        Files that are used although something is wrong with them.
    """

    kind: str
    contents: dict[Path, Content]
    skipped: list[Skipped]
    ignored: list[Path]
    key: str | None = None
    on_error: str = "fail"
    shape: tuple[int, ...] | None = None
    notes: list[Skipped] = field(default_factory=list)

    @classmethod
    def find(
        cls,
        paths: Iterable[PathLike],
        *,
        key: str | None = None,
        on_error: str = "fail",
        smallest: tuple[int, int] = (1, 1),
        shape: tuple[int, ...] | None = None,
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
        smallest : tuple of int, default=(1, 1)
            Height and width; files with smaller images are taken for ones that cannot be read.
        shape : tuple of int, default=None
            (height, width) or (height, width, channels) of the image that each row is.

        Raises
        ------
        FileNotFoundError
            If a path does not exist.
        DataFileError
            If none can be read; with "fail", also if one cannot, or if some hold images and others
            rows. With "skip" the kind that most files are of is taken.
        """
        look_up("on_error", on_error, ON_ERROR)
        found = cls("", {}, [], [], key, on_error, shape)
        for path in found._walk(map(Path, paths)):
            with found._on_error(path):
                content = format_of(path).look(path, key)
                if shape is not None:
                    content = _with_shape(content, shape)
                if content.note:
                    found.notes.append(Skipped(str(path), content.note))
                height, width = content.shape[1:3] if content.kind == "images" else smallest
                if height < smallest[0] or width < smallest[1]:
                    raise DataFileError(
                        f"has {height} x {width} pixels, too few: "
                        f"{smallest[0]} x {smallest[1]} are needed"
                    )
                found.contents[path] = content
        found._need_some(list(found.contents))
        kinds = Counter(content.kind for content in found.contents.values())
        found.kind, n_files = kinds.most_common(1)[0]
        for path in [p for p, content in found.contents.items() if content.kind != found.kind]:
            with found._on_error(path):
                held = found.contents.pop(path).kind
                raise DataFileError(f"holds {held}, but {n_files} of the others {found.kind}")
        return found

    def images(self, *, color: bool = False, lazy: bool = False) -> LoadedImages:
        """Read images, all gray or all in colour; lazily, read them when they are asked for.

        What cannot be read is found in either case, in a pass over the files.
        """
        images: list[FloatArray] = []
        sizes: dict[Path, int] = {}
        dtypes = set()
        for path in self.contents:
            with self._on_error(path):
                stack = self.stack(path, color)
                sizes[path] = len(stack)
                dtypes.add(stack[0].dtype)
                if not lazy:
                    images.extend(stack)
        names: list[str] = []
        for path, size in sizes.items():
            one = format_of(path).is_photograph
            names.extend([str(path)] if one else (f"{path}[{index}]" for index in range(size)))
        self._need_some(names)
        found = FileImages(self, sizes, color, np.result_type(*dtypes)) if lazy else images
        return LoadedImages(found, names, list(self.skipped))

    def recordings(
        self, rate: int | None = None, *, longest: float | None = None, shortest: float = 0.0
    ) -> LoadedRecordings:
        """Recordings that are decoded when they are asked for; see `load_recordings`.

        What cannot be read is found in a pass over the files.
        """
        rate = rate or self.lowest_rate(shortest)
        parts: list[Part] = []
        names: list[str] = []
        silent: list[Skipped] = []
        for path, content in self.contents.items():
            with self._on_error(path):
                own, n_samples = content.rate, content.shape[2]
                if n_samples < _samples_in(shortest, own):
                    raise DataFileError(
                        f"lasts {n_samples / own:.3f} s, too short: {shortest:g} s are needed"
                    )
                step = n_samples if longest is None else samples_of(longest, own, rate)
                mine = [
                    Part(path, start, min(start + step, n_samples), own)
                    for start in range(0, n_samples, step)
                ]
                if len(mine) > 1 and mine[-1].stop - mine[-1].start < _samples_in(shortest, own):
                    mine[-2:] = [mine[-1]._replace(start=mine[-2].start)]
                if _peak(path, n_samples, own) == 0:
                    silent.append(Skipped(str(path), SILENT))
                parts += mine
                names += [_name_of(part) if len(mine) > 1 else str(path) for part in mine]
        self._need_some(names)
        skipped = {file for file, _ in self.skipped}
        self.notes = [note for note in self.notes if note.file not in skipped] + silent
        return LoadedRecordings(FileRecordings(parts, rate), names, list(self.skipped), rate)

    def lowest_rate(self, shortest: float = 0.0) -> int:
        """That of the files that are long enough, and at most 16,000 samples per second."""
        rates = {
            content.rate
            for content in self.contents.values()
            if content.shape[2] >= _samples_in(shortest, content.rate)
        }
        return min({RATE, *rates})

    def stack(self, path: Path, color: bool) -> FloatArray | list[FloatArray]:
        """The images of one file."""
        array = format_of(path).read(path, self.key)
        if self.shape is not None:
            array = array.reshape(-1, *self.shape)
        stack = _as_images(array, color)
        return [_at_unit_contrast(stack[0])] if format_of(path).is_photograph else stack

    def rows(self) -> FloatArray:
        """Read rows, those of several files one below the other."""
        parts: list[FloatArray] = []
        for path, array in self._arrays():
            with self._on_error(path):
                part = _as_floats(array)
                if parts and part.shape[1] != parts[0].shape[1]:
                    raise DataFileError(
                        f"has {part.shape[1]} columns, the files before it {parts[0].shape[1]}"
                    )
                parts.append(part)
        self._need_some(parts)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    @property
    def n_bytes(self) -> int:
        """What the numbers take in memory."""
        return sum(
            prod(content.shape) * _float_of(content.dtype).itemsize
            for content in self.contents.values()
        )

    @property
    def can_be_stored(self) -> bool:
        """Whether all can be read a run at a time."""
        return all(path.suffix.lower() in SUFFIXES for path in self.contents)

    def stored_rows(self) -> Source:
        """The rows where they lie, to be read a run at a time.

        Raises
        ------
        DataFileError
            If the files have different numbers of columns.
        """
        widths = {content.shape[1]: path for path, content in self.contents.items()}
        if len(widths) > 1:
            (first, one), (second, other) = list(widths.items())[:2]
            raise DataFileError(f"{other} has {second} columns, {one} has {first}.")
        parts = []
        for path, content in self.contents.items():
            part = open_file(path, self.key)
            part.dtype = _float_of(content.dtype)  # as if it were read
            parts.append(part)
        return parts[0] if len(parts) == 1 else Concatenation(parts)

    def _arrays(self) -> Iterator[tuple[Path, NDArray[Any]]]:
        """What the files hold, one after the other."""
        for path in self.contents:
            array = None
            with self._on_error(path):
                array = format_of(path).read(path, self.key)
            if array is not None:
                yield path, array

    def _walk(self, paths: Iterable[Path]) -> list[Path]:
        """Data files at and below `paths`, each once, in the order of names."""
        files: dict[Path, None] = {}

        def cannot_list(error: OSError) -> None:
            with self._on_error(Path(error.filename)):
                raise error

        for path in paths:
            if not path.exists():
                raise FileNotFoundError(errno.ENOENT, "No such file or folder", str(path))
            if not path.is_dir() or is_folder_format(path):
                files[path] = None
                continue
            for folder, folders, names in os.walk(path, onerror=cannot_list):
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                stores = [name for name in folders if is_folder_format(Path(name))]
                files.update(dict.fromkeys(Path(folder, name) for name in stores))
                folders[:] = [name for name in folders if name not in stores]
                for name in sorted(name for name in names if not name.startswith(".")):
                    inside = Path(folder, name)
                    if inside.suffix.lower() in BY_SUFFIX:
                        files[inside] = None
                    else:
                        self.ignored.append(inside)
        return list(files)

    @contextmanager
    def _on_error(self, path: Path) -> Iterator[None]:
        """Skip the file, or name it in the error."""
        try:
            yield
        except (DataFileError, OSError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            if self.on_error == "fail":
                raise DataFileError(f"{path} {reason}.") from error
            self.skipped.append(Skipped(str(path), reason))

    def _need_some(self, found: list[Any]) -> None:
        if found:
            return
        if not self.skipped:
            endings = ", ".join(BY_SUFFIX)
            raise DataFileError(f"found no data: no file that ends in {endings}.")
        first = self.skipped[0]
        others = len(self.skipped) - 1
        more = f", and {others} more {'file' if others == 1 else 'files'}" if others else ""
        raise DataFileError(f"nothing could be read: {first.file} {first.reason}{more}.")


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
                held = self._held = path, self._files.stack(path, self._color)
            except (DataFileError, OSError) as error:
                raise DataFileError(f"{path} {error}, though it could be read before.") from error
        image: FloatArray = held[1][index - (int(self._ends[number - 1]) if number else 0)]
        return image


def _with_shape(content: Content, shape: tuple[int, ...]) -> Content:
    """Rows as images."""
    if content.kind != "rows":
        raise DataFileError(f"holds {content.kind} already: only rows can be given a shape")
    n, width = content.shape
    if width != prod(shape):
        sizes = " x ".join(map(str, shape))
        raise DataFileError(f"has {width} columns, too many or too few for {sizes}")
    return Content("images", (n, *shape), content.dtype)


def _float_of(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The precision that holds such numbers."""
    return np.dtype(np.float32 if dtype.itemsize <= 2 or dtype == np.float32 else np.float64)


def _as_floats(array: NDArray[Any]) -> FloatArray:
    """The same numbers in float32 or float64, all finite."""
    if array.dtype.kind not in "buif":
        raise DataFileError(f"holds values of type {array.dtype}, expected real numbers")
    floats: FloatArray = array.astype(_float_of(array.dtype), copy=False)
    bad = ~np.isfinite(floats)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise DataFileError(
            f"holds NaN or infinity, {int(bad.sum()):,} in all, the first at {where}"
        )
    return floats


def _as_images(array: NDArray[Any], color: bool) -> FloatArray:
    """Images (n, height, width[, 3]), gray or colour as asked for; unsigned ones become 0 to 1."""
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

    Photographs (PNG, JPEG, TIFF, WebP and others; gray, colour, palette, CMYK, 16-bit) are turned
    upright as their EXIF data say, what is transparent becomes white, and each is divided by the
    standard deviation of its brightness, so that all have the same contrast and none dominates the
    others. Of animations and files of several pages the first picture is taken; PNG in colour of
    16 bits is read at 8.

    Arrays (.npy, .npz, .mat, .h5, .zarr) hold images along their first axis, (images, height,
    width) or (images, height, width, channels), or one colour image, (height, width, 3); in .mat
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
    files = DataFiles.find(_listed(paths), key=key, on_error=on_error, smallest=smallest)
    if files.kind == "recordings":
        raise DataFileError(f"{next(iter(files.contents))} is a recording. Use load_recordings.")
    if files.kind != "images":
        raise DataFileError(
            f"{next(iter(files.contents))} holds plain rows of numbers, no images. Use load_rows; "
            "an array of one image must have shape (1, height, width)."
        )
    return files.images(color=color, lazy=lazy)


def _peak(path: Path, n_samples: int, rate: int) -> float:
    """The greatest sample of a file, which shows that all of them can be decoded."""
    peak = 0.0
    for start in range(0, n_samples, BLOCK_SECONDS * rate):
        stop = min(start + BLOCK_SECONDS * rate, n_samples)
        samples, _ = read_sound(path, start, stop)
        missing = stop - start - samples.shape[1]
        if missing:
            raise DataFileError(f"ends early: {missing:,} samples cannot be decoded")
        peak = max(peak, float(samples.max()), -float(samples.min()))
    return peak


def _samples_in(seconds: float, rate: int) -> int:
    """Samples that last so long at least, but for rounding errors in the seconds."""
    return ceil(seconds * rate - 1e-6)


def _name_of(part: Part) -> str:
    return f"{part.path}, {part.start / part.rate:g} to {part.stop / part.rate:g} s"


def load_recordings(
    paths: PathLike | Iterable[PathLike],
    *,
    rate: int | None = None,
    longest: float | None = None,
    shortest: float = 0.0,
    on_error: str = "fail",
) -> LoadedRecordings:
    """Find recordings (WAV, FLAC, OGG, AIFF), to be decoded when they are asked for.

    Each is mixed down to one channel and resampled. All files are decoded once before, a part at a
    time, so that what cannot be read is found now. A WAV that ends before its header says is used
    as far as it goes, with a warning.

    Parameters
    ----------
    paths : path-like or iterable of path-like
        Files and folders. Folders are searched to the bottom, without hidden files.
    rate : int, default=None
        Samples per second to bring all to. None: the lowest of the files' own rates, and 16,000 at
        most.
    longest : float, default=None
        Seconds from which a recording is cut into parts of this length, each a recording of its
        own: memory then does not grow with the length of files. None leaves them whole.
    shortest : float, default=0.0
        Seconds that windows need; shorter recordings are taken for ones that cannot be read.
    on_error : {"fail", "skip"}, default="fail"
        What to do where a file cannot be read: raise, or leave it out and list it in `skipped`.

    Returns
    -------
    recordings : LoadedRecordings

    Raises
    ------
    DataFileError
        If a file cannot be read and `on_error` is "fail", or if none can. Names the file.
    FileNotFoundError
        If a path does not exist.

    Warns
    -----
    UserWarning
        Of files that end early, or are silent.
    """
    if rate is not None:
        check_integer("rate", rate, low=1)
    if longest is not None:
        check_real("longest", longest, low=0, open_ends=True)
    check_real("shortest", shortest, low=0)
    files = DataFiles.find(_listed(paths), on_error=on_error)
    if files.kind != "recordings":
        raise DataFileError(f"{next(iter(files.contents))} holds {files.kind}, no recording.")
    loaded = files.recordings(rate, longest=longest, shortest=shortest)
    for file, note in files.notes:
        warnings.warn(f"{file} {note}.", UserWarning, stacklevel=2)
    return loaded


def load_rows(
    paths: PathLike | Iterable[PathLike], *, key: str | None = None, on_error: str = "fail"
) -> FloatArray:
    """Read two-dimensional arrays from .npy, .npz, .mat, .h5 and .zarr files, one below the other.

    All are read into memory; give ``fit`` the path instead where that is too small.

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
        raise DataFileError(
            f"{next(iter(files.contents))} holds {files.kind}. Use load_{files.kind}."
        )
    return files.rows()


def _listed(paths: PathLike | Iterable[PathLike]) -> Iterable[PathLike]:
    return [paths] if isinstance(paths, (str, os.PathLike)) else paths
