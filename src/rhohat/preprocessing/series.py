"""Series, before windows are cut out of them: each channel scaled, or turned into spectra.

A series is an array (channels, samples), such as vibration or EEG.
"""

from __future__ import annotations

from copy import copy
from typing import Any, ClassVar, Self

import numpy as np
import scipy.fft
from sklearn.utils.validation import check_is_fitted

from rhohat.common.arrays import (
    Float64Array,
    FloatArray,
    Images,
    overflow_as_infinity,
    rounding_noise,
)
from rhohat.common.validation import check_integer, check_magnitude, check_real
from rhohat.files.lazy_sequence import LazySequence, MappedSequence
from rhohat.files.recordings import each_recording
from rhohat.preprocessing.spectra import hann
from rhohat.preprocessing.steps import Operation, Step, Wholes

#: Samples of windows whose spectra are computed at a time.
FRAME_SAMPLES = 1 << 20
#: Parts of a window whose powers are averaged.
PARTS = 7
#: Least power, as a share of the greatest of a channel in a series.
FLOOR = 1e-8


class SeriesStep(Step):
    """What steps before windows have in common: each channel's values, of mean 0 and deviation 1.

    Both are learned over all series, so that what differs from one to the next stays.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (n_channels,)
        Of the values of each channel, over all series in `fit`; a scale is 1 where a channel holds
        nothing but rounding noise.
    """

    rate: float | None
    takes = Wholes("series", each_recording)

    def fit(self, X: Any, y: object = None) -> Self:
        """Learn mean and deviation of each channel, in one pass.

        Parameters
        ----------
        X : sequence of ndarray of shape (n_samples,) or (n_channels, n_samples)
            Or one array with the series along its first axis.
        y : Ignored

        Returns
        -------
        self : SeriesStep

        Raises
        ------
        ValueError
            If a parameter or a series is not as described.
        """
        self.check_settings()
        count, mean, spread, largest = 0, np.zeros(1), np.zeros(1), np.zeros(1)
        dtype = np.dtype(np.float32)
        for index, series in enumerate(each_recording(X)):
            if index and len(series) != len(mean):
                raise ValueError(
                    f"series {index} has {len(series)} channels, but the first has {len(mean)}: "
                    "all must have the same number."
                )
            values, dtype = self._values(index, series), np.result_type(dtype, series)
            most = np.abs(values).max(axis=1)
            check_magnitude(float(most.max()), series.dtype)
            n = values.shape[1]
            own = values.mean(axis=1, dtype=np.float64)
            apart = own - mean  # Chan's update, which subtracts no large sums from one another
            spread = spread + np.square(values - own[:, None], dtype=np.float64).sum(axis=1)
            spread += apart**2 * (count * n / (count + n))
            mean = mean + apart * (n / (count + n))
            largest, count = np.maximum(largest, most), count + n
        deviation = np.sqrt(spread / count)
        noise = np.array([rounding_noise(value, dtype) for value in largest.tolist()])
        self.mean_ = mean
        self.scale_ = np.where(deviation > noise, deviation, 1.0)
        return self

    def transform(self, X: Any) -> Images:
        """Turn every series into an array whose columns are moments.

        Parameters
        ----------
        X : as in `fit`

        Returns
        -------
        moments : list of ndarray of shape (rows, moments), or one ndarray if X is one
            In the precision of each series. For series that are read when they are asked for, a
            sequence that is computed when it is asked for.
        """
        check_is_fitted(self)
        if isinstance(X, LazySequence):
            return MappedSequence(X, copy(self)._of_one)
        made = [self._of_one(series, index) for index, series in enumerate(each_recording(X))]
        return np.stack(made) if isinstance(X, np.ndarray) and X.ndim > 1 else made

    def check_settings(self) -> None:
        """Raise TypeError or ValueError if a parameter is not as described."""
        if self.rate is not None:
            check_real("rate", self.rate, low=0, open_ends=True)

    def samples_of(self, left: int, moments: int) -> tuple[int, int]:
        """First sample, and the one after the last, of a window of moments of the transform."""
        return left, left + moments

    def told(self, moments: int) -> str:
        """What a window of so many moments reaches over, in words; empty if that is just time."""
        return ""

    @property
    def hop_per_moment(self) -> float:
        """Samples from one moment of the transform to the next, on average."""
        return 1.0

    @property
    def frequencies(self) -> Float64Array | None:
        """Frequencies of the rows, from the highest down; None if rows are channels."""
        return None

    def _of_one(self, series: FloatArray, index: int = 0) -> FloatArray:
        if len(series) != len(self.mean_):
            raise ValueError(
                f"series {index} has {len(series)} channels, but the model was fitted to "
                f"{len(self.mean_)}."
            )
        values = self._values(index, series)
        with overflow_as_infinity():
            scaled = (values - self.mean_[:, None]) / self.scale_[:, None]
        return self._arranged(np.asarray(scaled, dtype=series.dtype))

    def _values(self, index: int, series: FloatArray) -> FloatArray:
        """Values of each channel, (channels, n), before they are scaled."""
        return series

    def _arranged(self, values: FloatArray) -> FloatArray:
        """Scaled values as (rows, moments)."""
        return values


class ChannelScaling(SeriesStep):
    """Series whose channels are scaled to mean 0 and standard deviation 1 over all series.

    Parameters
    ----------
    rate : float, default=None
        Samples per second, for the axes of figures; None if unknown.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (n_channels,)
        Of each channel, over all series in `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from rhohat import ChannelScaling, WindowExtractor
    >>> windows = make_pipeline(ChannelScaling(250), WindowExtractor(50, n_windows=None, stride=50))
    >>> windows.fit_transform([np.random.RandomState(0).randn(8, 1000)]).shape
    (20, 400)
    """

    def __init__(self, rate: float | None = None) -> None:
        self.rate = rate

    def operation(self) -> Operation:
        """Mean and scale of each channel."""
        return Operation("channels", {"mean": self.mean_, "scale": self.scale_})


class _Spectral(SeriesStep):
    """What spectra and spectrograms have in common: logarithms of the powers of short windows."""

    window: int
    hop: int
    #: What its operation is called.
    _name: ClassVar[str]

    def check_settings(self) -> None:
        """Raise TypeError or ValueError if a parameter is not as described."""
        super().check_settings()
        check_integer("window", self.window, low=2)
        check_integer("hop", self.hop, low=1)
        if self.window > FRAME_SAMPLES:
            raise ValueError(
                f"window must be at most {FRAME_SAMPLES:,} samples, got {self.window:,}."
            )

    @property
    def n_frequencies(self) -> int:
        """Frequencies of a spectrum; the mean of a window is none of them."""
        raise NotImplementedError

    def operation(self) -> Operation:
        """Sizes in samples, and mean and scale of each channel's logarithms."""
        sizes = {"window": self.window, "hop": self.hop}
        return Operation(self._name, sizes | {"mean": self.mean_, "scale": self.scale_})

    def _powers(self, series: FloatArray, length: int) -> FloatArray:
        """Powers of windows of `length` samples, `hop` apart: (channels, windows, frequencies)."""
        windows = np.lib.stride_tricks.sliding_window_view(series, length, axis=1)[:, :: self.hop]
        n_channels, n_windows = windows.shape[:2]
        taper = hann(length).astype(series.dtype)
        power = np.empty((n_channels, n_windows, length // 2), series.dtype)
        at_once = max(FRAME_SAMPLES // (length * n_channels), 1)
        for start in range(0, n_windows, at_once):
            part = windows[:, start : start + at_once]
            centered = part - part.mean(axis=2, keepdims=True)
            spectra = scipy.fft.rfft(centered * taper, axis=2)[..., 1:]
            power[:, start : start + at_once] = spectra.real**2 + spectra.imag**2
        return power

    def _mean_powers(self, series: FloatArray) -> FloatArray:
        """Powers of each window, (channels, windows, frequencies)."""
        return self._powers(series, self.window)

    def _values(self, index: int, series: FloatArray) -> FloatArray:
        """Logarithms of powers, (channels, windows x frequencies)."""
        n_samples = series.shape[1]
        if n_samples < self.window:
            raise ValueError(
                f"series {index} has {n_samples:,} samples, too few for windows of {self.window:,}."
            )
        _, exponents = np.frexp(np.abs(series).max(axis=1))  # squares would overflow, or vanish
        power = self._mean_powers(np.ldexp(series, -exponents[:, None]))
        least = np.maximum(FLOOR * power.max(axis=(1, 2)), np.finfo(power.dtype).tiny)
        logs: FloatArray = np.log(np.maximum(power, least[:, None, None]))
        logs += (2 * np.log(2) * exponents).astype(logs.dtype)[:, None, None]
        return logs.reshape(len(logs), -1)


class SeriesSpectra(_Spectral):
    r"""Spectra of windows of series, one after the other along the axis of moments.

    The spectrum of a window is the mean of :math:`|F|^2` over seven parts, each a quarter of the
    window long and an eighth after the last, with their means removed and a Hann window applied
    (Welch's method). Its logarithms at all frequencies except 0 are scaled to mean 0 and standard
    deviation 1 over all series, channel by channel. ``WindowExtractor(window // 8, n_windows=None,
    stride=window // 8)`` makes one row of the spectra of a window.

    Parameters
    ----------
    window : int, default=512
        Samples, a multiple of 8.
    hop : int, default=256
        Samples from one window to the next.
    rate : float, default=None
        Samples per second, for the axes of figures; None if unknown.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (n_channels,)
        Of each channel's logarithms, over all series in `fit`.

    References
    ----------
    P. Welch (1967), The use of fast Fourier transform for the estimation of power spectra, IEEE
    Transactions on Audio and Electroacoustics 15.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import SeriesSpectra
    >>> (spectra,) = SeriesSpectra(256, hop=128).fit_transform([np.sin(np.arange(2560))])
    >>> spectra.shape  # 19 windows of 32 frequencies
    (1, 608)
    """

    _name = "series_spectra"

    def __init__(self, window: int = 512, *, hop: int = 256, rate: float | None = None) -> None:
        self.window = window
        self.hop = hop
        self.rate = rate

    def check_settings(self) -> None:
        """Raise TypeError or ValueError if a parameter is not as described."""
        super().check_settings()
        if self.window % 8:
            raise ValueError(f"window must be a multiple of 8 samples, got {self.window:,}.")

    @property
    def n_frequencies(self) -> int:
        """Frequencies of a spectrum; the mean of a window is none of them."""
        return self.window // 8

    def samples_of(self, left: int, moments: int) -> tuple[int, int]:
        """First sample, and the one after the last, of a window of moments of the transform."""
        first, last = left // self.n_frequencies, (left + moments - 1) // self.n_frequencies
        return first * self.hop, last * self.hop + self.window

    def told(self, moments: int) -> str:
        """The highest frequency, up to which a spectrum reaches."""
        if self.rate is None:
            return "0.5 cycles a sample"
        hertz = self.rate / 2
        return f"{hertz / 1000:g} kHz" if hertz >= 1000 else f"{hertz:g} Hz"

    @property
    def hop_per_moment(self) -> float:
        """Samples from one moment of the transform to the next, on average."""
        return self.hop / self.n_frequencies

    def _mean_powers(self, series: FloatArray) -> FloatArray:
        short = self.window // 8
        n_windows = (series.shape[1] - self.window) // self.hop + 1
        power = np.zeros((len(series), n_windows, short), series.dtype)
        for part in range(PARTS):
            power += self._powers(series[:, part * short :], 2 * short)[:, :n_windows] / PARTS
        return power


class SeriesSpectrogram(_Spectral):
    r"""Spectrograms of series: frequencies of every channel, from the highest down, by moments.

    Each short window of a channel gives :math:`\log |F|^2` at all frequencies except 0, with its
    mean removed and a Hann window applied. Each channel is then scaled to mean 0 and standard
    deviation 1 over all series. The channels are stacked below one another.

    Parameters
    ----------
    window : int, default=64
        Samples of a moment.
    hop : int, default=32
        Samples from one moment to the next.
    rate : float, default=None
        Samples per second, for the axes of figures; None if unknown.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (n_channels,)
        Of each channel's logarithms, over all series in `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import SeriesSpectrogram
    >>> (moments,) = SeriesSpectrogram(64, hop=32).fit_transform([np.sin(np.arange(640))])
    >>> moments.shape
    (32, 19)
    """

    _name = "series_spectrogram"

    def __init__(self, window: int = 64, *, hop: int = 32, rate: float | None = None) -> None:
        self.window = window
        self.hop = hop
        self.rate = rate

    @property
    def n_frequencies(self) -> int:
        """Frequencies of a moment of one channel; its mean is none of them."""
        return self.window // 2

    def samples_of(self, left: int, moments: int) -> tuple[int, int]:
        """First sample, and the one after the last, of a window of moments of the transform."""
        return left * self.hop, (left + moments - 1) * self.hop + self.window

    @property
    def hop_per_moment(self) -> float:
        """Samples from one moment of the transform to the next."""
        return float(self.hop)

    @property
    def frequencies(self) -> Float64Array | None:
        """Frequencies of the rows in Hz; None for several channels, or if no rate is known."""
        if self.rate is None or len(self.mean_) > 1:
            return None
        shares: Float64Array = np.arange(self.n_frequencies, 0, -1) / self.window
        return shares * self.rate

    def _arranged(self, values: FloatArray) -> FloatArray:
        moments = values.reshape(len(values), -1, self.n_frequencies)[..., ::-1]
        return np.ascontiguousarray(moments.transpose(0, 2, 1)).reshape(-1, moments.shape[1])
