"""Recordings: of any rate and channels, in arrays and in files, a part at a time."""

import numpy as np
import pandas as pd
import pytest
import soundfile
from numpy.testing import assert_allclose, assert_array_equal
from scipy.io import wavfile

from rhohat import (
    SpectrogramExtractor,
    WaveformExtractor,
    load_recordings,
)
from rhohat.files.recordings import each_recording
from support.sounds import RATE, tone


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_channels_are_mixed_down(tmp_path, channels):
    parts = np.stack([tone(300 + 100 * c) for c in range(channels)], axis=1)
    soundfile.write(tmp_path / "sound.wav", parts, RATE, subtype="FLOAT")
    loaded = load_recordings(tmp_path / "sound.wav")
    assert_allclose(loaded.recordings[0], parts.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize(
    ("X", "shapes"),
    [
        ([np.zeros(5), np.zeros((2, 7))], [(1, 5), (2, 7)]),
        (np.zeros((3, 8)), [(1, 8)] * 3),
        (np.zeros((3, 2, 8)), [(2, 8)] * 3),
    ],
)
def test_arrays_are_series_of_channels(X, shapes):
    assert [x.shape for x in each_recording(X)] == shapes


@pytest.mark.parametrize(
    ("subtype", "dtype"), [("PCM_U8", np.uint8), ("PCM_16", np.int16), ("PCM_32", np.int32)]
)
def test_integers_are_what_a_file_of_them_holds(subtype, dtype, tmp_path):
    samples = np.sin(np.arange(500) / 7) / 3
    soundfile.write(tmp_path / "tone.wav", samples, RATE, subtype=subtype)
    _, integers = wavfile.read(tmp_path / "tone.wav")
    assert integers.dtype == dtype
    (from_array,) = each_recording([integers])
    (from_file,) = each_recording([tmp_path / "tone.wav"], RATE)
    assert_allclose(from_array, from_file, atol=1e-7)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([], "at least one recording"),
        (np.zeros(8), "Put a single recording in a list"),
        ([np.zeros((2, 2, 2))], "recording 0 must have shape"),
        ([np.zeros(4), np.array([1.0, np.nan])], "recording 1 contains NaN"),
        ("folder", "load_recordings"),
    ],
)
def test_wrong_arrays_are_said(X, message):
    with pytest.raises(ValueError, match=message):
        list(each_recording(X))


def test_a_slice_of_recordings_is_recordings(tmp_path):
    for number in range(4):
        soundfile.write(tmp_path / f"{number}.wav", tone(200 + 100 * number), RATE)
    recordings = load_recordings(tmp_path).recordings
    some = recordings[1:][::2]
    assert (len(some), some.rate) == (2, RATE)
    assert_array_equal(some[-1], recordings[3])
    spectrograms = SpectrogramExtractor(RATE).fit(some).transform(recordings)[1::2]
    assert_array_equal(spectrograms[1], SpectrogramExtractor(RATE).fit_transform(some)[1])
    with pytest.raises(IndexError):
        some[2]
    with pytest.raises(TypeError):
        some[[0, 1]]


@pytest.mark.parametrize("extractor", [SpectrogramExtractor, WaveformExtractor])
def test_recordings_of_another_rate_are_refused(tmp_path, extractor):
    soundfile.write(tmp_path / "sound.wav", tone(rate=16_000), 16_000)
    recordings = load_recordings(tmp_path).recordings
    fitted = extractor(RATE).fit([tone()])
    for use in (fitted.fit, fitted.transform):
        with pytest.raises(ValueError, match=r"have 16,000 samples per second, expected 8,000"):
            use(recordings)


def test_paths_may_be_an_array(tmp_path):
    soundfile.write(tmp_path / "sound.wav", tone(), RATE)
    path = str(tmp_path / "sound.wav")
    for X in ([path], np.array([path]), np.array([tmp_path / "sound.wav"], dtype=object)):
        (found,) = SpectrogramExtractor(RATE).fit_transform(X)
        assert found.shape == (40, 51)


@pytest.mark.parametrize("X", [{"a": tone()}, pd.DataFrame({"a": tone()})])
def test_tables_are_no_recordings(X):
    with pytest.raises(ValueError, match="expected a sequence of recordings"):
        list(each_recording(X))


def test_channels_come_before_samples():
    with pytest.raises(ValueError, match=r"4,000 channels of 2 samples.* Transpose it"):
        list(each_recording([np.zeros((4000, 2))], RATE))


def test_unsigned_samples_are_silent_in_the_middle():
    (x,) = each_recording([np.array([0, 128, 192], dtype=np.uint8)])
    assert_array_equal(x, [[-1, 0, 0.5]])
