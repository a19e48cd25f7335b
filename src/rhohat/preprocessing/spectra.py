"""Spectra: how large data are, by component or frequency, before and after a step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from rhohat.common.arrays import Float64Array, FloatArray


def hann(length: int) -> Float64Array:
    """The periodic Hann window: what `length` samples are multiplied by before their spectrum."""
    from scipy.signal import get_window  # takes a while to import

    window: Float64Array = get_window("hann", length)
    return window


def mel_bands(edges: Float64Array, n_fft: int, rate: int) -> Float64Array:
    """Weights of bands on a power spectrum, (bands, n_fft // 2 + 1), the highest band first.

    Each is a triangle from one edge over the next, its peak, to the one after; weights add up to 1.

    Parameters
    ----------
    edges : ndarray of shape (bands + 2,)
        In Hz.
    n_fft : int
        Samples that the spectrum is of.
    rate : int
        Samples per second.
    """
    frequency = np.arange(n_fft // 2 + 1) * rate / n_fft
    steps = np.diff(edges)[:, None]
    rising = (frequency - edges[:-2, None]) / steps[:-1]
    falling = (edges[2:, None] - frequency) / steps[1:]
    triangles = np.maximum(np.minimum(rising, falling), 0)
    totals = triangles.sum(axis=1, keepdims=True)
    weights: Float64Array = np.divide(
        triangles, totals, out=np.zeros_like(triangles), where=totals > 0
    )
    return weights[::-1]


class Spectrum(NamedTuple):
    """How large data are before and after a step.

    Attributes
    ----------
    x : ndarray of shape (n,)
        Components or frequencies.
    before, after : ndarray of shape (n,)
        NaN where there is nothing to show.
    across, up : str
        Labels of the axes.
    title : str
    description : str
        What is shown, in sentences.
    levels : mapping of str to float, default={}
        Values of y to be marked, by their names.
    """

    x: NDArray[np.int_] | Float64Array
    before: Float64Array
    after: Float64Array
    across: str
    up: str
    title: str
    description: str
    levels: Mapping[str, float] = {}


def radial_amplitude(image: FloatArray, n_bins: int = 24) -> tuple[Float64Array, Float64Array]:
    """Root mean square amplitude of an image's frequencies, by their distance from zero.

    Parameters
    ----------
    image : ndarray of shape (height, width) or (height, width, channels)
        Channels are averaged.
    n_bins : int, default=24

    Returns
    -------
    frequency : ndarray of shape (n_bins,)
        Centers of the bins, in cycles per pixel, up to 0.5.
    amplitude : ndarray of shape (n_bins,)
        Of the image without its mean, continued by its mirror image; NaN in bins that hold no
        frequency.
    """
    gray = image.mean(axis=2, dtype=np.float64) if image.ndim == 3 else image.astype(np.float64)
    power = scipy.fft.dctn(gray - gray.mean(), norm="ortho") ** 2
    # the j-th of n cosines has j / 2n cycles per pixel
    axes = [np.arange(n) / (2 * n) for n in gray.shape]
    radius = np.hypot(axes[0][:, None], axes[1][None, :])
    bins = np.minimum((radius * (2 * n_bins)).astype(int), n_bins)
    total = np.bincount(bins.ravel(), power.ravel(), n_bins + 1)[:n_bins]
    count = np.bincount(bins.ravel(), minlength=n_bins + 1)[:n_bins]
    mean = np.divide(total, count, out=np.full(n_bins, np.nan), where=count > 0)
    return (np.arange(n_bins) + 0.5) / (2 * n_bins), np.sqrt(mean)
