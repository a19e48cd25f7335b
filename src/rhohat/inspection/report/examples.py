"""Examples on a page: which of the user's data it shows, and of which units they are examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray
from rhohat.inspection.examples import PieceExamples, RowExamples, SoundExamples
from rhohat.inspection.groups import ExampleGroup
from rhohat.inspection.report.listening import excerpts
from rhohat.inspection.report.pictures import Pictures
from rhohat.inspection.report.sources import SourceImage, Surroundings, sources_of
from rhohat.inspection.report.subject import Subject

#: Examples of each unit, the most active, that are shown as the first layer gets them, too.
INPUTS = 6


@dataclass(frozen=True)
class ExampleFindings:
    """The examples that a page shows.

    Attributes
    ----------
    rows : ndarray of int of shape (n,)
        Their numbers.
    names : sequence of str or None
        Their names, if rows have any.
    given : Pictures
        As the user gave them.
    is_standardized : bool
        Whether each column of `given` is in its own standard deviations about its mean.
    input : Pictures or None
        The first ones, as the first layer gets them; None if that is the same.
    n_inputs : int
        Of so many of each unit's top examples there is an input.
    labels : sequence of str or None
        None for each that is missing, or for all.
    places : ndarray of int of shape (n, 3) or None
        Of pieces: number among the page's images, row and column.
    around : Surroundings or None
    sounds : sequence of str or None
    """

    rows: NDArray[np.intp]
    names: Sequence[str] | None
    given: Pictures
    is_standardized: bool
    input: Pictures | None
    n_inputs: int
    labels: Sequence[str | None] | None
    places: NDArray[np.intp] | None
    around: Surroundings | None
    sounds: Sequence[str | None] | None


@dataclass(frozen=True)
class PageGroup:
    """An `ExampleGroup` whose examples are numbers among those of the page; -1 for none."""

    name: str
    told: str
    low: FloatArray
    high: FloatArray
    counts: NDArray[np.int64]
    examples: NDArray[np.intp]
    activations: FloatArray


@dataclass(frozen=True)
class ShownExamples:
    """The examples that a page shows, and the images that they were cut from."""

    findings: ExampleFindings
    images: Sequence[SourceImage]

    def group(self, group: ExampleGroup) -> PageGroup:
        """A group, by its examples' numbers on the page."""
        rows = self.findings.rows
        order = np.argsort(rows)
        numbers = order[np.searchsorted(rows[order], np.maximum(group.rows, 0)) % len(rows)]
        numbers = np.where(group.rows < 0, -1, numbers)
        fields = group.name, group.told, group.low, group.high, group.counts
        return PageGroup(*fields, numbers, group.values)


def shown_examples(subjects: Sequence[Subject]) -> ShownExamples | None:
    """All examples of the units of all layers; None if a report has no data."""
    portrait, on, labels = subjects[0].portrait, subjects[0].responses, subjects[0].labels
    if on is None:
        return None
    examples = on.examples
    groups = [s.responses.groups for s in subjects if s.responses]
    rows, n_inputs = _rows_of(groups)
    given, inputs = examples.given(rows), examples.inputs(rows[:n_inputs])
    is_same = np.array_equal(given[:n_inputs].reshape(n_inputs, -1), inputs)
    kind, places, around = examples.kind, None, None
    images: Sequence[SourceImage] = ()
    if portrait.is_mixed:
        given = (given - on.middle) / on.spread
        kind = "bars" if portrait.along(portrait.tiles).are_bars else kind
    if isinstance(examples, PieceExamples):
        image, top, left = examples.places(rows)
        places = np.stack([np.unique(image, return_inverse=True)[1], top, left], axis=1)
        images, around = sources_of(examples, rows)
    is_named = isinstance(examples, RowExamples) and examples.is_named
    found = ExampleFindings(
        rows,
        [examples.name_of(row) for row in rows.tolist()] if is_named else None,
        Pictures.of(given, examples.shape, kind),
        portrait.is_mixed,
        None if is_same else Pictures.of(inputs, examples.input_shape, examples.kind),
        INPUTS,
        None if labels is None else [labels.name_of(n) for n in examples.origins(rows)],
        places,
        around,
        excerpts(examples, rows, _worth(groups)) if isinstance(examples, SoundExamples) else None,
    )
    return ShownExamples(found, images)


def _rows_of(groups: Sequence[Sequence[ExampleGroup]]) -> tuple[NDArray[np.intp], int]:
    """Numbers of all rows in the groups of all layers, and how many are shown twice: the first."""
    every = np.unique(np.concatenate([group.rows.ravel() for layer in groups for group in layer]))
    first = np.unique(np.concatenate([layer[0].rows[:, :INPUTS].ravel() for layer in groups]))
    others = np.setdiff1d(every[every >= 0], first)
    return np.concatenate([first, others]), len(first)


def _worth(groups: Sequence[Sequence[ExampleGroup]]) -> NDArray[np.int64]:
    """Rows in the groups of all layers: the first of each, then the second, and so on."""
    most = max(group.rows.shape[1] for layer in groups for group in layer)
    ranked = np.concatenate(
        [
            group.rows[:, i]
            for i in range(most)
            for layer in groups
            for group in layer
            if i < group.rows.shape[1]
        ]
    )
    return ranked[ranked >= 0]
