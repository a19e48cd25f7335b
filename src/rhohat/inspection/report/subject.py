"""What a report is about: layers of a model, and what their units do on examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from rhohat.common.arrays import Float64Array
from rhohat.common.caching import cached_property
from rhohat.estimators.anatomy import Anatomy
from rhohat.inspection.activation_statistics import (
    ActivationStatistics,
    FiringTogether,
    activation_statistics,
    firing_together,
)
from rhohat.inspection.diagnosis import Case, Diagnosis
from rhohat.inspection.examples import Examples, examples_of
from rhohat.inspection.layers import Layer
from rhohat.inspection.portrait import Portrait, portraits_of
from rhohat.objective.penalties import penalty_of
from rhohat.rows.sources import Source


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
        activation = self.layer.activation
        return activation_statistics(self.activations, activation, n_examples=self.n_examples)

    @cached_property
    def together(self) -> FiringTogether:
        """Which units fire together."""
        return firing_together(self.activations)

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


@dataclass(frozen=True, eq=False)
class Subject:
    """A layer that a report is about.

    Attributes
    ----------
    model : estimator
        That the layer is a part of.
    portrait : Portrait
        Of the layer.
    below : Subject or None
        The layer below, if there is one.
    responses : Responses or None
        None without examples.
    command : str or None
        Command line that makes the model.
    replication : ndarray of shape (k,) or None
        Cosine of each unit's pattern with its partners from other starts; see `stability`.
    """

    model: BaseEstimator
    portrait: Portrait
    below: Subject | None = None
    responses: Responses | None = None
    command: str | None = None
    replication: Float64Array | None = None

    @property
    def layer(self) -> Layer:
        """The layer itself."""
        return self.portrait.layer

    @cached_property
    def diagnosis(self) -> Diagnosis | None:
        """What the examples tell of an autoencoder; None without them, or for networks."""
        anatomy = Anatomy.of(self.model)
        if self.responses is None or anatomy.autoencoder is None or len(anatomy.units) > 1:
            return None
        examples = self.responses.examples
        numbers = np.sort(examples.sample())
        given, rows = examples.of_steps(numbers), examples.inputs(numbers)
        return Case(self.model, anatomy, given, rows).diagnosis()

    @property
    def target(self) -> float | None:
        """The average activation asked for, as a share of the range; None if there is none."""
        target = getattr(penalty_of(self.layer.estimator.sparsity_penalty), "target", None)
        return None if target is None else float(target)

    @property
    def target_activation(self) -> float | None:
        """The target as an activation; None if there is none, or the range is unbounded."""
        target, activation = self.target, self.layer.activation
        if target is None or not activation.is_bounded:
            return None
        low, high = activation.range
        return low + target * (high - low)


def subjects_of(
    model: BaseEstimator,
    data: Any = None,
    *,
    shape: tuple[int, ...] | None = None,
    n_examples: int = 8,
    command: str | None = None,
) -> list[Subject]:
    """The layers of a model, from the input upwards; for the parameters see `report`."""
    examples = None if data is None else examples_of(model, data, shape)
    subjects: list[Subject] = []
    for portrait in portraits_of(model, examples, shape):
        below = subjects[-1] if subjects else None
        responses = None if examples is None else Responses(portrait.layer, examples, n_examples)
        subjects.append(Subject(model, portrait, below, responses, command))
    return subjects
