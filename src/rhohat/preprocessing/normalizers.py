"""Normalizers of rows: each row by itself, whatever the others are."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Self, cast

import numpy as np
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils.validation import check_is_fitted

from rhohat.common.arrays import (
    Float64Array,
    FloatArray,
    as_floats,
    overflow_as_infinity,
    rounding_noise,
)
from rhohat.common.validation import check_magnitude, check_overflow, check_real
from rhohat.preprocessing.inputs import RowData, rows_of, sum_over
from rhohat.preprocessing.steps import Operation, Step
from rhohat.rows.derived import Mapped
from rhohat.rows.engines import Summable
from rhohat.rows.sources import ArraySource, Rows


def _without_mean(X: FloatArray) -> FloatArray:
    """Rows without their own mean."""
    with overflow_as_infinity():
        means = check_overflow(X.mean(axis=1, keepdims=True), X)
        centered: FloatArray = X - means
    return centered


class Rowwise(OneToOneFeatureMixin, Step):
    """A step that transforms rows one by one, be they in memory or not."""

    def transform(self, X: RowData) -> FloatArray:
        """Transform the rows of X.

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory, as in `fit`

        Returns
        -------
        X_new : ndarray of shape (m, n_features)
            For rows that are sparse or outside memory, a `Mapped` source, computed whenever it is
            read.
        """
        check_is_fitted(self)
        source = rows_of(self, X, reset=False)
        if isinstance(source, ArraySource):
            return self._of_rows(source.X)
        return cast(FloatArray, Mapped(source, copy(self)._of_rows, source.shape[1]))

    def _of_rows(self, X: FloatArray) -> FloatArray:
        """The transform of rows in memory, if it does not overflow."""
        with overflow_as_infinity():
            return check_overflow(self._normalized(X), X)

    def _normalized(self, X: FloatArray) -> FloatArray:
        """The transform, which may overflow."""
        raise NotImplementedError


@dataclass
class _Spread(Summable):
    """Sums of 1, d and d^2 over all deviations d from a row's own mean, and the largest |x|."""

    n_values: int
    first: float
    second: float
    largest: float

    @classmethod
    def of(cls, rows: Rows) -> _Spread:
        """Sums over one block."""
        d = _without_mean(rows.X).astype(np.float64)
        largest = float(np.abs(rows.X).max())
        with overflow_as_infinity():  # of which `largest` will tell
            return cls(d.size, float(d.sum()), float(np.vdot(d, d)), largest)

    def __iadd__(self, other: _Spread) -> _Spread:
        self.n_values += other.n_values
        self.first += other.first
        self.second += other.second
        self.largest = max(self.largest, other.largest)
        return self

    @property
    def deviation(self) -> float:
        """Standard deviation, ddof 1."""
        squares = self.second - self.first**2 / self.n_values
        return float(np.sqrt(max(squares, 0.0) / max(self.n_values - 1, 1)))


class PatchNormalizer(Rowwise):
    r"""Patches without their mean, clipped and scaled to values that a sigmoid decoder can reach.

    Each row's own mean is subtracted; then, with s three standard deviations (ddof 1) of all values
    in `fit`,

    .. math:: x' = (\mathrm{clip}(x, -s, s) / s + 1) \cdot 0.4 + 0.1 \in [0.1, 0.9].

    Parameters
    ----------
    n_deviations : float, default=3.0
        Standard deviations at which values are clipped.
    feature_range : tuple of float, default=(0.1, 0.9)
        The interval that the clipped values are scaled to.

    Attributes
    ----------
    scale_ : float
        s; 1 if all patches are constant but for rounding noise.
    n_features_in_ : int

    References
    ----------
    CS294A / UFLDL exercise "Sparse Autoencoder", step 1.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import PatchNormalizer
    >>> X = PatchNormalizer().fit_transform(np.random.RandomState(0).randn(100, 64))
    >>> bool(0.1 <= X.min() and X.max() <= 0.9)
    True
    """

    keeps = "mean"

    def __init__(
        self, *, n_deviations: float = 3.0, feature_range: tuple[float, float] = (0.1, 0.9)
    ) -> None:
        self.n_deviations = n_deviations
        self.feature_range = feature_range

    def fit(self, X: RowData, y: object = None) -> Self:
        """Learn the scale.

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory
            One patch per row; rows outside memory in any form that `SparseAutoencoder.fit` takes.
        y : Ignored

        Returns
        -------
        self : PatchNormalizer
        """
        self.check_settings()
        source = rows_of(self, X, reset=True)
        spread = sum_over(_Spread.of, source)
        check_magnitude(spread.largest, source.dtype)
        noise = rounding_noise(spread.largest, source.dtype)
        deviates = spread.deviation > noise
        self.scale_ = self.n_deviations * spread.deviation if deviates else 1.0
        return self

    def check_settings(self) -> None:
        """Raise TypeError or ValueError if a parameter is not as described."""
        check_real("n_deviations", self.n_deviations, low=0, open_ends=True)
        if not isinstance(self.feature_range, tuple) or len(self.feature_range) != 2:
            raise ValueError(f"feature_range must be (low, high), got {self.feature_range!r}.")
        low, high = (check_real("feature_range", end) for end in self.feature_range)
        if not -np.inf < low < high:
            raise ValueError(f"feature_range must be finite with low < high, got {(low, high)}.")

    def _normalized(self, X: FloatArray) -> FloatArray:
        low, high = self.feature_range
        patches = _without_mean(X)
        np.clip(patches, -self.scale_, self.scale_, out=patches)
        patches /= self.scale_
        patches += 1
        patches *= (high - low) / 2
        patches += low
        return patches

    def operation(self) -> Operation:
        """Scale and range."""
        low, high = self.feature_range
        return Operation("normalize", {"scale": self.scale_, "low": low, "high": high})

    def as_change_of_input(self, changes: Float64Array) -> Float64Array:
        """Changes of the normalized patch, in the patch, whose own mean they leave alone."""
        low, high = self.feature_range
        directions = changes - changes.mean(axis=1, keepdims=True)
        back: Float64Array = directions * (2 * self.scale_ / (high - low))
        return back

    def undone(self, rows: FloatArray, given: FloatArray) -> FloatArray:
        """Normalized patches as patches, each with the mean of the given one."""
        low, high = self.feature_range
        deviations = rows - np.mean(self.feature_range, dtype=rows.dtype)
        deviations *= 2 * self.scale_ / (high - low)
        patches: FloatArray = given.mean(axis=1, keepdims=True) + deviations
        return patches

    @property
    def middle(self) -> Float64Array:
        """What a patch without contrast becomes."""
        return np.full(self.n_features_in_, np.mean(self.feature_range))

    def adjoint(self, weights: FloatArray) -> FloatArray:
        """Directions in the patch along which linear functions of the normalized patch change.

        Subtracting the patch's own mean is its own adjoint; clipping is ignored.

        Parameters
        ----------
        weights : ndarray of shape (k, n_features)

        Returns
        -------
        directions : ndarray of shape (k, n_features)
        """
        check_is_fitted(self)
        low, high = self.feature_range
        weights = as_floats(weights)
        if weights.ndim != 2 or weights.shape[1] != self.n_features_in_:
            raise ValueError(
                f"weights must have shape (k, {self.n_features_in_}), got {weights.shape}."
            )
        return _without_mean(weights) * ((high - low) / (2 * self.scale_))


class ContrastNormalizer(Rowwise):
    r"""Patches that are each scaled to mean 0 and about unit variance.

    .. math:: x' = (x - \bar x) / \sqrt{\mathrm{var}(x) + \epsilon},

    so that neither the brightness nor the contrast of a patch matters. Nothing is learned from the
    data.

    Parameters
    ----------
    epsilon : float, default=1.5e-4
        Added to every variance, so that flat patches stay small. The default suits data in [0, 1]
        and equals the reference's 10 for data in [0, 255].

    Attributes
    ----------
    n_features_in_ : int

    References
    ----------
    A. Coates, H. Lee and A. Ng (2011), An analysis of single-layer networks in unsupervised feature
    learning. AISTATS.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import ContrastNormalizer
    >>> X = ContrastNormalizer().fit_transform([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
    >>> X.mean(axis=1).round(6).tolist()
    [0.0, 0.0]
    """

    keeps = "mean and contrast"

    def __init__(self, *, epsilon: float = 1.5e-4) -> None:
        self.epsilon = epsilon

    def fit(self, X: RowData, y: object = None) -> Self:
        """Check parameter and data.

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory
            One patch per row; rows outside memory in any form that `SparseAutoencoder.fit` takes.
        y : Ignored

        Returns
        -------
        self : ContrastNormalizer
        """
        self.check_settings()
        rows_of(self, X, reset=True)
        return self

    def check_settings(self) -> None:
        """Raise TypeError or ValueError if a parameter is not as described."""
        check_real("epsilon", self.epsilon, low=0, open_ends=True)

    def _normalized(self, X: FloatArray) -> FloatArray:
        centered = _without_mean(X)
        centered /= self._deviations(X, centered)
        return centered

    def _deviations(self, X: FloatArray, centered: FloatArray) -> FloatArray:
        """What rows, here also without their means, are divided by, (n, 1)."""
        variance = np.einsum("ij,ij->i", centered, centered) / centered.shape[1]
        check_overflow(variance, X)  # which would make everything 0
        epsilon = max(variance.dtype.type(self.epsilon), np.finfo(variance.dtype).tiny)
        deviations: FloatArray = np.sqrt(variance + epsilon)[:, None]
        return deviations

    def undone(self, rows: FloatArray, given: FloatArray) -> FloatArray:
        """Normalized patches as patches, each with the mean and contrast of the given one."""
        centered = _without_mean(given)
        return given - centered + rows * self._deviations(given, centered)

    def operation(self) -> Operation:
        """Epsilon."""
        epsilon = max(self.epsilon, float(np.finfo(np.float32).tiny))
        return Operation("contrast", {"epsilon": epsilon})

    def as_change_of_input(self, changes: Float64Array) -> Float64Array:
        """The same, in units of the patch's own deviation, which differs from patch to patch."""
        return changes
