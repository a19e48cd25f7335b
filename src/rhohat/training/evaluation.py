"""Evaluation: loss and gradient over all rows of a source, as a solver asks for them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Generic, TypeVar

import numpy as np

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.objective.base import LossTerms, Objective, Sums
from rhohat.objective.network import NetworkObjective, NetworkTerms
from rhohat.objective.sparse import SparseObjective, Terms
from rhohat.rows.engines import Engine
from rhohat.rows.partition import Partition
from rhohat.rows.sources import Head, Source
from rhohat.training.blocks import KeptActivations, network_sums, overflow_as_infinity, sparse_sums
from rhohat.training.change_of_variables import ChangeOfVariables

ObjectiveT = TypeVar("ObjectiveT", bound=Objective[Any])


@dataclass(eq=False)
class Evaluation(ABC, Generic[ObjectiveT]):
    """loss_grad over all rows of `source`, in the solver's variables.

    A solver asks for ``q -> (loss, grad)`` only. The terms of the loss and the averages at the
    point that it accepts are remembered, and asked for by `at`.

    Attributes
    ----------
    objective : Objective
    variables : ChangeOfVariables
    engine : Engine
    partition : Partition
    source : Source
    nan_in : str
        Terms of the loss that were NaN in the last evaluation; if none was, "the gradient".
    """

    objective: ObjectiveT
    variables: ChangeOfVariables
    engine: Engine
    partition: Partition
    source: Source
    nan_in: str = field(default="", init=False)
    _seen: list[tuple[Float64Array, LossTerms, Float64Array]] = field(
        default_factory=list, init=False
    )

    def __call__(self, q: Float64Array) -> tuple[float, Float64Array]:
        """Loss and gradient at q, over all rows of the source."""
        with overflow_as_infinity():
            theta = self.variables.to_theta(q)
            total = self._sums(theta.astype(self.source.dtype))
            terms = self.objective.loss_terms(total, theta)
            grad = self.variables.gradient(self.objective.gradient(total, theta))
        nan_terms = [name for name, term in terms._asdict().items() if np.isnan(term)]
        self.nan_in = ", ".join(nan_terms) or "the gradient"
        self._seen.append((q, terms, self.objective.average_activity(total)))
        return terms.total, grad

    def at(self, q: Float64Array) -> tuple[LossTerms, Float64Array]:
        """Terms of the loss and averages at `q`, which was evaluated; forgets all other points."""
        found = next(seen for seen in self._seen if np.array_equal(seen[0], q))
        self._seen = [found]
        return found[1:]

    @abstractmethod
    def _sums(self, theta: FloatArray) -> Sums:
        """Sums over all rows, at theta in their precision."""


class SparseEvaluation(Evaluation[SparseObjective]):
    """The evaluation of a sparse autoencoder."""

    @cached_property
    def _kept(self) -> KeptActivations:
        return KeptActivations(self.objective, self.source, self.partition)

    def _sums(self, theta: FloatArray) -> Terms:
        """Sums over all rows.

        Activations that may be kept are summed first, so that the penalty's slope is known when
        the gradient of their rows is computed; all other rows take a sixth matrix product instead.
        """
        sums, kept = partial(sparse_sums, self.objective, theta, self._kept), self._kept.n_rows
        total = self.engine.map_sum(sums, self.source, self.partition)
        if kept:
            rest = partial(sums, slope=self.objective.penalty_slope(total))
            total += self.engine.map_sum(rest, Head(self.source, kept), self.partition)
        return total


class NetworkEvaluation(Evaluation[NetworkObjective]):
    """The evaluation of a network: one sweep, or two where the penalty's slopes must be found."""

    def _sums(self, theta: FloatArray) -> NetworkTerms:
        slopes = self.objective.fixed_slopes
        if slopes is None:
            slopes = self.objective.penalty_slopes(self._swept(theta, None))
        return self._swept(theta, slopes)

    def _swept(self, theta: FloatArray, slopes: Float64Array | None) -> NetworkTerms:
        sums = partial(network_sums, self.objective, theta, slopes)
        return self.engine.map_sum(sums, self.source, self.partition)
