"""Examples: the rows that a model's units see, and the user's data that they come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from rhohat.common.arrays import FloatArray
from rhohat.common.caching import cached_property
from rhohat.common.validation import check_rows
from rhohat.estimators.transcoder import SparseTranscoder
from rhohat.files.loaded import Loaded, content_of
from rhohat.files.recordings import FileRecordings
from rhohat.files.series import LoadedSeries
from rhohat.inspection.layers import Layer, layers_of
from rhohat.inspection.rebuilding import Components, components_of
from rhohat.inspection.scene import Scene
from rhohat.inspection.tiles import TileAxes, axes_of, input_tiles
from rhohat.preprocessing.extractors import Places
from rhohat.preprocessing.inputs import rows_of
from rhohat.preprocessing.sounds import SoundExtractor
from rhohat.rows.opening import open_store
from rhohat.rows.sampling import sample_rows
from rhohat.rows.sources import ArraySource, Source

#: Examples at most that stand for all when examples are measured, or compared with reconstructions.
SAMPLED = 4096


@dataclass(frozen=True, eq=False)
class Examples(ABC):
    """Data on their way to the first layer of a model.

    Attributes
    ----------
    layer : Layer
        The first layer.
    source : Source
        Rows as the first layer gets them.
    shape : tuple of int or None
        What a row of the user's data (a patch, or a whole image) reshapes to.
    scene : Scene or None
        Of which each row is a pixel.
    target : Source or None
        What is to be reconstructed from each row; None if that is the row itself.
    """

    layer: Layer
    source: Source
    shape: tuple[int, ...] | None

    scene: Scene | None = field(default=None, kw_only=True)
    target: Source | None = field(default=None, kw_only=True)

    def __len__(self) -> int:
        return self.source.shape[0]

    @property
    def n_given(self) -> int:
        """Number of rows, images, series or recordings that the user gave."""
        return len(self)

    @property
    def words(self) -> str:
        """What they are, and how many."""
        return f"{len(self):,} {'images' if self.shape else 'rows'}"

    @abstractmethod
    def given(self, rows: NDArray[np.intp]) -> FloatArray:
        """Rows with these numbers as the user gave them, (n, d), or (n, *shape) if it is known."""

    def origins(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Numbers of the rows, images, series or recordings that rows with these numbers are of."""
        return rows

    def of_steps(self, rows: NDArray[np.intp]) -> FloatArray:
        """Rows with these numbers as the first step of rows gets them, (n, d)."""
        return self.given(rows).reshape(len(rows), -1)

    @property
    def input_shape(self) -> tuple[int, ...] | None:
        """What a row of `source` reshapes to; None after a change of axes, as by PCA."""
        return input_tiles(self.layer, self.shape).shape

    @property
    def axes(self) -> TileAxes | None:
        """Axes of a row, if rows are windows of series."""
        return axes_of(self.layer)

    @property
    def kind(self) -> str:
        """How rows that have a shape are drawn, as an "image" or a "trace"."""
        return "trace" if self.axes is not None and self.axes.kind == "trace" else "image"

    def name_of(self, row: int) -> str:
        """What a row is called."""
        return f"row {row}"

    def inputs(self, rows: NDArray[np.intp]) -> FloatArray:
        """Rows with these numbers, in any order, as the first layer gets them."""
        return _take(self.source, rows)

    @property
    def reconstructed(self) -> Source:
        """What is to be reconstructed: the targets, or rows as the first layer gets them."""
        return self.source if self.target is None else self.target

    def targets(self, rows: NDArray[np.intp]) -> FloatArray:
        """What is to be reconstructed from rows with these numbers, in any order."""
        return _take(self.reconstructed, rows)

    def sample(self) -> NDArray[np.intp]:
        """Numbers of random rows, always the same."""
        return sample_rows(len(self), SAMPLED, seed=0)

    @cached_property
    def components(self) -> Components | None:
        """Principal components of what is to be reconstructed."""
        return components_of(self.reconstructed, self.sample())

    def typical_norm(self) -> float:
        """Root mean square norm of the rows, as the first layer gets them."""
        X = self.inputs(self.sample())
        return float(np.sqrt(np.square(X, dtype=np.float64).sum(axis=1).mean())) or 1.0


@dataclass(frozen=True, eq=False)
class RowExamples(Examples):
    """Rows of the user's own.

    Attributes
    ----------
    rows : Source
        As the user gave them.
    names : sequence of str
        Their names; empty if they have none.
    """

    rows: Source
    names: Sequence[str] = ()

    def name_of(self, row: int) -> str:
        """What a row is called, by its name, its place or its number."""
        if len(self.names):
            return self.names[row]
        return super().name_of(row) if self.scene is None else self.scene.name_of(row)

    @property
    def is_named(self) -> bool:
        """Whether rows are more than numbered."""
        return len(self.names) > 0 or self.scene is not None

    def given(self, rows: NDArray[np.intp]) -> FloatArray:
        """Rows with these numbers as the user gave them, (n, d), or (n, *shape) if it is known."""
        taken = _take(self.rows, rows)
        return taken if self.shape is None else taken.reshape(-1, *self.shape)


@dataclass(frozen=True, eq=False)
class PieceExamples(Examples):
    """Pieces that were cut out of images or series.

    Attributes
    ----------
    shape : tuple of int
        Of a piece.
    images : sequence of ndarray
        Images, series, or spectrograms of recordings.
    names : sequence of str
        Of images, series or recordings.
    each : callable
        ``each(images)``: images, checked, one after the other.
    cut : Source
        Pieces as they were cut out, for the steps that follow.
    places : callable
        ``places(rows) -> Places``: where the rows with these numbers were cut out.
    starts : sequence of float
        Seconds into its file at which each series begins, or samples if no rate is known; empty if
        all begin at 0.
    """

    shape: tuple[int, ...]
    images: Sequence[FloatArray]
    names: Sequence[str]
    each: Callable[[Any], Iterator[FloatArray]]
    cut: Source
    places: Callable[[NDArray[np.intp]], Places]
    starts: Sequence[float]

    @property
    def n_given(self) -> int:
        """Number of images, series or recordings."""
        return len(self.images)

    @property
    def words(self) -> str:
        """What they are, and how many, cut from how many."""
        extractor = self.layer.anatomy.extractor
        assert extractor is not None
        takes = self.layer.anatomy.takes or extractor.takes
        wholes = f"{self.n_given:,} {takes.noun if self.n_given == 1 else takes.kind}"
        if extractor.takes_wholes:
            return wholes
        return f"{len(self):,} {extractor.pieces} of {wholes}"

    def origins(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Numbers of the images, series or recordings that rows with these numbers are of."""
        return self.places(rows).image

    def of_steps(self, rows: NDArray[np.intp]) -> FloatArray:
        """Rows with these numbers as the first step of rows gets them, (n, d)."""
        return _take(self.cut, rows)

    def begins(self, number: int) -> float:
        """Seconds, or samples, into its file at which a series begins; 0 for images."""
        return self.starts[number] if self.starts else 0.0

    def image(self, number: int) -> FloatArray:
        """One of the images, series, or spectrograms, before they are filtered."""
        return next(iter(self.each([self.images[number]])))

    def filtered(self, number: int) -> FloatArray:
        """The same as rows were cut out of it, behind all filters."""
        made = [self.image(number)]
        for step in self.layer.anatomy.image_filters:
            made = step.transform(made)
        return made[0]

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


@dataclass(frozen=True, eq=False)
class SoundExamples(PieceExamples):
    """Pieces of recordings that `sound` turned into series.

    Attributes
    ----------
    sound : SoundExtractor
    recordings : sequence
        As the user gave them.
    """

    sound: SoundExtractor
    recordings: Any

    def begins(self, number: int) -> float:
        """Seconds into its file at which a recording begins, if it is a part of it."""
        if not isinstance(self.recordings, FileRecordings):
            return 0.0
        part = self.recordings.items[number]
        return part.start / part.rate

    def samples(self, number: int) -> FloatArray:
        """One of the recordings, mixed down to one channel, at the model's rate."""
        recording = next(self.sound.takes.each([self.recordings[number]]))
        mixed: FloatArray = recording.mean(axis=0)
        return mixed


def examples_of(
    model: BaseEstimator,
    data: Any,
    shape: tuple[int, ...] | None = None,
    scene: Sequence[int] | None = None,
    target: Any = None,
) -> Examples:
    """Data on their way to a model, together with what they are to the user.

    Parameters
    ----------
    model : estimator
        Fitted, with one layer of units or several.
    data : images or rows
        What the model's `fit` takes, or `LoadedImages`, `LoadedRecordings` or `LoadedSeries`.
    shape : tuple of int, default=None
        (height, width[, 3]) of rows that are pictures. Patches have their own.
    scene : sequence of int, default=None
        ([scenes,] height, width) whose pixels are the rows.
    target : rows, default=None
        What a transcoder is to reconstruct from each row.

    Raises
    ------
    ValueError
        If the data do not fit the model.
    """
    layers = layers_of(model)
    layer, anatomy = layers[0], layers[0].anatomy
    if target is not None and layers[-1].predicted is None:
        raise ValueError(
            "the model reconstructs its own input, so it takes no targets: leave them out, or use "
            "a SparseTranscoder."
        )
    extractor, sound = anatomy.extractor, anatomy.sound
    is_named = isinstance(data, Loaded)
    if extractor is None:
        if is_named:
            kind = data._fields[0]
            raise ValueError(
                f"the model works on rows of {layer.n_features} values, not on {kind}: give it "
                f"rows, or a pipeline whose first step cuts them from {kind}."
            )
        stored = open_store(data)
        given = ArraySource(check_rows(data)) if stored is None else stored
        if shape is not None and prod(shape) != given.shape[1]:
            raise ValueError(
                f"rows of {given.shape[1]} values cannot have shape {shape}: pass "
                "shape=(height, width) or (height, width, 3)."
            )
        place = Scene.of(scene, given.shape[0]) if scene else None
        source = _seen(layer, data)
        targets = None
        if target is not None:
            assert isinstance(anatomy.encoder, SparseTranscoder)
            targets = anatomy.encoder.targets_of(source, target)
        return RowExamples(
            *(layer, source, shape, given, row_names(data)), scene=place, target=targets
        )
    if target is not None:
        raise ValueError(
            "targets belong to rows, but this model cuts pieces from its data: leave targets out."
        )
    if scene:
        raise ValueError(
            "scene says where rows lie, but this model cuts pieces from its data: leave scene out."
        )
    shown = filtered = given = content_of(data)
    for step in anatomy.filters:
        filtered = step.transform(filtered)
        if step is sound or step is anatomy.series:
            shown = filtered
    pieces = extractor.draw(filtered)
    noun = (anatomy.takes or extractor.takes).noun
    known = (
        layer,
        _seen(layer, pieces.rows),
        extractor.patch_shape_,
        shown,
        data.names if is_named else [f"{noun} {n}" for n in range(len(shown))],
        extractor.takes.each,
        open_store(pieces.rows) or ArraySource(np.asarray(pieces.rows)),
        pieces.places,
        [begin / (data.rate or 1) for begin in data.begins]
        if isinstance(data, LoadedSeries)
        else [],
    )
    return PieceExamples(*known) if sound is None else SoundExamples(*known, sound, given)


def row_names(data: Any) -> Sequence[str]:
    """Names of rows, as the index of a table has them; empty if they are merely numbered."""
    index = getattr(data, "index", None)
    if index is None or callable(index) or getattr(index, "step", None) is not None:
        return ()
    return LazyNames(index)


class LazyNames(Sequence[str]):
    """Names that are made texts when they are asked for."""

    def __init__(self, index: Any) -> None:
        self._index = index

    def __len__(self) -> int:
        return len(self._index)

    def __getitem__(self, row: Any) -> Any:
        return str(self._index[row])


def _seen(layer: Layer, rows: Any) -> Source:
    """Rows as a layer gets them, after all steps that are applied to rows."""
    for step in layer.anatomy.of_rows:
        rows = step.transform(rows)
    return rows_of(layer.estimator, rows, reset=False)


def _take(source: Source, rows: NDArray[np.intp]) -> FloatArray:
    """Rows in the order asked for, though sources only give them in ascending order."""
    numbers, where = np.unique(rows, return_inverse=True)
    return source.take(numbers).X[where.ravel()]
