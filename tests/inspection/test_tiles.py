"""Tiles: what units look for, in whichever space."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline

from rhohat import (
    OneOverFWhitening,
    PatchNormalizer,
    SparseAutoencoder,
    StackedAutoencoder,
    Whitening,
    maximal_inputs,
)
from rhohat.inspection.layers import layers_of
from rhohat.inspection.tiles import input_tiles, pixel_tiles, tiles_of


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


SMALL = SparseAutoencoder(max_iter=20)


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


@pytest.mark.slow
def test_pixel_space_is_where_the_whole_model_looks(default):
    # The unit's response to a picture is, but for clipping, its inner product with the tile.
    pipeline, _ = default
    tiles = pixel_tiles(pipeline)
    assert tiles.shape == (20, 20)
    assert_allclose(np.linalg.norm(tiles.values, axis=1), 1, rtol=1e-5)
    assert_allclose(tiles.values.mean(axis=1), 0, atol=1e-3)
