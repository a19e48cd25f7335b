"""What a report is about: layers of a model, and what their units do on examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline

from rhohat.common.arrays import Float64Array
from rhohat.common.caching import cached_property
from rhohat.common.validation import check_integer
from rhohat.estimators.anatomy import Anatomy
from rhohat.estimators.classifier import StackedAutoencoderClassifier
from rhohat.estimators.measures import some_numbers
from rhohat.inspection.activation_statistics import N_EXAMPLES
from rhohat.inspection.classes import ClassResponses, Labels, class_responses
from rhohat.inspection.diagnosis import ROWS, Case, Diagnosis
from rhohat.inspection.examples import examples_of
from rhohat.inspection.layers import Layer
from rhohat.inspection.portrait import Portrait, portraits_of
from rhohat.inspection.responses import Responses
from rhohat.objective.penalties import penalty_of
from rhohat.rows.sources import ArraySource


@dataclass(frozen=True)
class Making:
    """How a model and its page came about, as far as it is known.

    Attributes
    ----------
    command : str or None
        Command line that makes the model.
    data : str
        What the data are called.
    seconds : float or None
        That learning took.
    steps : mapping of str to sequence of str
        How to go on: lines to be copied, by what they do.
    reading : str
        Python expression that reads the data, with ``import rhohat``.
    """

    command: str | None = None
    data: str = ""
    seconds: float | None = None
    steps: Mapping[str, Sequence[str]] = field(default_factory=dict)
    reading: str = ""


#: Where nothing is known of it.
UNKNOWN = Making()


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
    making : Making
    replication : ndarray of shape (k,) or None
        Cosine of each unit's pattern with its partners from other starts; see `stability`.
    labels : Labels or None
        Of what the user gave.
    """

    model: BaseEstimator
    portrait: Portrait
    below: Subject | None = None
    making: Making = UNKNOWN
    replication: Float64Array | None = None
    labels: Labels | None = None

    @property
    def layer(self) -> Layer:
        """The layer itself."""
        return self.portrait.layer

    @property
    def responses(self) -> Responses | None:
        """What the layer's units do on examples; None without examples."""
        return self.portrait.responses

    @property
    def codes(self) -> NDArray[np.intp] | None:
        """The class of each example, -1 where its label is missing; None without labels."""
        if self.responses is None or self.labels is None:
            return None
        examples = self.responses.examples
        return self.labels.codes[examples.origins(np.arange(len(examples)))]

    @cached_property
    def predicted(self) -> NDArray[Any] | None:
        """What a classifier takes each example for; None without examples, or for other models."""
        estimator = self.layer.estimator
        if self.responses is None or not isinstance(estimator, StackedAutoencoderClassifier):
            return None
        return estimator.predict(self.responses.examples.source)

    @cached_property
    def classes(self) -> ClassResponses | None:
        """How units respond to classes of examples; None without labels that make some."""
        if self.responses is None or self.labels is None or self.codes is None:
            return None
        return class_responses(self.responses.activations, self.codes, len(self.labels.names))

    @cached_property
    def diagnosis(self) -> Diagnosis | None:
        """What the examples tell of the layer; None without them, or if it rebuilds nothing."""
        estimator = self.layer.estimator
        if self.responses is None or Anatomy.of(estimator).autoencoder is None:
            return None
        examples = self.responses.examples
        numbers = some_numbers(len(examples), ROWS)  # as `diagnose` does
        rows = examples.inputs(numbers)
        if self.below is not None:
            rows = self.below.layer.encoded(ArraySource(rows)).read(0, len(rows)).X
            return Case(estimator, Anatomy.of(estimator), rows, rows).diagnosis()
        before = self.layer.before
        model = make_pipeline(*before, estimator) if before else estimator
        return Case(model, Anatomy.of(model), examples.of_steps(numbers), rows).diagnosis()

    @property
    def target(self) -> float | None:
        """The average activation asked for; None if there is none, or the range is unbounded."""
        penalty = penalty_of(self.layer.estimator.sparsity_penalty)
        return penalty.asked_average(self.layer.activation)


def subjects_of(
    model: BaseEstimator,
    data: Any = None,
    *,
    shape: tuple[int, ...] | None = None,
    n_examples: int = N_EXAMPLES,
    making: Making = UNKNOWN,
    columns: Sequence[Any] | None = None,
    scene: Sequence[int] | None = None,
    labels: Iterable[Any] | None = None,
    target: Any = None,
) -> list[Subject]:
    """The layers of a model, from the input upwards; for the parameters see `report`."""
    check_integer("n_examples", n_examples, low=1)
    if target is not None and data is None:
        raise ValueError("targets belong to data: pass the data, too.")
    examples = None if data is None else examples_of(model, data, shape, scene, target)
    known = None
    if labels is not None:
        known = Labels.of(labels, None if examples is None else examples.n_given)
    subjects: list[Subject] = []
    for portrait in portraits_of(model, examples, shape, n_examples=n_examples, columns=columns):
        below = subjects[-1] if subjects else None
        subjects.append(Subject(model, portrait, below, making, labels=known))
    values, drawn, *_ = subjects[0].portrait.tiles
    if data is None and shape is not None and drawn is None:
        raise ValueError(
            f"units that see {values.shape[1]} values cannot have shape {shape}: pass "
            "shape=(height, width) or (height, width, 3)."
        )
    return subjects
