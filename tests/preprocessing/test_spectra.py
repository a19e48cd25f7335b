"""Spectra: a wave lies at its frequency."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from rhohat.preprocessing.spectra import radial_amplitude


def test_amplitude_of_a_wave_lies_at_its_frequency():
    x = (np.arange(64) + 0.5) / 64
    wave = np.cos(np.pi * 16 * x)[None, :] * np.ones((48, 1))  # 16 / 128 cycles per pixel
    frequency, amplitude = radial_amplitude(5 + wave, n_bins=16)
    assert frequency[np.nanargmax(amplitude)] == pytest.approx(16 / 128, abs=1 / 64)
    colored = np.stack([5 + wave] * 3, axis=-1)
    assert_allclose(radial_amplitude(colored, n_bins=16)[1], amplitude, atol=1e-12)
