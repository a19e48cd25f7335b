"""Charts that a page's script draws: the twin of charts.js."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Axis:
    """What is along a side; from `low` to `high`, or as the values need."""

    label: str
    log: bool = False
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Line:
    """A line over the values of x; `kind` is its class in page.css."""

    name: str
    kind: str
    y: ArrayLike


@dataclass(frozen=True)
class Mark:
    """A line across the chart, at one value of x or of y; `kind` is its class in page.css."""

    label: str
    x: float | None = None
    y: float | None = None
    kind: str = "mark"


@dataclass(frozen=True)
class Chart:
    """Lines, or dots, over two axes.

    Attributes
    ----------
    x, y : Axis
    along : array-like
        Values of x that lines and dots share.
    text : str
        What the drawing tells, for those who do not see it.
    lines : sequence of Line
    dots : array-like or None
        Their values of y.
    marks : sequence of Mark
    height : int
    """

    x: Axis
    y: Axis
    along: ArrayLike
    text: str
    lines: Sequence[Line] = ()
    dots: ArrayLike | None = None
    marks: Sequence[Mark] = ()
    height: int = 240


@dataclass(frozen=True)
class Plot:
    """A chart, and what it shows, in sentences."""

    text: str
    chart: Chart


#: The template of a card that is a plot and nothing else.
PLOT = """
<p>{{ found.text }}</p>
<div data-chart="chart"></div>
"""
