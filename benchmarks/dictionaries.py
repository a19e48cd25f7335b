"""Data with a known answer: sums of a few atoms, and how many of these a model has found."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import norm

#: Units of one group fire together where codes are correlated.
GROUP = 5
#: Cosine above which an atom counts as found.
FOUND = 0.95


@dataclass(frozen=True)
class Dictionary:
    """Rows, and the atoms of unit length that they are made of."""

    X: np.ndarray
    atoms: np.ndarray

    def recovered(self, features):
        """Share of the atoms that have a feature of their own, up to its sign."""
        lengths = np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
        cosines = np.abs(features / lengths @ self.atoms.T)
        pairs = linear_sum_assignment(cosines, maximize=True)
        return np.count_nonzero(cosines[pairs] >= FOUND) / len(self.atoms)


def dictionary_rows(
    n_rows=5000,
    k=50,
    d=30,
    share=0.05,
    *,
    atoms="normal",
    amplitudes="uniform",
    rates="equal",
    correlation=0.0,
    noise=0.05,
    seed=12,
):
    """Rows in which each of k atoms takes part with probability `share`, plus `noise`.

    Atoms are "normal", "non-negative" (seven tenths of the entries are zero) or "bars", the rows
    and columns of a square of d pixels, of which there are 2 sqrt(d). Amplitudes are "uniform" or
    "exponential", rates "equal" or follow a "power-law".
    """
    rng = np.random.default_rng(seed)
    D = bars(d) if atoms == "bars" else rng.standard_normal((k, d))
    if atoms == "non-negative":
        D = np.abs(D) * (rng.random(D.shape) < 0.3)
    D /= np.linalg.norm(D, axis=1, keepdims=True)
    active = draw_active(n_rows, draw_rates(len(D), share, rates), correlation, rng)
    draw = rng.random if amplitudes == "uniform" else lambda shape: rng.exponential(0.5, shape)
    X = (active * draw(active.shape)) @ D
    return Dictionary(X + noise * X.std() * rng.standard_normal(X.shape), D)


def bars(d):
    side = round(d**0.5)
    lines = np.kron(np.eye(side), np.ones(side))
    return np.concatenate([lines, lines.reshape(side, side, side).swapaxes(1, 2).reshape(side, d)])


def draw_rates(k, share, rates):
    if rates == "equal":
        return np.full(k, share)
    powers = np.arange(1, k + 1) ** -0.75
    return np.minimum(share * powers / powers.mean(), 0.5)


def draw_active(n_rows, rates, correlation, rng):
    """Which atoms take part in which row; those of a group are correlated, by a Gaussian copula."""
    shape = n_rows, len(rates)
    if not correlation:
        return rng.random(shape) < rates
    common = rng.standard_normal((n_rows, -(-len(rates) // GROUP))).repeat(GROUP, axis=1)
    own = rng.standard_normal(shape)
    common = common[:, : len(rates)]
    return np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own > norm.isf(rates)
