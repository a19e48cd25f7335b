"""Ascent: the input that it finds, nothing near it and nothing at random exceeds."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from rhohat import (
    SparseAutoencoder,
)
from rhohat.estimators.computation import Coder
from rhohat.inspection.ascent import ascend, drive
from rhohat.inspection.layers import layers_of
from rhohat.objective.activations import ACTIVATIONS

SMALL = SparseAutoencoder(max_iter=20)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_slope_of_the_drive_is_its_derivative(activation, rng):
    f = ACTIVATIONS[activation]
    encoders = [
        Coder(rng.randn(5, 4), rng.randn(5), f),
        Coder(rng.randn(6, 5), rng.randn(6), f),
        Coder(rng.randn(3, 6), rng.randn(3), f),
    ]
    X, direction, step = rng.randn(3, 4), rng.randn(3, 4), 1e-6
    _, slope = drive(X, encoders)
    change = drive(X + step * direction, encoders)[0] - drive(X - step * direction, encoders)[0]
    assert_allclose(change / (2 * step), (slope * direction).sum(axis=1), rtol=1e-6, atol=1e-8)


def test_ascent_of_one_layer_is_the_closed_form(stack):
    encoder = layers_of(stack)[0].encoders[0]
    W = encoder.weights.astype(float)
    expected = 3 * W / np.linalg.norm(W, axis=1, keepdims=True)
    assert_allclose(ascend([encoder], 3.0), expected, rtol=1e-6)


@pytest.mark.parametrize("number", [1, 2])
def test_nothing_nearby_and_nothing_at_random_does_better(stack, digits, rng, number):
    layer = layers_of(stack)[number]
    encoders = [
        Coder(e.weights.astype(float), e.bias.astype(float), e.activation) for e in layer.encoders
    ]
    radius = float(np.sqrt((digits**2).sum(axis=1).mean()))
    X = ascend(encoders, radius)
    assert np.linalg.norm(X, axis=1).max() <= radius * (1 + 1e-9)
    best = drive(X, encoders)[0]
    for _ in range(50):
        others = rng.randn(*X.shape)
        others *= radius / np.linalg.norm(others, axis=1, keepdims=True)
        assert (drive(others, encoders)[0] < best).all()
        near = X + 1e-2 * others
        near *= radius / np.linalg.norm(near, axis=1, keepdims=True)
        assert (drive(near, encoders)[0] <= best + 1e-4 * np.abs(best)).all()
    real = digits * (radius / np.maximum(np.linalg.norm(digits, axis=1, keepdims=True), 1e-9))
    for unit in range(layer.n_units):
        values = drive(np.tile(real[unit], (layer.n_units, 1)), encoders)[0]
        assert values[unit] <= best[unit]


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_no_random_input_does_better(rng, activation):
    f = ACTIVATIONS[activation]
    sizes = [(12, 8), (8, 6)]
    layers = [Coder(rng.randn(k, d), rng.randn(k), f) for d, k in sizes]
    found = drive(ascend(layers, 3.0), layers)[0]
    X = rng.randn(20_000, 12)
    X *= 3.0 / np.linalg.norm(X, axis=1, keepdims=True)
    responses = f.function(X @ layers[0].weights.T + layers[0].bias)
    assert (found >= (responses @ layers[1].weights.T + layers[1].bias).max(axis=0)).all()
