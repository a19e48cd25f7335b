"""Finding files: which there are at some paths, what each holds, and which cannot be used."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import float_dtype
from rhohat.common.errors import DataFileError
from rhohat.common.printable import listed
from rhohat.common.validation import look_up
from rhohat.files.formats import (
    Place,
    endings,
    file_of,
    format_named,
    is_folder_format,
    place_of,
)
from rhohat.files.layout import as_series
from rhohat.files.runs import holds_run, is_result
from rhohat.rows.file_format import ANY, Content, Selection
from rhohat.rows.inventory import is_pattern
from rhohat.rows.refusals import way_round

PathLike: TypeAlias = str | os.PathLike[str]

#: The most bytes to load into memory: larger data are read a run of rows, an image or a part of a
#: series at a time.
HELD_BYTES = 1 << 30
ON_ERROR = {"skip": "skip the file and continue", "fail": "raise DataFileError"}


class Skipped(NamedTuple):
    """A file that was left out, and why."""

    file: str
    reason: str


class Noted(NamedTuple):
    """A file that is used although something is wrong with it, and what that is."""

    file: str
    reason: str


@contextmanager
def read_again(path: Path) -> Iterator[None]:
    """Name a file in the error if it can no longer be read."""
    try:
        yield
    except (DataFileError, OSError) as error:
        raise DataFileError(f"{path} {error}, although it could be read before.") from error


@dataclass
class DataFiles:
    """Files of one kind, found and looked at, not yet read.

    Attributes
    ----------
    kind : {"images", "rows", "recordings", "series"}
    contents : dict of Path to Content
        What each holds, in the order of their names, folder by folder. An array of several that a
        pattern fits has a path of its own, ``file.h5::name``.
    skipped : list of Skipped
        Files that cannot be read; reading adds to it.
    ignored : list of Path
        Files in folders that have no suffix of a format.
    selection, on_error, shape, column_major
        As in `find`.
    notes : list of Noted
        Files that are used although something is wrong with them.
    """

    kind: str
    contents: dict[Path, Content]
    skipped: list[Skipped]
    ignored: list[Path]
    selection: Selection = ANY
    on_error: str = "fail"
    shape: tuple[int, ...] | None = None
    column_major: bool = False
    notes: list[Noted] = field(default_factory=list)

    @classmethod
    def find(
        cls,
        paths: PathLike | Iterable[PathLike],
        *,
        selection: Selection = ANY,
        on_error: str = "fail",
        smallest: tuple[int, int] = (1, 1),
        shape: tuple[int, ...] | None = None,
        column_major: bool = False,
    ) -> DataFiles:
        """Look at files, and at all files in folders.

        Parameters
        ----------
        paths : path-like or iterable of path-like
            Files and folders; ``file.h5::name`` is an array in a file. Folders are searched to any
            depth, also those that links lead to; hidden files are left out. So is what ``rhohat
            learn`` has written, which is listed as skipped: its figures, and folders within these
            with a run of it.
        selection : Selection, default=ANY
            What of each file is meant.
        on_error : {"fail", "skip"}, default="fail"
            What to do if a file cannot be read. A path that does not exist always fails.
        smallest : tuple of int, default=(1, 1)
            Height and width; files with smaller images are treated as ones that cannot be read.
        shape : tuple of int, default=None
            (height, width), (height, width, 3) or (3, height, width) of the image that each row is.
        column_major : bool, default=False
            Whether these images were made rows in MATLAB's order, their first axis fastest.

        Raises
        ------
        FileNotFoundError
            If a path does not exist.
        DataFileError
            If none can be read; with "fail", also if one cannot, or if they are of several kinds.
            With "skip", the kind of most files is kept.
        """
        look_up("on_error", on_error, ON_ERROR)
        found = cls("", {}, [], [], selection, on_error, shape, column_major)
        listed = [paths] if isinstance(paths, str | os.PathLike) else paths
        for path in found._arrays(found._walk(map(Path, listed))):
            with found.reading(path):
                content = found.place(path).look()
                if selection.series:
                    content = as_series(content, selection)
                if shape is not None:
                    content = _with_shape(content, shape)
                if content.note:
                    found.notes.append(Noted(str(path), content.note))
                height, width = content.shape[1:3] if content.kind == "images" else smallest
                if height < smallest[0] or width < smallest[1]:
                    raise DataFileError(
                        f"has {height} x {width} pixels, too few: at least {smallest[0]} x "
                        f"{smallest[1]} are needed"
                    )
                found.contents[path] = content
        found.need_some(list(found.contents))
        kinds = Counter(content.kind for content in found.contents.values())
        found.kind, n_files = kinds.most_common(1)[0]
        for path in [p for p, content in found.contents.items() if content.kind != found.kind]:
            with found.reading(path):
                held = found.contents.pop(path).kind
                raise DataFileError(f"holds {held}, but {n_files} of the others {found.kind}")
        found._compare_columns()
        return found

    def _arrays(self, paths: Iterable[Path]) -> Iterator[Path]:
        """The paths, but each array by its own, ``file::name``, where a pattern fits several."""
        for path in paths:
            matches: Sequence[str] = ()
            if is_pattern(self.selection.key or str(path)):
                with suppress(DataFileError, OSError, ImportError):  # told when it is looked at
                    content = self.place(path).look()
                    matches = content.matches
                    if matches and content.note:
                        self.notes.append(Noted(str(path), content.note))
            yield from [Path(f"{file_of(path)}::{name}") for name in matches] or [path]

    def _compare_columns(self) -> None:
        """Leave out files, or raise, whose columns have other names than those of the first."""
        first = next(iter(self.contents))
        names = self.contents[first].columns
        for path, content in list(self.contents.items()):
            if content.columns != names and content.columns and names:
                with self.reading(path):
                    del self.contents[path]
                    other = sorted(set(names) ^ set(content.columns))
                    what = (
                        (f"only one of them has {listed(other)}")
                        if other
                        else "their order differs"
                    )
                    raise DataFileError(f"has different columns than {first}: {what}")

    def read(self, path: Path) -> NDArray[Any]:
        """What one of the files holds."""
        return self.place(path).read()

    def place(self, path: Path) -> Place:
        """Where one of the paths leads."""
        return place_of(path, self.selection)

    @property
    def n_bytes(self) -> int:
        """Memory that all the numbers take, in bytes."""
        return sum(
            prod(content.shape) * float_dtype(content.dtype).itemsize
            for content in self.contents.values()
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the rows' columns, if the files have them."""
        return next(iter(self.contents.values())).columns if self.contents else ()

    @contextmanager
    def reading(self, path: Path) -> Iterator[None]:
        """If the file cannot be read, skip it or name it in the error, as `on_error` says."""
        try:
            yield
        except (DataFileError, OSError, ImportError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            if isinstance(error, ImportError):
                reason = f"cannot be read yet: {reason}"
            if self.on_error == "fail":
                raise DataFileError(f"{path} {reason}.") from error
            self.skipped.append(Skipped(str(path), reason))

    def need_some(self, found: list[Any]) -> None:
        """Raise DataFileError if nothing was found, and say why the first file was skipped."""
        if found:
            return
        if not self.skipped:
            told = (f" {path} {way_round(path)}." for path in self.ignored if way_round(path))
            raise DataFileError(
                f"found no data: no file ends in {', '.join(endings())}.{next(told, '')}"
            )
        first = self.skipped[0]
        others = len(self.skipped) - 1
        several = f" of {others + 1:,} files, among them" if others else ":"
        raise DataFileError(f"nothing could be read{several} {first.file} {first.reason}.")

    def _walk(self, paths: Iterable[Path]) -> list[Path]:
        """Data files at and below `paths`, each once, in the order of names."""
        files: dict[Path, None] = {}
        inside: dict[Path, int] = {}
        seen: set[tuple[int, int]] = set()

        def is_new(folder: str) -> bool:
            about = os.stat(folder)
            before = len(seen)
            seen.add((about.st_dev, about.st_ino))
            return len(seen) > before

        def cannot_list(error: OSError) -> None:
            with self.reading(Path(error.filename)):
                raise error

        for path in paths:
            if not file_of(path).exists():
                raise FileNotFoundError(errno.ENOENT, "No such file or folder", str(path))
            if not path.is_dir() or is_folder_format(path):
                if not self._is_own(path):
                    files[path] = None
                continue
            seen.clear()
            for folder, folders, names in os.walk(path, onerror=cannot_list, followlinks=True):
                if not is_new(folder):  # a link to a folder that holds it
                    folders.clear()
                    continue
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                stores = [name for name in folders if is_folder_format(Path(name))]
                files.update(dict.fromkeys(Path(folder, name) for name in stores))
                folders[:] = [
                    name
                    for name in folders
                    if name not in stores and not self._is_own(Path(folder, name))
                ]
                for name in sorted(name for name in names if not name.startswith(".")):
                    file = Path(folder, name)
                    row = format_named(file)
                    if row is None:
                        self.ignored.append(file)
                    elif not self._is_own(file):
                        files[file] = None
                        inside[file] = row.precedence
        # A text beside images is about them; alone it may be the data.
        least = min([0] * (len(files) > len(inside)) + list(inside.values()), default=0)
        for file in [file for file, precedence in inside.items() if precedence > least]:
            del files[file]
            self.ignored.append(file)
        return list(files)

    def _is_own(self, path: Path) -> bool:
        """Whether ``rhohat learn`` has written a file or a folder: then it is skipped."""
        is_own = is_result(path) or holds_run(path)
        if is_own:
            self.skipped.append(Skipped(str(path), "was written by rhohat"))
        return is_own


def _with_shape(content: Content, shape: tuple[int, ...]) -> Content:
    """Rows as images of this shape."""
    if content.kind != "rows":
        raise DataFileError(
            f"already holds {content.kind}, but --shape is only for rows: leave it out"
        )
    n, width = content.shape
    if width != prod(shape):
        sizes = " x ".join(map(str, shape))
        way = (
            (f". It has as many rows, {n}: if each column is an image, add --transpose")
            if n == prod(shape)
            else ""
        )
        raise DataFileError(f"has {width} columns, which do not make {sizes}{way}")
    if is_planar(shape):
        shape = (*shape[1:], shape[0])
    return content._replace(kind="images", shape=(n, *shape), columns=())


def is_planar(shape: tuple[int, ...]) -> bool:
    """Whether the shape of an image begins with its colors, and does not end with them."""
    return len(shape) == 3 and shape[2] != 3


def shaped(rows: NDArray[Any], shape: tuple[int, ...], column_major: bool = False) -> NDArray[Any]:
    """Rows as images of a shape, (n, height, width[, 3]) even if their colors come first.

    In MATLAB's order, which is column-major, the first axis of an image runs fastest.
    """
    if column_major:
        images = rows.reshape(-1, *shape[::-1]).transpose(0, *range(len(shape), 0, -1))
    else:
        images = rows.reshape(-1, *shape)
    return np.moveaxis(images, 1, -1) if is_planar(shape) else images
