"""Standardization of rows: one scale for all columns, or one for each."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from rhohat.common.arrays import Float64Array, FloatArray, as_floats, rounding_noise
from rhohat.common.validation import check_rows, look_up
from rhohat.preprocessing.inputs import RowData, rows_of
from rhohat.preprocessing.normalizers import Rowwise
from rhohat.preprocessing.steps import AffineMap
from rhohat.preprocessing.variances import feature_sums

#: What columns are divided by.
SCALES = {"all": "one number for all columns", "columns": "a number for each column"}


class Standardization(Rowwise):
    r"""Columns scaled to mean 0 and to unit variance, on average or each by itself.

    .. math:: x' = (x - \mu) / s

    The sigmoid units of a sparse autoencoder can only fire on data of a suitable scale. Columns
    that share a unit, such as pixels, spectra and signals, should share a scale; columns with
    different units, as in a table, each need their own.

    Parameters
    ----------
    scale : {"all", "columns"}, default="all"
        "all": s is the root of the columns' mean variance. "columns": s is each column's standard
        deviation, ddof 0; 1 for columns that are constant but for rounding noise.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,)
        mu.
    scale_ : ndarray of shape (n_features,)
        s.
    n_features_in_ : int

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from rhohat import Standardization
    >>> Standardization("columns").fit_transform(load_wine().data).std(axis=0).round(6).max()
    np.float64(1.0)
    """

    def __init__(self, scale: str = "all") -> None:
        self.scale = scale

    def fit(self, X: RowData, y: object = None) -> Self:
        """Learn mean and scale.

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory
            Anything that `SparseAutoencoder.fit` takes; it is read in one pass.
        y : Ignored

        Returns
        -------
        self : Standardization

        Raises
        ------
        ValueError, TypeError
            If the parameter or the data is not as described.
        """
        self.check_settings()
        source = rows_of(self, X, reset=True)
        sums = feature_sums(source)
        noise = rounding_noise(sums.largest, source.dtype)
        deviations = np.sqrt(sums.variances)
        if self.scale == "all":
            deviations = np.full_like(deviations, sums.standard_deviation)
        self.mean_ = sums.mean
        self.scale_ = np.where(deviations > noise, deviations, 1.0)
        return self

    def check_settings(self) -> None:
        """Raise ValueError if the parameter is not as described."""
        look_up("scale", self.scale, SCALES)

    def _normalized(self, X: FloatArray) -> FloatArray:
        standard: FloatArray = X - self.mean_.astype(X.dtype)
        standard /= self.scale_.astype(X.dtype)
        return standard

    def inverse_transform(self, X: ArrayLike) -> FloatArray:
        """Undo the standardization.

        Parameters
        ----------
        X : array-like of shape (m, n_features)

        Returns
        -------
        X_original : ndarray of shape (m, n_features)
        """
        check_is_fitted(self)
        Z = check_rows(X)
        if Z.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {Z.shape[1]} columns, but inverse_transform expects {self.n_features_in_}."
            )
        original: FloatArray = Z * self.scale_.astype(Z.dtype) + self.mean_.astype(Z.dtype)
        return original

    def adjoint(self, weights: FloatArray) -> FloatArray:
        """Directions in the input along which linear functions of the standardized data change.

        Parameters
        ----------
        weights : ndarray of shape (k, n_features)

        Returns
        -------
        directions : ndarray of shape (k, n_features)
        """
        check_is_fitted(self)
        return as_floats(weights) / self.scale_

    @property
    def middle(self) -> Float64Array:
        """What the mean becomes: zero."""
        return np.zeros(self.n_features_in_)

    def joined(self, after: AffineMap) -> AffineMap:
        """W (x - mu) / s + b = (W / s) x + b - (W / s) mu."""
        weights = self.adjoint(after.weights)
        return AffineMap(weights, after.bias - weights @ self.mean_, self.mean_)
