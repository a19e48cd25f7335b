"""What are the features good for? Handwritten digits, recognized as in the UFLDL exercises.

    python benchmarks/recognition.py self-taught [--data mnist.npz] [--seeds 3] [--validate]
    python benchmarks/recognition.py stacked     [--data mnist.npz] [--seeds 3] [--validate]

self-taught: digits 5 to 9 teach the autoencoder without labels; of the digits 0 to 4 among the
training images the first half teaches a classifier, the second half is recognized. stacked: two
autoencoders and a softmax layer, fine-tuned on all 60,000 training images; the 10,000 test images
are recognized.

Settings were chosen with --validate, which holds out training images instead: a third of the
labeled half, the last 10,000 of the 60,000. Without --data (arrays x_train, y_train, x_test and
y_test) scikit-learn fetches the images. Prints a table in Markdown.
"""

import argparse
import time
import warnings
from collections import defaultdict

import numpy as np
from sklearn.datasets import fetch_openml
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from rhohat import KLSparsity, SparseAutoencoder, StackedAutoencoder, StackedAutoencoderClassifier


def mnist(path):
    """Images in [0, 1] and labels, the 60,000 training images first."""
    if path is None:
        X, y = fetch_openml("mnist_784", version=1, as_frame=False, return_X_y=True)
    else:
        with np.load(path) as archive:
            X = np.concatenate([archive["x_train"], archive["x_test"]]).reshape(70_000, -1)
            y = np.concatenate([archive["y_train"], archive["y_test"]])
    return X.astype(np.float32) / np.float32(255), y.astype(int)


def accuracies_self_taught(X, y, seed, validate):
    """Of a linear classifier on pixels, and on features learned from digits that it never sees."""
    X, y = X[:60_000], y[:60_000]
    unlabeled, X, y = X[y >= 5], X[y < 5], y[y < 5]
    end = stop = len(y) // 2
    if validate:
        end = 2 * end // 3
    else:
        stop = len(y)
    encoder = SparseAutoencoder(
        400,
        decoder="sigmoid",
        sparsity_penalty=KLSparsity(target=0.05, weight=3),
        weight_decay=1e-3,
        random_state=seed,
    )
    frozen = FrozenEstimator(encoder.fit(unlabeled))
    for name, model in (
        ("softmax on pixels", LogisticRegression(C=0.1, max_iter=300)),
        ("softmax on features", make_pipeline(frozen, LogisticRegression(C=20, max_iter=300))),
    ):
        yield name, model.fit(X[:end], y[:end]).score(X[end:stop], y[end:stop])


def accuracies_stacked(X, y, seed, validate):
    """Of a network of two autoencoders and a softmax layer, before fine-tuning and after."""
    end, stop = (50_000, 60_000) if validate else (60_000, 70_000)
    settings = SparseAutoencoder(
        decoder="sigmoid",
        sparsity_penalty=KLSparsity(target=0.1, weight=3),
        weight_decay=3e-3,
        max_iter=150,
    )
    stack = StackedAutoencoder((200, 200), estimator=settings, random_state=seed)
    stack.fit(X[:end])
    for name, max_iter in (("before fine-tuning", 0), ("after fine-tuning", 80)):
        model = StackedAutoencoderClassifier(
            FrozenEstimator(stack), weight_decay=3e-5, max_iter=max_iter, tol=0
        )
        yield name, model.fit(X[:end], y[:end]).score(X[end:stop], y[end:stop])


EXPERIMENTS = {"self-taught": accuracies_self_taught, "stacked": accuracies_stacked}


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
        for name, accuracy in EXPERIMENTS[arguments.experiment](X, y, seed, arguments.validate):
            seconds = time.perf_counter() - started
            print(f"| {name} | {seed} | {accuracy:.2%} | {seconds:.0f} |", flush=True)
            found[name].append(accuracy)
    for name, accuracies in found.items():
        spread = f"{min(accuracies):.2%} to {max(accuracies):.2%}"
        print(f"| {name} | all | {np.mean(accuracies):.2%} ({spread}) | |")


if __name__ == "__main__":
    main()
