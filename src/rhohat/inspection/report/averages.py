"""Average activations on the page, beside their target."""

from __future__ import annotations

import numpy as np

from rhohat.inspection.report.charts import Axis, Chart, Mark, Plot
from rhohat.inspection.report.subject import Subject

#: Ratio of the greatest to the least average activation above which the axis is logarithmic.
WIDE = 30


def find_averages(subject: Subject) -> Plot | None:
    """Average activations over the training set; None after `partial_fit`."""
    average, target = subject.layer.average, subject.target
    if average is None:
        return None
    y = np.sort(average)
    told = "" if target is None else f"; target {target:.3g}"
    text = "One dot per unit: its average activation over all training rows, sorted"
    if target is not None:
        text += f". The dashed line is the target, {target:g}"
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
    return Plot(f"{text}.", chart)
