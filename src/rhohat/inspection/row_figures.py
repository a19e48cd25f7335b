"""Figures of rows: a grid of curves over the columns' places, or of bars with their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.inspection.columns import Columns

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Width and height of a curve in inches, the width that a bar needs, and the height under the grid.
CURVE, BAR, BELOW = (2.3, 0.75), 0.17, 0.7
#: Height of a letter of a name that is written upwards.
LETTER = 0.06
#: Share of a cell, across and up, that is drawn into.
INSIDE = 0.9, 0.76
#: Characters of a name on an axis; longer ones end in an ellipsis, the report has them whole.
NAME = 24


class RowGrid(NamedTuple):
    """Rows in a grid.

    Attributes
    ----------
    values : ndarray of shape (n, d)
        In [-1, 1]; NaN where nothing is drawn.
    names : sequence of str
        Of the rows.
    n_columns : int or None
        Cells beside each other.
    zero : ndarray of shape (n,)
        Where zero lies; NaN if it is outside.
    """

    values: Float64Array
    names: Sequence[str]
    n_columns: int | None
    zero: Float64Array


def grid_of_rows(
    values: FloatArray, names: Sequence[Any], n_columns: int | None, *, is_centered: bool = True
) -> RowGrid:
    """Rows, each on its own scale: about zero, or from its least to its greatest value."""
    values = np.asarray(values, dtype=np.float64)
    high = np.abs(values).max(axis=1, keepdims=True) if is_centered else _ends(values)[1]
    low = -high if is_centered else _ends(values)[0]
    span = np.where(high > low, high - low, 1)
    zero = np.where(high > low, (0 - (low + high) / 2) / (span / 2), 0.0)[:, 0]
    scaled = (values - (low + high) / 2) / (span / 2)
    return RowGrid(scaled, list(map(str, names)), n_columns, np.where(abs(zero) <= 1, zero, np.nan))


def _ends(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The least and greatest value of each row."""
    return values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)


def draw_rows(grid: RowGrid, columns: Columns, title: str, ax: Axes | None = None) -> Axes:
    """Draw a grid of rows; see `plot_features`.

    Parameters
    ----------
    grid : RowGrid
    columns : Columns
        What is along each row.
    title : str
        Above the grid.
    ax : Axes, default=None
        Where to draw; a new figure if None.
    """
    import matplotlib.pyplot as plt
    from matplotlib.collections import LineCollection, PolyCollection

    n, d = grid.values.shape
    are_bars = columns.are_bars
    width = max(CURVE[0], BAR * d + 0.3) if are_bars else CURVE[0]
    across = grid.n_columns or max(min(round(np.sqrt(n * 1.4 * CURVE[1] / width)), n), 1)
    down = -(-n // across)
    if ax is None:
        longest = max(map(len, columns.names), default=0) if are_bars else 0
        below = BELOW + LETTER * min(longest, NAME)
        size = max(across * width, 4.6), max(down * CURVE[1] + below, 2.0)
        _, ax = plt.subplots(figsize=size, layout="constrained")
    cell = np.arange(n)
    left, middle = (cell % across)[:, None], (cell // across)[:, None] + 0.56
    place = _places(columns, d)
    x = left + (1 - INSIDE[0]) / 2 + INSIDE[0] * place
    y = middle - INSIDE[1] / 2 * grid.values
    zero = middle[:, 0] - INSIDE[1] / 2 * grid.zero
    seen = np.isfinite(grid.zero) & np.isfinite(grid.values).all(axis=1)
    ax.hlines(zero[seen], x.min(axis=1)[seen], x.max(axis=1)[seen], color="0.8", linewidth=0.6)
    if are_bars:
        half = 0.36 * INSIDE[0] / d
        base = np.where(seen, zero, middle[:, 0] + INSIDE[1] / 2)[:, None] + 0 * y
        corners = [(x - half, base), (x - half, y), (x + half, y), (x + half, base)]
        bars = np.stack([np.stack(corner, axis=2) for corner in corners], axis=2)
        ax.add_collection(PolyCollection(list(bars.reshape(-1, 4, 2)), facecolors="#0072B2"))
    else:
        lines = list(np.stack([x + 0 * y, y], axis=2))
        ax.add_collection(LineCollection(lines, colors="#0072B2", linewidths=0.9))
    for name, at, top in zip(grid.names, left[:, 0], cell // across, strict=True):
        ax.text(at + 0.05, top + 0.04, name, fontsize=6.5, va="top", color="0.3", parse_math=False)
    ax.set_xlim(0, across)
    ax.set_ylim(down, 0)
    ax.spines[:].set_visible(False)
    ax.set_yticks([])
    _name_axis(ax, columns, place, across, n)
    ax.set_title(title, fontsize="small", loc="left", wrap=True)
    return ax


def _places(columns: Columns, d: int) -> Float64Array:
    """Where columns lie in a cell, from 0 to 1."""
    if columns.are_bars:
        return (np.arange(d) + 0.5) / d
    low, high = columns.places.min(), columns.places.max()
    return (columns.places - low) / (high - low) if high > low else np.full(d, 0.5)


def _name_axis(ax: Axes, columns: Columns, place: Float64Array, across: int, n: int) -> None:
    """Write what is along the axis, under every column of the grid."""
    from matplotlib.ticker import MaxNLocator

    offset, wide = (1 - INSIDE[0]) / 2, INSIDE[0]
    cells = np.arange(min(across, n))[:, None]
    if columns.are_bars:
        ticks = (cells + offset + wide * place).ravel()
        names = [name if len(name) <= NAME else name[: NAME - 1] + "…" for name in columns.names]
        ax.set_xticks(ticks, names * len(cells), rotation=90, fontsize=6.5, parse_math=False)
        ax.tick_params(axis="x", length=0)
        return
    low, high = columns.places.min(), columns.places.max()
    span = high - low if high > low else 1.0
    nice = MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    values = np.array([at for at in nice if low - 1e-9 * span <= at <= high + 1e-9 * span])
    shares = (values - low) / span if high > low else np.array([0.5])
    at = (cells + offset + wide * shares).ravel()
    ax.set_xticks(at, [f"{value:.5g}" for value in values] * len(cells), fontsize="x-small")
    ax.tick_params(axis="x", length=2)
    ax.set_xlabel(columns.label, fontsize="small", parse_math=False)
