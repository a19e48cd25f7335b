"""A whole image or series on the page."""

import base64
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from sklearn.pipeline import make_pipeline

from rhohat import (
    OneOverFWhitening,
    PatchExtractor,
    SparseAutoencoder,
    SpectrogramExtractor,
    WaveformExtractor,
    WindowExtractor,
    load_photographs,
    report,
)
from rhohat.inspection.report.subject import subjects_of
from rhohat.inspection.report.whole import find_whole

UNITS = {"n_components": 4, "max_iter": 3, "random_state": 0}


def found(model, data):
    (subject,) = subjects_of(model.fit(data), data)
    return find_whole(subject)


def pixels(drawn):
    """The gray levels of a picture on the page."""
    data = base64.b64decode(drawn.picture.partition(",")[2])
    return np.asarray(Image.open(BytesIO(data)))


def test_a_photograph_is_beside_its_filtered_and_its_rebuilt_copy():
    images = [image[:90, :120] for image in load_photographs().images[:2]]
    patches = PatchExtractor(6, n_patches=500, random_state=0)
    told = found(make_pipeline(OneOverFWhitening(), patches, SparseAutoencoder(**UNITS)), images)
    assert [drawn.text for drawn in told.drawn] == [
        "image 0",
        "image 0, filtered",
        "image 0, reconstructed",
    ]
    assert {pixels(drawn).shape for drawn in told.drawn} == {(90, 120)}
    photograph = pixels(told.drawn[0]).astype(float).ravel()
    assert np.corrcoef(photograph, images[0].ravel())[0, 1] > 0.9
    for drawn, values in zip(told.drawn[1:], (told.whole.given, told.whole.rebuilt), strict=True):
        low, high = np.quantile(told.whole.given, [0.003, 0.997])  # of the original, for both
        levels = 255 * np.clip((values - low) / (high - low), 0, 1)
        assert np.abs(pixels(drawn) - levels).mean() < 12  # JPEG


def test_a_spectrogram_is_beside_its_reconstruction(recordings):
    spectrograms = SpectrogramExtractor(8000, n_mels=20)
    windows = WindowExtractor(5, n_windows=80, random_state=0)
    told = found(make_pipeline(spectrograms, windows, SparseAutoencoder(**UNITS)), recordings)
    assert told.chart is None
    assert [pixels(drawn).shape for drawn in told.drawn] == [told.whole.given.shape] * 2
    assert told.noun == "recording"
    assert told.span.startswith("0 to 0.3")


def test_a_wave_is_in_one_chart_with_its_reconstruction(recordings):
    windows = WindowExtractor(40, n_windows=80, random_state=0)
    told = found(
        make_pipeline(WaveformExtractor(8000), windows, SparseAutoencoder(**UNITS)), recordings
    )
    assert told.drawn == []
    original, rebuilt = (line.y for line in told.chart.lines)
    np.testing.assert_array_equal(original, told.whole.given[0])
    np.testing.assert_array_equal(rebuilt, told.whole.rebuilt[0])
    along = np.asarray(told.chart.along)
    assert along[0] == pytest.approx(told.whole.left / 8000)
    assert np.diff(along) == pytest.approx(1 / 8000)


def test_rows_that_are_whole_are_not_rebuilt_from_pieces(rng):
    images = list(rng.rand(30, 6, 6))
    assert found(make_pipeline(PatchExtractor(None), SparseAutoencoder(**UNITS)), images) is None


def test_without_sources_there_is_none(rng):
    images = [rng.rand(20, 20)]
    model = make_pipeline(
        PatchExtractor(4, n_patches=60, random_state=0), SparseAutoencoder(**UNITS)
    ).fit(images)
    assert "A whole image" in report(model, images).html
    page = report(model, images, sources=False).html
    assert "A whole image" not in page
    assert "How well rows are reconstructed" in page
