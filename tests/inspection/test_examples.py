"""Examples: rows, pieces and pieces of recordings, back as the user gave them."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline

from rhohat import (
    LoadedImages,
    LoadedRecordings,
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SparseAutoencoder,
    SpectrogramExtractor,
    Whitening,
    WindowExtractor,
)
from rhohat.inspection.examples import PieceExamples, RowExamples, SoundExamples, examples_of

ROWS = np.array([7, 0, 7, 3])
UNITS = SparseAutoencoder(3, max_iter=3, random_state=0)


def test_rows_are_given_as_they_were_and_in_the_order_asked_for(rng):
    X = rng.rand(30, 12)
    model = make_pipeline(Whitening(), UNITS).fit(X)
    examples = examples_of(model, X, (3, 4))
    assert type(examples) is RowExamples
    assert (len(examples), examples.n_given, examples.shape) == (30, 30, (3, 4))
    assert_array_equal(examples.given(ROWS), X[ROWS].reshape(-1, 3, 4))
    assert_array_equal(examples.inputs(ROWS), model[0].transform(X)[ROWS])
    assert examples_of(model, X).given(ROWS).shape == (4, 12)


def test_pieces_are_given_as_they_lie_in_the_images_before_filters(rng):
    images = [rng.rand(20, 24).astype(np.float32) for _ in range(3)]
    extractor = PatchExtractor(5, n_patches=40, random_state=0)
    model = make_pipeline(OneOverFWhitening(), extractor, PatchNormalizer(), UNITS).fit(images)
    examples = examples_of(model, images)
    assert type(examples) is PieceExamples
    assert (len(examples), examples.n_given, examples.shape) == (40, 3, (5, 5))
    assert examples.names == ["image 0", "image 1", "image 2"]
    places = examples.places(ROWS)
    for piece, number, top, left in zip(examples.given(ROWS), *places, strict=True):
        assert_array_equal(piece, images[number][top : top + 5, left : left + 5])
    assert_array_equal(examples.inputs(ROWS), model[:3].transform(images)[ROWS])
    assert examples.begins(1) == 0
    assert examples_of(model, LoadedImages(images, ["a", "b", "c"], [])).names == ["a", "b", "c"]


def test_pieces_of_recordings_know_the_recordings(rng):
    recordings = [0.1 * rng.randn(4000).astype(np.float32) for _ in range(3)]
    sound = SpectrogramExtractor(8000)
    model = make_pipeline(sound, WindowExtractor(4, n_windows=30, random_state=0), UNITS)
    model.fit(recordings)
    examples = examples_of(model, recordings)
    assert type(examples) is SoundExamples
    assert (len(examples), examples.n_given, examples.kind) == (30, 3, "image")
    assert examples.names[0] == "recording 0"
    assert_array_equal(examples.samples(2), recordings[2])
    assert_array_equal(examples.image(1), model[0].transform(recordings)[1])
    named = LoadedRecordings(recordings, ["a", "b", "c"], [], 8000)
    assert examples_of(model, named).names == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("data", "kind"),
    [(LoadedImages([np.eye(5)], ["a"], []), "images"), (LoadedRecordings([], [], [], 8), "record")],
)
def test_a_model_of_rows_says_what_it_cannot_take(rng, data, kind):
    model = SparseAutoencoder(2, max_iter=2, random_state=0).fit(rng.rand(20, 6))
    with pytest.raises(ValueError, match=f"works on rows of 6 values, not on {kind}"):
        examples_of(model, data)


def test_a_shape_that_does_not_fit_is_refused(rng):
    X = rng.rand(20, 6)
    model = SparseAutoencoder(2, max_iter=2, random_state=0).fit(X)
    with pytest.raises(ValueError, match=r"rows of 6 values cannot have shape \(2, 4\)"):
        examples_of(model, X, (2, 4))
