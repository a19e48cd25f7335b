"""Layers of a model."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

from rhohat import (
    SparseAutoencoder,
    Whitening,
)
from rhohat.inspection.layers import layers_of
from rhohat.rows.sources import ArraySource

SMALL = SparseAutoencoder(max_iter=20)


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
    with pytest.raises(ValueError, match="expected a SparseAutoencoder, a stack, or a pipeline"):
        layers_of(Whitening().fit(digits))
    with pytest.raises(NotFittedError):
        layers_of(SMALL)


def test_norms_are_those_of_the_weights_that_rebuild(stack, classifier):
    for layer, autoencoder in zip(layers_of(stack), stack.layers_, strict=True):
        norms = np.linalg.norm(autoencoder.decoder_weights_, axis=1)
        assert_array_equal(layer.decoder_norms, norms)
    assert all(layer.decoder_norms is None for layer in layers_of(classifier))
