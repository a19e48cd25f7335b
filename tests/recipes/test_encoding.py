"""Encoding: which models give features, and how these are written."""

import io

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from rhohat import (
    ConvolutionalFeatures,
    PatchExtractor,
    SparseAutoencoder,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
)
from rhohat.recipes.encoding import ROWS_WRITTEN, draws_pieces, encoder_of, write_features
from rhohat.rows.sources import ArraySource

LAYER = SparseAutoencoder(3, max_iter=2, random_state=0)
ROWS = np.random.RandomState(0).uniform(size=(40, 16))
IMAGES = ROWS.reshape(-1, 4, 4)


def pieces(size):
    return PatchExtractor(size, n_patches=50, random_state=0)


def test_a_model_makes_features_itself_or_is_applied_at_every_position():
    model = make_pipeline(pieces(2), LAYER).fit(IMAGES)
    assert encoder_of(model, None, None) is model
    features = encoder_of(model, {"grid": 1}, IMAGES)
    assert isinstance(features, ConvolutionalFeatures)
    assert features.transform(IMAGES).shape == (40, 3)


@pytest.mark.parametrize(
    ("model", "convolution", "message"),
    [
        (StackedAutoencoderClassifier(LAYER), None, "predicts classes and gives no features"),
        (
            make_pipeline(pieces(2), StackedAutoencoder((3,), estimator=LAYER)),
            {},
            "models with one layer, but this one ends in a StackedAutoencoder",
        ),
        (LAYER, {}, "this model works on rows"),
    ],
)
def test_models_that_give_no_features_are_told_so(model, convolution, message):
    given = IMAGES if hasattr(model, "steps") else ROWS
    fitted = model.fit(given, np.arange(40) % 2)
    with pytest.raises(ValueError, match=message):
        encoder_of(fitted, convolution, given)


def test_pieces_are_drawn_where_an_extractor_does_not_take_all():
    assert draws_pieces(make_pipeline(pieces(2), LAYER))
    assert not draws_pieces(make_pipeline(PatchExtractor(None), LAYER))
    assert not draws_pieces(LAYER)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_rows", [1, ROWS_WRITTEN, 2 * ROWS_WRITTEN + 3])
def test_features_outside_memory_are_written_as_the_same_file(dtype, n_rows):
    X = np.random.RandomState(0).uniform(size=(n_rows, 3)).astype(dtype)
    files = [io.BytesIO(), io.BytesIO()]
    for stream, features in zip(files, (X, ArraySource(X)), strict=True):
        write_features(stream, features)
    assert files[0].getvalue() == files[1].getvalue()
    np.testing.assert_array_equal(np.load(io.BytesIO(files[0].getvalue())), X)
