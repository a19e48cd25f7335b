"""Spectra: a wave lies at its frequency."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from rhohat.preprocessing.spectra import radial_amplitude


def test_amplitude_of_a_wave_lies_at_its_frequency():
    x = (np.arange(64) + 0.5) / 64
    wave = np.cos(np.pi * 16 * x)[None, :] * np.ones((48, 1))  # 16 / 128 cycles per pixel
    frequency, amplitude = radial_amplitude(5 + wave, n_bins=16)
    assert frequency[np.nanargmax(amplitude)] == pytest.approx(16 / 128, abs=1 / 64)
    colored = np.stack([5 + wave] * 3, axis=-1)
    assert_allclose(radial_amplitude(colored, n_bins=16)[1], amplitude, atol=1e-12)


@pytest.mark.parametrize(("n_bins", "cycles"), [(16, 8), (24, 12), (24, 20)])
def test_each_wave_lies_in_one_bin_with_its_power(n_bins, cycles):
    """All bins together have the image's variance; the mean, of frequency 0, has none."""
    x = (np.arange(64) + 0.5) / 64
    image = np.ones((64, 1)) * (7 + np.cos(2 * np.pi * cycles * x))
    frequency, amplitude = radial_amplitude(image, n_bins)
    assert_allclose(frequency, (np.arange(n_bins) + 0.5) / (2 * n_bins), rtol=1e-12)
    (loud,) = np.flatnonzero(np.nan_to_num(amplitude) > 1e-6)
    assert loud == int(cycles / 64 * 2 * n_bins)
    j = np.arange(64) / 128
    here = int((np.hypot(j[:, None], j[None, :]) * 2 * n_bins // 1 == loud).sum())
    assert amplitude[loud] == pytest.approx(np.sqrt(64 * 64 / 2 / here), rel=1e-9)


def test_frequencies_beyond_half_a_cycle_per_pixel_are_in_no_bin():
    """The diagonal's, up to 0.7; and a bin without any is NaN, not 0."""
    wave = np.cos(np.pi * 7 * (np.arange(8) + 0.5) / 8)  # 7 / 16 cycles along both sides
    assert_allclose(np.nan_to_num(radial_amplitude(np.outer(wave, wave), 4)[1]), 0, atol=1e-12)
    empty = np.isnan(radial_amplitude(np.zeros((4, 4)), 16)[1])
    j = np.arange(4) / 8
    filled = np.unique((np.hypot(j[:, None], j[None, :]) * 32).astype(int))
    assert_array_equal(np.flatnonzero(~empty), filled[filled < 16])
    assert len(radial_amplitude(np.zeros((4, 4)))[0]) == 24
