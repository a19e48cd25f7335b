"""The problems that the benchmarks solve, each a row: data, shape and settings."""

import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np
from dictionaries import dictionary_rows
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from rhohat import (
    KLSparsity,
    L1Sparsity,
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SparseAutoencoder,
    SparseObjective,
    Whitening,
    load_photographs,
)


class Problem(NamedTuple):
    """Data and settings of the objective; for a seed, all methods but ours start alike."""

    name: str
    X: np.ndarray
    n_components: int
    decoder: str
    target: float
    weight: float
    weight_decay: float
    activation: str = "sigmoid"
    penalty: str = "kl"

    @property
    def sparsity_penalty(self):
        if self.penalty == "kl":
            return KLSparsity(target=self.target, weight=self.weight)
        return L1Sparsity(weight=self.weight)

    @property
    def objective(self):
        return SparseObjective(
            self.X.shape[1],
            self.n_components,
            activation=self.activation,
            decoder=self.decoder,
            penalty=self.sparsity_penalty,
            weight_decay=self.weight_decay,
        )

    def model(self, **options):
        """An estimator with the settings of the problem."""
        return SparseAutoencoder(
            self.n_components,
            activation=self.activation,
            decoder=self.decoder,
            sparsity_penalty=self.sparsity_penalty,
            weight_decay=self.weight_decay,
            **options,
        )

    @property
    def constant_loss(self):
        """J of the best model whose output is the same for all rows: half the variance."""
        return 0.5 * float(self.X.var(axis=0, dtype=np.float64).sum())

    def start(self, seed=0):
        """The notes' initial weights: W1, b1, W2 (d, k), b2."""
        d, k = self.X.shape[1], self.n_components
        r = np.sqrt(6 / (d + k + 1))
        rng = np.random.RandomState(seed)
        return rng.uniform(-r, r, (k, d)), np.zeros(k), rng.uniform(-r, r, (d, k)), np.zeros(d)


# Data


def patches(side, n_patches, seed):
    images = OneOverFWhitening().fit_transform(load_photographs().images)
    drawn = PatchExtractor(side, n_patches=n_patches, random_state=seed).fit_transform(images)
    return PatchNormalizer().fit_transform(drawn)


def color_patches(side, n_patches, seed):
    """Whitened as ``rhohat learn --color`` does."""
    images = load_photographs(color=True).images
    drawn = PatchExtractor(side, n_patches=n_patches, random_state=seed).fit_transform(images)
    return Whitening(epsilon=0.5).fit_transform(drawn)


def standardized(X):
    """Centered, and divided by one number, so that the mean variance is one."""
    centered = X - X.mean(axis=0, dtype=np.float64)
    return (centered / np.sqrt(np.square(centered).mean())).astype(np.float32)


def images_of(path, n_rows):
    """The first training images of MNIST or Fashion-MNIST, scaled to [0, 1].

    `path` is a .npz with x_train, or the data set's own file train-images-idx3-ubyte.gz.
    """
    if str(path).endswith(".gz"):
        with gzip.open(path) as file:
            X = np.frombuffer(file.read(16 + 784 * n_rows), np.uint8, offset=16)
    else:
        with np.load(path) as archive:
            X = archive["x_train"][:n_rows]
    return (X.reshape(n_rows, 784) / np.float32(255)).astype(np.float32)


def fashion_mnist(folder, part="train"):
    """All images of a part, (n, 784), 0 to 255, and their classes, from the set's own files."""
    held = []
    for name, offset in ((f"{part}-images-idx3-ubyte.gz", 16), (f"{part}-labels-idx1-ubyte.gz", 8)):
        with gzip.open(Path(folder) / name) as file:
            held.append(np.frombuffer(file.read(), np.uint8, offset=offset))
    return held[0].reshape(-1, 784), held[1]


def principal_components(X, n_components):
    return PCA(n_components, svd_solver="covariance_eigh").fit_transform(X).astype(np.float32)


# Problems


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


def mnist(path, n_rows=10_000):
    """The notes' digits, scaled to [0, 1]."""
    X = images_of(path, n_rows)
    return Problem(f"784-196-784, {n_rows:,} digits", X, 196, "sigmoid", 0.1, 3.0, 3e-3)


def photographs_linear():
    X = standardized(patches(10, 20_000, 0))
    return Problem("photographs, linear decoder", X, 100, "linear", 0.05, 3.0, 1e-4)


def photographs_tied():
    return photographs_linear()._replace(name="photographs, tied decoder", decoder="tied")


def color():
    """Color patches, with four hundred units, twice the number of their columns."""
    X = color_patches(8, 10_000, 0)
    return Problem("color patches, 400 units", X, 400, "linear", 0.035, 5.0, 3e-3)


def mnist_components(path):
    X = principal_components(images_of(path, 10_000), 100)
    return Problem("MNIST, 100 components", X, 100, "linear", 0.05, 3.0, 1e-4)


def fashion_components(path):
    X = principal_components(images_of(path, 6_000), 100)
    return Problem("Fashion-MNIST, 100 components, 200 units", X, 200, "linear", 0.05, 3.0, 1e-4)


def digits():
    X = Whitening().fit_transform(load_digits().data.astype(np.float32))
    return Problem("whitened 8x8 digits, 100 units", X, 100, "linear", 0.05, 3.0, 1e-4)


def dictionary(target=0.05, **settings):
    """Sums of a few of 50 atoms in 30 dimensions."""
    X = standardized(dictionary_rows().X)
    name = f"dictionary 50 in 30, rho {target}"
    return Problem(name, X, 50, "linear", target, 15.0, 1e-3)._replace(**settings)


def dictionary_tanh():
    return dictionary(name="dictionary, tanh", activation="tanh")


def dictionary_relu():
    return dictionary(name="dictionary, relu and L1", activation="relu", penalty="l1", weight=0.1)


def dictionary_tied():
    return dictionary(name="dictionary, tied decoder", decoder="tied")


def random_rows(n_rows, d, k, decoder):
    """Rows without structure, where only the work per row matters."""
    X = np.random.RandomState(0).uniform(0.1, 0.9, (n_rows, d)).astype(np.float32)
    return Problem(f"{d}-{k}-{d}, {n_rows:,} rows", X, k, decoder, 0.05, 3.0, 1e-4)


# One evaluation


def evaluation(objective, source, engine, partition):
    """A function that makes one evaluation of loss and gradient, as training makes them.

    The engine must be running.
    """
    from rhohat.rows.feature_sums import FeatureSums
    from rhohat.training.start import sparse_start

    sums, random_state = FeatureSums.over(source, engine, partition), np.random.RandomState(0)
    start = sparse_start(objective, sums, source, engine, partition, random_state)

    def evaluate():
        start.evaluation(start.q)
        start.evaluation.at(start.q)

    return evaluate


def whole_evaluation(objective, source, engine, partition):
    """The same for the encoder and decoder together, even where the decoder is solved for."""
    from rhohat.training.evaluation import SparseEvaluation

    variables, q = standardized_start(objective, source, engine, partition)
    sweep = SparseEvaluation(objective, variables, engine, partition, source)

    def evaluate():
        sweep(q)
        sweep.at(q)

    return evaluate


def standardized_start(objective, source, engine, partition, seed=0):
    """The variables that rhohat trains in, and the vector of all parameters that it starts from."""
    from rhohat.rows.feature_sums import FeatureSums
    from rhohat.training.change_of_variables import StandardizedVariables
    from rhohat.training.start import draw_sample, initial

    variables = StandardizedVariables.for_sums(
        objective, FeatureSums.over(source, engine, partition)
    )
    sample = draw_sample(source, variables.mean, variables.scale, seed)
    return variables, initial(variables, sample, np.random.RandomState(seed))
