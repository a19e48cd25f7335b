"""The 1/f filter: whitening of whole images, before patches are cut."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Self

import numpy as np
import scipy.fft
from sklearn.utils.validation import check_is_fitted

from rhohat.common.arrays import FloatArray, Images, as_floats, overflow_as_infinity, rounding_noise
from rhohat.common.validation import (
    check_integer,
    check_magnitude,
    check_overflow,
    check_real,
)
from rhohat.files.images import each_image
from rhohat.files.lazy_sequence import LazySequence, MappedSequence
from rhohat.preprocessing.spectra import Spectrum, radial_amplitude
from rhohat.preprocessing.stacks import stacked
from rhohat.preprocessing.steps import Directions, Operation, Step, Wholes

#: Images at most whose spectra are averaged.
SPECTRA = 10


class OneOverFWhitening(Step):
    r"""1/f whitening of whole images, with a filter that flattens the spectrum of natural images.

    Amplitudes of natural images fall as 1/f. Each image's Fourier transform is multiplied by

    .. math:: r \exp(-(r / f_0)^4),

    with r the radial frequency in cycles per pixel: a whitening ramp, cut off where sampling noise
    begins. All images are then divided by one number, the standard deviation of all filtered pixels
    of the images in `fit`.

    Parameters
    ----------
    cutoff : float, default=0.4
        f0, in cycles per pixel along both axes, whatever the image's shape.

    Attributes
    ----------
    scale_ : float
        Standard deviation of the filtered pixels in `fit`; 1 if they hold only rounding noise.

    Notes
    -----
    Every image is extended by its mirror image, so that opposite borders do not form an edge that
    is not in the picture. The filter stays the same: the Fourier transform of the mirrored image is
    the cosine transform of the image.

    References
    ----------
    B. Olshausen and D. Field (1997), Sparse coding with an overcomplete basis set: a strategy
    employed by V1? Vision Research 37.

    Examples
    --------
    >>> from rhohat import OneOverFWhitening, load_photographs
    >>> images = load_photographs().images
    >>> whitened = OneOverFWhitening().fit_transform(images)
    >>> whitened[0].shape == images[0].shape
    True
    """

    takes = Wholes("image", each_image, "pixels")

    def __init__(self, cutoff: float = 0.4) -> None:
        self.cutoff = cutoff

    def fit(self, X: Images, y: object = None) -> Self:
        """Learn the joint scale of the images.

        Parameters
        ----------
        X : sequence of ndarray of shape (height, width) or (height, width, channels)
            Or one array with the images along its first axis.
        y : Ignored

        Returns
        -------
        self : OneOverFWhitening
        """
        self.check_settings()
        n_pixels, total, squares, largest = 0, 0.0, 0.0, 0.0
        dtype = np.dtype(np.float32)
        for stack in stacked(each_image(X)):
            filtered = self._filter(stack)
            n_pixels += stack.size
            with overflow_as_infinity():
                total += float(filtered.sum(dtype=np.float64))
                squares += float(np.square(filtered, dtype=np.float64).sum())
            largest = max(largest, float(np.abs(stack).max()))
            dtype = np.result_type(dtype, stack)
        check_magnitude(largest if np.isfinite(squares) else np.inf, dtype)
        mean, square = total / n_pixels, squares / n_pixels
        noise = rounding_noise(largest, dtype)
        deviation = float(np.sqrt(max(square - mean**2, 0.0)))
        self.scale_ = deviation if deviation > noise else 1.0
        return self

    def check_settings(self) -> None:
        """Raise TypeError or ValueError if the parameter is not as described."""
        check_real("cutoff", self.cutoff, low=0, open_ends=True)

    def transform(self, X: Images) -> Images:
        """Whiten images.

        Parameters
        ----------
        X : as in `fit`

        Returns
        -------
        images : list of ndarray, or one ndarray if X is one
            In the same shapes and precision. For a `LazySequence`, another one, whose images are
            whitened when they are needed.
        """
        check_is_fitted(self)
        if isinstance(X, LazySequence):
            return MappedSequence(X, copy(self)._whitened)
        stacks = stacked(each_image(X))
        images = [image for stack in stacks for image in self._all_whitened(stack)]
        return np.stack(images) if isinstance(X, np.ndarray) else images

    def adjoint(self, weights: FloatArray, margin: int = 0) -> FloatArray:
        """Directions in the original image along which linear functions of whitened patches change.

        The filter is its own adjoint. It reaches beyond the patch: what lies farther out than
        `margin` is cropped.

        Parameters
        ----------
        weights : ndarray of shape (k, height, width) or (k, height, width, channels)
            One weight patch per function.
        margin : int, default=0
            Pixels to show around the patch.

        Returns
        -------
        directions : ndarray of shape (k, height + 2 * margin, width + 2 * margin[, channels])
        """
        check_is_fitted(self)
        check_integer("margin", margin, low=0)
        weights = as_floats(weights)
        if weights.ndim not in (3, 4):
            raise ValueError(
                f"weights must have shape (k, height, width[, channels]), got {weights.shape}."
            )
        room = 4 * max(*weights.shape[1:3], margin)  # for the filter's tails to die out
        channels = ((0, 0),) * (weights.ndim - 3)
        canvas = np.pad(weights, ((0, 0), (room, room), (room, room), *channels))
        directions = self._filter(canvas) / self.scale_
        crop = room - margin
        return directions[:, crop:-crop, crop:-crop]

    def carried_back(self, weights: FloatArray) -> Directions:
        """With half a patch on every side, since the filter reaches beyond the patch."""
        margin = max(weights.shape[1:3]) // 2
        around = f"in the image: the patch and {margin} pixels around it"
        return Directions(self.adjoint(weights, margin), around)

    def operation(self) -> Operation:
        """Cutoff and scale."""
        return Operation("one_over_f", {"cutoff": self.cutoff, "scale": self.scale_})

    def spectrum(self, images: Sequence[FloatArray] | None) -> Spectrum | None:
        """Amplitudes of the first images' frequencies, before and after the filter."""
        if images is None:
            return None
        some = [images[i] for i in range(min(len(images), SPECTRA))]
        amplitudes = []
        for shown in (some, self.transform(some)):
            spectra = [radial_amplitude(np.asarray(image)) for image in shown]
            amplitudes.append(np.nanmean([amplitude for _, amplitude in spectra], axis=0))
        before, after = amplitudes
        return Spectrum(
            spectra[0][0],
            before,
            after,
            across="cycles per pixel",
            up="amplitude",
            title="Amplitude by frequency",
            description="Amplitude of each spatial frequency, before and after the filter; mean of "
            f"{len(some)} images.",
        )

    def _whitened(self, image: FloatArray) -> FloatArray:
        whitened: FloatArray = self._all_whitened(image[None])[0]
        return whitened

    def _all_whitened(self, stack: FloatArray) -> FloatArray:
        """Images of one shape, (n, height, width[, channels]), whitened."""
        with overflow_as_infinity():
            return check_overflow(self._filter(stack) / self.scale_, stack)

    def _filter(self, stack: FloatArray) -> FloatArray:
        """Images of one shape, (n, height, width[, channels]), filtered."""
        height, width = stack.shape[1:3]
        rows = np.arange(height)[:, None] / (2 * height)
        columns = np.arange(width) / (2 * width)
        r = np.hypot(rows, columns)
        gain = (r * np.exp(-((r / self.cutoff) ** 4))).astype(stack.dtype)
        if stack.ndim == 4:
            gain = gain[..., None]
        spectrum = scipy.fft.dctn(stack, axes=(1, 2), norm="ortho") * gain
        return scipy.fft.idctn(spectrum, axes=(1, 2), norm="ortho", overwrite_x=True)
