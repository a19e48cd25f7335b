"""Findings: what a page's scripts work on, as frozen records, and JSON made of them.

The names of fields are the keys that the scripts read; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.common.printable import encodable
from rhohat.inspection.activation_statistics import FiringTogether
from rhohat.inspection.arrangement import likeness_order
from rhohat.inspection.bands import BandPass
from rhohat.inspection.columns import Columns
from rhohat.inspection.edges import EDGE_R2, PARAMETERS, AlikePairs
from rhohat.inspection.examples import SoundExamples
from rhohat.inspection.intervals import RANGED
from rhohat.inspection.portrait import Portrait, View
from rhohat.inspection.report.examples import (
    ExampleFindings,
    PageGroup,
    ShownExamples,
    shown_examples,
)
from rhohat.inspection.report.listening import sought_sounds
from rhohat.inspection.report.pictures import LONGEST, Pictures, run_starts
from rhohat.inspection.report.scene import SceneMaps
from rhohat.inspection.report.sections import Card, Drawing
from rhohat.inspection.report.sources import SourceImage
from rhohat.inspection.report.subject import Subject
from rhohat.inspection.report.trying import Trial, trial_of
from rhohat.inspection.tiles import TileAxes

#: Pairs of units that look alike, at most, to be listed.
LISTED = 60
#: Columns whose names and values are told of each unit, if all are too many.
GREATEST = 12
#: Classes up to which all have a mean at each unit, and else as many.
CLASSES = 20
#: Units of the layer below that are shown for each unit.
BELOW = 8


@dataclass(frozen=True)
class PageView(Pictures):
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
    """How active units are on the examples; see `ActivationStatistics`.

    `n_ranged` is the number of random examples that tell the range of each unit.
    """

    n_rows: int
    n_ranged: int
    mean: Float64Array
    low: FloatArray
    high: FloatArray
    edges: Float64Array
    counts: NDArray[np.int64]
    dead: NDArray[np.intp]
    saturated: NDArray[np.intp]


@dataclass(frozen=True)
class UnitClasses:
    """How units respond to classes of examples; see `ClassResponses`.

    Attributes
    ----------
    names : sequence of str
    counts : ndarray of int of shape (n_classes,)
    shown : ndarray of int of shape (k, n)
        Numbers of the classes whose means are shown: all, or those with the greatest means.
    means : ndarray of shape (k, n)
    best : ndarray of int of shape (k,)
    auroc : ndarray of shape (k,)
    """

    names: Sequence[str]
    counts: NDArray[np.intp]
    shown: NDArray[np.intp]
    means: Float64Array
    best: NDArray[np.intp]
    auroc: Float64Array


@dataclass(frozen=True)
class LayerFindings:
    """What is known of a layer; the fields from `activity` on are None without examples.

    `target` is an activation, as `average` is. `likeness` is each unit's place in an order in which
    neighbors are alike. The first of `views` is the gallery's at first. Of
    `n_alike` pairs of units that look for the same, `alike` holds the first, and `opposite` those
    of `n_opposite` pairs that look for the opposite. The first of `groups` are the examples that
    activate units most. `sounds` are those of the first view. `maps` are there if rows are the
    pixels of a scene.
    """

    name: str
    units: int
    target: float | None
    average: FloatArray | None
    decoder_norm: FloatArray | None
    replication: Float64Array | None
    likeness: NDArray[np.intp] | None
    views: Sequence[PageView]
    below: Below | None
    gabor: Gabors | None
    bands: BandPass | None
    n_alike: int
    alike: AlikePairs
    n_opposite: int
    opposite: AlikePairs
    activity: Activity | None = None
    together: FiringTogether | None = None
    groups: Sequence[PageGroup] | None = None
    classes: UnitClasses | None = None
    sounds: Sequence[str | None] | None = None
    maps: SceneMaps | None = None


@dataclass(frozen=True)
class OnEveryPage:
    """What shared.js works on: the columns of rows; None if data are no rows."""

    columns: PageColumns | None


@dataclass(frozen=True)
class Findings(OnEveryPage):
    """All that a report's scripts work on.

    `model` is a checksum of the units' weights, under which a reader's notes are kept; `trial`
    computes it in the browser; `drawings` are those of each card, by its address.
    """

    model: str
    layers: Sequence[LayerFindings]
    trial: Trial
    axes: TileAxes | None
    drawings: Mapping[str, Mapping[str, Drawing]]
    examples: ExampleFindings | None = None
    images: Sequence[SourceImage] = ()


def gather(
    subjects: Sequence[Subject],
    cards: Sequence[Card],
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
    sources : bool, default=True
        Whether to show examples; without, their statistics are told all the same.
    """
    shown = shown_examples(subjects) if sources else None
    return Findings(
        model=_checksum(subjects),
        layers=[_layer(subject, shown) for subject in subjects],
        trial=trial_of(subjects),
        axes=subjects[0].portrait.axes,
        columns=columns_of(subjects[0].portrait),
        drawings={card.id: card.drawings for card in cards},
        examples=None if shown is None else shown.findings,
        images=() if shown is None else shown.images,
    )


def _checksum(subjects: Sequence[Subject]) -> str:
    """Of all units' weights: the same for the same model, whatever it is shown with."""
    digest = sha256()
    for subject in subjects:
        digest.update(subject.layer.encoders[-1].weights.tobytes())
    return digest.hexdigest()[:16]


def view_of(portrait: Portrait, view: View) -> PageView:
    """A view as a page holds it."""
    values, shape, _, kind, across = view.tiles
    if shape is None and portrait.along(view.tiles).are_bars:
        kind = "bars"
    return PageView.of(
        values,
        shape,
        kind,
        name=view.name,
        label=view.label,
        title=view.title,
        across=across,
        greatest=_greatest(portrait, view),
    )


def _greatest(portrait: Portrait, view: View) -> list[list[tuple[str, float]]] | None:
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


def _layer(subject: Subject, shown: ShownExamples | None) -> LayerFindings:
    """What is known of a layer."""
    portrait, layer, gabors = subject.portrait, subject.layer, subject.portrait.gabors
    alike, below = portrait.alike, None
    if layer.is_deep:
        weights = layer.encoders[-1].weights
        units = np.argsort(-np.abs(weights), axis=1, kind="stable")[:, :BELOW]
        below = Below(units, np.take_along_axis(weights, units, axis=1))
    order = likeness_order(portrait.view().tiles.values)
    found = LayerFindings(
        name=layer.name,
        units=layer.n_units,
        target=subject.target,
        average=layer.average,
        decoder_norm=layer.decoder_norms,
        replication=subject.replication,
        likeness=None if order is None else np.argsort(order),
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
            n_ranged=min(RANGED, statistics.n_rows),
            mean=statistics.mean,
            low=statistics.extremes.low,
            high=statistics.extremes.high,
            edges=statistics.edges,
            counts=statistics.counts,
            dead=responses.dead,
            saturated=responses.saturated,
        ),
        together=responses.together,
        classes=_classes(subject),
        groups=None if shown is None else [shown.group(group) for group in responses.groups],
        maps=None if shown is None or statistics.maps is None else SceneMaps.of(statistics.maps),
        sounds=sought_sounds(portrait, examples, statistics)
        if isinstance(examples, SoundExamples)
        else None,
    )


def _classes(subject: Subject) -> UnitClasses | None:
    """How a layer's units respond to classes; of many classes the means of some."""
    if subject.labels is None or subject.classes is None:
        return None
    counts, means, best, auroc = subject.classes
    k, n_classes = means.shape
    shown = np.tile(np.arange(n_classes), (k, 1))
    if n_classes > CLASSES:
        shown = np.argsort(-means, axis=1, kind="stable")[:, :CLASSES]
    means = np.take_along_axis(means, shown, axis=1)
    return UnitClasses(subject.labels.names, counts, shown, means, best, auroc)


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
