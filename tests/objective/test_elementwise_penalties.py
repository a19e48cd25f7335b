"""Penalties of a fixed slope and a smooth h, beside the ones that they round off."""

import numpy as np
import pytest

from rhohat import L1Sparsity, LogSparsity, SmoothL1Sparsity, SparseAutoencoder
from rhohat.objective.activations import ACTIVATIONS
from support.dictionaries import found, planted


def test_smooth_l1_is_l1_where_epsilon_vanishes(rng):
    A = rng.normal(size=(30, 4))
    smooth = SmoothL1Sparsity(0.7, epsilon=1e-12).pointwise(A)
    for one, other in zip(smooth, L1Sparsity(0.7).pointwise(A), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_log_asks_most_of_units_at_one():
    a = np.linspace(0, 5, 501)
    assert a[np.argmax(LogSparsity().pointwise(a[None])[1])] == pytest.approx(1)


@pytest.mark.parametrize("epsilon", [0, -1, float("nan"), "1"])
def test_epsilon_that_is_not_positive_is_refused(epsilon):
    with pytest.raises((ValueError, TypeError), match="SmoothL1Sparsity epsilon must"):
        SmoothL1Sparsity(epsilon=epsilon).check(ACTIVATIONS["identity"])


def test_with_identity_units_and_a_tied_decoder_it_finds_independent_components():
    """Reconstruction ICA: every atom is found by a unit, up to its sign."""
    X, atoms = planted(2000, n_features=8, n_atoms=8)
    X = X - X.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(X.T))
    whiten = vectors / np.sqrt(values) @ vectors.T
    model = SparseAutoencoder(
        8,
        activation="identity",
        decoder="tied",
        sparsity_penalty=SmoothL1Sparsity(0.1),
        weight_decay=0,
        random_state=0,
    ).fit(X @ whiten)
    model.decoder_weights_ = np.concatenate([model.decoder_weights_, -model.decoder_weights_])
    whitened = atoms @ whiten
    assert found(model, whitened / np.linalg.norm(whitened, axis=1, keepdims=True)) == 1
