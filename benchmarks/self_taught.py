"""Self-taught Fashion-MNIST: features of unlabeled classes that help to recognize others.

    python benchmarks/self_taught.py fashion-mnist/ [--splits 3] [--units 400 800]

Units are learned from 6,000 images of classes 5 to 9 without labels. Of classes 0 to 4, 6,000
images train logistic regression on features and on pixels, each with the C that is best on a fifth
of them held out; 6,000 others are classified, once for each split.
"""

import argparse
import warnings

import numpy as np
from problems import fashion_mnist
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rhohat import KLSparsity, SparseAutoencoder, choose, diagnose

ROWS = 6000
#: Values of C, logistic regression's only setting.
CS = (1e-3, 1e-2, 1e-1, 1)


def read(folder):
    """All images, scaled to [0, 1], and their classes."""
    parts = [fashion_mnist(folder, part) for part in ("train", "t10k")]
    X, y = (np.concatenate(values) for values in zip(*parts, strict=True))
    return (X / 255).astype(np.float32), y


def accuracy(train, test, y, y_test):
    """Of the classifier whose C is best on the last fifth of the training rows."""
    held = len(y) // 5
    linear = [make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=300)) for C in CS]
    scores = [m.fit(train[:-held], y[:-held]).score(train[-held:], y[-held:]) for m in linear]
    return 100 * linear[int(np.argmax(scores))].fit(train, y).score(test, y_test)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--units", type=int, nargs="*", default=[400, 800])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y = read(options.folder)
    results = {}
    for split in range(options.splits):
        order = np.random.RandomState(split).permutation(len(X))
        unlabeled = X[[i for i in order if y[i] >= 5][:ROWS]]
        labeled = [i for i in order if y[i] < 5]
        train, test = labeled[:ROWS], labeled[ROWS : 2 * ROWS]

        def tell(name, transform, train=train, test=test):
            score = accuracy(transform(X[train]), transform(X[test]), y[train], y[test])
            results.setdefault(name, []).append(score)
            print(f"split {len(results[name]) - 1}  {name:34s} {score:.2f} %", flush=True)

        tell("pixels", lambda rows: rows)
        for k in options.units:
            choice = choose(unlabeled, k, aim="recognition", random_state=split)
            tell(f"choose, {k} units", choice.pipeline_.transform)
            print(f"  {choice.settings}")
        exercise = SparseAutoencoder(
            200,
            decoder="sigmoid",
            sparsity_penalty=KLSparsity(0.1, 3.0),
            weight_decay=3e-3,
            random_state=split,
        ).fit(np.clip(unlabeled, 1e-3, 1 - 1e-3))
        tell("exercise's settings, 200 units", exercise.transform)
        print(f"  {diagnose(exercise, unlabeled)}")
        tell("PCA, 200 components", PCA(200, random_state=0).fit(unlabeled).transform)
    for name, scores in results.items():
        told = " ".join(f"{score:.2f}" for score in scores)
        print(f"{name:36s} {np.mean(scores):.2f} %  ({told})")


if __name__ == "__main__":
    main()
