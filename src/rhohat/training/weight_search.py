"""The search for the penalty's weight: one weight, by dual ascent between short stages.

Training begins with legs, stages of a few iterations, and each goes on where the one before ended,
under a better weight. Then the weight stays, and J with that weight is minimized. If the averages
have left the target by the end, further legs follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rhohat.common.arrays import Float64Array
from rhohat.objective.sparse import SparseObjective
from rhohat.training.stages import Stage, iterations_of

#: Iterations of the first leg and of the others, and the part of all iterations that all of them,
#: and the last one, may have.
FIRST_LEG, LEG, LEGS_SHARE = 20, 10, 0.6
#: Further legs, each with that part of all iterations, for which there is no budget otherwise.
FURTHER, FURTHER_SHARE = 2, 0.25
#: The first weight, and the greatest, as parts of the data's total variance. Under a greater one,
#: the penalty is nearly all that is minimized.
FIRST_WEIGHT, MOST_WEIGHT = 0.5, 100.0


@dataclass(frozen=True)
class WeightSearch:
    """A search for the weight of an objective's penalty.

    Attributes
    ----------
    objective : SparseObjective
        Its penalty's weight is sought.
    variance : float
        Of the data, summed over the features.
    """

    objective: SparseObjective
    variance: float

    @property
    def first(self) -> float:
        """The weight to begin with."""
        return FIRST_WEIGHT * self.variance

    @property
    def most(self) -> float:
        """The greatest weight."""
        return MOST_WEIGHT * self.variance

    def misses(self, average: Float64Array) -> bool:
        """Whether the averages are too far from what is asked."""
        return self.objective.penalty.misses(average, self.objective.activation)

    def after(self, weight: float, average: Float64Array) -> float:
        """The weight of the next leg, given that of the last one and where it has led."""
        penalty = self.objective.penalty.weighed(weight)
        return min(penalty.next_weight(average, self.objective.activation), self.most)

    def complaint(self, weight: float, average: Float64Array) -> str:
        """Why the target is missed; empty if it is not."""
        activation = self.objective.activation
        asked = self.objective.penalty.asked_share
        if asked is None or not self.misses(average):
            return ""
        share = activation.share(average)
        unit = int(share.argmax())
        found = f"the average activation is {share.mean():.3g} of the range, the target {asked:.3g}"
        if weight < self.most:
            return (
                f"{found}, and training ended before a weight was found: raise max_iter, or give "
                "the weight as a number."
            )
        return (
            f"the target cannot be met: {found}, although the penalty's weight is {weight:.3g}, "
            f"{MOST_WEIGHT:g} times the data's variance. Unit {unit} is the most active, at "
            f"{share[unit]:.3g}: it lowers the loss by more than any penalty costs, as can happen "
            "with few rows. Raise the target or, if training has not converged, max_iter."
        )


def with_legs(stages: Sequence[Stage]) -> list[Stage]:
    """Stages whose first one is divided into legs, and is long enough for all of them.

    >>> [tuple(stage) for stage in with_legs([Stage(2000, 100)])]
    [(2000, 20), (2000, 10), (2000, 10), (2000, 10), (2000, 10), (2000, 40)]
    >>> [tuple(stage) for stage in with_legs([Stage(5000, 45), Stage(12_000, 55)])]
    [(5000, 20), (5000, 10), (5000, 10), (5000, 10), (5000, 10), (12000, 40)]
    """
    first, *others = stages
    most = int(LEGS_SHARE * iterations_of(stages))
    if others:
        lent = min(max(most - first.max_iter, 0), others[0].max_iter - 1)
        first = first._replace(max_iter=first.max_iter + lent)
        others[0] = others[0]._replace(max_iter=others[0].max_iter - lent)
    legs: list[int] = []
    left, size = first.max_iter, FIRST_LEG
    while left > size and sum(legs) + size <= most:
        legs.append(size)
        left -= size
        size = LEG
    return [Stage(first.n_rows, leg) for leg in [*legs, left]] + others


def further_leg(stages: Sequence[Stage]) -> Stage:
    """A leg after the last stage."""
    share = FURTHER_SHARE * iterations_of(stages)
    return Stage(stages[-1].n_rows, max(int(share), 1))


def most_iterations(stages: Sequence[Stage]) -> int:
    """Iterations of all stages, and of all legs that may follow them."""
    return iterations_of(stages) + FURTHER * further_leg(stages).max_iter
