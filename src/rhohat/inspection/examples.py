"""Examples: the rows that a model's units see, and what they are to the user."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from rhohat.common.arrays import FloatArray
from rhohat.common.validation import check_rows
from rhohat.files.image_files import LoadedImages
from rhohat.files.recording_files import LoadedRecordings
from rhohat.files.recordings import FileRecordings, each_recording
from rhohat.inspection.layers import Layer, layers_of
from rhohat.inspection.tiles import axes_of, input_tiles
from rhohat.preprocessing.extractors import Places
from rhohat.preprocessing.inputs import rows_of
from rhohat.preprocessing.sounds import SoundExtractor
from rhohat.rows.opening import open_store
from rhohat.rows.sources import ArraySource, Source

__all__ = ["Examples"]


class Examples:
    """Data on their way to the first layer of a model.

    Parameters
    ----------
    model : estimator
        Fitted, with one layer of units or several.
    data : images or rows
        What the model's `fit` takes, or `LoadedImages` or `LoadedRecordings`.
    shape : tuple of int, default=None
        (height, width[, 3]) of rows that are pictures. Patches have their own.

    Attributes
    ----------
    source : Source
        Rows as the first layer gets them.
    shape : tuple of int or None
        What a row of the user's data, a patch or a whole image, reshapes to.
    input_shape : tuple of int or None
        What a row of `source` reshapes to; None after a change of axes, by PCA for instance.
    images : sequence of ndarray or None
        What patches were cut from: images, series, or spectrograms of recordings.
    names : list of str
        Of the images.
    sound : SoundExtractor or None
        What made them of recordings.
    axes : TileAxes or None
        Of a row, if rows are windows of series.

    Raises
    ------
    ValueError
        If the data do not fit the model.
    """

    def __init__(
        self, model: BaseEstimator, data: Any, shape: tuple[int, ...] | None = None
    ) -> None:
        self.images: Sequence[FloatArray] | None = None
        self.names: list[str] = []
        self.sound: SoundExtractor | None = None
        self.source: Source
        self._places: Any = None
        layer: Layer = layers_of(model)[0]
        anatomy = layer.anatomy
        extractor = anatomy.extractor
        if extractor is not None:
            given = _given(data)
            shown = filtered = given
            for step in anatomy.filters:
                filtered = step.transform(filtered)
                if step is anatomy.sound:
                    self.sound, self._recordings, shown = step, given, filtered
            patches = extractor.draw(filtered)
            self.images, self._each, self._places = shown, extractor.takes.each, patches.places
            loaded = isinstance(data, LoadedImages | LoadedRecordings)
            noun = (anatomy.takes or extractor.takes).noun
            self.names = list(data.names) if loaded else [f"{noun} {n}" for n in range(len(shown))]
            rows: Any = patches.rows
            shape = extractor.patch_shape_
        else:
            if isinstance(data, LoadedImages | LoadedRecordings):
                kind = data._fields[0]
                raise ValueError(
                    f"the model works on rows of {layer.n_features} values, not on {kind}: give it "
                    f"rows, or a model that begins with what cuts them out of {kind}."
                )
            rows = data
            stored = open_store(data)
            self._given = ArraySource(check_rows(data)) if stored is None else stored
            if shape is not None and prod(shape) != self._given.shape[1]:
                raise ValueError(
                    f"rows of {self._given.shape[1]} values do not have shape {shape}: pass "
                    "shape=(height, width) or (height, width, 3)."
                )
        self.shape = shape
        for step in anatomy.of_rows:
            rows = step.transform(rows)
        self.source = rows_of(layer.estimator, rows, reset=False)
        self.input_shape = input_tiles(layer, shape).shape
        self.axes = axes_of(layer)

    def __len__(self) -> int:
        return self.source.shape[0]

    @property
    def n_given(self) -> int:
        """Images, or rows, that the user gave."""
        return self._given.shape[0] if self.images is None else len(self.images)

    def begins(self, number: int) -> float:
        """Seconds into its file at which a recording begins, if it is a part of one."""
        if self.sound is None or not isinstance(self._recordings, FileRecordings):
            return 0.0
        part = self._recordings.parts[number]
        return part.start / part.rate

    def image(self, number: int) -> FloatArray:
        """One of the images, or series, that rows were cut out of."""
        assert self.images is not None
        return next(iter(self._each([self.images[number]])))

    def samples(self, number: int) -> FloatArray:
        """One of the recordings, one channel at the model's rate."""
        assert self.sound is not None
        recording = next(each_recording([self._recordings[number]], self.sound.rate))
        mixed: FloatArray = recording.mean(axis=0)
        return mixed

    def inputs(self, rows: NDArray[np.intp]) -> FloatArray:
        """Rows with these numbers, in any order, as the first layer gets them."""
        return _take(self.source, rows)

    def places(self, rows: NDArray[np.intp]) -> Places | None:
        """Where in which image rows were cut out; None where they were not."""
        return None if self._places is None else self._places(rows)

    def given(self, rows: NDArray[np.intp]) -> FloatArray:
        """The same as the user gave them: pixels of the images, (n, height, width[, 3]), or rows.

        Rows, (n, d), have the pictures' shape where it is known.
        """
        if self.images is None:
            taken = _take(self._given, rows)
            return taken if self.shape is None else taken.reshape(-1, *self.shape)
        assert self.shape is not None
        height, width = self.shape[:2]
        places = self._places(rows)
        pixels = np.empty((len(rows), *self.shape), dtype=np.float32)
        for number in np.unique(places.image):
            image = self.image(number)
            for index in np.flatnonzero(places.image == number):
                top, left = places.top[index], places.left[index]
                pixels[index] = image[top : top + height, left : left + width]
        return pixels


def _given(data: Any) -> Any:
    """Images or recordings without their names."""
    if isinstance(data, LoadedImages):
        return data.images
    return data.recordings if isinstance(data, LoadedRecordings) else data


def _take(source: Source, rows: NDArray[np.intp]) -> FloatArray:
    """Rows in the order asked for; sources give them in ascending order."""
    numbers, where = np.unique(rows, return_inverse=True)
    taken: FloatArray = source.take(numbers).X[where.ravel()]
    return taken
