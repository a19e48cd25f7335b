"""Spectra: how large data are by component or by frequency, before and after a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from rhohat.common.arrays import Float64Array, FloatArray


@dataclass(frozen=True)
class Spectrum:
    """How large data are before and after a step.

    Attributes
    ----------
    x : ndarray of shape (n,)
        What is on the axis.
    before, after : ndarray of shape (n,)
        NaN where there is nothing.
    across, up : str
        What the axes are called.
    title : str
    """

    across: ClassVar[str]
    up: ClassVar[str]
    title: ClassVar[str]
    x: NDArray[np.int_] | Float64Array
    before: Float64Array
    after: Float64Array

    @property
    def description(self) -> str:
        """What is shown, in sentences."""
        raise NotImplementedError

    @property
    def levels(self) -> dict[str, float]:
        """Levels to be marked, by their names."""
        return {}


@dataclass(frozen=True)
class ComponentSpectrum(Spectrum):
    """Variances of components, numbered from 1.

    Attributes
    ----------
    empty : int
        Components that hold rounding errors alone.
    epsilon : float
        What is added to every variance.
    """

    across, up, title = "component", "variance", "Variance by component"
    empty: int
    epsilon: float

    @property
    def description(self) -> str:
        """What the variances are of, and which are left out."""
        left_out = f"; {self.empty} of rounding errors alone are not drawn" if self.empty else ""
        return (
            "Variance along each principal component, before and after. Directions of much less "
            f"variance than epsilon, {self.epsilon:.6g}, stay small{left_out}."
        )

    @property
    def levels(self) -> dict[str, float]:
        """Epsilon."""
        return {"epsilon": self.epsilon}


@dataclass(frozen=True)
class FrequencySpectrum(Spectrum):
    """Amplitudes of frequencies, in cycles per pixel.

    Attributes
    ----------
    images : int
        That they are the mean of.
    """

    across, up, title = "cycles per pixel", "amplitude", "Amplitude by frequency"
    images: int

    @property
    def description(self) -> str:
        """What the amplitudes are of."""
        return (
            "Amplitude of each spatial frequency, before and after the filter; mean of "
            f"{self.images} images."
        )


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
        Of the image without its mean, continued by its mirror image; NaN in bins without a
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
