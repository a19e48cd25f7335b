"""Sections: the cards of a page that tell of the model, one row each.

A section finds something out about a layer, and shows it by a fragment of HTML. The script draws
what the fragment asks for: in an element with ``data-chart="NAME"`` the `Chart` found under that
name, with ``data-pairs="NAME"`` the `Pairs`, with ``data-atlas="NAME"`` the `Atlas`; with
``data-evidence`` the layer's dead, saturated, duplicate and opposite units, and with ``data-polar``
its edges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.estimators.classifier import StackedAutoencoderClassifier
from rhohat.inspection.examples import PieceExamples
from rhohat.inspection.figures import lowest_shown
from rhohat.inspection.report.charts import Axis, Chart, Line, Mark
from rhohat.inspection.report.confusion import CONFUSION, find_confusion
from rhohat.inspection.report.maps import MAPS, Atlas, find_maps
from rhohat.inspection.report.overview import OVERVIEW, find_overview
from rhohat.inspection.report.provenance import code_of, parameters_of, trained_steps, versions
from rhohat.inspection.report.reconstructions import (
    FIDELITY,
    RECONSTRUCTIONS,
    Pairs,
    find_fidelity,
    find_reconstructions,
)
from rhohat.inspection.report.subject import Subject
from rhohat.inspection.report.wholes import WHOLE, find_whole
from rhohat.preprocessing.steps import step_of

#: Ratio of the greatest to the least average activation above which the axis is logarithmic.
WIDE = 30


#: What a script can draw.
Drawing = Chart | Pairs | Atlas


class Section(NamedTuple):
    """A card of the model's part of the page.

    Attributes
    ----------
    find : callable
        ``find(subject)``: what the card tells of a layer, as a frozen dataclass; None for no card.
    html : str
        A Jinja template of the card's content, in which `found` and `subject` are known.
    is_wide : bool, default=False
        Whether the card takes the page's whole width.
    is_opening : bool, default=False
        Whether the page opens with it: it stands above units and model.
    shows_sources : bool, default=False
        Whether it shows parts of the user's data: `rows` of what it found are the numbers of
        examples, and `images` of whole images or series.
    told_of : {"each layer", "first layer", "last layer"}, default="each layer"
        The layers that are asked. A card told of each layer has the layer's number in its address.
    """

    find: Callable[[Subject], Any]
    html: str
    is_wide: bool = False
    is_opening: bool = False
    shows_sources: bool = False
    told_of: str = "each layer"


@dataclass(frozen=True)
class Card:
    """A section as it is told of the layer of this number; `id` is its address on the page."""

    id: str
    number: int
    subject: Subject
    section: Section
    found: Any

    @property
    def drawings(self) -> dict[str, Drawing]:
        """What the script is to draw, by name."""
        values = {field.name: getattr(self.found, field.name) for field in fields(self.found)}
        return {name: value for name, value in values.items() if isinstance(value, Drawing)}

    @property
    def rows(self) -> NDArray[np.intp]:
        """Numbers of the examples that it shows, if it shows any."""
        return self._numbers("rows")

    @property
    def images(self) -> NDArray[np.intp]:
        """Numbers of the images, or series, that it shows as a whole."""
        return self._numbers("images")

    def _numbers(self, name: str) -> NDArray[np.intp]:
        found = getattr(self.found, name, ()) if self.section.shows_sources else ()
        return np.asarray(found, dtype=np.intp)


def cards_of(subjects: Sequence[Subject]) -> list[Card]:
    """All cards about a model, in the order of the page."""
    cards = []
    asked = {"each layer": subjects, "first layer": subjects[:1], "last layer": subjects[-1:]}
    for number, subject in enumerate(subjects):
        for name, section in SECTIONS.items():
            found = section.find(subject) if subject in asked[section.told_of] else None
            if found is not None:
                address = f"{name}-{number}" if section.told_of == "each layer" else name
                cards.append(Card(address, number, subject, section, found))
    return cards


@dataclass(frozen=True)
class Plot:
    """Nothing but a chart."""

    chart: Chart


@dataclass(frozen=True)
class TrainingFound:
    """How the loss and its terms fell; `error` is the name of the first term."""

    estimator: Any
    error: str
    chart: Chart


def find_training(subject: Subject) -> TrainingFound | None:
    """Training, unless told of the layer below already; None for a model of `partial_fit`."""
    estimator: Any = subject.layer.estimator
    is_told_below = subject.below is not None and subject.below.layer.estimator is estimator
    if is_told_below or not hasattr(estimator, "loss_curve_"):
        return None
    is_classifier = isinstance(estimator, StackedAutoencoderClassifier)
    error = "cross-entropy" if is_classifier else "reconstruction"
    loss, terms = estimator.loss_curve_, estimator.loss_terms_curve_
    rows: Any = getattr(estimator, "stage_rows_", None)
    changes: Any = () if rows is None else np.flatnonzero(np.diff(rows)) + 1
    begins = [(0.0, rows[0])] if len(changes) else []
    begins += [(i - 0.5, rows[i]) for i in changes]
    chart = Chart(
        Axis("iteration"),
        Axis("loss and its terms", log=True, low=lowest_shown(loss, terms)),
        np.arange(len(loss)),
        f"The loss falls from {loss[0]:.3g} to {loss[-1]:.3g} in {estimator.n_iter_} iterations.",
        lines=[
            Line("loss", "loss", loss),
            Line(error, "reconstruction", terms[:, 0]),
            Line("weight decay", "weight_decay", terms[:, 1]),
            Line("sparsity", "sparsity", terms[:, 2]),
            *_held_out(estimator),
        ],
        marks=[Mark(f"{n_rows:,} rows", x=x, kind="stage") for x, n_rows in begins],
        height=280,
    )
    return TrainingFound(estimator, error, chart)


def _held_out(estimator: Any) -> list[Line]:
    """The loss over rows held out, where it was computed; none if there were no such rows."""
    if not hasattr(estimator, "validation_iterations_"):
        return []
    y = np.full(len(estimator.loss_curve_), np.nan)
    y[estimator.validation_iterations_] = estimator.validation_terms_curve_.sum(axis=1)
    return [Line("loss on held-out rows", "held_out", y)]


TRAINING = """
{% set fit, terms = found.estimator, found.estimator.loss_terms_curve_[-1] %}
{% set layer = subject.layer.name %}
<h3>Loss and its terms
{%- if found.error != "reconstruction" and layer %}, of the whole network
{%- elif layer %} of {{ layer }}{% endif %}</h3>
<p>{{ fit.n_iter_ }} iterations
{%- if fit.n_evaluations_ is defined %}, equivalent to {{ '%.0f' % fit.n_evaluations_ }} passes over
{{ '{:,}'.format(fit.stage_rows_[-1]) }} rows{% endif %}; {{ fit.stop_reason_ }}. At the end
<b>{{ '%.4f' % fit.loss_curve_[-1] }}</b> = {{ '%.4f' % terms[0] }} {{ found.error }} +
{{ '%.4f' % terms[1] }} weight decay + {{ '%.4f' % terms[2] }} sparsity.</p>
<div data-chart="chart"></div>
"""


def find_averages(subject: Subject) -> Plot | None:
    """Average activations over the training set; None after `partial_fit`."""
    average, target = subject.layer.average, subject.target_activation
    if average is None:
        return None
    y = np.sort(average)
    told = "" if target is None else f"; target {target:.3g}"
    is_log = bool(y[0] > 0 and y[-1] / y[0] > WIDE)
    silent = float(subject.layer.activation.range[0])
    lowest = None if is_log or np.isinf(silent) else silent  # not the target: all would look far
    highest = float(y[-1] if target is None else max(y[-1], target))
    chart = Chart(
        Axis("units, sorted by average activation"),
        Axis("average activation", log=is_log, low=lowest, high=highest),
        np.arange(len(y)) + 1,
        f"Average activations of the units, from {y[0]:.3g} to {y[-1]:.3g}{told}.",
        dots=y,
        marks=[] if target is None else [Mark("target", y=target)],
    )
    return Plot(chart)


AVERAGES = """
<h3>Average activation{{ " of " ~ subject.layer.name if subject.layer.name }}</h3>
<p>One dot per unit: its average activation over all training rows, sorted
{%- if subject.target is not none %}. The dashed line is the target,
{{ subject.target }}{% endif %}.</p>
<div data-chart="chart"></div>
"""


@dataclass(frozen=True)
class SpectrumFound:
    """What a step does to the size of the data, by component or by frequency."""

    description: str
    chart: Chart


def find_spectrum(subject: Subject) -> SpectrumFound | None:
    """The spectrum of the first step that knows one; None if none does."""
    examples = None if subject.responses is None else subject.responses.examples
    images = examples.images if isinstance(examples, PieceExamples) else None
    told = (step_of(step).spectrum(images) for step in subject.layer.anatomy.before)
    spectrum = next((one for one in told if one is not None), None)
    if spectrum is None:
        return None
    chart = Chart(
        Axis(spectrum.across),
        Axis(spectrum.up, log=True),
        spectrum.x,
        f"{spectrum.title}, before and after whitening.",
        lines=[
            Line("before whitening", "before", spectrum.before),
            Line("after whitening", "after", spectrum.after),
        ],
        marks=[Mark(name, y=level) for name, level in spectrum.levels.items()],
    )
    return SpectrumFound(spectrum.description, chart)


SPECTRUM = """
<h3>Whitening</h3>
<p>{{ found.description }}</p>
<div data-chart="chart"></div>
"""


def find_bands(subject: Subject) -> Plot | None:
    """Bands of units that look at waveforms; None for others."""
    bands = subject.portrait.bands
    if bands is None:
        return None
    heard = bands.centre > 0
    chart = Chart(
        Axis("center frequency, Hz", log=True),
        Axis("bandwidth, Hz", log=True),
        bands.centre[heard],
        f"Bandwidth of {heard.sum()} units against center frequency.",
        dots=bands.bandwidth[heard],
    )
    return Plot(chart)


BANDS = """
<h3>Frequency bands</h3>
<p>{{ subject.portrait.bands.is_clear.sum() }} of {{ subject.layer.n_units }} units have a clear
center frequency: at least 70% of their power lies in one band, down to 10 dB below its peak.</p>
<div data-chart="chart"></div>
"""


HEALTH = """
{% set layer, on = subject.layer, subject.responses %}
<h3>Dead, saturated, duplicate and opposite units{{ " of " ~ layer.name if layer.name }}</h3>
<dl class="facts">
{% if on %}
<dt>dead</dt><dd>{{ on.dead | length }} of {{ layer.n_units }}: the activation varies by less than
a thousandth of its range over all {{ '{:,}'.format(on.statistics.n_rows) }} examples</dd>
<dt>saturated</dt><dd>{{ on.saturated | length }} of {{ layer.n_units }}: the average activation is
in the upper half of the range</dd>
{% elif layer.estimator.n_dead_ is defined %}
<dt>dead</dt><dd>{{ layer.estimator.n_dead_ }} of {{ layer.n_units }} in training; a report
with data shows which</dd>
{% endif %}
{% set same, opposite = subject.portrait.alike.same, subject.portrait.alike.opposite %}
<dt>duplicate</dt><dd>pairs with a cosine above 0.9 between what they look for:
{{ same.cosines | length }}</dd>
<dt>opposite</dt><dd>pairs with a cosine below -0.9: {{ opposite.cosines | length }}, which is
normal for mostly silent units, of which one signals each direction</dd>
</dl>
<div class="evidence" data-evidence></div>
"""


@dataclass(frozen=True)
class SettingsFound:
    """Tables of names and values: parameters of each step, and versions."""

    tables: list[tuple[str, Mapping[str, str]]]


def find_settings(subject: Subject) -> SettingsFound:
    """Settings of all steps of the model."""
    steps = trained_steps(subject.model)
    tables = [(type(step).__name__, parameters_of(step)) for step in steps]
    return SettingsFound([*tables, ("Versions", versions())])


SETTINGS = """
<h3>Settings</h3>
{% for caption, rows in found.tables %}
<table>
  <caption>{{ caption }}</caption>
  <tbody>
  {% for name, value in rows.items() %}
  <tr><th scope="row">{{ name }}</th><td>{{ value }}</td></tr>
  {% endfor %}
  </tbody>
</table>
{% endfor %}
"""


@dataclass(frozen=True)
class AgainFound:
    """Code that makes the model, and the fingerprint of the data that it was made of."""

    code: str
    fingerprint: str | None


def find_again(subject: Subject) -> AgainFound:
    """Code and fingerprint of the whole model."""
    trained = (getattr(step, "data_fingerprint_", None) for step in trained_steps(subject.model))
    return AgainFound(
        code_of(subject.model, subject.making.reading), next(filter(None, trained), None)
    )


AGAIN = """
<h3>Reproduce it</h3>
{% if subject.making.command %}
<p>On the command line:</p>
<pre tabindex="0" aria-label="Command" data-copied>{{ subject.making.command }}</pre>
{% if '"$DIR"' in subject.making.command %}
<p>DIR is the folder of the data.</p>
{% endif %}
{% endif %}
<p>In Python{% if found.fingerprint %}, on rows with the fingerprint
<code title="{{ found.fingerprint }}">{{ found.fingerprint[:12] }}</code>{% endif %}:</p>
<pre tabindex="0" aria-label="Python" data-copied>{{ found.code }}</pre>
"""

#: Sections by name, in the order of the page; cards of the same layer stand together.
SECTIONS: dict[str, Section] = {
    "overview": Section(find_overview, OVERVIEW, is_opening=True, told_of="last layer"),
    "confusion": Section(find_confusion, CONFUSION, is_wide=True, told_of="last layer"),
    "training": Section(find_training, TRAINING, is_wide=True),
    "averages": Section(find_averages, AVERAGES),
    "spectrum": Section(find_spectrum, SPECTRUM, told_of="first layer"),
    "bands": Section(find_bands, BANDS),
    "fidelity": Section(find_fidelity, FIDELITY, is_wide=True),
    "whole": Section(find_whole, WHOLE, is_wide=True, shows_sources=True, told_of="last layer"),
    "reconstructions": Section(
        find_reconstructions, RECONSTRUCTIONS, is_wide=True, shows_sources=True
    ),
    "maps": Section(find_maps, MAPS, is_wide=True),
    "health": Section(lambda subject: subject, HEALTH, is_wide=True),
    "settings": Section(find_settings, SETTINGS, told_of="last layer"),
    "again": Section(find_again, AGAIN, told_of="last layer"),
}
