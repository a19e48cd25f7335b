"""What a report is about: layers of a model, and what their units do on examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from rhohat.inspection.activation_statistics import (
    ActivationStatistics,
    FiringTogether,
    activation_statistics,
    firing_together,
)
from rhohat.inspection.examples import Examples
from rhohat.inspection.layers import Layer
from rhohat.inspection.portrait import Portrait
from rhohat.objective.penalties import KLSparsity
from rhohat.rows.sources import Source

__all__ = ["Responses", "Subject", "subjects_of"]


@dataclass(frozen=True, eq=False)
class Responses:
    """What a layer's units do on examples; each part is computed once, when first asked for.

    Attributes
    ----------
    layer : Layer
    examples : Examples
    n_examples : int
        Those that activate a unit most, to keep for each.
    """

    layer: Layer
    examples: Examples
    n_examples: int

    @property
    def activations(self) -> Source:
        """Activations, a column per unit."""
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
        """Units that respond alike to all examples."""
        return np.flatnonzero(self.statistics.is_dead(self.layer.activation))

    @property
    def saturated(self) -> NDArray[np.intp]:
        """Units that are on average in the upper half of the range."""
        return np.flatnonzero(self.statistics.is_saturated(self.layer.activation))


@dataclass(frozen=True, eq=False)
class Subject:
    """A layer that a report tells of.

    Attributes
    ----------
    model : estimator
    portrait : Portrait
        Of the layer.
    below : Subject or None
        The layer below, if there is one.
    responses : Responses or None
        None without examples.
    command : str or None
        That makes the model.
    """

    model: BaseEstimator
    portrait: Portrait
    below: Subject | None = None
    responses: Responses | None = None
    command: str | None = None

    @property
    def target(self) -> float | None:
        """The average activity asked for, as a share of the range."""
        penalty = self.portrait.layer.estimator.sparsity_penalty
        penalty = KLSparsity() if penalty == "kl" else penalty
        return float(penalty.target) if isinstance(penalty, KLSparsity) else None

    @property
    def target_activation(self) -> float | None:
        """The same as an activation."""
        target, activation = self.target, self.portrait.layer.activation
        if target is None or not activation.is_bounded:
            return None
        low, high = activation.range
        return low + target * (high - low)


def subjects_of(
    model: BaseEstimator,
    portraits: Sequence[Portrait],
    examples: Examples | None,
    *,
    n_examples: int,
    command: str | None,
) -> list[Subject]:
    """The layers of a model that have these portraits, from the input upwards."""
    subjects: list[Subject] = []
    for portrait in portraits:
        below = subjects[-1] if subjects else None
        responses = None if examples is None else Responses(portrait.layer, examples, n_examples)
        subjects.append(Subject(model, portrait, below, responses, command))
    return subjects
