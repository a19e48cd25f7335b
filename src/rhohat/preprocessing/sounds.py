"""Sounds: recordings as arrays whose columns are moments, of spectrograms or of plain samples."""

from __future__ import annotations

from copy import copy
from functools import partial
from typing import Any, Self

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.optimize import nnls
from sklearn.utils.validation import check_is_fitted

from rhohat.common.arrays import Float64Array, FloatArray, Images, Recordings, rounding_noise
from rhohat.common.validation import check_integer, check_real, look_up
from rhohat.files.images import each_image
from rhohat.files.lazy_sequence import LazySequence, MappedSequence
from rhohat.files.recordings import check_rate, each_recording
from rhohat.preprocessing.spectra import hann, mel_bands
from rhohat.preprocessing.steps import Operation, Step, Wholes

#: Moments whose spectra are computed at a time, at most, and samples in them, at most.
FRAMES, FRAME_SAMPLES = 4096, 1 << 24
#: Samples that a spectrum is taken of, at most: more are no moment.
MOST_SAMPLES = 1 << 20
#: Samples to which windows give less weight are not amplified: moments hardly determine them.
LEAST_WEIGHT = 0.1
#: Iterations of Griffin and Lim's algorithm.
PHASE_ITERATIONS = 60
#: Level of bands that a window does not hold, in standard deviations of a normalized spectrogram.
SILENT = -3.0

#: What happens to the logarithms of each recording.
NORMALIZATIONS = {
    "recording": "their mean is subtracted, then they are divided by their standard deviation",
    "band": "each band's own mean is subtracted, then all are divided by their standard deviation",
    "none": "they stay as they are",
}


def mel_of(frequency: Any) -> Any:
    """Pitch of a frequency in Hz: m = 2595 log10(1 + f / 700)."""
    return 2595 * np.log10(1 + np.asarray(frequency) / 700)


def frequency_of(mel: Any) -> Any:
    """Frequency in Hz of a pitch: f = 700 (10^(m / 2595) - 1)."""
    return 700 * (10 ** (np.asarray(mel) / 2595) - 1)


def _near_one(samples: FloatArray) -> tuple[FloatArray, np.intc]:
    """Samples of at most 1, whose squares can be summed, and the power of 2 that leads back.

    No digit is lost.
    """
    _, exponent = np.frexp(np.abs(samples).max())
    return np.ldexp(samples, -exponent), exponent


class SoundExtractor(Step):
    """What extractors of recordings have in common: recordings in, one array of moments for each.

    Attributes
    ----------
    rate : int
        Samples per second.
    """

    rate: int

    def transform(self, X: Recordings) -> Images:
        """Turn every recording into an array of moments.

        Parameters
        ----------
        X : as in `fit`

        Returns
        -------
        extracted : list of ndarray of shape (rows, moments), or one ndarray if X is one
            In the precision of each recording. For recordings that are read when they are asked
            for, a sequence that is computed when it is asked for.
        """
        check_is_fitted(self)
        if isinstance(X, LazySequence):
            check_rate(X, self.rate)
            return MappedSequence(X, copy(self)._of_one)
        extracted = [self._extracted(x) for x in each_recording(X, self.rate)]
        return np.stack(extracted) if isinstance(X, np.ndarray) and X.ndim > 1 else extracted

    @property
    def takes(self) -> Wholes:
        """Recordings at its rate."""
        return Wholes("recording", partial(each_recording, rate=self.rate))

    @property
    def seconds_per_moment(self) -> float:
        """From one column to the next."""
        raise NotImplementedError

    @property
    def frequencies(self) -> Float64Array | None:
        """Frequencies of the rows in Hz; None if rows are channels, and moments are samples."""
        return None

    def sound_of(self, window: FloatArray, top: int) -> Float64Array:
        """Samples of the sound of a window of an extracted array.

        Parameters
        ----------
        window : ndarray of shape (rows, moments)
        top : int
            Number of the window's first row.
        """
        raise NotImplementedError

    def seconds_of(self, moments: int) -> float:
        """Least duration of a sound with this many moments."""
        return moments * self.seconds_per_moment

    def _of_one(self, recording: FloatArray) -> FloatArray:
        return self._extracted(next(each_recording([recording], self.rate)))

    def _extracted(self, recording: FloatArray) -> FloatArray:
        """Turn one recording, (n_channels, n_samples), into moments."""
        raise NotImplementedError


class WaveformExtractor(SoundExtractor):
    """Waveforms of recordings, mixed to one channel and scaled to mean 0 and standard deviation 1.

    Parameters
    ----------
    rate : int, default=16000
        Samples per second: arrays must have this rate, files are resampled to it.

    Attributes
    ----------
    n_recordings_ : int
        Number of recordings in `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from rhohat import WaveformExtractor, WindowExtractor
    >>> windows = make_pipeline(WaveformExtractor(8000), WindowExtractor(64, n_windows=100))
    >>> windows.fit_transform([np.sin(np.arange(1000))]).shape
    (100, 64)
    """

    def __init__(self, rate: int = 16_000) -> None:
        self.rate = rate

    def fit(self, X: Recordings, y: object = None) -> Self:
        """Check the recordings.

        Parameters
        ----------
        X : sequence of ndarray of shape (n_samples,) or (n_channels, n_samples), or of paths
            Or one array with the recordings along its first axis.
        y : Ignored

        Returns
        -------
        self : WaveformExtractor

        Raises
        ------
        ValueError
            If the rate or a recording is not as described.
        DataFileError
            If a file cannot be read.
        """
        self.check_settings()
        self.n_recordings_ = sum(1 for _ in each_recording(X, self.rate))
        return self

    def check_settings(self) -> None:
        """Raise TypeError or ValueError if the parameter is not as described."""
        check_integer("rate", self.rate, low=1)

    @property
    def seconds_per_moment(self) -> float:
        """Duration of a sample."""
        return 1 / self.rate

    def operation(self) -> Operation:
        """The rate."""
        return Operation("waveform", {"rate": self.rate})

    def sound_of(self, window: FloatArray, top: int) -> Float64Array:
        """The window itself."""
        samples: Float64Array = window[0].astype(np.float64)
        return samples

    def _extracted(self, recording: FloatArray) -> FloatArray:
        samples, exponent = _near_one(recording.mean(axis=0, keepdims=True))
        noise = rounding_noise(float(np.abs(samples).max()), samples.dtype)
        samples = samples - samples.mean(dtype=np.float64)
        deviation = float(np.sqrt(np.square(samples, dtype=np.float64).mean()))
        scaled = samples / deviation if deviation > noise else np.ldexp(samples, exponent)
        return np.asarray(scaled, dtype=recording.dtype)


class SpectrogramExtractor(SoundExtractor):
    r"""Log-mel spectrograms of recordings, as images (frequencies, moments).

    With P the power spectrum of a windowed moment, and M a triangular filter for each band, all
    equally wide in mel,

    .. math:: s = \log\bigl(\max(M P / p,\ \mathrm{floor})\bigr),

    where p is the highest power of any band in the recording, so that loudness does not matter. Row
    0 is the *highest* band, as spectrograms are usually drawn. Later steps treat spectrograms like
    any images: `WindowExtractor` cuts windows, `PatchExtractor` cuts patches that are narrower in
    frequency, and `ConvolutionalFeatures` is applied at all positions.

    Parameters
    ----------
    rate : int, default=16000
        Samples per second: arrays must have this rate, files are resampled to it. Channels are
        mixed down.
    n_mels : int, default=40
        Bands.
    window : float, default=0.025
        Seconds of sound in each spectrum, under a Hann window.
    hop : float, default=0.01
        Seconds from one moment to the next.
    low, high : float, default=50, None
        Range of the bands in Hz; up to half the rate if None.
    floor : float, default=1e-5
        Lowest power, as a share of the recording's highest.
    normalize : {"recording", "band", "none"}, default="recording"
        "recording" scales all values of a recording to mean 0 and standard deviation 1, which
        removes its loudness and noise level; "band" also shifts every band to mean 0, which removes
        the timbre of voice and microphone; "none" leaves values as they are.

    Attributes
    ----------
    frequencies_ : ndarray of shape (n_mels,)
        Center of each row's band in Hz, from the highest down.
    mean_ : ndarray of shape (n_mels,)
        Mean of each row over the recordings in `fit`, before normalization.
    scale_ : float
        The number by which recordings were divided, on average; with `mean_`, it is used to
        reconstruct sound.

    Notes
    -----
    A recording of n samples has 1 + n // (hop in samples) moments, the first at its start.
    Recordings are normalized as they are given: a recording that was cut into parts, as `rhohat
    learn` does if it is longer than a minute, is normalized part by part.

    Recordings are processed one at a time: memory does not grow with their number.

    References
    ----------
    S. Davis and P. Mermelstein (1980), Comparison of parametric representations for monosyllabic
    word recognition, IEEE Transactions on Acoustics, Speech, and Signal Processing 28.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import SpectrogramExtractor
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    >>> extractor = SpectrogramExtractor(rate=8000)
    >>> (spectrogram,) = extractor.fit_transform([tone])
    >>> spectrogram.shape
    (40, 101)
    >>> loudest = spectrogram.mean(axis=1).argmax()
    >>> bool(abs(extractor.frequencies_[loudest] - 440) < 40)
    True
    """

    def __init__(
        self,
        rate: int = 16_000,
        *,
        n_mels: int = 40,
        window: float = 0.025,
        hop: float = 0.01,
        low: float = 50.0,
        high: float | None = None,
        floor: float = 1e-5,
        normalize: str = "recording",
    ) -> None:
        self.rate = rate
        self.n_mels = n_mels
        self.window = window
        self.hop = hop
        self.low = low
        self.high = high
        self.floor = floor
        self.normalize = normalize

    def fit(self, X: Recordings, y: object = None) -> Self:
        """Learn the mean spectrum, in one pass over the recordings.

        Parameters
        ----------
        X : sequence of ndarray of shape (n_samples,) or (n_channels, n_samples), or of paths
            Or one array with the recordings along its first axis.
        y : Ignored

        Returns
        -------
        self : SpectrogramExtractor

        Raises
        ------
        ValueError
            If a parameter or a recording is not as described.
        DataFileError
            If a file cannot be read.
        """
        self.check_settings()
        edges = self._edges()
        self.frequencies_ = edges[1:-1][::-1].copy()
        total, n_moments, scales = np.zeros(self.n_mels), 0, []
        for recording in each_recording(X, self.rate):
            logs = self._logs(recording)
            total += logs.sum(axis=1, dtype=np.float64)
            n_moments += logs.shape[1]
            scales.append(self._moments(logs)[1])
        self.mean_ = total / n_moments
        self.scale_ = float(np.mean(scales))
        return self

    def inverse_transform(self, X: Images) -> list[Float64Array]:
        """Compute sounds whose spectrograms are close to those given.

        Phases are lost, and so are differences within a band: each moment gets the nonnegative
        spectrum whose bands are nearest by least squares, and Griffin and Lim's algorithm finds
        phases that agree with each other. The greatest power of a band becomes at most 1.

        Parameters
        ----------
        X : sequence of ndarray of shape (n_mels, n_moments)

        Returns
        -------
        sounds : list of ndarray of shape (n_samples,)
            From the first moment to the last.

        Raises
        ------
        ValueError
            If X holds anything other than finite arrays of this shape.

        References
        ----------
        D. Griffin and J. Lim (1984), Signal estimation from modified short-time Fourier transform,
        IEEE Transactions on Acoustics, Speech, and Signal Processing 32.
        """
        check_is_fitted(self)
        mels = self._mels()
        sounds = []
        for index, image in enumerate(each_image(X)):
            if image.ndim != 2 or len(image) != self.n_mels:
                raise ValueError(
                    f"image {index} must have shape ({self.n_mels}, n_moments), got {image.shape}."
                )
            logs = self._denormalized(image.astype(np.float64))
            bands = np.exp(np.minimum(logs, 0.0))
            power = np.stack([nnls(mels, moment)[0] for moment in bands.T], axis=1)
            sounds.append(self._sound(np.sqrt(power)))
        return sounds

    @property
    def frequencies(self) -> Float64Array:
        """Center frequencies of the bands in Hz, from the highest down."""
        return self.frequencies_

    def operation(self) -> Operation:
        """Sizes in samples, ends and peaks of the bands in Hz, floor, and normalization."""
        length, hop, n_fft = self._sizes()
        sizes = {"rate": self.rate, "length": length, "hop": hop, "n_fft": n_fft}
        scales = {"edges": self._edges(), "floor": self.floor, "normalize": self.normalize}
        return Operation("spectrogram", sizes | scales)

    def sound_of(self, window: FloatArray, top: int) -> Float64Array:
        """The sound of the window's bands while all others are silent."""
        silent = np.log(self.floor) if self.normalize == "none" else SILENT
        spectrogram = np.full((self.n_mels, window.shape[1]), silent)
        spectrogram[top : top + len(window)] = window
        return self.inverse_transform([spectrogram])[0]

    @property
    def seconds_per_moment(self) -> float:
        """From one spectrum to the next, as whole samples make it."""
        return self._sizes()[1] / self.rate

    def seconds_of(self, moments: int) -> float:
        """Least duration of a sound with this many moments, the first of which is at its start."""
        return (moments - 1) * self.seconds_per_moment

    def check_settings(self) -> None:
        """Raise TypeError or ValueError if a parameter is not as described, or bands are empty."""
        rate = check_integer("rate", self.rate, low=1)
        check_integer("n_mels", self.n_mels, low=1)
        check_real("rate", rate, low=1, high=MOST_SAMPLES**2)
        window, hop = check_real("window", self.window, low=0), check_real("hop", self.hop, low=0)
        if min(window * rate / 2, hop * rate) < 1 or hop > window or window * rate > MOST_SAMPLES:
            raise ValueError(
                f"windows of {self.window:g} s, each {self.hop:g} s after the last, do not suit "
                f"{self.rate:,} samples per second: expected a window of 2 to {MOST_SAMPLES:,} "
                "samples, and a hop of at least one sample that is no longer than the window, or "
                "sound would be lost."
            )
        high = self.rate / 2 if self.high is None else self.high
        check_real("low", self.low, low=0)
        check_real("high", high, low=0, high=self.rate / 2)
        if self.low >= high:
            raise ValueError(
                f"low must be below high, got {self.low:g} and {high:g} Hz at {self.rate:,} "
                "samples per second: choose a higher rate, or a lower low."
            )
        check_real("floor", self.floor, low=0, high=1, open_ends=True)
        look_up("normalize", self.normalize, NORMALIZATIONS)
        empty = self._n_empty()
        if empty:
            raise ValueError(
                f"{empty} of {self.n_mels} bands between {self.low:g} and {high:g} Hz are narrower "
                f"than windows of {self.window:g} s can resolve: choose fewer bands or longer "
                "windows."
            )

    def _n_empty(self) -> int:
        """Bands without a frequency of the transform; no matrix is made, which may be huge."""
        n_fft = self._sizes()[2]
        most = n_fft + 2  # a frequency lies in two bands at most
        if self.n_mels > most:
            return self.n_mels - most
        edges, frequency = self._edges(), np.arange(n_fft // 2 + 1) * self.rate / n_fft
        first = np.searchsorted(frequency, edges[:-2], side="right")
        return int((np.searchsorted(frequency, edges[2:], side="left") <= first).sum())

    def _sizes(self) -> tuple[int, int, int]:
        """Samples in a window, in a hop, and in the window's transform, which is a power of two."""
        window = round(self.window * self.rate)
        return window, round(self.hop * self.rate), 1 << (window - 1).bit_length()

    def _edges(self) -> Float64Array:
        """Frequencies where bands begin, peak and end."""
        high = self.rate / 2 if self.high is None else self.high
        edges: Float64Array = frequency_of(
            np.linspace(mel_of(self.low), mel_of(high), self.n_mels + 2)
        )
        return edges

    def _mels(self) -> Float64Array:
        """Weights of the bands on power spectra, (n_mels, n_frequencies), the highest first."""
        return mel_bands(self._edges(), self._sizes()[2], self.rate)

    def _extracted(self, recording: FloatArray) -> FloatArray:
        return self._normalized(self._logs(recording))

    def _logs(self, recording: FloatArray) -> FloatArray:
        """Logarithms of the bands' powers, (n_mels, n_moments), before normalization."""
        length, hop, n_fft = self._sizes()
        samples, _ = _near_one(recording.mean(axis=0))
        samples = np.pad(samples, (length // 2, length - length // 2))
        moments = np.lib.stride_tricks.sliding_window_view(samples, length)[::hop]
        moments = moments[: 1 + recording.shape[1] // hop]
        taper = hann(length).astype(samples.dtype)
        mels = self._mels().T.astype(samples.dtype)
        power = np.empty((len(moments), self.n_mels), samples.dtype)
        n_frames = max(min(FRAMES, FRAME_SAMPLES // n_fft), 1)
        for start in range(0, len(moments), n_frames):
            part = slice(start, start + n_frames)
            spectra = scipy.fft.rfft(moments[part] * taper, n_fft)
            power[part] = (spectra.real**2 + spectra.imag**2) @ mels
        peak = power.max()
        power /= peak if peak > 0 else 1
        return np.log(np.maximum(power, self.floor, out=power), out=power).T

    def _moments(self, logs: FloatArray) -> tuple[FloatArray, float]:
        """What is subtracted from a recording's logarithms, and what they are then divided by."""
        if self.normalize == "none":
            return np.zeros((1, 1)), 1.0
        axis = 1 if self.normalize == "band" else None
        center = logs.mean(axis=axis, keepdims=True, dtype=np.float64)
        deviation = float(np.sqrt(np.square(logs - center, dtype=np.float64).mean()))
        return center, deviation if deviation > 1e-6 else 1.0

    def _normalized(self, logs: FloatArray) -> FloatArray:
        center, scale = self._moments(logs)
        return np.ascontiguousarray((logs - center) / scale, dtype=logs.dtype)

    def _denormalized(self, image: Float64Array) -> Float64Array:
        """Logarithms as those of a typical recording in `fit`."""
        center = {"none": 0.0, "recording": self.mean_.mean(), "band": self.mean_[:, None]}
        logs: Float64Array = image * self.scale_ + center[self.normalize]
        return logs

    def _sound(self, amplitude: Float64Array) -> Float64Array:
        """Samples with these amplitudes, (n_frequencies, n_moments), and phases that agree."""
        target = amplitude.T
        spectra = target * np.exp(2j * np.pi * np.random.RandomState(0).uniform(size=target.shape))
        for _ in range(PHASE_ITERATIONS):
            samples = self._overlapped(spectra)
            found = self._spectra(samples, len(target))
            spectra = target * np.exp(1j * np.angle(found))
        return self._overlapped(spectra)

    def _spectra(self, samples: Float64Array, n_moments: int) -> NDArray[np.complex128]:
        length, hop, n_fft = self._sizes()
        padded = np.pad(samples, (length // 2, length))
        moments = np.lib.stride_tricks.sliding_window_view(padded, length)[::hop][:n_moments]
        return np.fft.rfft(moments * hann(length), n_fft)

    def _overlapped(self, spectra: NDArray[np.complex128]) -> Float64Array:
        """The samples whose windowed moments come nearest to these spectra."""
        length, hop, n_fft = self._sizes()
        taper = hann(length)
        n_samples = max((len(spectra) - 1) * hop, 1)
        total = np.zeros(n_samples + 2 * length + hop)
        weight = np.zeros_like(total)
        for moment, wave in enumerate(np.fft.irfft(spectra, n_fft)[:, :length]):
            part = slice(moment * hop, moment * hop + length)
            total[part] += taper * wave
            weight[part] += taper**2
        begin = length // 2
        samples = total / np.maximum(weight, LEAST_WEIGHT)
        return samples[begin : begin + n_samples]
