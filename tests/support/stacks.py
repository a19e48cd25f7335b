"""Small stacks and classifiers, and rows with labels for them."""

import numpy as np

from rhohat import (
    KLSparsity,
    SparseAutoencoder,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
)
from support.cases import sparse_data

X = sparse_data(2600, 8, dtype=np.float32)
Y = np.array(["low", "middle", "high"])[np.digitize(X[:, 0] + X[:, 1], [0.9, 1.1])]


def layer(n_components=5, **changes):
    return SparseAutoencoder(n_components, **({"max_iter": 8, "tol": 0.0} | changes))


def stack(**changes):
    settings = {"layers": (5, 4), "estimator": layer(), "random_state": 0, "n_jobs": 1}
    return StackedAutoencoder(**(settings | changes))


def stack_bits(model):
    return [
        getattr(layer, name).tobytes()
        for layer in model.layers_
        for name in ("encoder_weights_", "decoder_weights_", "decoder_bias_", "loss_terms_curve_")
    ]


def classifier(estimator=None, **changes):
    settings = {
        "sparsity_penalty": KLSparsity(0.1, 0.01),
        "max_iter": 12,
        "softmax_max_iter": 6,
        "tol": 0.0,
        "n_jobs": 1,
        "random_state": 0,
    }
    return StackedAutoencoderClassifier(
        stack() if estimator is None else estimator, **(settings | changes)
    )
