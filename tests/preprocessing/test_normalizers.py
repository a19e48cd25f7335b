"""Normalizers: each row by itself, as the notes and the formula say."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from rhohat import ContrastNormalizer, PatchExtractor, PatchNormalizer


def test_normalized_patches_follow_the_exercise(whitened):
    X = PatchExtractor(8, n_patches=1000, random_state=0).fit_transform(whitened).astype(float)
    # The exercise's recipe, written out: own mean, three standard deviations, [0.1, 0.9].
    centered = X - X.mean(axis=1, keepdims=True)
    s = 3 * centered.std(ddof=1)
    expected = (np.maximum(np.minimum(centered, s), -s) / s + 1) * 0.4 + 0.1
    model = PatchNormalizer().fit(X)
    assert_allclose(model.transform(X), expected, atol=1e-12)
    assert model.scale_ == pytest.approx(s)
    assert expected.min() == pytest.approx(0.1)
    assert expected.max() == pytest.approx(0.9)


def test_each_patch_loses_its_own_mean_not_the_common_one(rng):
    X = rng.randn(50, 9)
    brighter = X + np.arange(50)[:, None]
    assert_allclose(
        PatchNormalizer().fit_transform(brighter), PatchNormalizer().fit_transform(X), atol=1e-12
    )


def test_new_patches_are_scaled_as_those_in_fit(rng):
    model = PatchNormalizer().fit(rng.randn(50, 9))
    patch = np.linspace(-1, 1, 9)[None] * 0.1
    assert_allclose(model.transform(patch), (patch / model.scale_ + 1) * 0.4 + 0.1)


def test_contrast_normalized_patches_have_mean_0_and_the_variance_of_the_formula(rng):
    X = rng.rand(50, 12) * rng.rand(50, 1)
    normalized = ContrastNormalizer(epsilon=0.01).fit_transform(X)
    assert_allclose(normalized.mean(axis=1), 0, atol=1e-12)
    assert_allclose(normalized.var(axis=1), X.var(axis=1) / (X.var(axis=1) + 0.01))
    brighter = ContrastNormalizer(epsilon=0.01).fit_transform(X + rng.rand(50, 1))
    assert_allclose(brighter, normalized, atol=1e-12)


def test_flat_patches_have_no_contrast():
    assert_allclose(ContrastNormalizer().fit_transform(np.full((4, 9), 0.1)), 0, atol=1e-12)


def test_contrast_epsilon_is_checked():
    with pytest.raises(ValueError, match="epsilon must lie in"):
        ContrastNormalizer(epsilon=0).fit(np.ones((4, 9)))


def test_constant_patches_become_the_middle():
    assert_allclose(PatchNormalizer().fit_transform(np.ones((4, 9))), 0.5)


@pytest.mark.parametrize(
    "parameters", [{"n_deviations": 0}, {"feature_range": (1.0, 0.0)}, {"n_deviations": "three"}]
)
def test_wrong_normalizer_parameter_is_named(parameters, rng):
    with pytest.raises((ValueError, TypeError), match=next(iter(parameters))):
        PatchNormalizer(**parameters).fit(rng.randn(5, 9))


def test_adjoint_carries_weights_back_where_nothing_is_clipped(rng):
    X = rng.randn(500, 9)
    model = PatchNormalizer(n_deviations=100).fit(X)
    w = rng.randn(2, 9)
    shift = 0.5 * w.sum(axis=1)
    assert_allclose(model.transform(X) @ w.T, X @ model.adjoint(w).T + shift, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_noise_of_flat_patches_is_not_blown_up(dtype):
    X = (np.arange(1, 6)[:, None] * np.full((5, 7), 0.1)).astype(dtype)
    assert_allclose(PatchNormalizer().fit_transform(X), 0.5, atol=1e-5)


def test_adjoint_refuses_weights_of_another_width(rng):
    with pytest.raises(ValueError, match=r"weights must have shape \(k, 9\)"):
        PatchNormalizer().fit(rng.rand(5, 9)).adjoint(np.ones((2, 8)))
