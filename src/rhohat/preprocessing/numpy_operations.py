"""Operations in NumPy alone, to be read: their source goes into files of NumPy code.

Rows are (..., d), pictures (n, height, width, channels), recordings (n, samples) and series (n,
channels, samples). A function may use others of this module, and nothing else but NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = np.ndarray


def affine(x: Array, weights: Array, bias: Array) -> Array:
    """W x + b, of every row x."""
    return x @ weights.T + bias


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z))."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))


def tanh(z: Array) -> Array:
    """The hyperbolic tangent."""
    return np.tanh(z)


def relu(z: Array) -> Array:
    """max(z, 0)."""
    return np.maximum(z, 0)


def identity(z: Array) -> Array:
    """The value z itself."""
    return z


def topk(z: Array, n_active: int) -> Array:
    """The largest values of each row, if positive, and 0 for the others; of ties, the first."""
    silent = np.argsort(-z, axis=-1, kind="stable")[..., n_active:]
    a = np.maximum(z, 0)
    np.put_along_axis(a, silent, 0, axis=-1)
    return a


def batchtopk(z: Array, thresholds: Array) -> Array:
    """Values above a threshold, and 0 for the others."""
    return np.where(z > thresholds, z, 0)


def jumprelu(z: Array, tau: float, thresholds: Array) -> Array:
    """Values above each unit's threshold, with a smooth step of so much of it, and 0 below."""
    width = tau * thresholds if tau else np.finfo(z.dtype).tiny
    with np.errstate(over="ignore"):
        u = np.clip((z - thresholds) / width, 0, 1)
    return relu(z) * u * u * (3 - 2 * u)


def softmax(z: Array) -> Array:
    """Probabilities of classes."""
    p = np.exp(z - z.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def both_signs(above: Array, threshold: float) -> Array:
    """max(z - t, 0) and max(-z - t, 0), side by side, given z - t."""
    return np.concatenate([relu(above), relu(-2 * threshold - above)], axis=-1)


def normalize(x: Array, scale: float, low: float, high: float) -> Array:
    """Rows without their mean, clipped at -s and s, and scaled to an interval."""
    clipped = np.clip(x - x.mean(axis=-1, keepdims=True), -scale, scale)
    return (clipped / scale + 1) * (high - low) / 2 + low


def contrast(x: Array, epsilon: float) -> Array:
    """Rows of mean 0 and about unit variance."""
    centered = x - x.mean(axis=-1, keepdims=True)
    return centered / np.sqrt((centered**2).mean(axis=-1, keepdims=True) + epsilon)


def one_over_f(images: Array, cutoff: float, scale: float) -> Array:
    """Images whose frequencies r are multiplied by r exp(-(r / cutoff)^4), and scaled."""
    up, rows = cosines(images.shape[1])
    across, columns = cosines(images.shape[2])
    r = np.hypot(rows[:, None], columns)
    gain = r * np.exp(-((r / cutoff) ** 4)) / scale
    planes = np.moveaxis(images, 3, 1)
    return np.moveaxis(up.T @ ((up @ planes @ across.T) * gain) @ across, 1, 3)


def cosines(n: int) -> tuple[Array, Array]:
    """The orthonormal cosine transform of n values, (n, n), and its frequencies."""
    k = np.arange(n)
    waves = np.cos(np.pi * k[:, None] * (k + 0.5) / n)
    return waves * np.sqrt(np.where(k > 0, 2, 1) / n)[:, None], k / (2 * n)


def patch(images: Array, shape: tuple[int, ...], stride: int | None) -> Array:
    """All patches as rows: (n, rows of positions, columns of positions, values)."""
    window = np.lib.stride_tricks.sliding_window_view(images, shape[:2], axis=(1, 2))
    picked = np.moveaxis(window[:, ::stride, ::stride], 3, -1)  # channels come last
    return picked.reshape(*picked.shape[:3], -1)


def pool(
    features: Array,
    poolings: list[str],
    grid: tuple[int, int],
    window: tuple[int, int] | None,
) -> Array:
    """Mean, maximum or sum over the cells of a grid, one pooling after the other."""
    joined: Any = {"mean": np.mean, "max": np.max, "sum": np.sum}
    if window is None:  # as equal as possible
        down, across = (np.arange(n + 1) * features.shape[i + 1] // n for i, n in enumerate(grid))
    else:
        down, across = (np.arange(n + 1) * window[i] for i, n in enumerate(grid))
    cells = [
        features[:, down[i] : down[i + 1], across[j] : across[j + 1]]
        for i in range(grid[0])
        for j in range(grid[1])
    ]
    found = [joined[how](cell, axis=(1, 2)) for how in poolings for cell in cells]
    return np.concatenate(found, axis=-1)


def waveform(recordings: Array) -> Array:
    """Recordings as pictures of one row, of mean 0 and standard deviation 1."""
    wave = recordings - recordings.mean(axis=1, keepdims=True)
    deviation = wave.std(axis=1, keepdims=True)
    noise = 10 * np.finfo(float).eps * np.abs(recordings).max(axis=1, keepdims=True)
    return (wave / np.where(deviation > noise, deviation, 1))[:, None, :, None]


def spectrogram(
    recordings: Array,
    rate: int,
    length: int,
    hop: int,
    n_fft: int,
    edges: Array,
    floor: float,
    normalize: str,
) -> Array:
    """Logarithms of the powers of bands as pictures, the highest band first."""
    samples = np.pad(recordings, ((0, 0), (length // 2, length - length // 2)))
    moments = np.lib.stride_tricks.sliding_window_view(samples, length, axis=1)[:, ::hop]
    moments = moments[:, : 1 + recordings.shape[1] // hop] * hann(length)
    power = np.abs(np.fft.rfft(moments, n_fft)) ** 2 @ triangles(edges, n_fft, rate).T
    peak = power.max(axis=(1, 2), keepdims=True)
    logs = np.log(np.maximum(power / np.where(peak > 0, peak, 1), floor))
    if normalize != "none":
        logs = logs - logs.mean(axis=1 if normalize == "band" else (1, 2), keepdims=True)
        deviation = np.sqrt((logs**2).mean(axis=(1, 2), keepdims=True))
        logs = logs / np.where(deviation > 1e-6, deviation, 1)
    return logs.transpose(0, 2, 1)[..., None]


def hann(length: int) -> Array:
    """The periodic Hann window."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


def triangles(edges: Array, n_fft: int, rate: int) -> Array:
    """Weights of bands on a power spectrum, the highest first; those of a band add up to 1."""
    frequency, steps = np.arange(n_fft // 2 + 1) * rate / n_fft, np.diff(edges)[:, None]
    rising = (frequency - edges[:-2, None]) / steps[:-1]
    falling = (edges[2:, None] - frequency) / steps[1:]
    weights = np.maximum(np.minimum(rising, falling), 0)
    return (weights / weights.sum(axis=1, keepdims=True))[::-1]


def channels(series: Array, mean: Array, scale: Array) -> Array:
    """Each channel as a row of a picture, scaled."""
    return ((series - mean[:, None]) / scale[:, None])[..., None]


def series_spectrogram(series: Array, window: int, hop: int, mean: Array, scale: Array) -> Array:
    """Logarithms of the powers of each channel, frequencies from the highest down."""
    logs = scaled_logs(powers(series, window, hop), mean, scale)
    rows = logs[..., ::-1].transpose(0, 1, 3, 2)
    return rows.reshape(len(rows), -1, rows.shape[3], 1)


def series_spectra(series: Array, window: int, hop: int, mean: Array, scale: Array) -> Array:
    """Welch's spectra of windows of each channel, one after the other."""
    short = window // 8
    count = (series.shape[2] - window) // hop + 1
    parts = [powers(series[..., p * short :], 2 * short, hop)[:, :, :count] for p in range(7)]
    logs = scaled_logs(np.mean(parts, axis=0), mean, scale)
    return logs.reshape(*logs.shape[:2], -1, 1)


def powers(series: Array, length: int, hop: int) -> Array:
    """|F|^2 of windows without their mean: (n, channels, windows, frequencies above 0)."""
    windows = np.lib.stride_tricks.sliding_window_view(series, length, axis=2)[:, :, ::hop]
    centered = windows - windows.mean(axis=3, keepdims=True)
    return np.abs(np.fft.rfft(centered * hann(length))[..., 1:]) ** 2


def scaled_logs(power: Array, mean: Array, scale: Array) -> Array:
    """Logarithms of powers, none far below the greatest of its channel, scaled by channel."""
    least = 1e-8 * power.max(axis=(2, 3), keepdims=True)
    logs = np.log(np.maximum(power, np.maximum(least, np.finfo(float).tiny)))
    return (logs - mean[:, None, None]) / scale[:, None, None]


#: Operations, by their names.
NUMPY_OPERATIONS: Mapping[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        *(affine, sigmoid, tanh, relu, identity, topk, batchtopk, jumprelu),
        *(softmax, both_signs),
        *(normalize, contrast, one_over_f, patch, pool, waveform, spectrogram),
        *(channels, series_spectrogram, series_spectra),
    )
}
