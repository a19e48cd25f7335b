"""The cost that Keras computes for weights of ours, beside J: what its arguments mean here.

    pip install keras torch
    python benchmarks/keras_costs.py

The cost of Keras is 2 J / d if the ratio is 1. With a KL activity regularizer it is not: Keras
divides it by the number of rows in the batch, too.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
from sklearn.datasets import load_digits

from rhohat import KLSparsity, L1Sparsity, SparseAutoencoder

X = (load_digits().data / 16).astype(np.float32)
UNITS, DECAY, WEIGHT, RHO = 25, 1e-4, 0.01, 0.1


class KL(keras.regularizers.Regularizer):
    """As snippets have it: the average is that of the batch."""

    def __call__(self, A):
        average = keras.ops.mean(A, axis=0)
        on = RHO * keras.ops.log(RHO / average)
        return WEIGHT * keras.ops.sum(on + (1 - RHO) * keras.ops.log((1 - RHO) / (1 - average)))


def cost_of_keras(model, regularizer, batch_size):
    """Of all rows, as Keras averages it over batches."""
    l2 = keras.regularizers.L2(DECAY)
    inputs = keras.Input((X.shape[1],))
    hidden = keras.layers.Dense(
        UNITS, activation="sigmoid", kernel_regularizer=l2, activity_regularizer=regularizer
    )(inputs)
    outputs = keras.layers.Dense(X.shape[1], kernel_regularizer=l2)(hidden)
    network = keras.Model(inputs, outputs)
    network.compile("adam", "mse")
    encoder = [model.encoder_weights_.T, model.encoder_bias_]
    network.set_weights([*encoder, model.decoder_weights_, model.decoder_bias_])
    return network.evaluate(X, X, batch_size=batch_size, verbose=0)


def main():
    m, d = X.shape
    weight = d / 2 * WEIGHT
    print("| activity regularizer | penalty here | rows in a batch | cost of Keras x d / 2 J |")
    print("|---|---|---|---|")
    for regularizer, penalty, batch_size in (
        (keras.regularizers.L1(WEIGHT), L1Sparsity(weight), 256),
        (KL(), KLSparsity(RHO, weight), m),
        (KL(), KLSparsity(RHO, weight / m), m),
        (KL(), KLSparsity(RHO, weight / 256), 256),
    ):
        model = SparseAutoencoder(
            UNITS, sparsity_penalty=penalty, weight_decay=d * DECAY, random_state=0
        ).fit(X)
        ratio = cost_of_keras(model, regularizer, batch_size) * d / 2 / model.loss_
        name = type(regularizer).__name__
        print(f"| {name} | {penalty} | {batch_size:,} | {ratio:.4f} |", flush=True)


if __name__ == "__main__":
    main()
