"""Reconstructions on the page: how much they explain, and examples beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import Float64Array
from rhohat.inspection.examples import Examples
from rhohat.inspection.rebuilding import (
    MOST_COLUMNS,
    Components,
    Rebuilding,
    Rebuilt,
    rebuilt_rows,
)
from rhohat.inspection.report.charts import Axis, Chart, Line, Mark
from rhohat.inspection.report.names import names_of
from rhohat.inspection.report.pictures import Pictures
from rhohat.inspection.report.subject import Subject
from rhohat.inspection.responses import Responses

#: Random examples that are shown beside their reconstructions: pictures, and curves.
RANDOM = {"image": 12, "trace": 6}
#: Examples of the greatest errors that are shown.
WORST = 6
#: What the quantiles of errors are called.
QUANTILES = "smallest", "25% below", "50% below", "75% below", "largest"


@dataclass(frozen=True)
class Explained:
    """A share of the variance about the mean, and what explains it."""

    name: str
    share: float


@dataclass(frozen=True)
class FidelityFound:
    """How much reconstructions of all examples explain, and how far single ones are off."""

    rebuilding: Rebuilding
    shares: Sequence[Explained]
    note: str
    quantiles: Sequence[tuple[str, float]]
    chart: Chart


def find_fidelity(subject: Subject) -> FidelityFound | None:
    """How much a layer explains; None without examples, or if there is nothing to compare."""
    responses = subject.responses
    if responses is None or responses.rebuilding is None:
        return None
    rebuilding, components = responses.rebuilding, responses.examples.components
    errors = rebuilding.errors
    percent = np.arange(101)
    chart = Chart(
        Axis("rows, sorted by error, %"),
        Axis("error", low=0.0),
        percent,
        f"Errors of all rows, sorted; half of them are below {np.median(errors):.3g}.",
        lines=[Line("error", "reconstruction", np.quantile(errors, percent / 100))],
        marks=[Mark("variance", y=1.0)],
    )
    n_units = subject.layer.n_units
    model = Explained(f"this model, {_counted(n_units, 'unit')}", rebuilding.explained)
    return FidelityFound(
        rebuilding,
        [model, *_of_components(components, n_units, rebuilding)],
        _note(components, len(errors), responses.examples.reconstructed.shape[1]),
        list(zip(QUANTILES, np.quantile(errors, np.linspace(0, 1, 5)), strict=True)),
        chart,
    )


def _of_components(
    components: Components | None, n_units: int, rebuilding: Rebuilding
) -> list[Explained]:
    """What as many principal components explain as there are units, and active units."""
    if components is None:
        return []
    numbers = n_units, max(int(np.ceil(rebuilding.n_active)), 1)
    d = len(components.shares)
    told = [_counted(min(n, d), "principal component") for n in numbers]
    told[0] += ", as many as units" if n_units < d else ", all of them"
    told[1] += ", as many as units active on average"
    return [Explained(text, components.explained(n)) for text, n in zip(told, numbers, strict=True)]


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _note(components: Components | None, n_rows: int, d: int) -> str:
    """What is to be known of the components, if anything."""
    if components is None:
        return (
            f"Principal components are left out, since the rows have {d:,} columns, more than "
            f"{MOST_COLUMNS:,}."
        )
    if components.n_rows < n_rows:
        return f"The principal components were computed from {components.n_rows:,} random rows."
    return ""


FIDELITY = """
{% set rebuilding = found.rebuilding %}
{% set rows = "rows" if subject.layer.predicted is none else "targets" %}
<h3>How well {{ rows }} are reconstructed
{{- " from " ~ subject.layer.name if subject.layer.name }}</h3>
<p>Share of the variance about the mean, over all {{ '{:,}'.format(rebuilding.distances | length) }}
{{ rows }}{{ " after preprocessing" if rows == "rows" }}. By definition, the mean explains 0%.
Principal components are those of the {{ rows }}. A unit counts as active above half of its
largest activation; on average, {{ '%.2g' % rebuilding.n_active }} are active. {{ found.note }}</p>
<div class="columns">
<div>
<table class="shares">
  <caption class="unseen">Share of the variance explained</caption>
  <tbody>
  {% for row in found.shares %}
  <tr><th scope="row">{{ row.name }}</th><td><meter min="0" max="1" value="{{ '%.4f' % row.share }}"
    aria-hidden="true"></meter> {{ '%.1f' % (100 * row.share) }}%</td></tr>
  {% endfor %}
  </tbody>
</table>
<p>Squared errors of single rows, in units of the variance:
{% for name, error in found.quantiles %}
{{ name }} <b>{{ '%.3g' % error }}</b>{{ "." if loop.last else ", " }}
{%- endfor %}</p>
</div>
<div data-chart="chart"></div>
</div>
"""


@dataclass(frozen=True)
class Pairs:
    """Originals, followed by as many reconstructions, each on a scale of its own."""

    names: Sequence[str]
    errors: Float64Array
    pictures: Pictures


@dataclass(frozen=True)
class ReconstructionsFound:
    """Random examples, and those of the greatest errors, beside what a layer makes of them.

    `rows` are the numbers of all of them.
    """

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
    return ReconstructionsFound(np.concatenate([random, worst]), told, pairs, others)


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
{% set given = "Originals" if subject.layer.predicted is none else "Targets" %}
<h3>{{ given }} and reconstructions{{ " from " ~ subject.layer.name if subject.layer.name }}</h3>
<p>{{ "Both in one chart." if found.are_curves else given ~ " above, reconstructions below." }}
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
