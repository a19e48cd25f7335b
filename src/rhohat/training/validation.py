"""Validation: the exact loss over rows held out, every few iterations, and an early end by it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from rhohat.common.arrays import Float64Array
from rhohat.objective.base import LossTerms
from rhohat.rows.engines import ThreadEngine
from rhohat.rows.partition import Partition
from rhohat.rows.sources import Source
from rhohat.training.evaluation import Evaluation

#: Iterations from one validation to the next.
EVERY = 5


class Point(NamedTuple):
    """A point that training passed.

    Attributes
    ----------
    theta : ndarray of shape (p,)
    loss : LossTerms
        Over the rows of the stage.
    average_activation : ndarray of shape (k,)
        Likewise.
    """

    theta: Float64Array
    loss: LossTerms
    average_activation: Float64Array


@dataclass(frozen=True)
class Validated:
    """What validations have found so far.

    Attributes
    ----------
    iterations : tuple of int
        After which they took place, over all stages.
    losses : tuple of LossTerms
        Over the rows held out.
    best : Point or None
        Where the loss was least, since the last stage began.
    least : float
        That loss.
    n_worse : int
        Validations since then.
    """

    iterations: tuple[int, ...] = ()
    losses: tuple[LossTerms, ...] = ()
    best: Point | None = None
    least: float = float("inf")
    n_worse: int = 0

    def restarted(self) -> Validated:
        """At the beginning of a stage, whose losses are compared with each other alone."""
        return replace(self, best=None, least=float("inf"), n_worse=0)

    def followed_by(self, iteration: int, loss: LossTerms, point: Point | None) -> Validated:
        """With another validation, of a point if the best one is to be kept."""
        found = replace(
            self,
            iterations=(*self.iterations, iteration),
            losses=(*self.losses, loss),
            n_worse=self.n_worse + 1,
        )
        if loss.total < self.least:
            found = replace(found, best=point, least=loss.total, n_worse=0)
        return found


@dataclass(frozen=True)
class Validation:
    """Rows held out, and what to do with the loss over them.

    Attributes
    ----------
    source : Source
    partition : Partition
    engine : ThreadEngine
    patience : int or None
        Validations without a lower loss after which training ends; None: it does not.
    """

    source: Source
    partition: Partition
    engine: ThreadEngine
    patience: int | None

    def loss(self, evaluation: Evaluation, theta: Float64Array) -> LossTerms:
        """J and its terms over the rows held out, with their own averages."""
        with self.engine.running() as engine:
            held_out = replace(
                evaluation, source=self.source, engine=engine, partition=self.partition
            )
            return held_out.loss_terms(theta)

    def has_enough(self, found: Validated) -> bool:
        """Whether training is to end."""
        return self.patience is not None and found.n_worse >= self.patience
