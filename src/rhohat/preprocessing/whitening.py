"""Whitening of vectors, by the eigenvectors of their covariance, and of images, by a filter."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Self, cast

import numpy as np
import scipy.fft
import scipy.linalg
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.common.validation import (
    as_floats,
    check_integer,
    check_real,
    check_rows,
    look_up,
)
from rhohat.files.images import Images, ImageSequence, MappedImages, each_image
from rhohat.preprocessing.inputs import RowData, rows_of
from rhohat.rows.derived import Mapped
from rhohat.rows.engines import ThreadEngine
from rhohat.rows.sources import Partition, Rows, check_finite, first_row
from rhohat.rows.stores import is_stored

__all__ = ["OneOverFWhitening", "Whitening"]


@dataclass
class _Moments:
    """Sums over rows of 1, x - shift and (x - shift)(x - shift)'."""

    weight: float
    first: Float64Array
    second: Float64Array

    @classmethod
    def of(cls, rows: Rows, shift: Float64Array, name: str) -> _Moments:
        """Sums over one block."""
        check_finite(rows, name)
        D = rows.X - shift
        return cls(float(len(D)), D.sum(axis=0), D.T @ D)

    def __iadd__(self, other: _Moments) -> _Moments:
        self.weight += other.weight
        self.first += other.first
        self.second += other.second
        return self

    def widened(self) -> _Moments:
        """Itself: the sums are float64."""
        return self


class Whitening(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""PCA or ZCA whitening: uncorrelated columns of about unit variance.

    With the covariance :math:`\Sigma = \frac1m (X-\mu)^T (X-\mu) = U\,\mathrm{diag}(l)\,U^T`,

    .. math::

        x_{PCA} = \mathrm{diag}(l + \epsilon)^{-1/2}\, U^T (x - \mu), \qquad
        x_{ZCA} = U x_{PCA}.

    Parameters
    ----------
    method : {"zca", "pca"}, default="zca"
        "zca" turns back to the input's axes, so that whitened images look like images; "pca" gives
        one column per component.
    epsilon : float, default=0.01
        Added to every eigenvalue, in units of the data's variance. Directions of much smaller
        variance are noise and stay small. The notes suggest 0.01 to 0.1 for data in [0, 1].
    n_components : int, float or None, default=None
        Components kept: a number, a share of variance in (0, 1) that they explain together, or all.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,)
        mu.
    components_ : ndarray of shape (k, n_features)
        Eigenvectors, by falling eigenvalue: the first columns of U, as rows. The largest entry of
        each is positive.
    explained_variance_ : ndarray of shape (k,)
        Eigenvalues l, at least 0.
    explained_variance_ratio_ : ndarray of shape (k,)
        Shares of the total variance.
    n_components_ : int
        Components kept, k.
    n_features_in_ : int

    Notes
    -----
    Sums are float64 whatever the data's precision. With ``epsilon=0`` a direction without variance
    is dropped instead of blown up. The inverse is exact only with all components.

    References
    ----------
    UFLDL tutorial, "Whitening".

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from rhohat import Whitening
    >>> X = load_digits().data / 16
    >>> Whitening(method="pca", n_components=0.99).fit_transform(X).shape
    (1797, 41)
    """

    def __init__(
        self,
        method: str = "zca",
        *,
        epsilon: float = 0.01,
        n_components: int | float | None = None,
    ) -> None:
        self.method = method
        self.epsilon = epsilon
        self.n_components = n_components

    def fit(self, X: RowData, y: object = None) -> Self:
        """Learn mean and eigenvectors from the rows of X.

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory
            As `SparseAutoencoder.fit` takes them; read in one pass.
        y : Ignored

        Returns
        -------
        self : Whitening

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data is not as described.
        """
        look_up("method", self.method, _METHODS)
        check_real("epsilon", self.epsilon, low=0)
        source = rows_of(self, X, reset=True)
        n_features = source.shape[1]
        engine = ThreadEngine()
        with engine.running():
            shift = first_row(source)
            moments = partial(_Moments.of, shift=shift, name=source.name)
            partition = Partition.for_shape(n_features, n_features, source.dtype)
            total = engine.map_sum(moments, source, partition)
            centre = total.first / total.weight
            covariance = total.second / total.weight - np.outer(centre, centre)
            variances, vectors = scipy.linalg.eigh(covariance)
        variances = np.maximum(variances[::-1], 0)
        components = vectors.T[::-1]
        largest = np.abs(components).argmax(axis=1)
        components *= np.sign(components[np.arange(len(components)), largest])[:, None]
        ratio = variances / (variances.sum() or 1.0)
        k = self._n_kept(ratio)

        self.mean_ = shift + centre
        self.components_ = components[:k].copy()
        self.explained_variance_ = variances[:k].copy()
        self.explained_variance_ratio_ = ratio[:k].copy()
        self.n_components_ = k
        return self

    def transform(self, X: RowData) -> FloatArray:
        """Whiten the rows of X.

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory, as in `fit`

        Returns
        -------
        X_white : ndarray of shape (m, n_features) for "zca", (m, k) for "pca"
            Of rows outside memory a `Mapped` source, computed whenever it is read, without a copy
            of the data: what follows in a pipeline takes it, and `numpy.asarray` makes an array.
        """
        check_is_fitted(self)
        source = rows_of(self, X, reset=False)
        dtype = source.dtype
        matrix = np.ascontiguousarray(self.matrix_.astype(dtype).T)
        whiten = partial(_whiten, mean=self.mean_.astype(dtype), matrix=matrix)
        if is_stored(source):
            return cast(FloatArray, Mapped(source, whiten, self._n_features_out))
        n_rows, n_features = source.shape
        out = np.empty((n_rows, self._n_features_out), dtype)
        engine = ThreadEngine()
        with engine.running():
            partition = Partition.for_shape(n_features, n_features, dtype)
            engine.map_into(lambda X, out: whiten(X, out=out), source, partition, out)
        return out

    def inverse_transform(self, X: ArrayLike) -> FloatArray:
        """Undo the whitening; exact where all components are kept and epsilon + l > 0.

        Parameters
        ----------
        X : array-like, as `transform` gives it

        Returns
        -------
        X_original : ndarray of shape (m, n_features)
        """
        check_is_fitted(self)
        W = check_rows(X)
        if W.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {W.shape[1]} columns, but inverse_transform expects the "
                f"{self._n_features_out} that transform gives."
            )
        original: FloatArray = W @ self.inverse_matrix_.astype(W.dtype).T
        original += self.mean_.astype(W.dtype)
        return original

    def adjoint(self, weights: FloatArray) -> FloatArray:
        """Directions in the input that linear functions of the whitened data look along.

        A weight vector w on whitened data responds to x as (T' w)'(x - mu), so that the input that
        maximises it points along T' w.

        Parameters
        ----------
        weights : ndarray of shape (k, n_features_out)

        Returns
        -------
        directions : ndarray of shape (k, n_features)
        """
        check_is_fitted(self)
        directions: FloatArray = as_floats(weights) @ self.matrix_
        return directions

    @property
    def matrix_(self) -> Float64Array:
        """T, (n_features_out, n_features): x_white = T (x - mu)."""
        T = self._scales(-0.5)[:, None] * self.components_
        return self.components_.T @ T if self.method == "zca" else T

    @property
    def inverse_matrix_(self) -> Float64Array:
        """The inverse of T, on the space that the components span, (n_features, n_features_out)."""
        T = self._scales(0.5)[:, None] * self.components_
        return (self.components_.T @ T if self.method == "zca" else T).T

    def _scales(self, power: float) -> Float64Array:
        """(l + epsilon) ** power; zero for directions that have no variance to scale."""
        regularised = self.explained_variance_ + self.epsilon
        floor = np.finfo(np.float64).eps * len(self.mean_) * self.explained_variance_.max()
        regularised[regularised <= floor] = np.inf if power < 0 else 0.0
        return regularised**power

    def _n_kept(self, ratio: Float64Array) -> int:
        n_features = len(ratio)
        if self.n_components is None:
            return n_features
        if isinstance(self.n_components, Integral):
            k = check_integer("n_components", self.n_components, low=1)
            if k > n_features:
                raise ValueError(f"n_components must be at most n_features={n_features}, got {k}.")
            return k
        share = check_real(
            "n_components as a share of variance", self.n_components, low=0, high=1, open_ends=True
        )
        return min(int(np.searchsorted(np.cumsum(ratio), share)) + 1, n_features)

    @property
    def _n_features_out(self) -> int:
        return int(self.n_components_ if self.method == "pca" else self.components_.shape[1])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _whiten(
    X: FloatArray, mean: FloatArray, matrix: FloatArray, out: FloatArray | None = None
) -> FloatArray:
    """(X - mean) T'."""
    white: FloatArray = np.matmul(X - mean, matrix, out=out)
    return white


_METHODS = {"zca": "turned back to the input's axes", "pca": "one column per component"}


class OneOverFWhitening(TransformerMixin, BaseEstimator):
    r"""1/f whitening of whole images: a filter that flattens the spectrum of natural images.

    Amplitudes of natural images fall as 1/f. Each image's Fourier transform is multiplied by

    .. math:: r \exp(-(r / f_0)^4),

    r the radial frequency in cycles per pixel: a whitening ramp, cut off where sampling noise
    begins. All images are then divided by one number, the standard deviation of all filtered pixels
    of the images seen in `fit`.

    Parameters
    ----------
    cutoff : float, default=0.4
        f0, in cycles per pixel on both axes, whatever the image's shape.

    Attributes
    ----------
    scale_ : float
        Standard deviation of the filtered pixels in `fit`; 1 where they hold rounding noise only.

    Notes
    -----
    The filter sees every image continued by its mirror image, so that opposite borders do not meet
    in an edge that is not in the picture. It is the same filter: the mirrored image's Fourier
    transform is the image's cosine transform.

    References
    ----------
    B. Olshausen and D. Field (1997), Sparse coding with an overcomplete basis set: a strategy
    employed by V1? Vision Research 37.
    """

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
        check_real("cutoff", self.cutoff, low=0, open_ends=True)
        n_pixels, total, squares, largest = 0, 0.0, 0.0, 0.0
        dtype = np.dtype(np.float32)
        for image in each_image(X):
            filtered = self._filter(image)
            n_pixels += image.size
            total += float(filtered.sum(dtype=np.float64))
            squares += float(np.square(filtered, dtype=np.float64).sum())
            largest = max(largest, float(np.abs(image).max()))
            dtype = np.result_type(dtype, image)
        mean, square = total / n_pixels, squares / n_pixels
        noise = 10 * np.finfo(dtype).eps * largest
        deviation = float(np.sqrt(max(square - mean**2, 0.0)))
        self.scale_ = deviation if deviation > noise else 1.0
        return self

    def transform(self, X: Images) -> Images:
        """Whiten images.

        Parameters
        ----------
        X : as in `fit`

        Returns
        -------
        images : list of ndarray, or one ndarray if X is one
            Shapes and precision as they came. Of an `ImageSequence` another one, whose images are
            whitened when they are asked for.
        """
        check_is_fitted(self)
        if isinstance(X, ImageSequence):
            return MappedImages(X, copy(self)._whitened)
        images = [self._whitened(image) for image in each_image(X)]
        return np.stack(images) if isinstance(X, np.ndarray) else images

    def adjoint(self, weights: FloatArray, margin: int = 0) -> FloatArray:
        """Patches of the original image that linear functions of whitened patches look along.

        The filter is its own adjoint. Its support is larger than the patch: what lies farther out
        than `margin` is cropped.

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
        directions = np.stack([self._filter(patch) for patch in canvas]) / self.scale_
        crop = room - margin
        return directions[:, crop:-crop, crop:-crop]

    def _whitened(self, image: FloatArray) -> FloatArray:
        whitened: FloatArray = self._filter(image) / self.scale_
        return whitened

    def _filter(self, image: FloatArray) -> FloatArray:
        height, width = image.shape[:2]
        rows = np.arange(height)[:, None] / (2 * height)
        columns = np.arange(width) / (2 * width)
        r = np.hypot(rows, columns)
        gain = (r * np.exp(-((r / self.cutoff) ** 4))).astype(image.dtype)
        if image.ndim == 3:
            gain = gain[..., None]
        spectrum = scipy.fft.dctn(image, axes=(0, 1), norm="ortho") * gain
        filtered: FloatArray = scipy.fft.idctn(spectrum, axes=(0, 1), norm="ortho")
        return filtered

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
