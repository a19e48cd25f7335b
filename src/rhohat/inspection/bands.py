r"""Frequency bands: spectra of filters tell how far they are band-pass filters.

The center frequency of a filter with power spectrum P(f) is where P is greatest; its band reaches,
on both sides, to where P has fallen to a tenth of that (by 10 dB), and holds a share of the power.
A filter with most of its power in one band has a clear center frequency.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rhohat.common.arrays import Float64Array
from rhohat.common.validation import check_real

#: Share of the power that the band must hold for its center frequency to be clear.
CLEAR = 0.7
#: Power at the ends of the band, as a share of the greatest: -10 dB.
BAND_END = 0.1
#: Points of the spectrum for each sample of the filter.
OVERSAMPLED = 8


class BandPass(NamedTuple):
    """Bands of filters.

    Attributes
    ----------
    centre : ndarray of shape (k,)
        Frequency of the highest power, in Hz.
    bandwidth : ndarray of shape (k,)
        Width of the band within 10 dB of that power, in Hz.
    share : ndarray of shape (k,)
        Share of the power within the band.
    is_clear : ndarray of bool of shape (k,)
        Whether that share is at least 0.7.
    duration : ndarray of shape (k,)
        Length, in seconds, of the shortest stretch that holds half of the filter's energy.
    """

    centre: Float64Array
    bandwidth: Float64Array
    share: Float64Array
    is_clear: NDArray[np.bool_]
    duration: Float64Array


def band_pass(filters: ArrayLike, rate: float) -> BandPass:
    """Measure the bands of filters.

    Parameters
    ----------
    filters : array-like of shape (k, n)
        Impulse responses, for instance `maximal_inputs` of a model of waveforms.
    rate : float
        Samples per second.

    Returns
    -------
    bands : BandPass

    References
    ----------
    M. Lewicki (2002), Efficient coding of natural sounds, Nature Neuroscience 5: center frequency
    and the bandwidth 10 dB below the peak, of codes learned from speech and other sounds.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import band_pass
    >>> t = np.arange(128) / 8000
    >>> tone = np.exp(-(((t - 0.008) / 0.002) ** 2)) * np.cos(2 * np.pi * 1000 * t)
    >>> bands = band_pass([tone], 8000)
    >>> bool(abs(bands.centre[0] - 1000) < 20), bool(bands.is_clear[0])
    (True, True)
    """
    rate = check_real("rate", rate, low=0, open_ends=True)
    w = np.asarray(filters, dtype=np.float64)
    if w.ndim != 2 or w.shape[1] < 2:
        raise ValueError(f"filters must have shape (k, n >= 2), got {w.shape}.")
    n_fft = OVERSAMPLED * w.shape[1]
    power = np.abs(np.fft.rfft(w, n_fft)) ** 2
    peaks = power.argmax(axis=1)
    step = rate / n_fft
    ends = [_band(spectrum, peak) for spectrum, peak in zip(power, peaks, strict=True)]
    low, high = np.array(ends, dtype=np.intp).reshape(-1, 2).T
    totals = np.cumsum(np.pad(power, ((0, 0), (1, 0))), axis=1)
    rows = np.arange(len(w))
    inside = totals[rows, high + 1] - totals[rows, low]
    whole = totals[:, -1]
    share = np.divide(inside, whole, out=np.zeros_like(inside), where=whole > 0)
    return BandPass(
        peaks * step, (high - low + 1) * step, share, share >= CLEAR, _shortest(w**2) / rate
    )


def _band(spectrum: Float64Array, peak: int) -> tuple[int, int]:
    """First and last point around the peak before the power falls below a tenth of it."""
    below = np.flatnonzero(spectrum < BAND_END * spectrum[peak])
    low = below[below < peak].max(initial=-1) + 1
    high = below[below > peak].min(initial=len(spectrum)) - 1
    return int(low), int(high)


def _shortest(energy: Float64Array) -> Float64Array:
    """Length, in samples, of the shortest stretch of each row that holds half of its sum."""
    totals = np.cumsum(np.pad(energy, ((0, 0), (1, 0))), axis=1)
    lengths = []
    for total in totals:
        ends = np.searchsorted(total, total + total[-1] / 2)
        spans = ends - np.arange(len(total))
        lengths.append(max(spans[ends < len(total)].min(initial=len(total) - 1), 0))
    return np.array(lengths, dtype=np.float64)
