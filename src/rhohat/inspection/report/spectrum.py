"""Spectra on the page, before and after whitening."""

from __future__ import annotations

from rhohat.inspection.examples import PieceExamples
from rhohat.inspection.report.charts import Axis, Chart, Line, Mark, Plot
from rhohat.inspection.report.subject import Subject
from rhohat.preprocessing.steps import step_of


def find_spectrum(subject: Subject) -> Plot | None:
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
    return Plot(spectrum.description, chart)
