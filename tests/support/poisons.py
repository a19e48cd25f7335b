"""Faults in a loss, from an iteration on, and in a network's sums, at an evaluation."""

import numpy as np

from rhohat import KLSparsity
from rhohat.objective.network import NetworkTerms
from rhohat.rows.engines import ThreadEngine


class Poison:
    """Released after an iteration; to be asked for by a callback."""

    def __init__(self, iteration):
        self.iteration = iteration
        self.released = False

    def __call__(self, progress):
        self.released = progress.n_iter >= self.iteration


class PoisonedKL(KLSparsity):
    """A penalty whose value or slope are spoiled once its poison is released."""

    poison, value, slope = None, 0.0, 0.0

    def on_average(self, average, activation):
        value, slope = super().on_average(average, activation)
        if self.poison is not None and self.poison.released:
            return value + self.value, slope + self.slope
        return value, slope


def poisoned(poison, value=0.0, slope=0.0):
    """A penalty to which `value` and `slope` are added once the poison is released."""
    penalty = PoisonedKL(0.1, 0.5)
    penalty.poison, penalty.value, penalty.slope = poison, value, slope
    return penalty


class FaultyEngine(ThreadEngine):
    """Spoils the cross-entropy of a network's sums, from its k-th evaluation on.

    Parameters
    ----------
    k : int
    with_hidden : bool
        Whether the network is the whole one, and not its softmax layer alone.
    value : float
    """

    def __init__(self, k, *, with_hidden=True, value=np.nan):
        super().__init__(1)
        self.left, self.with_hidden, self.value = k, with_hidden, value

    def map_sum(self, function, source, partition):
        total = super().map_sum(function, source, partition)
        is_network = isinstance(total, NetworkTerms) and total.gradient.size
        if is_network and bool(total.activity.size) == self.with_hidden:
            self.left -= 1
            if self.left <= 0:
                total.cross_entropy = self.value
        return total
