"""Bands: filters that are clear, and those that are not."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline

from rhohat import (
    ContrastNormalizer,
    KLSparsity,
    SparseAutoencoder,
    WaveformExtractor,
    Whitening,
    WindowExtractor,
    band_pass,
)
from support.sounds import RATE


def test_speech_like_sound_is_learned_as_band_pass_filters(rng):
    # Damped resonances at random moments, as vowels have them.
    t = np.arange(400) / RATE
    pieces = []
    for _ in range(60):
        x = 0.01 * rng.randn(4000)
        for start in rng.randint(0, 3600, 150):
            hertz = rng.choice([400, 1000, 2500])
            x[start : start + 400] += rng.randn() * np.exp(-t * 250) * np.sin(2 * np.pi * hertz * t)
        pieces.append(x)
    model = make_pipeline(
        WaveformExtractor(RATE),
        WindowExtractor(64, n_windows=6000, random_state=0),
        ContrastNormalizer(),
        Whitening(epsilon=1.0),
        SparseAutoencoder(
            24,
            sparsity_penalty=KLSparsity(target=0.01, weight=5),
            weight_decay=3e-3,
            max_iter=150,
            random_state=0,
        ),
    ).fit(pieces)
    bands = band_pass(model[-2].adjoint(model[-1].encoder_weights_), RATE)
    assert bands.is_clear.mean() > 0.6
    centers = bands.centre[bands.is_clear]
    near = np.abs(np.log2(centers[:, None] / [400, 1000, 2500])).min(axis=1)
    assert np.median(near) < 0.25


@pytest.mark.parametrize("hertz", [300, 1000, 3000])
def test_band_of_a_windowed_tone_is_around_it(hertz):
    t = (np.arange(256) - 128) / RATE
    width = 0.004
    (bands,) = zip(
        *band_pass([np.exp(-((t / width) ** 2)) * np.cos(2 * np.pi * hertz * t)], RATE), strict=True
    )
    center, bandwidth, share, is_clear, duration = bands
    assert abs(center - hertz) < 10
    # The power spectrum of exp(-(t/w)^2) is exp(-2 (pi w f)^2), a tenth where f is
    # sqrt(ln 10 / 2) / (pi w).
    assert_allclose(bandwidth, 2 * np.sqrt(np.log(10) / 2) / (np.pi * width), rtol=0.05)
    assert share > 0.95
    assert is_clear
    # Half of the energy of exp(-2 (t/w)^2), but for the wave, lies within 0.6745 w / 2.
    assert_allclose(duration, 0.6745 * width, atol=2 / RATE)


def test_noise_and_clicks_and_nothing_have_no_clear_band(rng):
    click = np.eye(1, 64, 30)[0]
    bands = band_pass([rng.randn(64), rng.randn(64), np.zeros(64)], RATE)
    assert not bands.is_clear.any()
    assert_allclose(band_pass([click], RATE).bandwidth, RATE / 2, rtol=0.02)


@pytest.mark.parametrize(
    ("filters", "rate"), [(np.ones(4), 8), (np.ones((2, 1)), 8), (np.ones((2, 4)), 0)]
)
def test_wrong_filters_are_said(filters, rate):
    with pytest.raises(ValueError, match=r"filters|rate"):
        band_pass(filters, rate)


def test_a_filter_of_zeros_has_no_duration():
    assert band_pass(np.zeros((1, 16)), 8000).duration[0] == 0
