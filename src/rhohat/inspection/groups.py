"""Groups of examples: those that activate a unit most, random ones of each interval, and of all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray
from rhohat.inspection.activation_statistics import N_SAMPLED, ActivationStatistics
from rhohat.inspection.intervals import INTERVALS
from rhohat.rows.sampling import sample_rows
from rhohat.rows.sources import Source


@dataclass(frozen=True, eq=False)
class ExampleGroup:
    """Some examples of each unit, the most active first.

    Attributes
    ----------
    name : str
        "top", one of `INTERVALS`, or "random".
    told : str
        Which examples they are.
    low, high : ndarray of shape (k,)
        Activations between which all rows of the group lie; `high` is not reached by an interval
        that another one follows.
    counts : ndarray of int of shape (k,)
        Number of rows that the group stands for.
    rows : ndarray of int of shape (k, n)
        Numbers of the rows shown; -1 where there are no more.
    values : ndarray of shape (k, n)
        Their activations; NaN where there is none.
    """

    name: str
    told: str
    low: FloatArray
    high: FloatArray
    counts: NDArray[np.int64]
    rows: NDArray[np.int64]
    values: FloatArray


def groups_of(statistics: ActivationStatistics, activations: Source) -> list[ExampleGroup]:
    """Groups of a layer's examples, from the most active; no row of "top" is in an interval's.

    Parameters
    ----------
    statistics : ActivationStatistics
    activations : Source
        What they are of.
    """
    top, sampled, bounds = statistics.rows, statistics.sampled, statistics.bounds
    low, high = statistics.extremes.low, statistics.extremes.high
    k, n_rows = len(top), statistics.n_rows
    every = np.full(k, n_rows)
    best = statistics.values
    found = [ExampleGroup("top", "that activate it most", best[:, -1], high, every, top, best)]
    for i, (name, interval) in reversed(list(enumerate(INTERVALS.items()))):
        is_top = (sampled.rows[:, i, :, None] == top[:, None]).any(axis=2)
        rows = np.where(is_top, -1, sampled.rows[:, i])
        first = np.argsort(rows < 0, axis=1, kind="stable")[:, :N_SAMPLED]
        rows = np.take_along_axis(rows, first, axis=1)
        values = np.take_along_axis(sampled.values[:, i], first, axis=1)
        upper: FloatArray = bounds[:, i + 1] if i + 1 < len(INTERVALS) else high
        found.append(
            _ranked(name, interval.told, bounds[:, i], upper, sampled.counts[:, i], rows, values)
        )
    rows = np.sort(sample_rows(n_rows, N_SAMPLED, seed=0))
    values = activations.take(rows).X.T
    told = "drawn at random, the same for every unit"
    return [*found, _ranked("random", told, low, high, every, np.tile(rows, (k, 1)), values)]


def _ranked(
    name: str,
    told: str,
    low: FloatArray,
    high: FloatArray,
    counts: NDArray[np.int64],
    rows: NDArray[np.int64],
    values: FloatArray,
) -> ExampleGroup:
    """A group, with the most active rows first; of equals, the first."""
    values = np.where(rows < 0, np.nan, values)
    order = np.lexsort((rows, -values), axis=1)
    rows, values = (
        np.take_along_axis(rows, order, axis=1),
        np.take_along_axis(values, order, axis=1),
    )
    return ExampleGroup(name, told, low, high, counts, rows, values)
