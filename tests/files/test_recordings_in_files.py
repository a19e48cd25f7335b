"""Recordings in files: in parts, all at one rate; what cannot be used is left out and listed."""

import os

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose

from rhohat import (
    DataFileError,
    SpectrogramExtractor,
    load_images,
    load_recordings,
    load_rows,
)
from support.sounds import BAD, RATE, tone, wav


@pytest.mark.parametrize("name", BAD)
def test_file_that_cannot_be_used_is_named_and_says_why(tmp_path, name):
    content, reason = BAD[name]
    path = tmp_path / f"{name}.wav"
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=reason) as caught:
        load_recordings(path)
    assert str(path) in str(caught.value)


def test_bad_files_are_left_out_and_listed(tmp_path):
    for name, (content, _) in BAD.items():
        (tmp_path / f"{name}.wav").write_bytes(content)
    (tmp_path / "good.wav").write_bytes(wav())
    loaded = load_recordings(tmp_path, on_error="skip")
    assert loaded.names == [str(tmp_path / "good.wav")]
    assert len(loaded.skipped) == len(BAD)


def test_rate_is_the_lowest_of_the_files_and_16000_at_most(tmp_path):
    for own in (48_000, 44_100):
        soundfile.write(tmp_path / f"{own}.wav", tone(rate=own), own)
    assert load_recordings(tmp_path).rate == 16_000
    soundfile.write(tmp_path / "8000.wav", tone(), 8000)
    assert load_recordings(tmp_path).rate == 8000


@pytest.mark.parametrize("own", [8000, 11_025, 16_000])
def test_parts_together_are_the_whole(tmp_path, own):
    sound = np.random.RandomState(0).randn(5 * own) / 5
    soundfile.write(tmp_path / "long.wav", sound, own, subtype="FLOAT")
    whole = load_recordings(tmp_path / "long.wav", rate=RATE)
    parts = load_recordings(tmp_path / "long.wav", rate=RATE, longest=1.5)
    joined = np.concatenate([parts.recordings[i] for i in range(len(parts.recordings))])
    assert len(parts.recordings) == 4
    if own != 11_025:  # of which 1.5 seconds are no whole number of samples at the other rate
        assert parts.names[1].endswith("long.wav, 1.5 to 3 s")
    assert_allclose(joined, whole.recordings[0], atol=1e-5)


@pytest.mark.parametrize(
    ("shortest", "seconds"), [(0.0, [1.5, 1.5, 1.0]), (1.0, [1.5, 1.5, 1.0]), (1.1, [1.5, 2.5])]
)
def test_what_is_left_for_the_last_part_goes_to_the_one_before_if_it_is_too_short(
    shortest, seconds, tmp_path
):
    soundfile.write(tmp_path / "long.wav", np.tile(tone(), 8)[: 4 * RATE], RATE)
    parts = load_recordings(tmp_path / "long.wav", longest=1.5, shortest=shortest).recordings
    assert [parts[i].shape[-1] / RATE for i in range(len(parts))] == seconds


def test_file_that_changes_meanwhile_is_named(tmp_path):
    path = tmp_path / "sound.wav"
    path.write_bytes(wav())
    loaded = load_recordings(path)
    path.write_bytes(b"gone")
    with pytest.raises(DataFileError, match=r"sound\.wav .* although it could be read before"):
        loaded.recordings[0]


def test_recordings_are_not_images_and_not_rows(tmp_path):
    path = tmp_path / "sound.wav"
    path.write_bytes(wav())
    with pytest.raises(DataFileError, match="load_recordings"):
        load_images(path)
    with pytest.raises(DataFileError, match="load_recordings"):
        load_rows(path)
    np.save(tmp_path / "rows.npy", np.ones((3, 4)))
    with pytest.raises(DataFileError, match="not a recording"):
        load_recordings(tmp_path / "rows.npy")


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
def test_names_need_not_be_text(tmp_path):
    name = os.fsencode(tmp_path) + b"/sound-\xff.wav"
    with open(name, "wb") as stream:
        stream.write(wav())
    assert load_recordings(tmp_path).recordings[0].shape == (4000,)


def test_silence_is_remarked_on(tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(4000), RATE)
    with pytest.warns(UserWarning, match=r"silent\.wav holds only silence"):
        load_recordings(tmp_path)


def test_short_recordings_are_left_out_and_decide_nothing(tmp_path):
    soundfile.write(tmp_path / "blip.wav", tone(seconds=0.05, rate=2000), 2000)
    soundfile.write(tmp_path / "word.wav", tone(), RATE)
    loaded = load_recordings(tmp_path, shortest=0.1, on_error="skip")
    assert loaded.rate == RATE
    assert loaded.names == [str(tmp_path / "word.wav")]
    assert "lasts 0.050 s, too short: at least 0.1 s are needed" in loaded.skipped[0].reason


@pytest.mark.parametrize("n_samples", [2800, 2799])
def test_recordings_that_just_hold_a_window_are_long_enough(n_samples, tmp_path):
    soundfile.write(tmp_path / "clip.wav", np.sin(np.arange(n_samples)), RATE)
    shortest = SpectrogramExtractor(RATE).seconds_of(36)
    assert shortest > 2800 / RATE  # by a rounding error
    if n_samples == 2800:
        assert len(load_recordings(tmp_path, shortest=shortest).recordings) == 1
        assert load_recordings(tmp_path, shortest=shortest).rate == RATE
    else:
        with pytest.raises(DataFileError, match="too short"):
            load_recordings(tmp_path, shortest=shortest)
