"""Fidelity on the page: how much of the data reconstructions explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rhohat.common.printable import count
from rhohat.inspection.rebuilding import MOST_COLUMNS, Components, Rebuilding
from rhohat.inspection.report.charts import Axis, Chart, Line, Mark
from rhohat.inspection.report.subject import Subject

#: What the quantiles of errors are called.
QUANTILES = "smallest", "25% below", "50% below", "75% below", "largest"


@dataclass(frozen=True)
class Explained:
    """A share of the variance about the mean, and what explains it."""

    name: str
    share: float


@dataclass(frozen=True)
class FidelityFound:
    """How much reconstructions of all examples explain, and how far single ones are off.

    `noun` is what is reconstructed.
    """

    noun: str
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
    model = Explained(f"this model, {count(n_units, 'unit')}", rebuilding.explained)
    return FidelityFound(
        "rows" if subject.layer.predicted is None else "targets",
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
    told = [count(min(n, d), "principal component") for n in numbers]
    told[0] += ", as many as units" if n_units < d else ", all of them"
    told[1] += ", as many as units active on average"
    return [Explained(text, components.explained(n)) for text, n in zip(told, numbers, strict=True)]


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
{% set rebuilding, rows = found.rebuilding, found.noun %}
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
