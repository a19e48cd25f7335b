"""Training on the page: how the loss and its terms fell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rhohat.estimators.classifier import StackedAutoencoderClassifier
from rhohat.inspection.figures import lowest_shown
from rhohat.inspection.report.charts import Axis, Chart, Line, Mark
from rhohat.inspection.report.subject import Subject


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
