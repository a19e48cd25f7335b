"""What are the features good for? Handwritten digits, recognized as in the UFLDL exercises.

    python benchmarks/recognition.py self-taught [--data mnist.npz] [--seeds 3] [--validate]
    python benchmarks/recognition.py stacked     [--data mnist.npz] [--seeds 3] [--validate]
    python benchmarks/recognition.py few-labels  [--data mnist.npz] [--seeds 3] [--validate]

self-taught: digits 5 to 9 teach the autoencoder without labels; of the digits 0 to 4 among the
training images the first half teaches a classifier, the second half is recognized. stacked: two
autoencoders and a softmax layer, fine-tuned on all 60,000 training images; the 10,000 test images
are recognized. The recipes of both are those of `rhohat exercise`. few-labels: 10,000 images
without labels teach autoencoders of several kinds, 100 images of each class a linear classifier;
the 10,000 test images are recognized.

Settings were chosen with --validate, which holds out training images instead: a third of the
labeled half, the last 10,000 of the 60,000. Without --data (arrays x_train, y_train, x_test and
y_test) scikit-learn fetches the images. Prints a table in Markdown.
"""

import argparse
import time
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_openml
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from rhohat import ContractivePenalty, GaussianNoise, KLSparsity, Masking, SparseAutoencoder
from rhohat.files.splits import load_split
from rhohat.recipes.exercises import self_taught, stacked


def mnist(path):
    """Images in [0, 1] and labels, the 60,000 training images first."""
    if path is not None:
        images, labels, _ = load_split([Path(path)])
        return images, labels
    X, y = fetch_openml("mnist_784", version=1, as_frame=False, return_X_y=True)
    return X.reshape(70_000, 28, 28).astype(np.float32) / np.float32(255), y.astype(int)


def accuracies_self_taught(images, y, seed, validate):
    """Of a linear classifier on pixels, and on features learned from digits that it never sees."""
    return self_taught(images[:60_000], y[:60_000], 60_000, seed=seed, held_out=validate)


def accuracies_stacked(images, y, seed, validate):
    """Of a network of two autoencoders and a softmax layer, before fine-tuning and after."""
    end, stop = (50_000, 60_000) if validate else (60_000, 70_000)
    return stacked(images[:stop], y[:stop], end, seed=seed)


#: What few-labels compares: C of the classifier, and settings of 200 units; None for pixels.
PLAIN = {"sparsity_penalty": "none", "weight_decay": 1e-3}
KINDS = {
    "pixels": (0.1, None),
    "plain": (1, PLAIN),
    "denoising, Gaussian": (1, PLAIN | {"corruption": GaussianNoise(0.6)}),
    "denoising, masking": (1, PLAIN | {"corruption": Masking(0.5)}),
    "contractive": (0.1, PLAIN | {"sparsity_penalty": ContractivePenalty(0.01)}),
    "sparse": (1, PLAIN | {"sparsity_penalty": KLSparsity(target=0.05, weight=3)}),
}


def accuracies_few_labels(images, y, seed, validate):
    """Of a linear classifier on pixels, and on features of autoencoders of several kinds."""
    X, y = images.reshape(len(images), -1), np.asarray(y).astype(int)
    end = 50_000
    tested = slice(end, 60_000) if validate else slice(60_000, 70_000)
    random = np.random.RandomState(seed)
    classes = [np.flatnonzero(y[:end] == label) for label in range(10)]
    labeled = np.concatenate([random.choice(rows, 100, replace=False) for rows in classes])
    for name, (C, settings) in KINDS.items():
        model = LogisticRegression(C=C, max_iter=300)
        if settings is not None:
            common = {"decoder": "sigmoid", "max_iter": 50, "random_state": seed}
            encoder = SparseAutoencoder(200, **common, **settings).fit(X[:10_000])
            model = make_pipeline(FrozenEstimator(encoder), model)
        yield name, model.fit(X[labeled], y[labeled]).score(X[tested], y[tested]), None


EXPERIMENTS = {
    "self-taught": accuracies_self_taught,
    "stacked": accuracies_stacked,
    "few-labels": accuracies_few_labels,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiment", choices=EXPERIMENTS)
    parser.add_argument("--data", help="a .npz; fetched if not given")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--validate", action="store_true", help="hold out training images")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y = mnist(arguments.data)
    found = defaultdict(list)
    print("| | seed | accuracy | seconds |")
    print("|---|---|---|---|")
    for seed in range(arguments.seeds):
        started = time.perf_counter()
        for name, accuracy, _ in EXPERIMENTS[arguments.experiment](X, y, seed, arguments.validate):
            seconds = time.perf_counter() - started
            print(f"| {name} | {seed} | {accuracy:.2%} | {seconds:.0f} |", flush=True)
            found[name].append(accuracy)
    for name, accuracies in found.items():
        spread = f"{min(accuracies):.2%} to {max(accuracies):.2%}"
        print(f"| {name} | all | {np.mean(accuracies):.2%} ({spread}) | |")


if __name__ == "__main__":
    main()
