"""What a command works on: the user's files, or the photographs that come along."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from rhohat.cli.text import count, printable
from rhohat.files.finding import DataFiles, Skipped
from rhohat.files.image_files import LoadedImages, read_images
from rhohat.files.recording_files import SILENT, LoadedRecordings, lowest_rate, read_recordings
from rhohat.files.row_files import can_be_stored, read_rows, stored_rows
from rhohat.recipes.settings import Settings, complete
from rhohat.rows.file_format import Content

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from rhohat.common.arrays import FloatArray
    from rhohat.rows.sources import Rows, Source

__all__ = ["Data", "Request", "look", "look_for", "needs_of"]


#: Bytes from which rows are read where they lie, a run at a time.
HELD_BYTES = 1 << 30
#: Seconds from which recordings are learned from in parts, so that memory is bounded.
PART_SECONDS = 60.0
#: Samples per second that no recording of speech or music has: a lower rate is remarked on.
LOW_RATE = 4000
#: Paths from which a text that repeats the command names them no more.
MANY = 3


@dataclass(frozen=True)
class Request:
    """Which data to read and how.

    Attributes
    ----------
    paths : sequence of Path
        None for the photographs that come along.
    color : bool
    smallest : tuple of int
        Height and width that images must have.
    shape : tuple of int or None
        Of the image that each row is.
    key : str or None
    on_error : {"skip", "fail"}
    stored : bool
        Whether rows must be read where they lie, and not into memory.
    rate : int or None
        Samples per second that recordings are brought to; None goes by the files.
    longest : float or None
        Seconds from which a recording is taken in parts.
    shortest : float
        Seconds; shorter recordings cannot be used.
    """

    paths: Sequence[Path] = ()
    color: bool = False
    smallest: tuple[int, int] = (1, 1)
    shape: tuple[int, ...] | None = None
    key: str | None = None
    on_error: str = "skip"
    stored: bool = False
    rate: int | None = None
    longest: float | None = None
    shortest: float = 0.0

    def look(self) -> Data:
        """Find the files and what they say that they hold, without reading them."""
        if not self.paths:
            return Data(self, "images", files=["photographs that come along"], n_examples=10)
        if self.shape is not None and self.color != (len(self.shape) == 3):
            raise ValueError("--shape HxWx3 and --color go together.")
        found = DataFiles.find(
            self.paths,
            key=self.key,
            on_error=self.on_error,
            smallest=self.smallest,
            shape=self.shape,
        )
        if found.kind == "recordings" and self.key is not None:
            raise ValueError("--key names an array in a file, but the data are recordings.")
        return Data(
            self,
            found.kind,
            files=[str(path) for path in found.contents],
            skipped=found.skipped,
            ignored=[str(path) for path in found.ignored],
            n_examples=sum(content.shape[0] for content in found.contents.values()),
            found=found,
        )


@dataclass
class Data:
    """Data found, and read when asked.

    Attributes
    ----------
    kind : {"images", "rows", "recordings"}
    files : list of str
        Those that are used.
    skipped : list of Skipped
    ignored : list of str
        Files in folders that are not data.
    n_examples : int
        Images, or rows.
    content : list of ndarray, ndarray, or Source
        The images or rows, once read; rows too many to hold, where they lie.
    names : list of str
        Of the images or recordings, once read.
    rate : int
        Samples per second of recordings, once read.
    """

    request: Request
    kind: str
    files: list[str]
    n_examples: int
    skipped: list[Skipped] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    found: DataFiles | None = None
    content: Any = None  # list[FloatArray] | FloatArray
    names: list[str] = field(default_factory=list)
    rate: int = 0

    def read(self) -> Data:
        """Read everything; files that turn out unusable are skipped and said so."""
        request, found = self.request, self.found
        if found is None:
            from rhohat.files.builtin_photographs import load_photographs

            self.content, self.names, _ = load_photographs(color=request.color)
        elif found.kind == "rows":
            self.content = self._rows(found)
        elif found.kind == "recordings":
            loaded = read_recordings(
                found, request.rate, longest=request.longest, shortest=request.shortest
            )
            self.content, self.names, self.rate = loaded.recordings, loaded.names, loaded.rate
        else:
            held = found.n_bytes * (3 if request.color else 1)
            lazy = held > HELD_BYTES
            self.content, self.names, _ = read_images(found, color=request.color, lazy=lazy)
        if not self.is_stored:
            self.n_examples = len(self.content)
        bad = {skipped.file for skipped in self.skipped}
        self.files = [file for file in self.files if file not in bad]
        return self

    def _rows(self, found: DataFiles) -> Any:
        """The rows in memory, or where they lie if they are too many or must not be sent."""
        if self.stays_where_it_is:
            return stored_rows(found)
        if self.request.stored:
            raise ValueError(
                "--dask needs rows that workers can read a run at a time, in .npy, .zarr, .h5 or "
                ".hdf5 files."
            )
        return read_rows(found)

    @property
    def stays_where_it_is(self) -> bool:
        """Whether the rows are, or will be, read where they lie."""
        if self.kind != "rows" or self.found is None or not can_be_stored(self.found):
            return False
        return self.request.stored or self.found.n_bytes > HELD_BYTES

    @property
    def is_stored(self) -> bool:
        """Whether the rows are read where they lie."""
        return self.kind == "rows" and not isinstance(self.content, np.ndarray)

    def contents(self) -> list[Content]:
        """What the files' headers say."""
        if self.found is not None:
            return list(self.found.contents.values())
        from rhohat.files.builtin_photographs import load_photographs

        shapes = [image.shape for image in load_photographs().images]
        return [Content("images", (1, *shape), np.dtype(np.float32)) for shape in shapes]

    @property
    def variance(self) -> float:
        """Mean variance: of all pixels, or over the columns.

        Raises
        ------
        ValueError
            If the values are too large to compute it.
        """
        if self.kind == "recordings":  # which extractors bring to 1, unless there is nothing
            silent = {file for file, note in self.notes if note == SILENT}
            return float(not silent.issuperset(self.files))
        with np.errstate(over="ignore", invalid="ignore"):
            if self.kind == "rows":
                variance = variance_of_rows(self.content)
            else:
                variance = variance_of_pixels(self.content)
        if not math.isfinite(variance):
            raise ValueError("the values are too large to be squared: scale the data.")
        return variance

    @property
    def loaded(self) -> Any:
        """The content, images with their names."""
        if self.kind == "rows":
            return self.content
        if self.kind == "recordings":
            return LoadedRecordings(self.content, self.names, self.skipped, self.rate)
        return LoadedImages(self.content, self.names, self.skipped)

    @property
    def described(self) -> str:
        """The data in a few words."""
        if self.found is None:
            return "10 photographs"
        return count(self.n_examples, self.kind.removesuffix("s"))

    @property
    def expression(self) -> str:
        """What reads the same data in Python."""
        request = self.request
        if not request.paths:
            color = "color=True" if request.color else ""
            return f"rhohat.load_photographs({color}).images"
        many = len(request.paths) > MANY
        options = ["FILES" if many else repr([str(path) for path in request.paths])]
        if request.key is not None:
            options.append(f"key={request.key!r}")
        if self.skipped:
            options.append("on_error='skip'")
        if self.is_stored and len(request.paths) == 1:
            inner = "" if request.key is None else f"::{request.key}"
            return repr(f"{request.paths[0]}{inner}")
        if self.kind == "rows":
            return f"rhohat.load_rows({', '.join(options)})"
        if self.kind == "recordings":
            options.append(f"rate={self.rate}")
            if request.longest is not None and len(self.names) > len(self.files):
                options.append(f"longest={request.longest:g}")
            if self.skipped and request.shortest:
                options.append(f"shortest={request.shortest:.6g}")
            return f"rhohat.load_recordings({', '.join(options)}).recordings"
        if request.shape is not None:
            sizes = ", ".join(map(str, request.shape))
            return f"rhohat.load_rows({', '.join(options)}).reshape(-1, {sizes})"
        if self.skipped and request.smallest != (1, 1):
            options.append(f"smallest={request.smallest}")
        if request.color:
            options.append("color=True")
        return f"rhohat.load_images({', '.join(options)}).images"

    @property
    def arguments(self) -> list[str]:
        """What reads the same data on the command line."""
        request = self.request
        words = [str(path) for path in request.paths]
        if len(words) > MANY:
            words = ["FILES"]
        if request.key is not None:
            words += ["--key", request.key]
        return words

    @property
    def notes(self) -> list[Skipped]:
        """Files that are used although something is wrong with them."""
        return [] if self.found is None else self.found.notes

    def summary(self) -> dict[str, Any]:
        """What was read and what was not, for JSON."""
        return {
            "kind": self.kind,
            "files": self.files,
            "examples": self.n_examples,
            "skipped": [skipped._asdict() for skipped in self.skipped],
            "damaged": [note._asdict() for note in self.notes],
            "ignored": self.ignored,
        }

    def report(self) -> None:
        """Name the files that were skipped, on standard error."""
        for file, reason in self.skipped:
            click.echo(f"skipped: {printable(file)} {printable(reason)}", err=True)
        for file, reason in self.notes:
            click.echo(f"note: {printable(file)} {printable(reason)}", err=True)
        if self.ignored:
            click.echo(f"not data, left alone: {count(len(self.ignored), 'file')}", err=True)


def variance_of_pixels(images: Sequence[FloatArray]) -> float:
    """Variance of all pixels, in a pass over the images."""
    n_pixels, total, squares, shift = 0, 0.0, 0.0, None
    for image in images:
        shift = float(image.flat[0]) if shift is None else shift
        deviations = np.subtract(image, shift, dtype=np.float64)
        n_pixels += image.size
        total += float(deviations.sum())
        squares += float(np.vdot(deviations, deviations))
    return max(squares / n_pixels - (total / n_pixels) ** 2, 0.0)


def variance_of_rows(rows: FloatArray | Source) -> float:
    """Mean variance over the columns, in a pass over the rows, wherever they lie."""
    from rhohat.rows.engines import ThreadEngine
    from rhohat.rows.feature_sums import FeatureSums
    from rhohat.rows.sources import ArraySource, Partition, check_finite, first_row

    source = ArraySource(rows) if isinstance(rows, np.ndarray) else rows
    engine = ThreadEngine()
    with engine.running():
        partition = Partition.for_shape(source.shape[1], source.shape[1], source.dtype)
        shift = first_row(source)

        def sums(rows: Rows) -> FeatureSums:
            check_finite(rows, source.name)
            return FeatureSums.of(rows, shift)

        return engine.map_sum(sums, source, partition).standard_deviation ** 2


def look(
    paths: Sequence[Path],
    settings: Settings,
    on_error: str,
    shape: tuple[int, ...] | None,
    key: str | None,
    stored: bool = False,
) -> tuple[Data, Settings]:
    """Find the data that settings are for, and fill in what they leave open."""
    side = settings.patch_size or (1 if shape is not None else 10)
    smallest = (1, 1) if isinstance(side, str) else (side, side)
    request = Request(paths, settings.color, smallest, shape, key, on_error, stored)
    data = request.look()
    if stored and data.kind != "rows":
        raise ValueError(f"--dask works on rows in files; {data.kind} are cut up in this process.")
    settings = complete(settings, data.kind, rows_are_images=shape is not None)
    if data.kind == "recordings":
        assert data.found is not None
        length = settings.length or 0.0
        rate = settings.rate or lowest_rate(data.found, length)
        if settings.rate is None and rate < LOW_RATE:
            path = next(p for p, content in data.found.contents.items() if content.rate == rate)
            low = f"has {rate:,} samples per second: all are brought to them, without --rate"
            data.found.notes.append(Skipped(str(path), low))
        settings = replace(settings, rate=rate)
        longest = max(PART_SECONDS, 10 * length)
        data.request = replace(request, rate=rate, longest=longest, shortest=length)
    if settings.patch_size == "whole":
        sizes = sorted({content.shape[1:3] for content in data.contents()})
        if len(sizes) > 1:
            (a, b), (c, d) = sizes[:2]
            raise ValueError(
                f"whole images must have one size, but some have {a} x {b} pixels and others "
                f"{c} x {d}. Cut patches, --patch-size 10 for instance, or scale the images."
            )
    return data, settings


def needs_of(model: BaseEstimator, convolution: dict[str, Any] | None = None) -> dict[str, Any]:
    """How a model's data must be read: colour, smallest images, shape of whole ones; and the kind.

    Parameters
    ----------
    model : BaseEstimator
    convolution : dict, default=None
        What `ConvolutionalFeatures` is given, if it applies the model.

    Returns
    -------
    needs : dict
        "kind", and what `Request` takes.
    """
    from rhohat.estimators.anatomy import Anatomy
    from rhohat.inspection.layers import refuse_convolution

    anatomy = Anatomy.of(model)
    refuse_convolution(anatomy.steps)
    extractor, sound = anatomy.extractor, anatomy.sound
    kind = "rows" if anatomy.takes is None else anatomy.takes.kind
    cells = 0 if convolution is None else (convolution["grid"] - 1) * convolution["stride"]
    if sound is not None:
        moments = 1 if extractor is None else extractor.patch_shape_[1] + cells
        shortest = sound.seconds_of(moments)
        # In parts as they were learned from, but whole where each is a row.
        longest = None if convolution is not None else max(PART_SECONDS, 10 * shortest)
        return {
            "kind": kind,
            "rate": sound.rate,
            "shortest": shortest,
            "longest": longest,
        }
    if kind == "series":
        raise ValueError(
            "the model works on series of numbers, which the command line does not read: use it "
            "in Python."
        )
    if extractor is None:
        return {"kind": kind}
    shape = extractor.patch_shape_
    return {
        "kind": kind,
        "color": len(shape) == 3,
        "smallest": (shape[0] + cells, shape[1] + cells),
        "whole": shape if extractor.takes_wholes else None,
    }


def look_for(
    model: Path,
    content: BaseEstimator,
    paths: Sequence[Path],
    on_error: str,
    shape: tuple[int, ...] | None,
    key: str | None,
    convolution: dict[str, Any] | None = None,
) -> Data:
    """Find data of the kind that the model in a file works on, as large as convolution needs.

    Raises
    ------
    ValueError
        If they are of another kind.
    """
    needs = needs_of(content, convolution)
    kind, whole = needs.pop("kind"), needs.pop("whole", None)
    data = Request(paths, shape=shape, key=key, on_error=on_error, **needs).look()
    if shape is None and whole is not None and data.kind == "rows":
        data = Request(paths, shape=whole, key=key, on_error=on_error, **needs).look()
    if data.kind != kind and not paths:
        raise ValueError(f"{model} works on {kind}, which do not come along: give it some.")
    if data.kind != kind:
        shaped = ", as --shape has it" if shape is not None else ""
        raise ValueError(
            f"{model} works on {kind}, but {data.files[0]} holds {data.kind}{shaped}. Give it data "
            "of the kind that it learned from."
        )
    return data
