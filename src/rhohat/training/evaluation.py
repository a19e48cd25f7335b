"""Evaluation: loss and gradient over all rows of a source, as a solver asks for them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, Generic, TypeVar

import numpy as np

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.objective.base import LossTerms, Objective, Sums
from rhohat.objective.network import NetworkObjective, NetworkTerms
from rhohat.objective.sparse import SparseObjective, Terms
from rhohat.rows.engines import Engine
from rhohat.rows.partition import Partition
from rhohat.rows.sources import Head, Source
from rhohat.training.blocks import KeptActivations, NetworkBlock, SparseBlock, overflow_as_infinity
from rhohat.training.change_of_variables import ChangeOfVariables

ObjectiveT = TypeVar("ObjectiveT", bound=Objective[Any])


class Evaluation(ABC, Generic[ObjectiveT]):
    """loss_grad of one source in the solver's variables, which remembers what else it saw.

    The solver's contract is ``q -> (loss, grad)``; the terms of the loss and the averages at the
    point that it accepts are asked for afterwards. How the sums are made is the objective's own.
    """

    def __init__(
        self,
        objective: ObjectiveT,
        variables: ChangeOfVariables,
        engine: Engine,
        partition: Partition,
        source: Source,
    ) -> None:
        self.objective = objective
        self.variables = variables
        self.engine = engine
        self.partition = partition
        self.source = source
        self.nan_in = ""
        self._seen: list[tuple[Float64Array, LossTerms, Float64Array]] = []

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
        """Terms and averages of the sweep at `q`; forgets all others."""
        found = next(seen for seen in self._seen if seen[0] is q or np.array_equal(seen[0], q))
        self._seen = [found]
        return found[1:]

    @abstractmethod
    def _sums(self, theta: FloatArray) -> Sums:
        """Sum over all rows, at theta in their precision."""


class SparseEvaluation(Evaluation[SparseObjective]):
    """The evaluation of a sparse autoencoder."""

    def __init__(
        self,
        objective: SparseObjective,
        variables: ChangeOfVariables,
        engine: Engine,
        partition: Partition,
        source: Source,
    ) -> None:
        super().__init__(objective, variables, engine, partition, source)
        self._kept = KeptActivations.for_source(objective, source, partition)

    def _sums(self, theta: FloatArray) -> Terms:
        """Sum over all rows.

        As far as activations may be kept, they are summed first, so that the penalty's slope is
        known when the gradient is computed; the other rows do with a sixth product instead.
        """
        n_kept = len(self._kept)
        first = SparseBlock(self.objective, theta, self._kept)
        total = self.engine.map_sum(first, self.source, self.partition)
        if n_kept:
            slope = self.objective.penalty_slope(total)
            second = replace(first, slope=slope)
            total += self.engine.map_sum(second, Head(self.source, n_kept), self.partition)
        return total


class NetworkEvaluation(Evaluation[NetworkObjective]):
    """The evaluation of a network: one sweep, or two where the penalty's slopes must be found."""

    def _sums(self, theta: FloatArray) -> NetworkTerms:
        slopes = self.objective.fixed_slopes
        if slopes is None:
            block = NetworkBlock(self.objective, theta, None)
            found = self.engine.map_sum(block, self.source, self.partition)
            slopes = self.objective.penalty_slopes(found)
        block = NetworkBlock(self.objective, theta, slopes)
        return self.engine.map_sum(block, self.source, self.partition)
