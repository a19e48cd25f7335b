"""Health on the page: how many units are dead, saturated, or like others."""

from __future__ import annotations

from dataclasses import dataclass

from rhohat.inspection.report.subject import Subject


@dataclass(frozen=True)
class HealthFound:
    """Numbers of units that are dead or saturated, and of pairs that are duplicate or opposite.

    Without examples, `n_rows` and `n_saturated` are None, and `n_dead` is that of training, or None
    if that is unknown, too.
    """

    n_units: int
    n_rows: int | None
    n_dead: int | None
    n_saturated: int | None
    n_duplicate: int
    n_opposite: int


def find_health(subject: Subject) -> HealthFound:
    """What is wrong with units, as far as it can be counted."""
    responses, alike = subject.responses, subject.portrait.alike
    n_dead = getattr(subject.layer.estimator, "n_dead_", None)
    return HealthFound(
        subject.layer.n_units,
        None if responses is None else responses.statistics.n_rows,
        n_dead if responses is None else len(responses.dead),
        None if responses is None else len(responses.saturated),
        len(alike.same.cosines),
        len(alike.opposite.cosines),
    )


HEALTH = """
<dl class="facts">
{% if found.n_rows is not none %}
<dt>dead</dt><dd>{{ found.n_dead }} of {{ found.n_units }}: the activation varies by less than
a thousandth of its range over all {{ '{:,}'.format(found.n_rows) }} examples</dd>
<dt>saturated</dt><dd>{{ found.n_saturated }} of {{ found.n_units }}: the average activation is
in the upper half of the range</dd>
{% elif found.n_dead is not none %}
<dt>dead</dt><dd>{{ found.n_dead }} of {{ found.n_units }} in training; a report
with data shows which</dd>
{% endif %}
<dt>duplicate</dt><dd>pairs with a cosine above 0.9 between what they look for:
{{ found.n_duplicate }}</dd>
<dt>opposite</dt><dd>pairs with a cosine below -0.9: {{ found.n_opposite }}, which is
normal for mostly silent units, of which one signals each direction</dd>
</dl>
<div class="evidence" data-evidence></div>
"""
