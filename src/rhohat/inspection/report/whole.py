"""A whole image or series on the page, beside what a layer makes of its pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.common.pictures import as_bytes, data_uri
from rhohat.inspection.examples import PieceExamples
from rhohat.inspection.report.charts import Axis, Chart, Line
from rhohat.inspection.report.names import without_folder
from rhohat.inspection.report.pictures import LONGEST, outlined
from rhohat.inspection.report.reconstructions import space_of
from rhohat.inspection.report.subject import Subject
from rhohat.inspection.wholes import Whole, rebuilt_whole

#: Longest side, in pixels, of the pictures.
SIDE = 480
#: Shares of the original's values below the darkest and the brightest level of both pictures.
DARKEST, BRIGHTEST = 0.003, 0.997


class Drawn(NamedTuple):
    """A picture of a whole, and what it shows."""

    picture: str
    text: str


@dataclass(frozen=True)
class WholeFound:
    """A whole image or series beside its reconstruction, as pictures or, of waves, as a chart.

    `images` are the numbers of what is shown.
    """

    images: Sequence[int]
    noun: str
    name: str
    whole: Whole
    told: str
    pieces: str
    apart: str
    span: str
    drawn: Sequence[Drawn]
    chart: Chart | None


def find_whole(subject: Subject) -> WholeFound | None:
    """The first image or series, rebuilt; None if pieces are not cut out of one, or not undone."""
    responses, layer = subject.responses, subject.layer
    extractor = layer.anatomy.extractor
    if responses is None or layer.decoded is None or extractor is None or extractor.takes_wholes:
        return None
    examples = responses.examples
    if not isinstance(examples, PieceExamples) or (examples.axes and examples.axes.told):
        return None  # rows are wholes themselves
    whole = rebuilt_whole(layer, examples)
    if whole is None:
        return None
    axes, name = examples.axes, without_folder(examples.names)[0]
    is_wave = axes is not None and axes.kind == "trace"
    return WholeFound(
        [0],
        (layer.anatomy.takes or extractor.takes).noun,
        name,
        whole,
        space_of(subject, True, whole.keeps),
        extractor.pieces,
        "pixels" if axes is None else "moments",
        "" if axes is None else _span(*_along(examples, whole, 2)),
        [] if is_wave else _pictures(examples, whole, name),
        _wave(examples, whole) if is_wave else None,
    )


def _pictures(examples: PieceExamples, whole: Whole, name: str) -> list[Drawn]:
    """Pictures of both, and of the image before it was filtered."""
    kind = "jpeg" if examples.axes is None else "png"
    low, high = np.quantile(whole.given, [DARKEST, BRIGHTEST])

    def drawn(values: FloatArray) -> str:
        span = high - low if high > low else 1.0
        levels = np.rint(255 * np.clip((values - low) / span, 0, 1)).astype(np.uint8)
        levels = levels[..., 0] if levels.shape[2:] == (1,) else levels
        return data_uri(levels, kind, longest=SIDE)

    found = [Drawn(drawn(whole.given), name), Drawn(drawn(whole.rebuilt), f"{name}, reconstructed")]
    if not examples.layer.anatomy.image_filters:
        return found
    height, width = whole.given.shape[:2]
    image = examples.image(0)[whole.top : whole.top + height, whole.left : whole.left + width]
    found[0] = found[0]._replace(text=f"{name}, filtered")
    return [Drawn(data_uri(as_bytes(image), "jpeg", longest=SIDE), name), *found]


def _wave(examples: PieceExamples, whole: Whole) -> Chart:
    """The channel that varies most, and its reconstruction."""
    channel = int(whole.given.var(axis=1).argmax())
    y = outlined(np.stack([whole.given[channel], whole.rebuilt[channel]]), LONGEST)
    along, unit = _along(examples, whole, y.shape[1])
    return Chart(
        Axis(unit, low=float(along[0]), high=float(along[-1])),
        Axis(f"channel {channel}" if len(whole.given) > 1 else "value"),
        along,
        "The series and its reconstruction.",
        lines=[Line("original", "original", y[0]), Line("rebuilt", "reconstruction", y[1])],
    )


def _span(ends: Float64Array, unit: str) -> str:
    return f"{ends[0]:.4g} to {ends[1]:.4g} {unit}"


def _along(examples: PieceExamples, whole: Whole, n: int) -> tuple[Float64Array, str]:
    """Where n places from the first to the last moment lie in their file, and in which unit."""
    axes = examples.axes
    assert axes is not None
    moments = np.linspace(whole.left, whole.left + whole.given.shape[1] - 1, n)
    step, unit = (axes.hop, "samples") if axes.rate is None else (1 / axes.rate, "seconds")
    return examples.begins(0) + step * moments, unit


WHOLE = """
{% set whole = found.whole %}
<p>{{ "The middle of " if (whole.top or whole.left) and not found.span }}{{ found.name }}
{{- ", " ~ found.span if found.span }}, reconstructed from {{ '{:,}'.format(whole.n_pieces) }}
{{ found.pieces }}{% if whole.stride > 1 %}, {{ whole.stride }} {{ found.apart }} apart{% endif %},
averaged where they overlap. {{ found.told }}
{{- " Both are shown on the scale of the original." if found.drawn }}</p>
{% if found.chart %}
<div data-chart="chart"></div>
{% else %}
<div class="wholes{{ ' series' if found.span }}">
{% for drawn in found.drawn %}
<figure>
<img src="{{ drawn.picture }}" alt="{{ drawn.text }}">
<figcaption>{{ drawn.text }}</figcaption>
</figure>
{% endfor %}
</div>
{% endif %}
"""
