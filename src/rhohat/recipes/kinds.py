"""Kinds of data: images, rows of numbers, recordings, and series.

Each kind is one class and one row of `KINDS`: how its data are read, which settings they have, what
turns them into rows, and how much memory these take.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rhohat.common.arrays import FloatArray, float_dtype, overflow_as_infinity
from rhohat.common.caching import cached_property
from rhohat.common.validation import look_up
from rhohat.files.finding import HELD_BYTES, DataFiles, Noted
from rhohat.files.formats import Content
from rhohat.files.images import LoadedImages, read_images
from rhohat.files.recordings import SILENT, LoadedRecordings, lowest_rate, read_recordings
from rhohat.files.row_files import can_be_stored, read_rows, stored_rows
from rhohat.preprocessing.variances import variance_of_pixels, variance_of_rows
from rhohat.recipes.data import Data, Request, Size, pooled_over_time
from rhohat.recipes.series import SeriesData
from rhohat.recipes.settings import SOUNDS, Recipe, Settings, option_of, seconds_in

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from rhohat.estimators.anatomy import Anatomy

#: Longer recordings, in seconds, are taken in parts, so that memory is bounded.
PART_SECONDS = 60.0
#: Samples per second. Recordings of speech and music have more, so a note tells of lower rates.
LOW_RATE = 4000


class ImageData(Data):
    """Images, of which patches are cut, or which are taken whole."""

    kind, noun, described = "images", "image", "images"
    pieces = "patches"
    own_settings = ("color", "patch_size")
    can_be_filtered = is_built_in = takes_shape = True

    @classmethod
    def usual_whitening(cls, settings: Settings) -> str:
        """1/f for gray images, ZCA for color."""
        return "zca" if settings.color else "1/f"

    @classmethod
    def fill_in(cls, settings: Settings, *, rows_are_images: bool) -> Settings:
        """The patch size; images are taken whole if each was a row."""
        return settings.with_defaults(patch_size="whole" if rows_are_images else 10)

    @classmethod
    def normalizes(cls, settings: Settings) -> bool:
        """Patches are, unless PCA or ZCA whitens them."""
        cut = settings.patch_size != "whole"
        plain = settings.whitening == "none" and settings.scale is None
        return settings.whitening == "1/f" or (cut and plain)

    @classmethod
    def steps(cls, settings: Settings) -> list[tuple[str, BaseEstimator]]:
        """From images to patches."""
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

    @classmethod
    def needs(cls, anatomy: Anatomy, convolution: Mapping[str, Any] | None) -> dict[str, Any]:
        """Color and shape of patches, and images large enough for all cells."""
        extractor = anatomy.extractor
        if extractor is None:
            return {}
        shape, margin = extractor.patch_shape_, _margin(convolution)
        return {
            "color": len(shape) == 3,
            "smallest": (shape[0] + margin, shape[1] + margin),
            "whole": shape if extractor.takes_wholes else None,
        }

    def fill_in_from_files(self, settings: Settings) -> Settings:
        """Nothing; but images that are taken whole must have one size."""
        if settings.patch_size == "whole":
            sizes = sorted({content.shape[1:3] for content in self.contents})
            if len(sizes) > 1:
                (a, b), (c, d) = sizes[:2]
                raise ValueError(
                    f"whole images must have one size, but some have {a} x {b} pixels and others "
                    f"{c} x {d}. Cut patches, as with --patch-size 10, or scale the images."
                )
        return settings

    def read(self) -> None:
        """Read into memory, or one at a time if they are too large."""
        color = self.request.color
        lazy = self.found.n_bytes * (3 if color else 1) > HELD_BYTES
        self.content, self.names, _ = read_images(self.found, color=color, lazy=lazy)

    def variance(self) -> float:
        """The variance of all pixels."""
        return _finite(variance_of_pixels, self.content)

    @property
    def loaded(self) -> LoadedImages:
        """The images with their names."""
        return LoadedImages(self.content, self.names, self.found.skipped)

    @property
    def expression(self) -> str:
        """A call of `load_images`, or of `load_rows` with the shape."""
        request, options = self.request, []
        if request.shape is not None:
            return self.call("load_rows") + request.reshaping()
        if self.found.skipped and request.smallest != (1, 1):
            options.append(f"smallest={request.smallest}")
        if request.color:
            options.append("color=True")
        return f"{self.call('load_images', *options)}.images"

    def size(self, settings: Settings) -> Size:
        """Patches, or whole images; filtering images takes a copy of them.

        Beside these lies what the largest file holds, as it is read.
        """
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
        read = max(math.prod(content.shape) * content.dtype.itemsize for content in self.contents)
        held = 4 * (copies * numbers + 3 * largest) + read
        return Size(n_rows, n_features, 4, 4 * 6 * largest if 4 * numbers > HELD_BYTES else held)

    def origins(self) -> dict[str, list[Any]]:
        """The file of each image, and its number in a file that holds several."""
        known = {str(path) for path in self.found.contents}
        parts = [re.fullmatch(r"(.*)\[(\d+)\]", name, re.DOTALL) for name in self.names]
        held = [part is not None and part[1] in known for part in parts]
        if not any(held):
            return super().origins()
        pairs = zip(self.names, parts, held, strict=True)
        files, numbers = zip(
            *(
                (part[1], int(part[2])) if part and is_held else (name, 0)
                for name, part, is_held in pairs
            ),
            strict=True,
        )
        return {"file": list(files), "image": list(numbers)}

    def raw_rows(self, model: BaseEstimator, convolution: Mapping[str, Any]) -> FloatArray | None:
        """Their pixels."""
        if len({image.shape for image in self.content}) > 1:
            return None
        return np.stack([image.ravel() for image in self.content])


class Photographs(ImageData):
    """The built-in photographs."""

    noun = "photograph"

    def __init__(self, request: Request) -> None:
        super().__init__(request, DataFiles(self.kind, {}, [], []))

    def read(self) -> None:
        """Read them; they take little memory."""
        from rhohat.files.builtin_photographs import load_photographs

        self.content, self.names, _ = load_photographs(color=self.request.color)

    @cached_property
    def contents(self) -> list[Content]:
        """Shapes and types of the photographs."""
        from rhohat.files.builtin_photographs import load_photographs

        shapes = [image.shape for image in load_photographs().images]
        return [Content(self.kind, (1, *shape), np.dtype(np.float32)) for shape in shapes]

    @property
    def files(self) -> list[str]:
        """One name for all of them."""
        return ["built-in photographs"]

    @property
    def expression(self) -> str:
        """A call of `load_photographs`."""
        return f"rhohat.load_photographs({'color=True' if self.request.color else ''}).images"


class RowData(Data):
    """Rows of numbers, learned from as they are."""

    kind, noun, described = "rows", "row", "rows of numbers"
    can_be_shaped = True

    def fill_in_from_files(self, settings: Settings) -> Settings:
        """Nothing; but one row or column is no data, and few long rows may be columns."""
        path, first = next(iter(self.found.contents.items()))
        n_rows, n_columns = self.n_examples, first.shape[1]
        if n_columns == 1:
            raise ValueError(
                f"{path} holds {n_rows:,} rows of one column, from which nothing can be learned. "
                "If it is a series, cut it into windows that serve as rows: --series, or "
                "x.reshape(-1, 256) in Python."
            )
        if n_rows == 1:
            raise ValueError(
                f"{path} holds one row of {n_columns:,} columns, from which nothing can be "
                "learned. If it is a series, cut it into windows that serve as rows: --series, or "
                "x.reshape(-1, 256) in Python."
            )
        if n_rows < n_columns and not (first.columns or self.request.selection.transpose):
            note = (
                f"has {n_columns:,} columns, but there are only {n_rows:,} rows. If each column is "
                "an example, add --transpose"
            )
            self.found.notes.append(Noted(str(path), note))
        return settings

    def read(self) -> None:
        """Read into memory; or open, if they are too many or workers must read them."""
        if self.is_stored and not (self.request.stored and self._is_sparse):
            self.content = stored_rows(self.found)
        elif self.request.stored:
            raise ValueError(
                "--dask needs rows that workers can read block by block, from files such as .npy, "
                ".zarr, .h5 or .parquet, with no values filled in or columns one-hot encoded."
            )
        else:
            self.content = read_rows(self.found)

    @property
    def is_stored(self) -> bool:
        """Whether they are too many to hold or workers must read them, and can be read in runs."""
        wanted = self.request.stored or self.found.n_bytes > HELD_BYTES or self._is_sparse
        return wanted and can_be_stored(self.found)

    @property
    def _is_sparse(self) -> bool:
        """Whether they are a sparse matrix, which is made dense a run of rows at a time."""
        return any(content.is_sparse for content in self.contents)

    @property
    def n_examples(self) -> int:
        """Number of rows."""
        return super().n_examples if self.content is None else int(self.content.shape[0])

    def summary(self) -> dict[str, Any]:
        """What was read, with the names of columns if they have any."""
        told = super().summary()
        left_out = {p: c.left_out for p, c in self.found.contents.items() if c.left_out}
        if self.columns or left_out:
            told["columns"] = list(self.columns)
            told["left_out"] = {str(path): list(names) for path, names in left_out.items()}
        return told

    @classmethod
    def needs(cls, anatomy: Anatomy, convolution: Mapping[str, Any] | None) -> dict[str, Any]:
        """The columns that the model has learned from, if they had names."""
        return {"like": anatomy.columns} if anatomy.columns else {}

    def origins(self) -> dict[str, list[Any]]:
        """The file of each row, and its number there."""
        sizes = {str(path): content.shape[0] for path, content in self.found.contents.items()}
        sizes = {file: sizes[file] for file in self.files}
        if sum(sizes.values()) != self.n_examples:  # what was read is not what the files hold
            return {"row": list(range(self.n_examples))}
        return {
            "file": [file for file, size in sizes.items() for _ in range(size)],
            "row": [row for size in sizes.values() for row in range(size)],
        }

    def variance(self) -> float:
        """The mean variance of the columns."""
        return _finite(variance_of_rows, self.content)

    @property
    def expression(self) -> str:
        """A call of `load_rows`, or the path of rows that stay in one file."""
        paths, selection = self.request.paths, self.request.selection
        if self.is_stored and len(paths) == 1 and not selection.chooses_columns:
            key = selection.key
            return repr(f"{paths[0]}" if key is None else f"{paths[0]}::{key}")
        return self.call("load_rows", *(["lazy=True"] if self.is_stored else []))

    def size(self, settings: Settings) -> Size:
        """All rows."""
        n_rows, n_features = self.n_examples, self.contents[0].shape[1]
        itemsize = float_dtype(self.contents[0].dtype).itemsize
        return Size(n_rows, n_features, itemsize, itemsize * n_rows * n_features)

    def few(self, n_rows: int) -> Any:
        """The first ones."""
        if self.is_stored:
            return self.content.read(0, min(n_rows, self.n_examples)).X
        return self.content[:n_rows]

    def raw_rows(self, model: BaseEstimator, convolution: Mapping[str, Any]) -> FloatArray:
        """The rows."""
        rows: FloatArray = self.content
        return rows


class RecordingData(Data):
    """Recordings: windows are cut out of their spectrograms or waveforms."""

    kind, noun, described = "recordings", "recording", "recordings"
    pieces = "windows"
    own_settings = ("sound", "rate", "length", "mels", "window", "hop")
    encode_options = ("--convolve", "--grid", "3")
    has_keys = False
    #: Sample rate, once read.
    rate = 0

    @classmethod
    def fill_in(cls, settings: Settings, *, rows_are_images: bool) -> Settings:
        """What to take recordings as, and the settings that go with it."""
        settings = settings.with_defaults(sound="spectrogram")
        sound = settings.sound
        usual = look_up("sound", sound, SOUNDS).settings
        for other, row in SOUNDS.items():
            for name in row.settings:
                if name not in usual and getattr(settings, name) is not None:
                    option = option_of(name)
                    raise ValueError(f"{option} is for {other}s, but --sound is {sound}.")
        settings = settings.with_defaults(**usual)
        spans = {name: getattr(settings, name) for name in ("window", "hop")}
        seconds: dict[str, Any] = {
            name: seconds_in(span) for name, span in spans.items() if span is not None
        }
        return replace(settings, **seconds)

    @classmethod
    def recipe(cls, settings: Settings) -> Recipe:
        """The recipe that goes with the sound, if it is whitened."""
        recipe = super().recipe(settings)
        return recipe if recipe.epsilon is None else SOUNDS[settings.sound or ""].recipe

    @classmethod
    def steps(cls, settings: Settings) -> list[tuple[str, BaseEstimator]]:
        """From recordings to windows."""
        from rhohat.preprocessing.extractors import WindowExtractor
        from rhohat.preprocessing.normalizers import ContrastNormalizer
        from rhohat.preprocessing.sounds import SpectrogramExtractor, WaveformExtractor

        complete: Any = settings  # nothing that is needed here is None
        rate, length, is_wave = complete.rate, complete.length, complete.sound == "waveform"
        extractor = (
            WaveformExtractor(rate)
            if is_wave
            else SpectrogramExtractor(
                rate, n_mels=complete.mels, window=complete.window, hop=complete.hop
            )
        )
        moments = round(length / extractor.seconds_per_moment)
        if moments < (2 if is_wave else 1):
            raise ValueError(
                f"--length must span at least {'two samples' if is_wave else 'one hop'}, got "
                f"{length:g} s; at {rate:,} samples per second, one takes "
                f"{extractor.seconds_per_moment:g} s."
            )
        windows = WindowExtractor(moments, n_windows=settings.patches, random_state=settings.seed)
        steps: list[tuple[str, BaseEstimator]] = [("sound", extractor), ("windows", windows)]
        # Loud moments of a waveform would drown out all others; spectrograms are logarithmic.
        return [*steps, ("contrast", ContrastNormalizer())] if is_wave else steps

    @classmethod
    def needs(cls, anatomy: Anatomy, convolution: Mapping[str, Any] | None) -> dict[str, Any]:
        """The sample rate, and recordings long enough for all cells."""
        sound, extractor = anatomy.sound, anatomy.extractor
        if sound is None:
            return {}
        moments = 1 if extractor is None else extractor.patch_shape_[1] + _margin(convolution)
        shortest = sound.seconds_of(moments)
        # In parts as they were learned from, but whole if each becomes a row.
        longest = _longest_part(shortest) if convolution is None else None
        return {"rate": sound.rate, "shortest": shortest, "longest": longest}

    def fill_in_from_files(self, settings: Settings) -> Settings:
        """The sample rate, by default the lowest of the files'; long files are taken in parts."""
        length = settings.length or 0.0
        rate = settings.rate or lowest_rate(self.found, length)
        if settings.rate is None and rate < LOW_RATE:
            path = next(p for p, content in self.found.contents.items() if content.rate == rate)
            low = (
                f"has {rate:,} samples per second: without --rate, all recordings are converted to "
                "that rate"
            )
            self.found.notes.append(Noted(str(path), low))
        longest = _longest_part(length)
        self.request = replace(self.request, rate=rate, longest=longest, shortest=length)
        return replace(settings, rate=rate)

    def read(self) -> None:
        """Decode every file once, to find what cannot be decoded; nothing is kept in memory."""
        request = self.request
        loaded = read_recordings(
            self.found, request.rate, longest=request.longest, shortest=request.shortest
        )
        self.content, self.names, self.rate = loaded.recordings, loaded.names, loaded.rate

    def origins(self) -> dict[str, list[Any]]:
        """The file of each recording, and the seconds at which it begins and ends in it."""
        parts = self.content.items
        return {
            "file": [str(part.path) for part in parts],
            "begin": [part.start / part.rate for part in parts],
            "end": [part.stop / part.rate for part in parts],
        }

    def variance(self) -> float:
        """1, which extractors scale it to; 0 if there is nothing but silence."""
        silent = {file for file, note in self.found.notes if note == SILENT}
        return float(not silent.issuperset(self.files))

    @property
    def loaded(self) -> LoadedRecordings:
        """The recordings with their names."""
        return LoadedRecordings(self.content, self.names, self.found.skipped, self.rate)

    @property
    def expression(self) -> str:
        """A call of `load_recordings`."""
        request, options = self.request, [f"rate={self.rate}"]
        if request.longest is not None and len(self.names) > len(self.files):
            options.append(f"longest={request.longest:g}")
        if self.found.skipped and request.shortest:
            options.append(f"shortest={request.shortest:.6g}")
        return f"{self.call('load_recordings', *options)}.recordings"

    def size(self, settings: Settings) -> Size:
        """Windows; one part of a recording is held at a time."""
        contents, length = self.contents, settings.length or 0.0
        if all(content.shape[2] < length * content.rate for content in contents):
            raise ValueError(
                f"all recordings are shorter than {settings.length:g} s: choose a shorter --length."
            )
        extractor: Any
        (_, extractor), (_, windows) = self.steps(settings)[:2]
        second = np.random.RandomState(0).uniform(-1, 1, (1, extractor.rate))
        bands = len(extractor.fit_transform(second[None])[0])
        held = int(16 * PART_SECONDS * extractor.rate)
        return Size(settings.patches, bands * windows.length, 4, held)

    def raw_rows(self, model: BaseEstimator, convolution: Mapping[str, Any]) -> FloatArray:
        """Spectrograms or waveforms, pooled over time as features are."""
        return pooled_over_time(model, self.content, convolution)


def _margin(convolution: Mapping[str, Any] | None) -> int:
    """Pixels or moments beyond one piece that convolution needs, so that no cell is empty."""
    return 0 if convolution is None else (convolution["grid"] - 1) * convolution["stride"]


def _longest_part(piece: float) -> float:
    """Seconds of the parts that recordings are taken in, if a piece lasts so many seconds."""
    return max(PART_SECONDS, 10 * piece)


def _finite(variance_of: Callable[[Any], float], content: Any) -> float:
    """The variance of content; raise ValueError if it is infinite or NaN."""
    with overflow_as_infinity():
        variance = variance_of(content)
    if not math.isfinite(variance):
        raise ValueError("the values are too large to be squared: scale the data down.")
    return variance


#: Kinds of data by their names.
KINDS: dict[str, type[Data]] = {
    kind.kind: kind for kind in (ImageData, RowData, RecordingData, SeriesData)
}
