"""Whole images and series, rebuilt from their pieces."""

from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from rhohat import (
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SparseAutoencoder,
    WaveformExtractor,
    Whitening,
    WindowExtractor,
)
from rhohat.inspection import wholes
from rhohat.inspection.examples import examples_of
from rhohat.inspection.layers import layers_of
from rhohat.inspection.wholes import averaged_pieces, rebuilt_whole

UNITS = {"n_components": 5, "max_iter": 4, "random_state": 0}


@pytest.fixture(scope="module")
def images():
    random = np.random.RandomState(0)
    return [random.rand(23, 31).cumsum(axis=0), random.rand(30, 30)]


def by_loop(shape, pieces, tops, lefts):
    """The plain definition."""
    total, count = np.zeros(shape), np.zeros(shape)
    for (i, top), (j, left) in product(enumerate(tops), enumerate(lefts)):
        height, width = pieces.shape[2:4]
        total[top : top + height, left : left + width] += pieces[i, j]
        count[top : top + height, left : left + width] += 1
    return total / count


@pytest.mark.parametrize("channels", [(), (3,)])
def test_pieces_are_averaged_where_they_overlap(rng, channels):
    tops, lefts = np.array([0, 2, 5, 6]), np.array([0, 4, 8])
    pieces = rng.rand(4, 3, 4, 5, *channels)
    expected = by_loop((10, 13, *channels), pieces, tops, lefts)
    assert_allclose(averaged_pieces(pieces, tops, lefts), expected)


@pytest.mark.parametrize("most", [20_000, 100])
def test_a_whole_image_is_the_average_of_its_rebuilt_patches(images, monkeypatch, most):
    monkeypatch.setattr(wholes, "MOST_PIECES", most)
    model = make_pipeline(
        OneOverFWhitening(),
        PatchExtractor(6, n_patches=200, random_state=0),
        PatchNormalizer(),
        SparseAutoencoder(decoder="sigmoid", **UNITS),
    ).fit(images)
    whole = rebuilt_whole(layers_of(model)[0], examples_of(model, images))
    image = model[0].transform(images)[0]
    assert_array_equal(whole.given, image)
    assert (whole.stride == 1) == (most == 20_000)
    assert whole.n_pieces <= most
    tops, lefts = (sorted({*range(0, size - 5, whole.stride), size - 6}) for size in image.shape)
    rebuilt = np.empty((len(tops), len(lefts), 6, 6))
    for (i, top), (j, left) in product(enumerate(tops), enumerate(lefts)):
        patch = image[top : top + 6, left : left + 6].reshape(1, -1)
        X_hat = model[3].inverse_transform(model[3].transform(model[2].transform(patch)))
        scaled = (X_hat - 0.5) / 0.4 * model[2].scale_
        rebuilt[i, j] = (scaled + patch.mean()).reshape(6, 6)
    assert_allclose(whole.rebuilt, by_loop(image.shape, rebuilt, tops, lefts), atol=1e-9)


def test_units_that_rebuild_everything_give_back_the_image(images):
    model = make_pipeline(
        PatchExtractor(4, n_patches=400, random_state=0),
        Whitening(),
        SparseAutoencoder(
            16, activation="identity", decoder="linear", sparsity_penalty="l1", max_iter=2
        ),
    ).fit(images)
    units = model[-1]
    units.encoder_weights_, units.encoder_bias_ = np.eye(16), np.zeros(16)
    units.decoder_weights_, units.decoder_bias_ = np.eye(16), np.zeros(16)
    whole = rebuilt_whole(layers_of(model)[0], examples_of(model, images), 1)
    assert_allclose(whole.rebuilt, images[1], atol=1e-8)
    assert whole.keeps == ""


def test_of_large_images_the_middle_is_rebuilt(images, monkeypatch):
    monkeypatch.setattr(wholes, "LONGEST_SIDE", 21)
    model = make_pipeline(
        PatchExtractor(6, n_patches=50, random_state=0), SparseAutoencoder(**UNITS)
    ).fit(images)
    whole = rebuilt_whole(layers_of(model)[0], examples_of(model, images))
    assert (whole.top, whole.left) == (1, 5)
    assert_array_equal(whole.given, images[0][1:22, 5:26])


def test_of_long_series_the_part_that_varies_most_is_rebuilt(rng):
    quiet, loud = 0.1 * rng.randn(400), rng.randn(400)
    recording = np.concatenate([quiet, loud, quiet])[None]
    model = make_pipeline(
        WaveformExtractor(1000),
        WindowExtractor(50, n_windows=100, random_state=0),
        SparseAutoencoder(**UNITS),
    ).fit([recording])
    whole = rebuilt_whole(layers_of(model)[0], examples_of(model, [recording]))
    assert (whole.left, whole.given.shape) == (400, (1, 400))
    assert whole.rebuilt.shape == (1, 400)


def test_without_an_inverse_nothing_is_rebuilt(images):
    model = make_pipeline(
        PatchExtractor(6, n_patches=50, random_state=0), Normalizer(), SparseAutoencoder(**UNITS)
    ).fit(images)
    assert rebuilt_whole(layers_of(model)[0], examples_of(model, images)) is None
