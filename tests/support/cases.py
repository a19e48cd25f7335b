"""Points, data and differences that several test files use."""

from __future__ import annotations

from functools import cache
from itertools import combinations as combinations_of
from itertools import product
from typing import NamedTuple

import numpy as np
from hypothesis import HealthCheck, settings

from rhohat import SparseObjective
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.decoders import DECODERS
from rhohat.objective.penalties import PENALTIES
from support import oracle

#: Parameters unlike the defaults, so that no factor hides behind a one; the defaults for a new row.
PENALTY_PARAMETERS = {
    "kl": {"target": 0.2, "weight": 1.7, "tolerance": 0.07},
    "l1": {"weight": 0.6},
    "smooth-l1": {"weight": 0.6, "epsilon": 0.03},
    "log": {"weight": 0.6},
    "group": {"weight": 0.6, "size": None, "epsilon": 0.03},
    "topographic": {"weight": 0.6, "shape": None, "radius": 1, "epsilon": 0.03},
    "l1-decoder-norm": {"weight": 0.6},
    "contractive": {"weight": 1.6},
    "l0": {"weight": 0.6},
}


def make_penalty(name):
    return PENALTIES[name](**PENALTY_PARAMETERS.get(name, {}))


def is_allowed(activation, penalty):
    try:
        make_penalty(penalty).check(ACTIVATIONS[activation])
    except ValueError:
        return False
    return True


def covering(combinations):
    """Few combinations with every pair of choices that any has: richest in new pairs first."""
    combinations = list(combinations)
    left = {pair for chosen in combinations for pair in pairs_in(chosen)}
    kept = []
    while left:
        kept.append(max(combinations, key=lambda chosen: len(left & pairs_in(chosen))))
        left -= pairs_in(kept[-1])
    return kept


def pairs_in(chosen):
    """Two choices of a combination at a time, with their places."""
    return set(combinations_of(enumerate(chosen), 2))


#: Every activation x decoder x penalty that the tables allow, and the pairs that they refuse.
COMBINATIONS = [
    names for names in product(ACTIVATIONS, DECODERS, PENALTIES) if is_allowed(names[0], names[2])
]
#: Some of these, in which any two rows of different tables that go together meet at least once.
COVERING = covering(COMBINATIONS)
REFUSED = [names for names in product(ACTIVATIONS, PENALTIES) if not is_allowed(*names)]
#: Pairs of activation and penalty with which a linear decoder is solved for.
SOLVABLE = [
    (a, p) for a, d, p in COMBINATIONS if d == "linear" and "W_dec" not in PENALTIES[p].sees
]


def laws(max_examples):
    """Hypothesis that draws the same examples in every run."""
    return settings(
        max_examples=max_examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


class Case(NamedTuple):
    """An objective, a point and data, with every weighted input well away from 0."""

    objective: SparseObjective
    theta: np.ndarray
    X: np.ndarray
    sample_weight: np.ndarray
    target: np.ndarray | None = None

    def loss(self, theta):
        return self.objective.loss_grad(theta, self.X, self.sample_weight, self.target)[0]

    def grad(self):
        return self.objective.loss_grad(self.theta, self.X, self.sample_weight, self.target)[1]


#: Distance of every hidden unit's weighted input from 0, where relu and |a| have a kink, and half
#: of that of any two in a row where units swap ranks.
MARGIN = 0.02


def keeps_margin(Z, activation, t_enc=None, weight=None):
    """Whether weighted inputs are well away from kinks and jumps."""
    if np.abs(Z).min() <= MARGIN:
        return False
    row = ACTIVATIONS[activation]
    if activation == "topk":
        return Z.shape[1] < 2 or np.diff(np.sort(Z, axis=1)).min() > 2 * MARGIN
    if activation == "batchtopk":  # rows weighted or not
        thresholds = [row.found(Z), row.found(Z, weight)]
        gaps = [np.sort(np.abs(Z - t).ravel())[1:2] for t in thresholds]
        return all((gap > 2 * MARGIN).all() for gap in gaps)
    if activation == "jumprelu":
        t = np.abs(t_enc)
        ends = [np.abs(Z - t * (1 + side * row.tau)).min() for side in (-1, 0, 1)]
        inside = [((side * Z > side * t) & (np.abs(Z - t) < row.tau * t)).any() for side in (-1, 1)]
        return t.min() > 0.5 and min(ends) > 0.7 * MARGIN and (all(inside) or Z.size < 12)
    return True


@cache
def make_case(activation, decoder, penalty, *, seed=0, shape=(7, 4, 3), n_outputs=None):
    """A random point, drawn again until it keeps the margin. `shape` is m, d, k.

    With `n_outputs`, rows have targets of so many columns; of d if the decoder is tied.
    """
    m, d, k = shape
    objective = SparseObjective(
        d,
        k,
        activation=activation,
        decoder=decoder,
        penalty=make_penalty(penalty),
        weight_decay=0.03,
        n_outputs=None if DECODERS[decoder].tied else n_outputs,
    )
    random = np.random.RandomState(seed)
    for _ in range(100_000):
        theta = random.uniform(-1.2, 1.2, objective.n_parameters)
        X = random.uniform(0.1, 0.9, (m, d))
        parameters = objective.unpack(theta)
        weight = random.uniform(0.2, 3.0, m)
        Z = X @ parameters["W_enc"].T + parameters["b_enc"]
        if keeps_margin(Z, activation, parameters.get("t_enc"), weight):
            case = Case(objective, theta, X, weight)
            if n_outputs is None:
                return case
            return case._replace(target=random.uniform(0.1, 0.9, (m, objective.n_outputs)))
    raise AssertionError("no point keeps the margin")


def settled(objective, theta, X, sample_weight=None):
    """The parameters with a threshold that is found put where it belongs; others as they are."""
    return objective.settled_on(X, theta, sample_weight)


def oracle_parameters(penalty):
    """What the plain loops know of a penalty: what its value depends on."""
    parameters = penalty.get_params()
    parameters.pop("tolerance", None)  # decides how a weight is found, not what it does
    return parameters


def oracle_loss_grad(objective, theta, X, sample_weight=None, target=None, **options):
    """The plain loops' answer, the gradient in the layout of theta."""
    name = next(name for name, row in PENALTIES.items() if type(objective.penalty) is row)
    parameters = objective.unpack(np.asarray(theta, dtype=float))
    W_dec = parameters[objective.decoder_weights]
    hidden = objective.activation.name
    own = {}
    if hasattr(objective.activation, "parameter"):
        (own["parameter"],) = objective.activation.get_params().values()
    if "t_enc" in parameters:
        own["t1"] = parameters["t_enc"].tolist()
    answer = oracle.evaluate(
        parameters["W_enc"].tolist(),
        parameters["b_enc"].tolist(),
        W_dec.T.tolist(),
        parameters["b_dec"].tolist(),
        np.asarray(X, dtype=float).tolist(),
        [1.0] * len(X) if sample_weight is None else list(map(float, sample_weight)),
        hidden=hidden,
        decoder=objective.decoder.name,
        penalty=oracle.PENALTIES[name](hidden, **oracle_parameters(objective.penalty)),
        decay=objective.weight_decay,
        targets=None if target is None else target.tolist(),
        **own,
        **options,
    )
    parts = {"W_enc": answer.W1, "b_enc": answer.b1, "b_dec": answer.b2}
    if "t_enc" in parameters:
        parts["t_enc"] = answer.t1
    if not objective.decoder.tied:
        parts["W_dec"] = np.transpose(answer.W2)
    return answer.loss, objective.pack(parts)


def central(function, theta, e=1e-4, every=1):
    """The notes' numerical gradient, (J(t + e u_i) - J(t - e u_i)) / 2e, of every so many i."""
    steps = e * np.eye(len(theta))[::every]
    return np.array([(function(theta + u) - function(theta - u)) / (2 * e) for u in steps])


def five_point(function, theta, e=5e-4):
    """Numerical gradient whose error is of order e^4."""
    steps = e * np.eye(len(theta))
    return np.array(
        [
            (
                8 * (function(theta + u) - function(theta - u))
                - (function(theta + 2 * u) - function(theta - 2 * u))
            )
            / (12 * e)
            for u in steps
        ]
    )


def check_ratio(numerical, grad):
    """The notes' measure of disagreement, ||num - grad|| / ||num + grad||."""
    return np.linalg.norm(numerical - grad) / np.linalg.norm(numerical + grad)


def relative(actual, expected):
    """||actual - expected|| / ||expected||, for numbers and vectors alike."""
    actual, expected = np.atleast_1d(actual), np.atleast_1d(expected)
    return np.linalg.norm(actual - expected) / np.linalg.norm(expected)


def sparse_data(m, d, *, seed=0, dtype=np.float64):
    """Rows in (0.1, 0.9) that are made of a few out of d atoms each."""
    random = np.random.RandomState(seed)
    atoms = random.uniform(-1, 1, (d, d))
    codes = random.exponential(1, (m, d)) * (random.uniform(size=(m, d)) < 0.25)
    return (0.5 + 0.4 * np.tanh(codes @ atoms)).astype(dtype)
