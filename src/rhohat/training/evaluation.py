"""Evaluation: loss and gradient over all rows of a source, as a solver asks for them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, Self, TypeVar, cast

import numpy as np

from rhohat.common.arrays import Float64Array, FloatArray, overflow_as_infinity
from rhohat.common.caching import cached_property
from rhohat.common.devices import Device
from rhohat.common.libraries import Sent
from rhohat.objective.base import LossTerms, Objective, Sums
from rhohat.objective.network import NetworkObjective, NetworkTerms
from rhohat.objective.projection import CodeSums, best_decoder
from rhohat.objective.sparse import SparseObjective, Terms
from rhohat.rows.engines import Engine, device_of_engine
from rhohat.rows.partition import Partition
from rhohat.rows.placed import block_partition, placed
from rhohat.rows.sources import Head, Source
from rhohat.training.blocks import (
    CountSums,
    KeptActivations,
    count_sums,
    first_sums,
    keeping_pays,
    loss_sums,
    network_sums,
    second_sums,
    sparse_sums,
)
from rhohat.training.change_of_variables import ChangeOfVariables, StandardizedVariables
from rhohat.training.metric import SparseMetric
from rhohat.training.solvers import Metric

ObjectiveT = TypeVar("ObjectiveT", bound=Objective[Any])


@dataclass(eq=False)
class Evaluation(ABC, Generic[ObjectiveT]):
    """loss_grad over all rows of `source`, in the solver's variables.

    A solver asks for ``q -> (loss, grad)``, and may use `metric`, `jumps` and `hidden`. The
    parameters, the terms of the loss and the averages at the point that it accepts are remembered,
    and asked for by `at`.

    Attributes
    ----------
    objective : Objective
    variables : ChangeOfVariables
    engine : Engine
    partition : Partition
    source : Source
    metric : Metric, default=None
        Of the solver, from a sample of the rows.
    nan_in : str
        Terms of the loss that were NaN in the last evaluation; if none was, "the gradient".
    """

    objective: ObjectiveT
    variables: ChangeOfVariables
    engine: Engine
    partition: Partition
    source: Source
    metric: Metric | None = None
    nan_in: str = field(default="", init=False)
    _seen: list[tuple[Float64Array, Float64Array, LossTerms, Float64Array]] = field(
        default_factory=list, init=False
    )

    @property
    def _device(self) -> Device:
        """Where rows are summed."""
        return device_of_engine(self.engine)

    @cached_property
    def _rows(self) -> Source:
        """The rows, on the device that sums them."""
        return placed(self.source, self._device)

    @cached_property
    def _partition(self) -> Partition:
        """How they are divided there."""
        n_units = sum(shape[0] for shape in self.objective.shapes.values() if len(shape) > 1)
        return block_partition(self.partition, self.source, n_units, self._device)

    def _sent(self, theta: Float64Array) -> FloatArray:
        """Parameters in the precision of the rows, for that device."""
        computed = theta.astype(self.source.dtype)
        return computed if self._rows is self.source else cast(FloatArray, Sent(computed))

    def weighed(self, weight: float) -> Self:
        """The same evaluation with this weight of the penalty, which is one that is sought."""
        raise NotImplementedError("a weight can only be found for a sparse autoencoder.")

    def loss_terms(self, theta: Float64Array) -> LossTerms:
        """J and its terms over all rows of the source, at all parameters."""
        raise NotImplementedError("only a sparse autoencoder can be validated.")

    @property
    def jumps(self) -> bool:
        """Whether the loss may jump; a solver then asks less of a step."""
        return not self.objective.is_continuous

    def hidden(self, loss: float) -> float:
        """Change of the loss that rounding hides: relatively, and where the error is nearly 0."""
        eps = float(np.finfo(self.source.dtype).eps)
        relative = max(eps / 16, float(np.finfo(float).eps))  # errors of many rows average out
        return relative * abs(loss) + eps**2 * self.variables.magnitude

    def __call__(self, q: Float64Array) -> tuple[float, Float64Array]:
        """Loss and gradient at q, over all rows of the source."""
        with overflow_as_infinity():
            theta, total = self._sums(self.variables.to_theta(q))
            terms = self.objective.loss_terms(total, theta)
            grad = self.variables.gradient(self.objective.gradient(total, theta))
        nan_terms = [name for name, term in terms._asdict().items() if np.isnan(term)]
        self.nan_in = ", ".join(nan_terms) or "the gradient"
        self._seen.append((q, theta, terms, self.objective.average_activity(total)))
        return terms.total, grad

    def at(self, q: Float64Array) -> tuple[Float64Array, LossTerms, Float64Array]:
        """Theta, terms of the loss and averages at `q`, which was evaluated; forgets all others."""
        found = next(seen for seen in self._seen if np.array_equal(seen[0], q))
        self._seen = [found]
        return found[1:]

    @abstractmethod
    def _sums(self, theta: Float64Array) -> tuple[Float64Array, Sums]:
        """All parameters, and sums over all rows."""


class SparseEvaluation(Evaluation[SparseObjective]):
    """The evaluation of a sparse autoencoder."""

    metric: SparseMetric | None = None

    def weighed(self, weight: float) -> Self:
        """The same evaluation, and metric, with this weight of the penalty."""
        objective = self.objective.weighed(weight)
        metric = None if self.metric is None else replace(self.metric, objective=objective)
        return cast(Self, replace(cast(Any, self), objective=objective, metric=metric))

    def loss_terms(self, theta: Float64Array) -> LossTerms:
        """J and its terms over all rows of the source, at all parameters."""
        sums = partial(loss_sums, self.objective, self._sent(theta))
        with overflow_as_infinity():
            total = self.engine.map_sum(sums, self._rows, self._partition)
            return self.objective.loss_terms(total, theta)

    def _settled(self, theta: Float64Array) -> Float64Array:
        """Theta, or its encoder's part, with the threshold that all rows ask for, if it has one."""
        if not self.objective.finds_thresholds:
            return theta
        sent = self._sent(theta)

        def counts(upper: int | None) -> tuple[float, Float64Array]:
            sums = partial(count_sums, self.objective, sent, upper)
            total: CountSums = self.engine.map_sum(sums, self._rows, self._partition)
            return total.weight, total.activity

        return self.objective.settled(theta, counts)

    @cached_property
    def _kept(self) -> KeptActivations | None:
        if not keeping_pays(self.objective, self.source):
            return None
        return KeptActivations(self.objective, self.source, self._partition, self._device)

    def _sums(self, theta: Float64Array) -> tuple[Float64Array, Terms]:
        """Sums over all rows.

        Activations that may be kept are summed first, so that the penalty's slope is known when
        the gradient of their rows is computed; all other rows take a sixth matrix product instead.
        """
        theta = self._settled(theta)
        computed, kept = self._sent(theta), self._kept
        sums = partial(sparse_sums, self.objective, computed, kept)
        total = self.engine.map_sum(sums, self._rows, self._partition)
        if kept is not None and kept.n_rows:
            rest = partial(sums, slope=self.objective.penalty_slope(total, theta))
            head = Head(self._rows, kept.n_rows)
            total += self.engine.map_sum(rest, head, self._partition)
        return theta, total


class ProjectedEvaluation(SparseEvaluation):
    """The evaluation of a sparse autoencoder whose decoder is solved for.

    The solver sees J as a function of the encoder alone, the decoder being the best one for it: see
    `rhohat.objective.projection`. An evaluation takes two sweeps. The first sums what tells the
    decoder and the penalty's slope; the second sums the rest, and needs neither the decoder's
    gradient nor a product for the slope.
    """

    variables: StandardizedVariables

    @cached_property
    def _kept(self) -> KeptActivations:
        return KeptActivations(self.objective, self.source, self._partition, self._device)

    def _sums(self, theta: Float64Array) -> tuple[Float64Array, Terms]:
        objective, dtype, kept = self.objective, self.source.dtype, self._kept
        theta = self._settled(theta)
        center = self.variables.output_mean.astype(dtype)
        first = partial(first_sums, objective, self._sent(theta), center, kept)
        codes = self.engine.map_sum(first, self._rows, self._partition)
        if not codes.is_finite:
            return self._overflowed(theta, codes)
        counts = objective.decoder.counts(objective.n_components)
        decay, center = objective.weight_decay, center.astype(np.float64)
        decoder = best_decoder(codes, decay, center, dtype, counts, self._device)
        theta = np.concatenate([theta, *map(np.ravel, decoder)])
        slope = objective.penalty_slope(codes, theta)
        second = partial(second_sums, objective, self._sent(theta), slope, kept)
        total = self.engine.map_sum(second, self._rows, self._partition)
        total.weight, total.activity = codes.weight, codes.activity
        return theta, total

    def _overflowed(self, theta: Float64Array, codes: CodeSums) -> tuple[Float64Array, Terms]:
        """What an evaluation gives where activations overflow: an error that is infinite."""
        objective = self.objective
        theta = np.concatenate([theta, np.zeros(objective.n_parameters - len(theta))])
        gradient = np.zeros(objective.n_encoder_parameters)
        error = np.nan if np.isnan(codes.activity).any() else np.inf
        return theta, Terms(codes.weight, error, codes.activity, gradient, np.empty(0))


class NetworkEvaluation(Evaluation[NetworkObjective]):
    """The evaluation of a network: one sweep, or two where the penalty's slopes must be found."""

    def _sums(self, theta: Float64Array) -> tuple[Float64Array, NetworkTerms]:
        computed = self._sent(theta)
        slopes = self.objective.fixed_slopes(theta)
        if slopes is None:
            slopes = self.objective.penalty_slopes(self._swept(computed, None), theta)
        return theta, self._swept(computed, slopes)

    def _swept(self, theta: FloatArray, slopes: Float64Array | None) -> NetworkTerms:
        sums = partial(network_sums, self.objective, theta, slopes)
        return self.engine.map_sum(sums, self._rows, self._partition)
