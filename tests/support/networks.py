"""Networks of every depth, at points where numerical gradients can be trusted."""

from functools import cache

import numpy as np
import pytest

from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.network import NetworkObjective
from rhohat.objective.penalties import PENALTIES
from support.cases import covering, is_allowed, keeps_margin, make_penalty

#: Hidden layers of the networks that gradients are checked on, input to output.
DEPTHS = [(), (4,), (4, 3), (3, 4, 2)]
NETWORKS = [
    (activation, penalty, depth)
    for activation in ACTIVATIONS
    for penalty in PENALTIES
    if is_allowed(activation, penalty)
    and "W_dec" not in PENALTIES[penalty].sees
    and not ACTIVATIONS[activation].n_thresholds(1)
    for depth in DEPTHS
]
every_network = pytest.mark.parametrize(("activation", "penalty", "depth"), covering(NETWORKS))


@cache
def network(activation, penalty, depth):
    """Objective, theta, rows, labels and weights; weighted inputs keep away from kinks at 0."""
    sizes = (5, *depth, 3)
    objective = NetworkObjective(
        sizes, (activation,) * len(depth), penalty=make_penalty(penalty), weight_decay=0.03
    )
    random = np.random.RandomState(0)
    for _ in range(100_000):
        theta = random.uniform(-1.2, 1.2, objective.n_parameters)
        rows = random.uniform(0.1, 0.9, (6, 5))
        A, keeps = rows, True
        for (W, b), f in zip(objective.layers(theta), objective.activations, strict=False):
            Z = A @ W.T + b
            keeps = keeps and keeps_margin(Z, activation)
            A = f.function(Z)
        if keeps:
            break
    else:
        raise AssertionError("no point keeps the margin")
    return objective, theta, rows, random.randint(0, 3, 6), random.uniform(0.2, 3, 6)
