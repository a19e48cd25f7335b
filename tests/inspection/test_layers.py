"""Layers of a model, and what units of deeper ones look for."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

from rhohat import (
    SparseAutoencoder,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
    Whitening,
    maximal_inputs,
)
from rhohat.inspection.ascent import ascend, drive
from rhohat.inspection.layers import Encoder, layers_of
from rhohat.inspection.tiles import input_tiles, pixel_tiles, tiles_of
from rhohat.objective.activations import ACTIVATIONS
from rhohat.rows.sources import ArraySource

SMALL = SparseAutoencoder(max_iter=20)


@pytest.fixture(scope="module")
def stack(digits):
    return StackedAutoencoder((16, 8, 5), estimator=SMALL, random_state=0).fit(digits)


@pytest.fixture(scope="module")
def classifier(digits):
    labels = load_digits().target
    stack = StackedAutoencoder((16, 8), estimator=SMALL)
    model = StackedAutoencoderClassifier(stack, max_iter=10, random_state=0)
    return model.fit(digits, labels)


def activations(layer, X):
    return layer.encoded(ArraySource(X)).read(0, len(X)).X


def test_layers_of_a_stack_end_where_it_does(stack, digits):
    layers = layers_of(stack)
    assert [layer.name for layer in layers] == ["layer 1", "layer 2", "layer 3"]
    assert_array_equal(activations(layers[-1], digits), stack.transform(digits))
    assert_array_equal(
        layers[-1].decoded(activations(layers[-1], digits)),
        stack.inverse_transform(stack.transform(digits)),
    )
    for layer, autoencoder in zip(layers, stack.layers_, strict=True):
        assert_array_equal(layer.average, autoencoder.average_activation_)


def test_layers_of_a_classifier_are_fine_tuned(classifier, digits):
    layers = layers_of(classifier)
    A = [activations(layer, digits) for layer in layers]
    scores = A[-1] @ classifier.coef_.T + classifier.intercept_
    assert_allclose(scores, classifier.decision_function(digits), rtol=1e-4, atol=1e-4)
    assert_allclose(
        np.concatenate([a.mean(axis=0) for a in A]), classifier.average_activation_, rtol=1e-4
    )
    assert layers[0].decoded is None


def test_autoencoders_in_a_row_are_layers(stack, digits):
    chain = make_pipeline(FrozenEstimator(stack.layers_[0]), *stack.layers_[1:])
    for ours, theirs in zip(layers_of(chain), layers_of(stack), strict=True):
        assert_array_equal(activations(ours, digits), activations(theirs, digits))


def test_the_only_layer_of_a_model_has_no_name(stack):
    (layer,) = layers_of(stack.layers_[0])
    assert layer.name == ""
    assert not layer.is_deep


def test_models_without_layers_are_refused(digits):
    with pytest.raises(ValueError, match="without a SparseAutoencoder"):
        layers_of(Whitening().fit(digits))
    with pytest.raises(NotFittedError):
        layers_of(SMALL)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_slope_of_the_drive_is_its_derivative(activation, rng):
    f = ACTIVATIONS[activation]
    encoders = [
        Encoder(rng.randn(5, 4), rng.randn(5), f),
        Encoder(rng.randn(6, 5), rng.randn(6), f),
        Encoder(rng.randn(3, 6), rng.randn(3), f),
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
        Encoder(e.weights.astype(float), e.bias.astype(float), e.activation) for e in layer.encoders
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


def test_maximal_inputs_of_a_stack_are_those_of_its_top_layer(stack):
    inputs = maximal_inputs(stack, radius=2.0)
    assert_allclose(inputs, input_tiles(stack, radius=2.0).values)
    assert_allclose(np.linalg.norm(inputs, axis=1), 2, rtol=1e-4)


def test_before_whitening_the_input_moves_the_units_as_after_it(digits):
    # Whitened by the identity up to a factor, both spaces look for the same input.
    X = np.random.RandomState(0).randn(3000, 6)
    model = make_pipeline(
        Whitening(), StackedAutoencoder((8, 4), estimator=SMALL, random_state=0)
    ).fit(X)
    before, after = tiles_of(model, 2.0).values, input_tiles(model, radius=2.0).values
    T = model[0]
    assert_allclose(T.transform(before + T.mean_), after, atol=0.25)
    assert_allclose(pixel_tiles(model, radius=2.0).values, before)


@pytest.mark.parametrize("radius", [0, -1, np.nan])
def test_radius_is_positive(stack, radius):
    with pytest.raises(ValueError, match="radius"):
        maximal_inputs(stack, radius=radius)


@pytest.mark.parametrize("before", [(), (PCA(10),), (SMALL,)])
def test_steps_between_whitening_and_the_layers_may_change_the_width(digits, classifier, before):
    labels = load_digits().target
    model = make_pipeline(Whitening(), *map(clone, before), clone(classifier)).fit(digits, labels)
    found = maximal_inputs(model)
    width = layers_of(model)[-1].n_features
    assert found.shape == (8, width)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_no_random_input_does_better(rng, activation):
    f = ACTIVATIONS[activation]
    sizes = [(12, 8), (8, 6)]
    layers = [Encoder(rng.randn(k, d), rng.randn(k), f) for d, k in sizes]
    found = drive(ascend(layers, 3.0), layers)[0]
    X = rng.randn(20_000, 12)
    X *= 3.0 / np.linalg.norm(X, axis=1, keepdims=True)
    responses = f.function(X @ layers[0].weights.T + layers[0].bias)
    assert (found >= (responses @ layers[1].weights.T + layers[1].bias).max(axis=0)).all()
