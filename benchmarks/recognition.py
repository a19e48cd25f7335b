"""What are the features good for? Handwritten digits, recognised as in the UFLDL exercises.

    python benchmarks/recognition.py self-taught [--data mnist.npz] [--seeds 3] [--validate]
    python benchmarks/recognition.py stacked     [--data mnist.npz] [--seeds 3] [--validate]

self-taught: digits 5 to 9 teach the autoencoder without labels; of the digits 0 to 4 among the
training images the first half teaches a classifier, the second half is recognised. stacked: two
autoencoders and a softmax layer, fine-tuned on all 60,000 training images; the 10,000 test images
are recognised.

Settings were chosen with --validate, which holds out training images instead: a third of the
labelled half, the last 10,000 of the 60,000. Without --data (arrays x_train, y_train, x_test and
y_test) scikit-learn fetches the images. Prints a table in Markdown.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.datasets import fetch_openml
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rhohat import (
    KLSparsity,
    SparseAutoencoder,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
)

PENALTY = KLSparsity(target=0.1, weight=3)


def mnist(path):
    """Images in [0, 1] and labels, the 60,000 training images first."""
    if path is None:
        X, y = fetch_openml("mnist_784", version=1, as_frame=False, return_X_y=True)
    else:
        with np.load(path) as archive:
            X = np.concatenate([archive["x_train"], archive["x_test"]]).reshape(70_000, -1)
            y = np.concatenate([archive["y_train"], archive["y_test"]])
    return X.astype(np.float32) / np.float32(255), y.astype(int)


def autoencoder(n_components, **settings):
    return SparseAutoencoder(
        n_components,
        decoder="sigmoid",
        sparsity_penalty=PENALTY,
        weight_decay=3e-3,
        **settings,
    )


def self_taught(X, y, seed, validate):
    """Accuracy of a linear classifier on pixels, and on features of digits it was not shown."""
    X, y = X[:60_000], y[:60_000]
    unlabelled, X, y = X[y >= 5], X[y < 5], y[y < 5]
    half = len(y) // 2
    if validate:
        X, y = X[:half], y[:half]
    end = 2 * half // 3 if validate else half
    if seed == 0:
        pixels = LogisticRegression(C=0.1, max_iter=300)
        yield "pixels", lambda: pixels.fit(X[:end], y[:end]).score(X[end:], y[end:])
    encoder = autoencoder(400, random_state=seed)
    classifier = make_pipeline(
        encoder, StandardScaler(), LogisticRegression(C=0.1, max_iter=300, tol=1e-3)
    )
    encoder.fit(unlabelled)
    classifier = make_pipeline(FrozenEstimator(encoder), *classifier[1:])
    yield "features", lambda: classifier.fit(X[:end], y[:end]).score(X[end:], y[end:])
