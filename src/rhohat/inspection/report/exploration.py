"""The page on which rho, beta and lambda are turned by sliders."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from rhohat.common.validation import check_integer
from rhohat.estimators.anatomy import Anatomy
from rhohat.estimators.autoencoder import SparseAutoencoder
from rhohat.files.loaded import content_of
from rhohat.inspection.exploration import (
    HYPERPARAMETERS,
    Cell,
    Exploration,
    explored,
    grid_of,
    text_of,
)
from rhohat.inspection.report.defaults import ROWS, TITLE
from rhohat.inspection.report.findings import OnEveryPage, PageView, columns_of, view_of
from rhohat.inspection.report.overview import picture_of
from rhohat.inspection.report.page import Report
from rhohat.inspection.report.provenance import code_of
from rhohat.inspection.report.render import SHARED, filled

#: Values that all pictures of a page may have, a byte each.
PICTURE_VALUES = 2_120_000
#: Iterations of each fit.
ITERATIONS = 100


class ExplorationProgress(NamedTuple):
    """State of an exploration that a callback receives after every fit.

    Attributes
    ----------
    n_done, n_cells : int
        Number of fits that are done, and of all fits.
    seconds_left : float
        Estimate for the remaining fits, if they take as long on average.
    """

    n_done: int
    n_cells: int
    seconds_left: float


ProgressCallback: TypeAlias = Callable[[ExplorationProgress], object]


@dataclass(frozen=True)
class Slider:
    """A slider: its symbol, what that means, and the values as text."""

    symbol: str
    label: str
    values: Sequence[str]


@dataclass(frozen=True)
class PageCell:
    """One fit: the loss and its terms, what came of it, its picture, and how to make it again."""

    loss: float
    reconstruction: float
    weight_decay: float
    sparsity: float
    average: float
    target: float | None
    score: float
    explained: float
    hoyer: float
    dead: NDArray[np.intp]
    verdict: str
    view: PageView
    again: str


@dataclass(frozen=True)
class ExplorationFindings(OnEveryPage):
    """What the page's script works on: sliders, and fits in their order; None for a missing one.

    `first` is the number of the fit that is shown first, the best one; `units` that of all units,
    of which views have the first.
    """

    axes: Sequence[Slider]
    cells: Sequence[PageCell | None]
    first: int
    units: int


@dataclass(frozen=True, repr=False)
class ExplorationReport(Report):
    """A page of fits with many settings; notebooks show it, and ``str`` summarizes it.

    Attributes
    ----------
    html : str
        The page, which needs no other file.
    exploration : Exploration
        The grid, and a fitted model in each cell.
    """

    exploration: Exploration

    def __str__(self) -> str:
        return str(self.exploration)


def explore(
    X: Any,
    grid: Mapping[str, Sequence[float]] | None = None,
    *,
    model: BaseEstimator | None = None,
    n_rows: int = ROWS,
    max_iter: int = ITERATIONS,
    title: str = TITLE,
    command: str | None = None,
    callback: ProgressCallback | None = None,
) -> ExplorationReport:
    r"""See what :math:`\rho`, :math:`\beta` and :math:`\lambda` do: a fit for each combination.

    .. math:: J = \text{reconstruction error} + \lambda/2 (\|W_1\|^2 + \|W_2\|^2)
              + \beta \sum_j \mathrm{KL}(\rho \| \hat\rho_j)

    All fits learn from the same rows and start from the same weights: only the settings differ. The
    page has a slider for each setting, the units of the selected fit, the terms of its loss, and a
    one-sentence verdict.

    Parameters
    ----------
    X : rows, images, series or recordings, as the model takes them
        Also `LoadedImages`, `LoadedRecordings` or `LoadedSeries`.
    grid : mapping of str to sequence of float, default=None
        Values of "rho", the target, "beta", the penalty's weight, and "lambda", the weight decay. A
        setting that is left out gets the model's own value and one on either side: a fifth of the
        target and five times it, a tenth of the others and ten times them. Settings that the
        penalty lacks are left out.
    model : SparseAutoencoder, or pipeline that ends in one, default=None
        Copied, not fitted. None: ``SparseAutoencoder(random_state=0)``, on rows.
    n_rows : int, default=5000
        Rows that each fit learns from, a random part if there are more.
    max_iter : int, default=100
        Maximum number of iterations of each fit.
    title : str, default="What ρ, β and λ do"
    command : str, default=None
        Command to which the page adds the settings; without it, the page shows Python.
    callback : callable, default=None
        Called with an `ExplorationProgress` after every fit.

    Returns
    -------
    report : ExplorationReport
        ``report.save("explore.html")`` writes the page, ``report.exploration`` has the models.

    Raises
    ------
    ValueError
        If the grid or the data do not suit the model.

    Warns
    -----
    UserWarning
        If it was ended by Ctrl-C: completed fits are kept, and the page says which are missing.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from rhohat import SparseAutoencoder, explore
    >>> model = SparseAutoencoder(9, random_state=0)
    >>> grid = {"rho": [0.05, 0.2], "beta": [3], "lambda": [1e-4, 1e-2]}
    >>> page = explore(load_digits().data / 16, grid, model=model, max_iter=20)
    >>> len(page.exploration.cells)
    4
    """
    check_integer("n_rows", n_rows, low=1)
    check_integer("max_iter", max_iter, low=1)
    model = SparseAutoencoder(random_state=0) if model is None else model
    autoencoder = Anatomy.of(model).autoencoder
    if autoencoder is None:
        raise ValueError(
            "explore expects a SparseAutoencoder, or a pipeline that ends in one, got "
            f"{type(model).__name__}."
        )
    full = grid_of(autoencoder, grid)
    n_cells = prod(map(len, full.values()))
    cells: list[Cell] = []
    shown: list[PageCell | None] = []
    started = time.perf_counter()
    try:
        for cell in explored(model, content_of(X), full, n_rows=n_rows, max_iter=max_iter):
            shown.append(_cell(cell, n_cells, command))
            cells.append(cell)
            if callback is not None:
                spent = time.perf_counter() - started
                left = spent / len(cells) * (n_cells - len(cells))
                callback(ExplorationProgress(len(cells), n_cells, left))
    except KeyboardInterrupt:
        if not cells:
            raise
        told = f"Interrupted: {len(cells)} of {n_cells} fits were completed and are kept."
        warnings.warn(told, stacklevel=2)
    found = Exploration(full, cells, len(cells[0].case.rows), max_iter)
    shown += [None] * (n_cells - len(shown))
    return ExplorationReport(_page(found, shown, title), found)


def _page(found: Exploration, cells: Sequence[PageCell | None], title: str) -> str:
    """The page about an exploration."""
    first = found.best or found.cells[len(found.cells) // 2]
    portrait = first.portrait
    k, number = portrait.layer.n_units, found.cells.index(first)
    axes = [
        Slider(*HYPERPARAMETERS[name][:2], [text_of(value) for value in values])
        for name, values in found.grid.items()
    ]
    return filled(
        "exploration.html",
        ExplorationFindings(columns_of(portrait), axes, cells, number, k),
        (*SHARED, "exploration.js"),
        styles=("exploration.css",),
        title=title,
        subtitle=f"{k:,} units; {found.n_cells:,} fits on the same rows with different settings",
        told=str(found),
        strip=picture_of(portrait.view()),
    )


def _cell(cell: Cell, n_cells: int, command: str | None) -> PageCell:
    """A fit as a page of so many holds it, with pictures of as many units as there is room for."""
    case, view = cell.case, cell.portrait.view()
    values = view.tiles.values
    values = values[: max(PICTURE_VALUES // (values.shape[1] * n_cells), 1)]
    part = view._replace(tiles=view.tiles._replace(values=values))
    options = " ".join(f"--{name} {text_of(value)}" for name, value in cell.values.items())
    return PageCell(
        float(case.autoencoder.loss_),
        cell.loss.reconstruction,
        cell.loss.weight_decay,
        cell.loss.sparsity,
        cell.average_activation,
        case.target,
        cell.score,
        case.explained,
        case.sparseness.hoyer,
        np.flatnonzero(case.dead),
        cell.verdict,
        replace(view_of(cell.portrait, part), greatest=None),
        code_of(cell.model) if command is None else f"{command} {options}",
    )
