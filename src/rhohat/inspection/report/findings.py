"""Findings: what a page's scripts work on, as frozen records, and JSON made of them.

The names of fields are the keys that the scripts read; a test compares the two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.common.pictures import as_bytes, data_uri
from rhohat.common.printable import encodable
from rhohat.inspection.activation_statistics import FiringTogether
from rhohat.inspection.bands import BandPass
from rhohat.inspection.columns import Columns
from rhohat.inspection.edges import EDGE_R2, PARAMETERS, AlikePairs
from rhohat.inspection.examples import Examples, PieceExamples, RowExamples, SoundExamples
from rhohat.inspection.portrait import Portrait
from rhohat.inspection.portrait import View as UnitView
from rhohat.inspection.report.charts import Chart
from rhohat.inspection.report.listening import excerpts, sought_sounds
from rhohat.inspection.report.names import without_folder
from rhohat.inspection.report.pictures import LONGEST, Pictures, run_starts
from rhohat.inspection.report.sections import Card, Pairs
from rhohat.inspection.report.subject import Subject
from rhohat.inspection.tiles import TileAxes

#: Longest side, in pixels, of the pictures that show where examples come from.
THUMBNAIL = 320
#: Bytes that all these pictures may take on the page.
PICTURE_BYTES = 1_000_000
#: Columns and rows of pictures of series, and rows of a series up to which they are lines.
OVERVIEW, OVERVIEW_HEIGHT, TRACES = 600, 60, 12
#: Pairs of units that look alike, at most, to be listed.
LISTED = 60
#: Columns whose names and values are told of each unit, if all are too many.
GREATEST = 12
#: Units of the layer below that are shown for each unit.
BELOW = 8


@dataclass(frozen=True)
class View(Pictures):
    """A picture of every unit.

    `label` is what a switch calls it; it is empty if the view is not on the switch. `across` is
    what is along curves if it is not the data's columns. `greatest` are, for each unit, the names
    and values of the columns that matter most, where columns have names and are too many for bars.
    """

    name: str
    label: str
    title: str
    across: str
    greatest: Sequence[Sequence[tuple[str, float]]] | None


@dataclass(frozen=True)
class PageColumns:
    """The columns of rows: where each value of a curve lies on their axis, and their names."""

    label: str
    places: Float64Array
    names: Sequence[str]


@dataclass(frozen=True)
class Below:
    """Units of the layer below that matter most to each unit, and their weights, each (k, n)."""

    units: NDArray[np.intp]
    weights: FloatArray


@dataclass(frozen=True)
class Gabors:
    """The Gabor function nearest to each tile; see `GaborFit`.

    `edge` is the least share of the variance explained for a tile to be an edge.
    """

    names: Sequence[str]
    parameters: Float64Array
    r2: Float64Array
    edge: float


@dataclass(frozen=True)
class Activity:
    """How active units are on the examples; see `ActivationStatistics`."""

    n_rows: int
    mean: Float64Array
    low: FloatArray
    high: FloatArray
    edges: Float64Array
    counts: NDArray[np.int64]
    dead: NDArray[np.intp]
    saturated: NDArray[np.intp]


@dataclass(frozen=True)
class LayerFindings:
    """What is known of a layer; the fields from `activity` on are None without examples.

    `target` is an activation, as `average` is. The first of `views` is the gallery's at first. Of
    `n_alike` pairs of units that look for the same, `alike` holds the first, and `opposite` those
    of `n_opposite` pairs that look for the opposite. `of_units` tells which of the page's
    examples activate each unit most, and `activations` how much. `sounds` are those of the first
    view.
    """

    name: str
    units: int
    target: float | None
    average: FloatArray | None
    decoder_norm: FloatArray | None
    replication: Float64Array | None
    views: Sequence[View]
    below: Below | None
    gabor: Gabors | None
    bands: BandPass | None
    n_alike: int
    alike: AlikePairs
    n_opposite: int
    opposite: AlikePairs
    activity: Activity | None = None
    together: FiringTogether | None = None
    of_units: NDArray[np.intp] | None = None
    activations: FloatArray | None = None
    sounds: Sequence[str | None] | None = None


@dataclass(frozen=True)
class SourceImage:
    """An image, or series, that examples were cut from; those with most examples have a picture.

    `begins` is the time, in seconds, at which it begins in its file.
    """

    name: str
    begins: float
    height: int
    width: int
    picture: str | None


@dataclass(frozen=True)
class ExampleFindings:
    """The examples that activate units most.

    Attributes
    ----------
    rows : ndarray of int of shape (n,)
        Their numbers, ascending.
    names : sequence of str or None
        Their names, if rows have any.
    given : Pictures
        As the user gave them.
    is_standardized : bool
        Whether each column of `given` is in its own standard deviations about its mean.
    input : Pictures or None
        As the first layer gets them; None if that is the same.
    labels : sequence of str or None
    places : ndarray of int of shape (n, 3) or None
        Of pieces: number among the page's images, row and column.
    sounds : sequence of str or None
    """

    rows: NDArray[np.intp]
    names: Sequence[str] | None
    given: Pictures
    is_standardized: bool
    input: Pictures | None
    labels: Sequence[str] | None
    places: NDArray[np.intp] | None
    sounds: Sequence[str | None] | None


@dataclass(frozen=True)
class OnEveryPage:
    """What shared.js works on: the columns of rows; None if data are no rows."""

    columns: PageColumns | None


@dataclass(frozen=True)
class Findings(OnEveryPage):
    """All that a report's scripts work on; `drawings` are those of each card, by its address."""

    layers: Sequence[LayerFindings]
    axes: TileAxes | None
    drawings: Mapping[str, Mapping[str, Chart | Pairs]]
    examples: ExampleFindings | None = None
    images: Sequence[SourceImage] = ()


def gather(
    subjects: Sequence[Subject],
    cards: Sequence[Card],
    labels: Sequence[Any] | None = None,
    *,
    sources: bool = True,
) -> Findings:
    """Gather all that a report tells of units, alone and on examples if there are any.

    Parameters
    ----------
    subjects : sequence of Subject
        Layers, from the input upwards.
    cards : sequence of Card
        What is told of the model besides.
    labels : sequence, default=None
        One for each image, or row, that the user gave.
    sources : bool, default=True
        Whether to show examples; without, their statistics are told all the same.
    """
    best = [subject.responses.statistics.rows for subject in subjects if subject.responses]
    rows = np.unique(np.concatenate(best)) if best else np.arange(0)
    found, images = None, []
    if subjects[0].responses is not None and sources:
        examples = subjects[0].responses.examples
        found = _examples(examples, rows, best, labels, subjects[0].portrait)
        images = _source_images(examples, rows) if isinstance(examples, PieceExamples) else []
    return Findings(
        layers=[_layer(subject, rows if sources else None) for subject in subjects],
        axes=subjects[0].portrait.axes,
        columns=columns_of(subjects[0].portrait),
        drawings={card.id: card.drawings for card in cards},
        examples=found,
        images=images,
    )


def _examples(
    examples: Examples,
    rows: NDArray[np.intp],
    best: Sequence[NDArray[np.int64]],
    labels: Sequence[Any] | None,
    portrait: Portrait,
) -> ExampleFindings:
    """The examples with these numbers; `best` as `excerpts` takes it."""
    places, sources = None, rows
    if isinstance(examples, PieceExamples):
        sources, top, left = examples.places(rows)
        _, image = np.unique(sources, return_inverse=True)
        places = np.stack([image, top, left], axis=1)
    given, inputs = examples.given(rows), examples.inputs(rows)
    is_same = np.array_equal(given.reshape(len(rows), -1), inputs)
    kind, on = examples.kind, portrait.responses
    if portrait.is_mixed and on is not None:
        given = (given - on.middle) / on.spread
        kind = "bars" if portrait.along(portrait.tiles).are_bars else kind
    names = examples.names if isinstance(examples, RowExamples) else ()
    return ExampleFindings(
        rows,
        [names[row] for row in rows.tolist()] if len(names) else None,
        Pictures.of(given, examples.shape, kind),
        portrait.is_mixed,
        None if is_same else Pictures.of(inputs, examples.input_shape, examples.kind),
        None if labels is None else [str(labels[number]) for number in sources.tolist()],
        places,
        excerpts(examples, rows, best) if isinstance(examples, SoundExamples) else None,
    )


def view_of(portrait: Portrait, view: UnitView) -> View:
    """A view as a page holds it."""
    values, shape, _, kind, across = view.tiles
    if shape is None and portrait.along(view.tiles).are_bars:
        kind = "bars"
    return View.of(
        values,
        shape,
        kind,
        name=view.name,
        label=view.label,
        title=view.title,
        across=across,
        greatest=_greatest(portrait, view),
    )


def _greatest(portrait: Portrait, view: UnitView) -> list[list[tuple[str, float]]] | None:
    """Names and values of the columns that matter most to each unit, if bars cannot show all."""
    columns, values = portrait.along(view.tiles), view.tiles.values
    if view.name != portrait.usual or not columns.names or columns.are_bars:
        return None
    order = np.argsort(-np.abs(values), axis=1, kind="stable")[:, :GREATEST]
    return [
        [(columns.names[i], float(row[i])) for i in numbers]
        for row, numbers in zip(values, order.tolist(), strict=True)
    ]


def columns_of(portrait: Portrait) -> PageColumns | None:
    """The data's columns, as far as curves of them are on the page; None if data are no rows."""
    patterns = portrait.patterns or portrait.tiles
    if portrait.layer.anatomy.extractor is not None:
        return None
    n_columns = patterns.values.shape[1]
    columns = Columns.of(n_columns, portrait.names)
    places, names = columns.places, columns.names
    if n_columns > LONGEST:
        starts = run_starts(n_columns, LONGEST)
        middles = (starts + np.append(starts[1:], n_columns) - 1) // 2
        places = np.stack([places[starts], places[middles]], axis=1).ravel()
    return PageColumns(columns.label, places, names if columns.are_bars else ())


def _layer(subject: Subject, rows: NDArray[np.intp] | None) -> LayerFindings:
    """What is known of a layer; `rows` are the numbers of the page's examples, if it has any."""
    portrait, layer, gabors = subject.portrait, subject.layer, subject.portrait.gabors
    decoder, alike, below = layer.decoder_weights, portrait.alike, None
    if layer.is_deep:
        weights = layer.encoders[-1].weights
        units = np.argsort(-np.abs(weights), axis=1, kind="stable")[:, :BELOW]
        below = Below(units, np.take_along_axis(weights, units, axis=1))
    found = LayerFindings(
        name=layer.name,
        units=layer.n_units,
        target=subject.target_activation,
        average=layer.average,
        decoder_norm=None if decoder is None else np.linalg.norm(decoder, axis=1),
        replication=subject.replication,
        views=[view_of(portrait, view) for view in portrait.views],
        below=below,
        gabor=None if gabors is None else Gabors(PARAMETERS, *gabors, EDGE_R2),
        bands=portrait.bands,
        n_alike=len(alike.same.cosines),
        alike=AlikePairs(alike.same.units[:LISTED], alike.same.cosines[:LISTED]),
        n_opposite=len(alike.opposite.cosines),
        opposite=AlikePairs(alike.opposite.units[:LISTED], alike.opposite.cosines[:LISTED]),
    )
    if subject.responses is None:
        return found
    responses, statistics = subject.responses, subject.responses.statistics
    examples = responses.examples
    return replace(
        found,
        activity=Activity(
            n_rows=statistics.n_rows,
            mean=statistics.mean,
            low=statistics.extremes.low,
            high=statistics.extremes.high,
            edges=statistics.edges,
            counts=statistics.counts,
            dead=responses.dead,
            saturated=responses.saturated,
        ),
        together=responses.together,
        of_units=None if rows is None else np.searchsorted(rows, statistics.rows),
        activations=None if rows is None else statistics.values,
        sounds=sought_sounds(portrait, examples, statistics)
        if isinstance(examples, SoundExamples)
        else None,
    )


def _source_images(examples: PieceExamples, rows: NDArray[np.intp]) -> list[SourceImage]:
    """The images, or series, that examples were cut from."""
    draw = _thumbnail if examples.axes is None else _overview
    found, left, names = {}, PICTURE_BYTES, without_folder(examples.names)
    for number, _ in Counter(examples.places(rows).image.tolist()).most_common():
        image = examples.image(number)
        is_whole = image.shape[:2] == examples.shape[:2]
        picture = draw(image) if left > 0 and not is_whole else None
        left -= len(picture or "")
        name, begins = names[number], examples.begins(number)
        found[number] = SourceImage(name, begins, image.shape[0], image.shape[1], picture)
    return [found[number] for number in sorted(found)]


def _thumbnail(image: FloatArray) -> str:
    return data_uri(as_bytes(image), "jpeg", longest=THUMBNAIL)


def _overview(series: FloatArray) -> str:
    """A picture of a series, (rows, moments), with moments merged so that all fit in."""
    rows, moments = series.shape
    edges = np.linspace(0, moments, min(moments, OVERVIEW) + 1).astype(int)[:-1]
    if rows > TRACES:  # a spectrogram
        return data_uri(as_bytes(np.maximum.reduceat(series, edges, axis=1) - series.min()))
    low, high = np.minimum.reduceat(series, edges, 1), np.maximum.reduceat(series, edges, 1)
    band = OVERVIEW_HEIGHT // rows
    place = np.linspace(float(high.max()), float(low.min()), band)[:, None]
    drawn = [(place <= top) & (place >= bottom) for bottom, top in zip(low, high, strict=True)]
    return data_uri(np.where(np.concatenate(drawn), 30, 225).astype(np.uint8))


def as_json(value: Any) -> Any:
    """Findings as JSON: records become objects, numbers have six digits, NaN becomes null."""
    if is_dataclass(value):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    if hasattr(value, "_asdict"):
        return as_json(value._asdict())
    if isinstance(value, Mapping):
        return {name: as_json(item) for name, item in value.items()}
    if value is None or isinstance(value, str):
        return value and encodable(value)
    if isinstance(value, Sequence):
        return [as_json(item) for item in value]
    return _numbers(value)


def _numbers(values: ArrayLike) -> Any:
    array = np.asarray(values)
    if array.dtype.kind in "iub":
        return array.tolist()
    if array.ndim:
        return [_numbers(value) for value in array]
    return float(f"{array:.6g}") if np.isfinite(array) else None
