"""Frequency bands on the page: how wide they are, by their centers."""

from __future__ import annotations

from rhohat.inspection.report.charts import Axis, Chart, Plot
from rhohat.inspection.report.subject import Subject


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
    text = (
        f"{bands.is_clear.sum()} of {subject.layer.n_units} units have a clear center frequency: "
        "at least 70% of their power lies in one band, down to 10 dB below its peak."
    )
    return Plot(text, chart)
