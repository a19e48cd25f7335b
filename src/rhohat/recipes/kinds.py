"""Kinds of data: images, rows of numbers, recordings.

Each kind is one class and one row of `KINDS`: how it is read, which settings it has, what makes
rows of it, and what these take.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from rhohat.common.arrays import FloatArray
from rhohat.common.validation import look_up
from rhohat.files.finding import DataFiles, Noted
from rhohat.files.formats import Content
from rhohat.files.images import LoadedImages, read_images
from rhohat.files.recordings import SILENT, LoadedRecordings, lowest_rate, read_recordings
from rhohat.files.row_files import can_be_stored, read_rows, stored_rows
from rhohat.preprocessing.variances import variance_of_pixels, variance_of_rows
from rhohat.recipes.data import Data, Request, Size
from rhohat.recipes.settings import SOUNDS, Recipe, Settings

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

#: Bytes from which rows and images are read where they lie, a run or an image at a time.
HELD_BYTES = 1 << 30
#: Seconds from which recordings are learned from in parts, so that memory is bounded.
PART_SECONDS = 60.0
#: Samples per second that no recording of speech or music has: a lower rate is remarked on.
LOW_RATE = 4000


class ImageData(Data):
    """Images, of which patches are cut, or which are taken whole."""

    kind, noun, described = "images", "image", "images"
    pieces = "patches"
    own_settings = ("color", "patch_size")
    can_be_filtered = takes_shape = True

    @classmethod
    def usual_whitening(cls, settings: Settings) -> str:
        """1/f for gray images."""
        return "zca" if settings.color else "1/f"

    @classmethod
    def fill_in(cls, settings: Settings, *, rows_are_images: bool) -> Settings:
        """Size of patches: images whole where each was a row."""
        if settings.patch_size is not None:
            return settings
        return replace(settings, patch_size="whole" if rows_are_images else 10)

    @classmethod
    def normalizes(cls, settings: Settings) -> bool:
        """Patches without PCA and ZCA are."""
        cut = settings.patch_size != "whole"
        return settings.whitening == "1/f" or (cut and settings.whitening == "none")

    @classmethod
    def steps(cls, settings: Settings) -> list[tuple[str, BaseEstimator]]:
        """Images to patches."""
        from rhohat.preprocessing.extractors import PatchExtractor
        from rhohat.preprocessing.filters import OneOverFWhitening

        size = settings.patch_size
        extractor = PatchExtractor(
            None if isinstance(size, str) else size,
            n_patches=settings.patches,
            random_state=settings.seed,
        )
        filters = [("whitening", OneOverFWhitening())] if settings.whitening == "1/f" else []
        return [*filters, ("patches", extractor)]

    def suit(self, settings: Settings) -> Settings:
        """Images that are taken whole must have one size."""
        if settings.patch_size == "whole":
            sizes = sorted({content.shape[1:3] for content in self.contents})
            if len(sizes) > 1:
                (a, b), (c, d) = sizes[:2]
                raise ValueError(
                    f"whole images must have one size, but some have {a} x {b} pixels and others "
                    f"{c} x {d}. Cut patches, --patch-size 10 for instance, or scale the images."
                )
        return settings

    def read(self) -> None:
        """Read into memory, or one at a time if they are too large."""
        color = self.request.color
        lazy = self.found.n_bytes * (3 if color else 1) > HELD_BYTES
        self.content, self.names, _ = read_images(self.found, color=color, lazy=lazy)

    def variance(self) -> float:
        """Variance of all pixels."""
        with np.errstate(over="ignore", invalid="ignore"):
            return _finite(variance_of_pixels(self.content))

    @property
    def loaded(self) -> LoadedImages:
        """Images with their names."""
        return LoadedImages(self.content, self.names, self.found.skipped)

    @property
    def expression(self) -> str:
        """`load_images`, or `load_rows` and the shape."""
        request, options = self.request, []
        if request.shape is not None:
            sizes = ", ".join(map(str, request.shape))
            return f"{self.call('load_rows')}.reshape(-1, {sizes})"
        if self.found.skipped and request.smallest != (1, 1):
            options.append(f"smallest={request.smallest}")
        if request.color:
            options.append("color=True")
        return f"{self.call('load_images', *options)}.images"

    def size(self, settings: Settings) -> Size:
        """Patches, or as many as there are images; of filtered images copies are held."""
        channels = 3 if settings.color else 1
        shapes = [content.shape for content in self.contents]
        if isinstance(settings.patch_size, int):
            n_rows, n_features = settings.patches, settings.patch_size**2 * channels
        else:
            n_rows = sum(shape[0] for shape in shapes)
            n_features = math.prod(shapes[0][1:3]) * channels
        numbers = sum(math.prod(shape[:3]) for shape in shapes) * channels
        largest = max(math.prod(shape[1:3]) for shape in shapes) * channels
        copies = 2 if settings.whitening == "1/f" else 1
        held = 4 * (copies * numbers + 3 * largest)
        return Size(n_rows, n_features, 4, 4 * 6 * largest if 4 * numbers > HELD_BYTES else held)

    def raw_rows(self, model: BaseEstimator, convolution: Mapping[str, Any]) -> FloatArray | None:
        """Their pixels."""
        if len({image.shape for image in self.content}) > 1:
            return None
        return np.stack([image.ravel() for image in self.content])


class Photographs(ImageData):
    """The photographs that come along, in files that are the package's own affair."""

    noun = "photograph"

    def __init__(self, request: Request) -> None:
        super().__init__(request, DataFiles(self.kind, {}, [], []))

    def read(self) -> None:
        """Read them, which takes little memory."""
        from rhohat.files.builtin_photographs import load_photographs

        self.content, self.names, _ = load_photographs(color=self.request.color)

    @cached_property
    def contents(self) -> list[Content]:
        """What the files' headers say."""
        from rhohat.files.builtin_photographs import load_photographs

        shapes = [image.shape for image in load_photographs().images]
        return [Content(self.kind, (1, *shape), np.dtype(np.float32)) for shape in shapes]

    @property
    def files(self) -> list[str]:
        """Not by their names."""
        return ["photographs that come along"]

    @property
    def expression(self) -> str:
        """`load_photographs`."""
        return f"rhohat.load_photographs({'color=True' if self.request.color else ''}).images"


class RowData(Data):
    """Rows of numbers, which are learned from as they are."""

    kind, noun, described = "rows", "row", "rows of numbers"
    can_be_shaped = True

    def read(self) -> None:
        """Read into memory, or find where they lie if they are too many or must not be sent."""
        if self.stays_where_it_is:
            self.content = stored_rows(self.found)
        elif self.request.stored:
            raise ValueError(
                "--dask needs rows that workers can read a run at a time, in .npy, .zarr, .h5 or "
                ".hdf5 files."
            )
        else:
            self.content = read_rows(self.found)

    @property
    def stays_where_it_is(self) -> bool:
        """Whether the rows are too many to hold or must not be sent, and can be read in runs."""
        wanted = self.request.stored or self.found.n_bytes > HELD_BYTES
        return wanted and can_be_stored(self.found)

    @property
    def is_stored(self) -> bool:
        """Whether the rows are read where they lie."""
        return not isinstance(self.content, np.ndarray)

    @property
    def n_examples(self) -> int:
        """Rows."""
        return super().n_examples if self.content is None else int(self.content.shape[0])

    def variance(self) -> float:
        """Mean variance over the columns."""
        with np.errstate(over="ignore", invalid="ignore"):
            return _finite(variance_of_rows(self.content))

    @property
    def loaded(self) -> Any:
        """The rows, which have no names."""
        return self.content

    @property
    def expression(self) -> str:
        """`load_rows`, or the path of rows that stay in one file."""
        paths, key = self.request.paths, self.request.key
        if self.is_stored and len(paths) == 1:
            return repr(f"{paths[0]}" if key is None else f"{paths[0]}::{key}")
        return self.call("load_rows")

    def size(self, settings: Settings) -> Size:
        """All rows."""
        n_rows, n_features = self.n_examples, self.contents[0].shape[1]
        dtype = self.contents[0].dtype
        itemsize = 4 if dtype.itemsize <= 2 or dtype == "f4" else 8
        return Size(n_rows, n_features, itemsize, itemsize * n_rows * n_features)

    def few(self, n_rows: int) -> FloatArray:
        """The first."""
        if self.is_stored:
            X: FloatArray = self.content.read(0, min(n_rows, self.n_examples)).X
            return X
        few: FloatArray = self.content[:n_rows]
        return few

    def raw_rows(self, model: BaseEstimator, convolution: Mapping[str, Any]) -> FloatArray:
        """The rows."""
        rows: FloatArray = self.content
        return rows


class RecordingData(Data):
    """Recordings, of whose spectrograms or waveforms windows are cut."""

    kind, noun, described = "recordings", "recording", "recordings"
    pieces = "windows"
    own_settings = ("sound", "rate", "length", "mels", "window", "hop")
    encode_options = ("--convolve", "--grid", "3")
    has_keys = False
    #: Samples per second, once read.
    rate = 0

    @classmethod
    def fill_in(cls, settings: Settings, *, rows_are_images: bool) -> Settings:
        """Sound, and the settings that it has."""
        sound = settings.sound or "spectrogram"
        usual = look_up("sound", sound, SOUNDS).settings
        for other, row in SOUNDS.items():
            for name in row.settings:
                if name not in usual and getattr(settings, name) is not None:
                    raise ValueError(f"{name} belongs to {other}s, but the sound is a {sound}.")
        unset = {name: value for name, value in usual.items() if getattr(settings, name) is None}
        return replace(settings, sound=sound, **unset)

    @classmethod
    def recipe(cls, settings: Settings) -> Recipe:
        """What goes with the sound, where it is whitened."""
        recipe = super().recipe(settings)
        return recipe if recipe.epsilon is None else SOUNDS[settings.sound or ""].recipe

    @classmethod
    def steps(cls, settings: Settings) -> list[tuple[str, BaseEstimator]]:
        """Recordings to windows."""
        from rhohat.preprocessing.extractors import WindowExtractor
        from rhohat.preprocessing.normalizers import ContrastNormalizer
        from rhohat.preprocessing.sounds import SpectrogramExtractor, WaveformExtractor

        rate, length = settings.rate, settings.length
        assert rate is not None
        assert length is not None
        is_wave = settings.sound == "waveform"
        options: dict[str, Any] = {
            "n_mels": settings.mels,
            "window": settings.window,
            "hop": settings.hop,
        }
        extractor = WaveformExtractor(rate) if is_wave else SpectrogramExtractor(rate, **options)
        moments = round(length / extractor.seconds_per_moment)
        if moments < (2 if is_wave else 1):
            raise ValueError(
                f"length must span {'two samples' if is_wave else 'one hop'} at least, got "
                f"{length:g} s: at {rate:,} samples per second one is "
                f"{extractor.seconds_per_moment:g} s."
            )
        windows = WindowExtractor(moments, n_windows=settings.patches, random_state=settings.seed)
        steps: list[tuple[str, BaseEstimator]] = [("sound", extractor), ("windows", windows)]
        # Loud moments of a waveform would drown all others; of a spectrogram logarithms are taken.
        return [*steps, ("contrast", ContrastNormalizer())] if is_wave else steps

    def suit(self, settings: Settings) -> Settings:
        """Rate, the lowest of the files' unless the user says so; long ones are taken in parts."""
        length = settings.length or 0.0
        rate = settings.rate or lowest_rate(self.found, length)
        if settings.rate is None and rate < LOW_RATE:
            path = next(p for p, content in self.found.contents.items() if content.rate == rate)
            low = f"has {rate:,} samples per second: all are brought to them, without --rate"
            self.found.notes.append(Noted(str(path), low))
        longest = longest_part(length)
        self.request = replace(self.request, rate=rate, longest=longest, shortest=length)
        return replace(settings, rate=rate)

    def read(self) -> None:
        """Decode all once, to find what cannot be; they are decoded again when asked for."""
        request = self.request
        loaded = read_recordings(
            self.found, request.rate, longest=request.longest, shortest=request.shortest
        )
        self.content, self.names, self.rate = loaded.recordings, loaded.names, loaded.rate

    def variance(self) -> float:
        """One, to which extractors bring it, unless there is nothing but silence."""
        silent = {file for file, note in self.found.notes if note == SILENT}
        return float(not silent.issuperset(self.files))

    @property
    def loaded(self) -> LoadedRecordings:
        """Recordings with their names."""
        return LoadedRecordings(self.content, self.names, self.found.skipped, self.rate)

    @property
    def expression(self) -> str:
        """`load_recordings`."""
        request, options = self.request, [f"rate={self.rate}"]
        if request.longest is not None and len(self.names) > len(self.files):
            options.append(f"longest={request.longest:g}")
        if self.found.skipped and request.shortest:
            options.append(f"shortest={request.shortest:.6g}")
        return f"{self.call('load_recordings', *options)}.recordings"

    def size(self, settings: Settings) -> Size:
        """Windows; a part of a recording is held."""
        contents, length = self.contents, settings.length or 0.0
        if all(content.shape[2] < length * content.rate for content in contents):
            raise ValueError(f"all recordings are shorter than {settings.length:g} s.")
        extractor: Any
        (_, extractor), (_, windows) = self.steps(settings)[:2]
        second = np.random.RandomState(0).uniform(-1, 1, (1, extractor.rate))
        bands = len(extractor.fit_transform(second[None])[0])
        held = int(16 * PART_SECONDS * extractor.rate)
        return Size(settings.patches, bands * windows.length, 4, held)

    def raw_rows(self, model: BaseEstimator, convolution: Mapping[str, Any]) -> FloatArray:
        """Spectrograms, or waveforms, pooled over time as features are."""
        from rhohat.estimators.anatomy import Anatomy

        grid, poolings = convolution.get("grid", 1), convolution.get("pooling", ("mean",))
        rows = []
        for image in Anatomy.of(model).filters[0].transform(self.content):
            cells = np.array_split(image, grid, axis=1)
            # a pooling is called as NumPy calls its function
            pooled = [getattr(np, name)(cell, axis=1) for name in poolings for cell in cells]
            rows.append(np.concatenate(pooled))
        return np.stack(rows)


def longest_part(shortest: float) -> float:
    """Seconds of the parts that recordings are taken in, where a piece lasts so long."""
    return max(PART_SECONDS, 10 * shortest)


def _finite(variance: float) -> float:
    """The variance, or a ValueError where it is infinite or no number."""
    if not math.isfinite(variance):
        raise ValueError("the values are too large to be squared: scale the data.")
    return variance


#: Kinds, each one row.
KINDS: dict[str, type[Data]] = {kind.kind: kind for kind in (ImageData, RowData, RecordingData)}
