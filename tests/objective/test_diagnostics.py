"""Gradient check and maximal inputs."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from rhohat import (
    OneOverFWhitening,
    PatchNormalizer,
    SparseAutoencoder,
    SparseObjective,
    Whitening,
    check_gradient,
    maximal_inputs,
)
from rhohat.inspection.color import chromatic_share
from rhohat.preprocessing.spectra import radial_amplitude


@pytest.fixture
def objective():
    return SparseObjective(6, 4)


@pytest.fixture
def theta(objective, rng):
    return 0.3 * rng.randn(objective.n_parameters)


def test_right_gradient_passes(objective, theta, rng):
    check = check_gradient(objective, theta, rng.rand(9, 6))
    assert check.ratio < 1e-8
    assert check.numeric.shape == check.analytic.shape == theta.shape


def test_wrong_gradient_fails(objective, theta, rng):
    class Wrong(SparseObjective):
        def loss_grad(self, theta, X, sample_weight=None):
            loss, grad = super().loss_grad(theta, X, sample_weight)
            return loss, grad * 1.01

    assert check_gradient(Wrong(6, 4), theta, rng.rand(9, 6)).ratio > 1e-3


def test_drawn_parameters_are_compared_like_all(objective, theta, rng):
    X = rng.rand(9, 6)
    some = check_gradient(objective, theta, X, n_parameters=7, random_state=0)
    full = check_gradient(objective, theta, X)
    assert some.numeric.shape == (7,)
    assert np.isin(some.analytic, full.analytic).all()


def test_zero_gradient_has_ratio_zero():
    objective = SparseObjective(2, 1, penalty="none", weight_decay=0)
    assert check_gradient(objective, np.zeros(7), np.zeros((3, 2))).ratio == 0


def test_maximal_inputs_have_norm_one_and_maximize(digits, rng):
    model = SparseAutoencoder(8, max_iter=10, random_state=0).fit(digits)
    inputs = maximal_inputs(model)
    assert_allclose(np.linalg.norm(inputs, axis=1), 1)
    others = rng.randn(500, 64)
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    best = np.diag(model.transform(inputs))
    assert (model.transform(others) <= best).all()


def test_through_a_whitener_they_maximize_in_pixel_space(digits, rng):
    whitener = Whitening(n_components=30).fit(digits)
    model = SparseAutoencoder(8, max_iter=10, random_state=0).fit(whitener.transform(digits))
    inputs = maximal_inputs(model, whitener)
    assert_allclose(np.linalg.norm(inputs, axis=1), 1)
    others = rng.randn(500, 64)
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    best = np.diag(model.transform(whitener.transform(inputs + whitener.mean_)))
    assert (model.transform(whitener.transform(others + whitener.mean_)) <= best + 1e-12).all()


def test_through_patch_normalization_they_have_no_mean(patches, whitened):
    X = patches(8, 500)
    normalizer = PatchNormalizer().fit(X)
    model = SparseAutoencoder(5, max_iter=5, random_state=0).fit(X)
    assert_allclose(maximal_inputs(model, normalizer).mean(axis=1), 0, atol=1e-6)


def test_through_image_whitening_they_are_larger_patches(whitened, rng):
    whitener = OneOverFWhitening().fit(whitened)
    inputs = maximal_inputs(rng.randn(3, 8, 8), whitener)
    assert inputs.shape == (3, 8, 8)
    assert_allclose(np.linalg.norm(inputs, axis=(1, 2)), 1)


def test_unit_without_weights_has_a_zero_input():
    assert_allclose(maximal_inputs(np.zeros((1, 4))), 0)


def test_amplitude_of_a_wave_lies_at_its_frequency():
    x = (np.arange(64) + 0.5) / 64
    wave = np.cos(np.pi * 16 * x)[None, :] * np.ones((48, 1))  # 16 / 128 cycles per pixel
    frequency, amplitude = radial_amplitude(5 + wave, n_bins=16)
    assert frequency[np.nanargmax(amplitude)] == pytest.approx(16 / 128, abs=1 / 64)
    colored = np.stack([5 + wave] * 3, axis=-1)
    assert_allclose(radial_amplitude(colored, n_bins=16)[1], amplitude, atol=1e-12)


def test_color_is_what_lies_off_the_gray_axis(rng):
    gray = np.repeat(rng.randn(1, 4, 4, 1), 3, axis=3)
    opponent = rng.randn(1, 4, 4, 1) * np.array([1.0, -1.0, 0.0])
    red = np.zeros((1, 4, 4, 3))
    red[..., 0] = 2
    tiles = np.concatenate([gray, opponent, red, 0 * red])
    assert_allclose(chromatic_share(tiles), [0, 1, 2 / 3, 0], atol=1e-12)
