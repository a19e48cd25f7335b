"""Confusion: how often a classifier takes examples of each class for those of another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from rhohat.inspection.classes import told_label
from rhohat.inspection.report.subject import Subject

#: Classes up to which there is a table of all pairs; of more, so many frequent errors are listed.
TABLED, LISTED = 20, 20
#: Shades of an entry, by its share of the row; confusion.css has as many.
SHADES = 9


class Entry(NamedTuple):
    """Examples of one class that were taken for one; `shade` is from 0, none, to `SHADES`, all."""

    n: int
    shade: int


class TrueClass(NamedTuple):
    """Examples of one class: their number, the share recognized, and what they were taken for."""

    name: str
    n: int
    recognized: float | None
    entries: list[Entry]


class Misclassification(NamedTuple):
    """Examples of one class that were taken for another."""

    true: str
    predicted: str
    n: int


@dataclass(frozen=True)
class ConfusionFound:
    """How well a classifier does on labeled examples.

    Attributes
    ----------
    accuracy : float
    n_rows : int
        Examples with labels.
    names : list of str
        Classes, those of the model and those of the labels.
    unknown : list of str
        Classes of the labels that the model does not know.
    classes : list of TrueClass
        One for each class.
    misclassified : list of Misclassification
        The most frequent ones first.
    is_table : bool
        Whether there are few enough classes for a table.
    """

    accuracy: float
    n_rows: int
    names: list[str]
    unknown: list[str]
    classes: list[TrueClass]
    misclassified: list[Misclassification]
    is_table: bool


def find_confusion(subject: Subject) -> ConfusionFound | None:
    """Predictions against labels; None without labels, or if the model is no classifier."""
    from sklearn.metrics import confusion_matrix

    model: Any = subject.layer.estimator
    labels, codes, predicted = subject.labels, subject.codes, subject.predicted
    if labels is None or codes is None or predicted is None:
        return None
    known = codes >= 0
    if not known.any():
        return None
    classes = [told_label(value) for value in model.classes_.tolist()]
    unknown = [name for name in labels.names if name not in classes]
    names = classes + unknown
    number_of = {name: number for number, name in enumerate(names)}
    true = np.array([number_of[name] for name in labels.names])[codes[known]]
    taken = np.searchsorted(model.classes_, predicted[known])
    counts = confusion_matrix(true, taken, labels=np.arange(len(names)))
    totals = counts.sum(axis=1)
    shades = np.ceil(SHADES * counts / np.maximum(totals, 1)[:, None]).astype(int)
    true_classes = [
        TrueClass(
            name,
            int(total),
            float(counts[i, i] / total) if total else None,
            [Entry(*pair) for pair in zip(counts[i].tolist(), shades[i].tolist(), strict=True)],
        )
        for i, (name, total) in enumerate(zip(names, totals, strict=True))
    ]
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:LISTED]
    pairs = zip(*np.unravel_index(order, wrong.shape), strict=True)
    misclassified = [
        Misclassification(names[i], names[j], int(wrong[i, j])) for i, j in pairs if wrong[i, j]
    ]
    accuracy = float(np.trace(counts) / totals.sum())
    n_rows, is_table = int(totals.sum()), len(names) <= TABLED
    return ConfusionFound(accuracy, n_rows, names, unknown, true_classes, misclassified, is_table)


CONFUSION = """
<p><b>{{ '%.2f' % (100 * found.accuracy) }}%</b> of {{ '{:,}'.format(found.n_rows) }} labeled
examples are classified correctly. Expect less on new examples than on those that the model was
trained on.
{%- if found.unknown %} The model does not know {{ found.unknown | join(", ") }}.{% endif %}</p>
{% if found.is_table %}
<div class="across-table" tabindex="0" role="region" aria-label="Confusion matrix">
<table class="confusion">
  <caption>Rows: the label. Columns: the predicted class.</caption>
  <thead><tr><td></td>{% for name in found.names %}<th scope="col">{{ name }}</th>{% endfor %}
  <th scope="col">correct</th></tr></thead>
  <tbody>
  {% for row in found.classes %}
  <tr><th scope="row">{{ row.name }}</th>
  {%- for entry in row.entries %}
  <td class="shade-{{ entry.shade }}">{{ entry.n or "" }}</td>
  {%- endfor %}
  <td>{% if row.recognized is not none %}{{ '%.1f' % (100 * row.recognized) }}%{% else %}–
  {%- endif %}</td></tr>
  {% endfor %}
  </tbody>
</table>
</div>
{% elif found.misclassified %}
<table>
  <caption>The most frequent errors.</caption>
  <thead><tr><th scope="col">label</th><th scope="col">predicted</th><th scope="col">examples</th>
  </tr></thead>
  <tbody>
  {% for error in found.misclassified %}
  <tr><td>{{ error.true }}</td><td>{{ error.predicted }}</td><td>{{ error.n }}</td></tr>
  {% endfor %}
  </tbody>
</table>
{% endif %}
"""
