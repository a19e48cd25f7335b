"""Examples: the rows that a model's units see, and what they are to the user."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from rhohat.common.arrays import FloatArray
from rhohat.common.validation import check_rows
from rhohat.files.loading import LoadedImages, LoadedRecordings
from rhohat.files.recordings import FileRecordings, each_recording
from rhohat.inspection.layers import Layer, layers_of
from rhohat.inspection.tiles import axes_of, input_tiles
from rhohat.preprocessing.patches import Extractor, Places
from rhohat.preprocessing.sounds import SoundExtractor
from rhohat.rows.sources import ArraySource, Source, sample_rows
from rhohat.rows.stores import open_store, rows_of

__all__ = ["SAMPLED", "Examples", "PieceExamples", "RowExamples", "SoundExamples", "examples_of"]

#: Examples that stand for all where each is compared with what a model makes of it.
SAMPLED = 4096


class Examples(ABC):
    """Data on their way to the first layer of a model.

    Attributes
    ----------
    source : Source
        Rows as the first layer gets them.
    shape : tuple of int or None
        What a row of the user's data, a patch or a whole image, reshapes to.
    input_shape : tuple of int or None
        What a row of `source` reshapes to; None after a change of axes, by PCA for instance.
    axes : TileAxes or None
        Of a row, if rows are windows of series.
    """

    def __init__(
        self,
        layer: Layer,
        rows: Any,
        steps: Sequence[BaseEstimator],
        shape: tuple[int, ...] | None,
    ) -> None:
        for step in steps:
            rows = step.transform(rows)
        self.source: Source = rows_of(layer.estimator, rows, reset=False)
        self.shape = shape
        self.input_shape = input_tiles(layer, shape).shape
        self.axes = axes_of(layer)

    def __len__(self) -> int:
        return self.source.shape[0]

    @property
    @abstractmethod
    def n_given(self) -> int:
        """Images, recordings or rows that the user gave."""

    @abstractmethod
    def given(self, rows: NDArray[np.intp]) -> FloatArray:
        """Rows with these numbers as the user gave them, (n, d), or (n, *shape) where known."""

    @property
    def kind(self) -> str:
        """How rows that have a shape are drawn: "image" or "trace"."""
        return "trace" if self.axes is not None and self.axes.kind == "trace" else "image"

    def inputs(self, rows: NDArray[np.intp]) -> FloatArray:
        """Rows with these numbers, in any order, as the first layer gets them."""
        return _take(self.source, rows)

    def sample(self) -> NDArray[np.intp]:
        """Numbers of rows at random, always the same."""
        return sample_rows(len(self), SAMPLED, seed=0)

    def typical_norm(self) -> float:
        """Root mean square norm of the rows, as the first layer gets them."""
        X = self.inputs(self.sample())
        return float(np.sqrt(np.square(X, dtype=np.float64).sum(axis=1).mean())) or 1.0


class RowExamples(Examples):
    """Rows, as the user gave them."""

    def __init__(
        self,
        layer: Layer,
        rows: Any,
        steps: Sequence[BaseEstimator],
        shape: tuple[int, ...] | None,
    ) -> None:
        stored = open_store(rows)
        self._given = ArraySource(check_rows(rows)) if stored is None else stored
        if shape is not None and prod(shape) != self._given.shape[1]:
            raise ValueError(
                f"rows of {self._given.shape[1]} values do not have shape {shape}: pass "
                "shape=(height, width) or (height, width, 3)."
            )
        super().__init__(layer, rows, steps, shape)

    @property
    def n_given(self) -> int:
        """Rows."""
        return self._given.shape[0]

    def given(self, rows: NDArray[np.intp]) -> FloatArray:
        """Rows with these numbers, with the pictures' shape where it is known."""
        taken = _take(self._given, rows)
        return taken if self.shape is None else taken.reshape(-1, *self.shape)


class PieceExamples(Examples):
    """Pieces that were cut out of images or series.

    Parameters
    ----------
    images : sequence of ndarray
        What the user sees: images, series, or spectrograms of recordings.
    filtered : sequence of ndarray
        What pieces are cut out of.
    extractor : Extractor
    names : sequence of str or None
        Of the images; None numbers them.

    Attributes
    ----------
    shape : tuple of int
        Of a piece.
    images : sequence of ndarray
    names : list of str
    """

    noun: str | None = None
    shape: tuple[int, ...]

    def __init__(
        self,
        layer: Layer,
        images: Sequence[FloatArray],
        filtered: Any,
        extractor: Extractor,
        steps: Sequence[BaseEstimator],
        names: Sequence[str] | None,
    ) -> None:
        pieces = extractor.draw(filtered)
        super().__init__(layer, pieces.rows, steps, extractor.patch_shape_)
        self.images = images
        noun = self.noun or extractor.noun
        self.names = [f"{noun} {n}" for n in range(len(images))] if names is None else list(names)
        self._each = extractor.each
        self.places: Callable[[NDArray[np.intp]], Places] = pieces.places

    @property
    def n_given(self) -> int:
        """Images, series or recordings."""
        return len(self.images)

    def begins(self, number: int) -> float:
        """Seconds into its file at which an image or series begins."""
        return 0.0

    def image(self, number: int) -> FloatArray:
        """One of the images, or series, that rows were cut out of."""
        return next(iter(self._each([self.images[number]])))

    def given(self, rows: NDArray[np.intp]) -> FloatArray:
        """Pieces with these numbers as they lie in the images, (n, height, width[, 3])."""
        height, width = self.shape[:2]
        places = self.places(rows)
        pixels = np.empty((len(rows), *self.shape), dtype=np.float32)
        for number in np.unique(places.image):
            image = self.image(number)
            for index in np.flatnonzero(places.image == number):
                top, left = places.top[index], places.left[index]
                pixels[index] = image[top : top + height, left : left + width]
        return pixels


class SoundExamples(PieceExamples):
    """Pieces of recordings.

    Attributes
    ----------
    sound : SoundExtractor
        What made series, which pieces are cut out of, of recordings.
    recordings : sequence
    """

    noun = "recording"

    def __init__(
        self,
        layer: Layer,
        series: Sequence[FloatArray],
        filtered: Any,
        extractor: Extractor,
        steps: Sequence[BaseEstimator],
        names: Sequence[str] | None,
        sound: SoundExtractor,
        recordings: Any,
    ) -> None:
        super().__init__(layer, series, filtered, extractor, steps, names)
        self.sound, self.recordings = sound, recordings

    def begins(self, number: int) -> float:
        """Seconds into its file at which a recording begins, if it is a part of one."""
        if not isinstance(self.recordings, FileRecordings):
            return 0.0
        part = self.recordings.parts[number]
        return part.start / part.rate

    def samples(self, number: int) -> FloatArray:
        """One of the recordings, one channel at the model's rate."""
        recording = next(each_recording([self.recordings[number]], self.sound.rate))
        mixed: FloatArray = recording.mean(axis=0)
        return mixed


def examples_of(model: BaseEstimator, data: Any, shape: tuple[int, ...] | None = None) -> Examples:
    """Data on their way to a model, as what they are to the user.

    Parameters
    ----------
    model : estimator
        Fitted, with one layer of units or several.
    data : images or rows
        What the model's `fit` takes, or `LoadedImages` or `LoadedRecordings`.
    shape : tuple of int, default=None
        (height, width[, 3]) of rows that are pictures. Patches have their own.

    Raises
    ------
    ValueError
        If the data do not fit the model.
    """
    layer = layers_of(model)[0]
    steps = list(layer.before)
    is_named = isinstance(data, LoadedImages | LoadedRecordings)
    extractors = [step for step in steps if isinstance(step, Extractor)]
    if not extractors:
        if is_named:
            kind = data._fields[0]
            raise ValueError(
                f"the model works on rows of {layer.n_features} values, not on {kind}: give it "
                f"rows, or a model that begins with what cuts them out of {kind}."
            )
        return RowExamples(layer, data, steps, shape)
    extractor, sound = extractors[0], None
    cut = steps.index(extractor)
    given, names = (data[0], data.names) if is_named else (data, None)
    shown = filtered = given
    for step in steps[:cut]:
        filtered = step.transform(filtered)
        if isinstance(step, SoundExtractor):
            sound, shown = step, filtered
    after = steps[cut + 1 :]
    if sound is None:
        return PieceExamples(layer, shown, filtered, extractor, after, names)
    return SoundExamples(layer, shown, filtered, extractor, after, names, sound, given)


def _take(source: Source, rows: NDArray[np.intp]) -> FloatArray:
    """Rows in the order asked for; sources give them in ascending order."""
    numbers, where = np.unique(rows, return_inverse=True)
    taken: FloatArray = source.take(numbers).X[where.ravel()]
    return taken
