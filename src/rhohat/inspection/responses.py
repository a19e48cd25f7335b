"""Responses: what a layer's units do on examples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from rhohat.common.arrays import Float64Array
from rhohat.common.caching import cached_property
from rhohat.inspection.activation_statistics import (
    ActivationStatistics,
    FiringTogether,
    activation_statistics,
    firing_together,
)
from rhohat.inspection.examples import Examples
from rhohat.inspection.groups import ExampleGroup, groups_of
from rhohat.inspection.layers import Layer
from rhohat.inspection.rebuilding import Rebuilding, rebuild
from rhohat.rows.sampling import sample_rows
from rhohat.rows.sources import Source

#: Random examples whose mean stands for that of all, and values that are held for means at a time.
AVERAGED, VALUES_HELD = 1000, 1 << 22


@dataclass(frozen=True, eq=False)
class Responses:
    """What a layer's units do on examples; statistics are computed once, when first asked for.

    Attributes
    ----------
    layer : Layer
    examples : Examples
    n_examples : int
        Number of examples to keep for each unit, those that activate it most.
    """

    layer: Layer
    examples: Examples
    n_examples: int

    @property
    def activations(self) -> Source:
        """Activations, one column per unit."""
        return self.layer.encoded(self.examples.source)

    @cached_property
    def statistics(self) -> ActivationStatistics:
        """How active units are, and on which examples most."""
        return activation_statistics(
            self.activations,
            self.layer.activation,
            n_examples=self.n_examples,
            scene=self.examples.scene,
        )

    @cached_property
    def groups(self) -> list[ExampleGroup]:
        """Examples to judge each unit by, from those that activate it most to random ones."""
        return groups_of(self.statistics, self.activations)

    @cached_property
    def together(self) -> FiringTogether:
        """Which units fire together."""
        return firing_together(self.activations)

    @cached_property
    def rebuilding(self) -> Rebuilding | None:
        """How near reconstructions come to the examples; None if there are none to compare."""
        examples = self.examples
        return rebuild(self.layer, examples.source, self.statistics.extremes.high, examples.target)

    @property
    def dead(self) -> NDArray[np.intp]:
        """Units whose activation is the same for all examples, and that are not saturated."""
        constant = self.statistics.extremes.constant(self.layer.activation.range)
        return np.setdiff1d(np.flatnonzero(constant), self.saturated)

    @property
    def saturated(self) -> NDArray[np.intp]:
        """Units whose average activation lies in the upper half of a bounded range."""
        activation = self.layer.activation
        middle = sum(activation.range) / 2 if activation.is_bounded else np.inf
        return np.flatnonzero(self.statistics.mean > middle)

    @cached_property
    def mean_of_top(self) -> Float64Array:
        """Mean of each unit's top examples as they were given, less the mean of all, (k, d)."""
        tops = self.statistics.rows
        rows, at = np.unique(tops, return_inverse=True)
        units = np.repeat(np.arange(len(tops)), tops.shape[1])
        shape = len(tops), len(rows)
        counts = scipy.sparse.csc_array((np.ones(tops.size), (units, at.ravel())), shape=shape)
        means: Float64Array = self._sums(rows, counts) / tops.shape[1]
        return means - self.middle

    @cached_property
    def middle(self) -> Float64Array:
        """Mean of the examples as they were given, or of a random part of many, (d,)."""
        few = sample_rows(len(self.examples), AVERAGED, seed=0)
        sums = self._sums(few, scipy.sparse.csc_array(np.ones((1, len(few)))))
        mean: Float64Array = sums[0] / len(few)
        return mean

    @cached_property
    def spread(self) -> Float64Array:
        """Standard deviation of each of the examples' columns; 1 where it is zero, (d,)."""
        few = sample_rows(len(self.examples), AVERAGED, seed=0)
        given = self.examples.given(few).reshape(len(few), -1)
        deviation = given.std(axis=0, dtype=np.float64)
        spread: Float64Array = np.where(deviation > 0, deviation, 1.0)
        return spread

    def _sums(self, rows: NDArray[np.intp], counts: scipy.sparse.csc_array) -> Float64Array:
        """Sums of examples as they were given, each as often as `counts`, (n, rows), says."""
        width = self.examples.given(rows[:1]).size
        step = max(VALUES_HELD // width, 1)
        sums = np.zeros((counts.shape[0], width))
        for start in range(0, len(rows), step):
            part = self.examples.given(rows[start : start + step]).reshape(-1, width)
            sums += counts[:, start : start + step] @ part.astype(np.float64)
        return sums
