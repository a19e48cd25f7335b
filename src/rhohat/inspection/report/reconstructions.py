"""Reconstructions on the page, beside the examples that they are of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import Float64Array
from rhohat.inspection.examples import Examples
from rhohat.inspection.rebuilding import Rebuilding, Rebuilt, rebuilt_rows
from rhohat.inspection.report.names import names_of
from rhohat.inspection.report.pictures import Pictures
from rhohat.inspection.report.subject import Subject
from rhohat.inspection.responses import Responses

#: Random examples that are shown beside their reconstructions: pictures, and curves.
RANDOM = {"image": 12, "trace": 6}
#: Examples of the greatest errors that are shown.
WORST = 6


@dataclass(frozen=True)
class Pairs:
    """Originals, followed by as many reconstructions, each on a scale of its own."""

    names: Sequence[str]
    errors: Float64Array
    pictures: Pictures


@dataclass(frozen=True)
class ReconstructionsFound:
    """Random examples, and those of the greatest errors, beside what a layer makes of them.

    `given` is what is reconstructed; `rows` are the numbers of all examples.
    """

    given: str
    rows: NDArray[np.intp]
    told: str
    pairs: Pairs
    worst: Pairs

    @property
    def are_curves(self) -> bool:
        """Whether each pair is drawn in one chart."""
        return self.pairs.pictures.kind == "trace"


def find_reconstructions(subject: Subject) -> ReconstructionsFound | None:
    """Reconstructions of examples; None without examples, or if there is nothing to compare."""
    responses = subject.responses
    if responses is None or responses.rebuilding is None:
        return None
    examples = responses.examples
    random = examples.sample()[: RANDOM["trace" if examples.shape is None else examples.kind]]
    worst = responses.rebuilding.worst(WORST)
    (pairs, made), (others, _) = (
        _pairs(subject, responses, responses.rebuilding, rows) for rows in (random, worst)
    )
    told = space_of(subject, made.is_undone, made.keeps)
    given = "Originals" if subject.layer.predicted is None else "Targets"
    return ReconstructionsFound(given, np.concatenate([random, worst]), told, pairs, others)


def space_of(subject: Subject, is_undone: bool, keeps: str) -> str:
    """On which scale originals and reconstructions are shown, in sentences."""
    anatomy = subject.layer.anatomy
    if subject.layer.predicted is not None:
        return "The targets are shown as given."
    if not is_undone:
        return "Shown after preprocessing, since one of its steps has no inverse."
    told = "Shown as they were given."
    if anatomy.image_filters:
        told = "Shown after the filter of whole images, which has no inverse."
    elif anatomy.filters:
        told = "Shown as the windows that were cut."
    elif subject.portrait.is_mixed:
        told = "Shown in standard deviations of each column from its mean."
    return f"{told} Each reconstruction has the {keeps} of its original." if keeps else told


def _pairs(
    subject: Subject, responses: Responses, rebuilding: Rebuilding, rows: NDArray[np.intp]
) -> tuple[Pairs, Rebuilt]:
    """Rows with these numbers beside their reconstructions."""
    portrait, examples = subject.portrait, responses.examples
    if examples.target is not None:
        return _with_targets(subject, examples, rebuilding, rows)
    made = rebuilt_rows(subject.layer, examples.of_steps(rows))
    both, kind = np.concatenate([made.given, made.rebuilt]), examples.kind
    if made.is_undone and portrait.is_mixed:
        both = (both - responses.middle) / responses.spread
        kind = "bars" if portrait.along(portrait.tiles).are_bars else kind
    shape = examples.shape if made.is_undone else examples.input_shape
    pictures = Pictures.of(both, shape, kind, own=kind != "bars")
    return Pairs(names_of(examples, rows), rebuilding.errors[rows], pictures), made


def _with_targets(
    subject: Subject, examples: Examples, rebuilding: Rebuilding, rows: NDArray[np.intp]
) -> tuple[Pairs, Rebuilt]:
    """Targets of rows with these numbers beside what is made of the rows."""
    given = examples.targets(rows)
    made = Rebuilt(given, subject.layer.reconstructed(examples.inputs(rows)), True, "")
    is_alike = examples.shape is not None and prod(examples.shape) == given.shape[1]
    pictures = Pictures.of(
        np.concatenate([given, made.rebuilt]), examples.shape if is_alike else None, examples.kind
    )
    return Pairs(names_of(examples, rows), rebuilding.errors[rows], pictures), made


RECONSTRUCTIONS = """
<p>{{ "Both in one chart." if found.are_curves
  else found.given ~ " above, reconstructions below." }}
{{ found.told }}</p>
{% if not found.are_curves %}
<form class="controls scale" autocomplete="off">
<label><input type="radio" name="scale" value="own" checked> each on its own scale</label>
<label><input type="radio" name="scale" value="shared"> each pair on a shared scale</label>
</form>
{% endif %}
<h4>Random rows</h4>
<div class="pairs{{ ' curves' if found.are_curves }}" data-pairs="pairs"></div>
<h4>Rows with the largest errors</h4>
<div class="pairs{{ ' curves' if found.are_curves }}" data-pairs="worst"></div>
"""
