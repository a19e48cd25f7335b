"""How far are the features of several methods edges? All see the same patches.

    python benchmarks/edge_scores.py [--seeds 5] [--all-methods-seeds 1]

Prints a table in Markdown. The sparse autoencoder is run for every seed with the settings of
``rhohat learn``; the others, which take longer, for the first seeds only.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.decomposition import PCA, FastICA, MiniBatchDictionaryLearning
from sklearn.exceptions import ConvergenceWarning

from rhohat import (
    KLSparsity,
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SparseAutoencoder,
    edge_score,
    load_photographs,
)


def sparse_autoencoder(X, seed):
    penalty = KLSparsity(target=0.01, weight=3)
    model = SparseAutoencoder(100, decoder="sigmoid", sparsity_penalty=penalty, random_state=seed)
    return model.fit(X).components_


def independent_components(X, seed):
    model = FastICA(99, whiten="unit-variance", random_state=seed, max_iter=200)
    return model.fit(X.astype(float)).mixing_.T


def dictionary(X, seed):
    model = MiniBatchDictionaryLearning(
        100, alpha=0.3, batch_size=256, max_iter=20, random_state=seed, transform_algorithm="omp"
    )
    return model.fit(X - X.mean(axis=1, keepdims=True)).components_


def principal_components(X, seed):
    return PCA(99).fit(X).components_


def noise(X, seed):
    return np.random.RandomState(seed).randn(100, X.shape[1])


METHODS = {
    "sparse autoencoder": sparse_autoencoder,
    "FastICA": independent_components,
    "dictionary learning": dictionary,
    "PCA": principal_components,
    "noise": noise,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--all-methods-seeds", type=int, default=1)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    whitened = OneOverFWhitening().fit_transform(load_photographs().images)
    print("| method | seed | edges | median R2 | coverage | alike or opposite | seconds |")
    print("|---|---|---|---|---|---|---|")
    for name, method in METHODS.items():
        n_seeds = arguments.seeds if method is sparse_autoencoder else arguments.all_methods_seeds
        for seed in range(n_seeds):
            extractor = PatchExtractor(random_state=seed)
            X = PatchNormalizer().fit_transform(extractor.fit_transform(whitened))
            started = time.perf_counter()
            weights = method(X, seed)
            seconds = time.perf_counter() - started
            score = edge_score(weights)
            print(
                f"| {name} | {seed} | {score.edge_share:.0%} | {score.median_r2:.2f} "
                f"| {score.orientation_coverage:.2f} | {score.n_alike + score.n_opposite} "
                f"| {seconds:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
