"""Exploration: a grid over rho, beta and lambda, and a fit in each cell, all on the same rows."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import make_pipeline

from rhohat.common.caching import cached_property
from rhohat.common.printable import enumerated
from rhohat.common.validation import look_up
from rhohat.estimators.anatomy import Anatomy
from rhohat.estimators.autoencoder import SparseAutoencoder
from rhohat.estimators.measures import PURSUED_ROWS, pursuit, some_rows
from rhohat.inspection.diagnosis import STRONG_DECAY, Case
from rhohat.inspection.portrait import Portrait, portraits_of
from rhohat.objective.base import LossTerms
from rhohat.objective.penalties import penalty_of

#: The share of dead units, and the average in targets, beyond which they are told of; the largest
#: activation below which units never fire.
DEAD, ACTIVE, FIRES = 0.05, 1.5, 0.5
#: Sparseness (Hoyer) below which units are not sparse: usually, and so many targets off the target.
SPARSE, SPARSE_IF_FAR, FAR = 0.15, 0.4, 4
#: The verdict on units that are not, and how it begins if they are.
NOT_SPARSE, SPARSE_UNITS = "Units are not sparse: many are active at once.", "Units are sparse"


class Hyperparameter(NamedTuple):
    """A row of `HYPERPARAMETERS`.

    Attributes
    ----------
    symbol, label : str
        As in formulas, and in words.
    parameter : str
        Name of the autoencoder's parameter.
    factors : tuple of float
        By which a model's own value is multiplied where no values are given.
    highest : float
        That it may not reach.
    """

    symbol: str
    label: str
    parameter: str
    factors: tuple[float, ...]
    highest: float = np.inf


#: What is varied, by the names that Python and the command have for it.
HYPERPARAMETERS: dict[str, Hyperparameter] = {
    "rho": Hyperparameter("ρ", "target", "sparsity_penalty__target", (0.2, 1, 5), 1.0),
    "beta": Hyperparameter("β", "sparsity weight", "sparsity_penalty__weight", (0.1, 1, 10)),
    "lambda": Hyperparameter("λ", "weight decay", "weight_decay", (0.1, 1, 10)),
}


@dataclass(frozen=True, eq=False)
class Cell:
    """One fit of an exploration.

    Attributes
    ----------
    values : dict of str to float
        rho, beta and lambda, as far as the model has them.
    model : estimator
        Fitted; the steps before the units are the same in all cells.
    case : Case
        The model on the rows that it learned from.
    """

    values: Mapping[str, Any]
    model: BaseEstimator
    case: Case

    @cached_property
    def portrait(self) -> Portrait:
        """What its units look for."""
        return portraits_of(self.model)[-1]

    @property
    def loss(self) -> LossTerms:
        """Reconstruction, weight decay and sparsity at the end."""
        terms: LossTerms = self.case.autoencoder.loss_terms_
        return terms

    @property
    def average_activation(self) -> float:
        """rho_hat, averaged over the units."""
        return float(self.case.autoencoder.average_activation_.mean())

    @cached_property
    def score(self) -> float:
        """Share of the variance that 1, 2 and 4 units rebuild, on average; see `pursuit_score`."""
        return pursuit(self.case.autoencoder.decoder_weights_, self.case.centered[:PURSUED_ROWS])

    @property
    def is_sparse(self) -> bool:
        """Whether its units are as they should be: see `verdict`."""
        return self.verdict.startswith(SPARSE_UNITS)

    @cached_property
    def verdict(self) -> str:
        """What these settings have led to, in a sentence."""
        case, k = self.case, len(self.case.dead)
        n_dead = int(case.dead.sum())
        dead = f"{n_dead:,} of {k:,} units are dead"
        ratio = float(case.shares.mean()) / case.target if case.target else 0.0
        if n_dead > DEAD * k:
            strong = "Weight decay is too strong: " if case.decay_share > STRONG_DECAY else ""
            return f"{strong}{dead}."
        bounded = case.objective.activation.is_bounded
        if bounded and case.sparseness.largest < FIRES:
            return "Units never fire: none uses much of its activation's range."
        asked = f"units are {ratio:.1f} times as active as the target"
        if bounded and case.sparseness.hoyer < (SPARSE if ratio <= FAR else SPARSE_IF_FAR):
            return f"The penalty is too weak: {asked}." if ratio > ACTIVE else NOT_SPARSE
        told = [SPARSE_UNITS, "all are alive" if n_dead == 0 else dead]
        return ", ".join(told + [asked] * (ratio > ACTIVE)) + "."


@dataclass(frozen=True, eq=False)
class Exploration:
    """Fits of one model with all combinations of some settings, on the same rows.

    Attributes
    ----------
    grid : dict of str to tuple of float
        Values of rho, beta and lambda, as far as the model has them.
    cells : list of Cell
        In the order of `points`; fewer if it was interrupted.
    n_rows, max_iter : int
        Rows that every fit learned from, and its maximum number of iterations.
    """

    grid: Mapping[str, tuple[Any, ...]]
    cells: Sequence[Cell]
    n_rows: int
    max_iter: int

    @property
    def n_cells(self) -> int:
        """Number of combinations."""
        return prod(map(len, self.grid.values()))

    @property
    def points(self) -> list[dict[str, Any]]:
        """All combinations; the last setting changes first."""
        return points_of(self.grid)

    def cell(self, **values: float) -> Cell:
        """Find the fit at some values; settings with a single value may be left out.

        ``exploration.cell(**{"rho": 0.01, "beta": 3, "lambda": 1e-4})``

        Parameters
        ----------
        **values : float
            By the names of the grid.

        Returns
        -------
        cell : Cell

        Raises
        ------
        KeyError
            If there is no such fit.
        """
        own = {name: given[0] for name, given in self.grid.items() if len(given) == 1} | values
        found = next((cell for cell in self.cells if cell.values == own), None)
        if found is None:
            raise KeyError(f"there is no fit at {own}; the grid is {dict(self.grid)}.")
        return found

    @property
    def best(self) -> Cell | None:
        """The cell with sparse units in which few units reconstruct most; None if there is none."""
        sparse = [cell for cell in self.cells if cell.is_sparse]
        return max(sparse, key=lambda cell: cell.score, default=None)

    def __str__(self) -> str:
        """What was done, and which settings gave the best features, in sentences."""
        n, missing = len(self.cells), self.n_cells - len(self.cells)
        told = [
            f"{n:,} {'fit' if n == 1 else 'fits'} on {self.n_rows:,} rows, at most "
            f"{self.max_iter:,} iterations each."
        ]
        if missing:
            told.append(
                f"{missing:,} of {self.n_cells:,} are missing, because the run was interrupted."
            )
        best = self.best
        if best is None:
            told.append("Units are sparse in none of them.")
        else:
            where = ", ".join(f"{name} {text_of(value)}" for name, value in best.values.items())
            told.append(
                f"Units are sparse in {sum(cell.is_sparse for cell in self.cells):,}; of these, "
                f"{where} is best: 1, 2 and 4 units reconstruct {best.score:.0%} of the variance "
                f"on average, all units {best.case.explained:.0%}."
            )
            ends = [
                name
                for name, values in self.grid.items()
                if len(values) > 1 and best.values[name] in (values[0], values[-1])
            ]
            if ends and not missing:
                told.append(
                    f"For {enumerated(ends)}, the best value is at the edge of the grid: try "
                    "values beyond it, too."
                )
        return " ".join(told)


def text_of(value: Any) -> str:
    """A value as it is typed: 1e-5, not 1e-05."""
    return value if isinstance(value, str) else f"{value:g}".replace("e-0", "e-")


def points_of(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """All combinations of a grid's values."""
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def grid_of(
    autoencoder: SparseAutoencoder, grid: Mapping[str, Sequence[float]] | None = None
) -> dict[str, tuple[Any, ...]]:
    """A complete grid: values that are given, or the model's own and some around it.

    Raises
    ------
    ValueError
        If a name is no setting of the grid, the penalty has no such parameter, or a value is
        outside its range.
    """
    given = dict(grid or {})
    for name in given:
        look_up("setting of a grid", name, HYPERPARAMETERS)
    penalty, found = penalty_of(autoencoder.sparsity_penalty), {}
    own = penalty.get_params()
    for name, varied in HYPERPARAMETERS.items():
        inner = varied.parameter.partition("__")[2]
        if inner and inner not in own:
            if name in given:
                raise ValueError(f"{name} does not apply to the penalty {penalty!r}.")
            continue
        value = own[inner] if inner else getattr(autoencoder, varied.parameter)
        found[name] = (
            _values(name, varied, given[name]) if name in given else _around(varied, value)
        )
    return found


def _around(varied: Hyperparameter, value: Any) -> tuple[Any, ...]:
    """A model's own value, and some around it; alone, if it is no number or zero."""
    if isinstance(value, str) or value == 0:
        return (value,)
    around = (float(f"{factor * value:.2g}") if factor != 1 else value for factor in varied.factors)
    return tuple(one for one in around if one < varied.highest)


def _values(name: str, varied: Hyperparameter, values: Sequence[float]) -> tuple[float, ...]:
    """Values in rising order, each once."""
    numbers = sorted({float(value) for value in np.ravel(values)})
    if not numbers or not all(0 <= value < varied.highest for value in numbers):
        below = "" if varied.highest == np.inf else f" and below {varied.highest:g}"
        raise ValueError(f"{name} must be one or more numbers, at least 0{below}, got {values!r}.")
    return tuple(numbers)


def explored(
    model: BaseEstimator,
    X: Any,
    grid: Mapping[str, Sequence[Any]],
    *,
    n_rows: int,
    max_iter: int,
) -> Iterator[Cell]:
    """Fit a model with every combination of a grid, one after the other.

    Parameters
    ----------
    model : SparseAutoencoder, or pipeline that ends in one
        Copied; its steps before the units are fitted once.
    X : images, rows, series or recordings, as it takes them
    grid : mapping of str to sequence
        Complete; see `grid_of`.
    n_rows, max_iter : int
        Rows to learn from, a random part if there are more, and iterations at most.
    """
    anatomy = Anatomy.of(clone(model))
    assert anatomy.autoencoder is not None  # as `grid_of` has seen
    rows, before = X, anatomy.before
    for step in before[: len(before) - len(anatomy.of_rows)]:
        rows = step.fit_transform(rows)
    rows = some_rows(rows, n_rows)
    given = np.asarray(rows)
    for step in anatomy.of_rows:
        rows = step.fit_transform(rows)
    run = {"max_iter": max_iter, "checkpoint": None, "resume": False, "warm_start": False}
    for point in points_of(grid):
        changes = {HYPERPARAMETERS[name].parameter: value for name, value in point.items()}
        autoencoder = clone(anatomy.autoencoder).set_params(**run, **changes)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # which the verdict tells
            autoencoder.fit(rows)
        fitted = make_pipeline(*before, autoencoder) if before else autoencoder
        case = Case(fitted, Anatomy.of(fitted), given.reshape(len(given), -1), np.asarray(rows))
        yield Cell(point, fitted, case)
