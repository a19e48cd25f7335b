"""The problems that the benchmarks solve, each a row: data, shape and settings."""

from typing import NamedTuple

import numpy as np

from rhohat import (
    KLSparsity,
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SparseObjective,
    load_photographs,
)
from rhohat.training.change_of_variables import StandardizedVariables
from rhohat.training.evaluation import SparseEvaluation


class Problem(NamedTuple):
    """Data and settings of the objective; all see the same initial weights."""

    name: str
    X: np.ndarray
    n_components: int
    decoder: str
    target: float
    weight: float
    weight_decay: float

    @property
    def objective(self):
        penalty = KLSparsity(target=self.target, weight=self.weight)
        return SparseObjective(
            self.X.shape[1],
            self.n_components,
            decoder=self.decoder,
            penalty=penalty,
            weight_decay=self.weight_decay,
        )

    def start(self, seed=0):
        """The notes' initial weights: W1, b1, W2 (d, k), b2."""
        d, k = self.X.shape[1], self.n_components
        r = np.sqrt(6 / (d + k + 1))
        rng = np.random.RandomState(seed)
        return rng.uniform(-r, r, (k, d)), np.zeros(k), rng.uniform(-r, r, (d, k)), np.zeros(d)


def patches(side, n_patches, seed):
    images = OneOverFWhitening().fit_transform(load_photographs().images)
    drawn = PatchExtractor(side, n_patches=n_patches, random_state=seed).fit_transform(images)
    return PatchNormalizer().fit_transform(drawn)


def headline(seed=0):
    """100 edges from 20,000 patches of 10x10."""
    return Problem(
        "100-100-100, 20,000 patches", patches(10, 20_000, seed), 100, "sigmoid", 0.01, 3.0, 1e-4
    )


def exercise(seed=0):
    """The notes' exercise: 10,000 patches of 8x8."""
    return Problem(
        "64-25-64, 10,000 patches", patches(8, 10_000, seed), 25, "sigmoid", 0.01, 3.0, 1e-4
    )


def mnist(path):
    """The notes' digits, scaled to [0, 1]; `path` is a .npz with x_train."""
    with np.load(path) as archive:
        X = archive["x_train"][:10_000].reshape(10_000, -1) / np.float32(255)
    return Problem(
        "784-196-784, 10,000 digits", X.astype(np.float32), 196, "sigmoid", 0.1, 3.0, 3e-3
    )


def random_rows(n_rows, d, k, decoder):
    """Rows without structure, where only the work per row matters."""
    X = np.random.RandomState(0).uniform(0.1, 0.9, (n_rows, d)).astype(np.float32)
    return Problem(f"{d}-{k}-{d}, {n_rows:,} rows", X, k, decoder, 0.05, 3.0, 1e-4)


def evaluation(objective, source, engine, partition):
    """A function that makes one evaluation of loss and gradient; the engine must be running."""
    variables = StandardizedVariables.for_data(objective, source, engine, partition)
    sweep = SparseEvaluation(objective, variables, engine, partition, source)
    q = variables.initial(np.random.RandomState(0))

    def evaluate():
        sweep(q)
        sweep.at(q)

    return evaluate
