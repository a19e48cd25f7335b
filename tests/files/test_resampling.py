"""Resampling: the same sound at another rate, a block at a time."""

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose

from rhohat import (
    load_recordings,
)
from rhohat.files.resampling import resampled
from support.sounds import RATE, tone


@pytest.mark.parametrize("own", [4000, 8000, 11_025, 16_000, 44_100, 48_000])
def test_rates_are_brought_to_one(tmp_path, own):
    soundfile.write(tmp_path / "sound.wav", tone(rate=own), own, subtype="FLOAT")
    found = load_recordings(tmp_path / "sound.wav", rate=RATE).recordings[0]
    assert found.shape == (4000,)
    assert_allclose(found[200:-200], tone()[200:-200], atol=0.01)


def test_resampling_leaves_the_same_rate_alone(rng):
    samples = rng.randn(100)
    assert resampled(samples, RATE, RATE) is samples


@pytest.mark.parametrize(
    ("own", "rate"), [(8000, 8000), (44_101, 16_000), (44_100, 16_001), (8000, 100), (100, 8000)]
)
def test_blocks_join_without_a_seam(tmp_path, monkeypatch, own, rate):
    sound = np.random.RandomState(0).uniform(-0.3, 0.3, (round(4.7 * own), 2))
    soundfile.write(tmp_path / "long.wav", sound, own, subtype="FLOAT")
    whole = load_recordings(tmp_path / "long.wav", rate=rate).recordings[0]
    expected = resampled(sound.mean(axis=1), own, rate)
    assert_allclose(whole, expected, atol=1e-6)
    monkeypatch.setattr("rhohat.files.resampling.BLOCK_SECONDS", 1)
    assert_allclose(
        load_recordings(tmp_path / "long.wav", rate=rate).recordings[0], whole, atol=1e-6
    )
