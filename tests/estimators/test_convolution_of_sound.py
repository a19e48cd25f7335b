"""Convolution over recordings: the same as encoding every window and pooling by hand."""

from itertools import pairwise

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from rhohat import (
    ContrastNormalizer,
    ConvolutionalFeatures,
    PatchExtractor,
    SparseAutoencoder,
    SpectrogramExtractor,
    WaveformExtractor,
    Whitening,
    WindowExtractor,
    load,
    load_recordings,
    save,
)
from support.sounds import RATE


def windows_of(*steps, units=8):
    autoencoder = SparseAutoencoder(units, weight_decay=3e-3, max_iter=15, random_state=0)
    return make_pipeline(*steps, Whitening(epsilon=0.2), autoencoder)


@pytest.mark.parametrize("pooling", ["mean", "max", ("mean", "max")])
@pytest.mark.parametrize("kind", ["spectrogram", "waveform", "signal"])
def test_features_of_a_recording_are_pooled_activations_of_its_windows(recordings, kind, pooling):
    before = {
        "spectrogram": [SpectrogramExtractor(RATE)],
        "waveform": [WaveformExtractor(RATE)],
        "signal": [],
    }[kind]
    model = windows_of(*before, WindowExtractor(6, n_windows=400, random_state=0))
    features = ConvolutionalFeatures(model, pooling=pooling, grid=3).fit(recordings)
    found = features.transform(recordings)
    fitted = features.model_
    every = WindowExtractor(6, n_windows=None)
    names = [pooling] if isinstance(pooling, str) else pooling
    for x, row in zip(recordings, found, strict=True):
        images = [x]
        for step in fitted[: len(before)]:
            images = step.transform(images)
        A = fitted[-1].transform(fitted[-2].transform(every.fit_transform(images)))
        edges = np.arange(4) * len(A) // 3
        cells = [A[a:b] for a, b in pairwise(edges)]
        expected = [getattr(cell, name)(axis=0) for name in names for cell in cells]
        assert_allclose(row, np.concatenate(expected), rtol=1e-6, atol=1e-8)
    assert found.shape[1] == len(features.get_feature_names_out())


def test_narrow_patches_of_spectrograms_pool_over_frequency_too(recordings):
    model = windows_of(
        SpectrogramExtractor(RATE), PatchExtractor((12, 6), n_patches=300, random_state=0)
    )
    features = ConvolutionalFeatures(model, grid=(4, 3), pooling=("mean", "max"))
    assert features.fit_transform(recordings).shape == (5, 2 * 4 * 3 * 8)


def test_files_streams_and_arrays_have_the_same_features(tmp_path, recordings):
    for i, x in enumerate(recordings):
        soundfile.write(tmp_path / f"{i}.wav", x, RATE, subtype="FLOAT")
    loaded = load_recordings(tmp_path)
    held = [loaded.recordings[i] for i in range(5)]
    model = windows_of(
        SpectrogramExtractor(RATE), WindowExtractor(6, n_windows=400, random_state=0)
    )
    features = ConvolutionalFeatures(model, grid=2).fit(held)
    assert_array_equal(features.transform(loaded.recordings), features.transform(held))
    again = ConvolutionalFeatures(clone(model), grid=2).fit(loaded.recordings)
    assert_array_equal(again.transform(held), features.transform(held))


@pytest.mark.parametrize("kind", ["spectrogram", "waveform"])
def test_model_files_hold_models_of_sound(tmp_path, recordings, kind):
    first = SpectrogramExtractor(RATE) if kind == "spectrogram" else WaveformExtractor(RATE)
    windows = WindowExtractor(6, n_windows=300, random_state=0)
    model = windows_of(first, windows, ContrastNormalizer())
    features = ConvolutionalFeatures(model, grid=2, pooling=("mean", "max")).fit(recordings)
    save(features, tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors")
    assert_array_equal(again.transform(recordings), features.transform(recordings))
