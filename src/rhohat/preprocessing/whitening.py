"""Whitening of rows, by the eigenvectors of their covariance.

Where there are fewer rows than columns, the rows' singular vectors are these eigenvectors, and no
matrix of columns x columns is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from numbers import Integral
from typing import NamedTuple, Self, cast

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.utils.validation import check_is_fitted

from rhohat.common.arrays import (
    Float64Array,
    FloatArray,
    as_floats,
    overflow_as_infinity,
    rounding_noise,
)
from rhohat.common.interrupts import interrupts_as_requests
from rhohat.common.memory import check_memory
from rhohat.common.validation import (
    check_integer,
    check_overflow,
    check_real,
    check_rows,
    look_up,
)
from rhohat.preprocessing.inputs import RowData, rows_of
from rhohat.preprocessing.spectra import Spectrum
from rhohat.preprocessing.steps import AffineMap, Step
from rhohat.preprocessing.variances import feature_sums, moments
from rhohat.rows.blas import BLAS
from rhohat.rows.derived import Mapped
from rhohat.rows.engines import ThreadEngine, effective_n_jobs
from rhohat.rows.partition import CHUNK_ROWS, Partition
from rhohat.rows.sources import ArraySource, Source

#: What the axes of whitened data are.
METHODS = {"zca": "turned back to the input's axes", "pca": "one column per component"}
#: Share of the greatest variance below which a direction holds rounding errors alone.
ROUNDING = 1e-7
#: Arrays that `fit` holds at a time: of the size of the covariance, besides two in each thread; or,
#: where there are fewer rows than columns, of the size of the rows.
COPIES, COPIES_OF_ROWS = 6, 4


class _Axes(NamedTuple):
    """Directions in which rows vary, by decreasing variance.

    Attributes
    ----------
    mean : ndarray of shape (d,)
    vectors : ndarray of shape (r, d)
        Orthonormal, of any sign.
    variances : ndarray of shape (r,)
    largest : float
        The greatest absolute value in the rows.
    """

    mean: Float64Array
    vectors: Float64Array
    variances: Float64Array
    largest: float

    @classmethod
    def of_columns(cls, source: Source) -> _Axes:
        """All d axes, by the eigenvectors of the covariance."""
        with interrupts_as_requests() as interrupt, BLAS.single_threaded():
            total = moments(source)
            with interrupt.unheard():
                variances, vectors = scipy.linalg.eigh(total.covariance)
        return cls(total.mean, vectors.T[::-1], np.maximum(variances[::-1], 0), total.largest)

    @classmethod
    def of_rows(cls, source: Source) -> _Axes:
        """The axes of the span of m rows, at most m - 1, by their singular vectors."""
        n_rows, d = source.shape
        with interrupts_as_requests() as interrupt:
            sums = feature_sums(source)
            D = np.empty((n_rows, d))
            engine = ThreadEngine()
            with engine.running():
                partition = Partition.for_shape(d, d, source.dtype)
                engine.map_into(
                    lambda rows, out: np.subtract(rows.X, sums.mean, out=out), source, partition, D
                )
            with interrupt.unheard(), BLAS.single_threaded():
                _, lengths, vectors = scipy.linalg.svd(D, full_matrices=False, overwrite_a=True)
        r = max(n_rows - 1, 1)
        return cls(sums.mean, vectors[:r], lengths[:r] ** 2 / n_rows, sums.largest)


class Whitening(ClassNamePrefixFeaturesOutMixin, Step):
    r"""PCA or ZCA whitening: uncorrelated columns of about unit variance.

    With the covariance :math:`\Sigma = \frac1m (X-\mu)^T (X-\mu) = U\,\mathrm{diag}(l)\,U^T`,

    .. math::

        x_{PCA} = \mathrm{diag}(l + \epsilon)^{-1/2}\, U^T (x - \mu), \qquad
        x_{ZCA} = U x_{PCA}.

    Parameters
    ----------
    method : {"zca", "pca"}, default="zca"
        "zca" rotates back to the input's axes, so that whitened images look like images; "pca"
        gives one column per component.
    epsilon : float, default=0.01
        Added to every eigenvalue, in units of the data's variance. Directions with much smaller
        variance count as noise and stay small. The notes suggest 0.01 to 0.1 for data in [0, 1].
    n_components : int, float or None, default=None
        Components to keep: a number, the share of variance in (0, 1) that they explain together, or
        all. If there are fewer rows than columns, at most m - 1 are kept.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,)
        mu.
    components_ : ndarray of shape (k, n_features)
        Eigenvectors by decreasing eigenvalue: the first columns of U, as rows. The entry of largest
        magnitude in each is positive.
    explained_variance_ : ndarray of shape (k,)
        Eigenvalues l, at least 0.
    explained_variance_ratio_ : ndarray of shape (k,)
        Shares of the total variance.
    noise_ : float
        Upper bound on the variance of rounding errors in the rows of `fit`.
    n_components_ : int
        Components kept, k.
    n_features_in_ : int

    Notes
    -----
    Sums are computed in float64 whatever the precision of the data. A direction whose variance,
    with epsilon, may be due to rounding errors is dropped instead of amplified. The inverse is
    exact only with all components.

    With fewer rows than columns, everything outside the span of the training rows is dropped, and
    time and memory grow as m^2 d: ZCA with k components is applied and saved as two matrices of
    shape (k, d).

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

    shown_before = "before whitening"

    def __init__(
        self, method: str = "zca", *, epsilon: float = 0.01, n_components: int | float | None = None
    ) -> None:
        self.method = method
        self.epsilon = epsilon
        self.n_components = n_components

    def fit(self, X: RowData, y: object = None) -> Self:
        """Learn mean and eigenvectors from the rows of X.

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory
            Anything that `SparseAutoencoder.fit` takes; it is read in one pass.
        y : Ignored

        Returns
        -------
        self : Whitening

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data is not as described.
        MemoryError
            If the covariance needs more memory than is free.
        """
        self.check_settings()
        source = rows_of(self, X, reset=True)
        _check_memory(source)
        n_rows, d = source.shape
        axes = _Axes.of_rows(source) if n_rows < d else _Axes.of_columns(source)
        components, variances = axes.vectors, axes.variances
        largest = np.abs(components).argmax(axis=1)
        components *= np.sign(components[np.arange(len(components)), largest])[:, None]
        ratio = variances / (variances.sum() or 1.0)
        k = self._n_kept(ratio, d)

        self.mean_ = axes.mean
        self.components_ = components[:k].copy()
        self.explained_variance_ = variances[:k].copy()
        self.explained_variance_ratio_ = ratio[:k].copy()
        self.noise_ = rounding_noise(axes.largest, source.dtype) ** 2
        self.n_components_ = k
        return self

    def check_settings(self) -> None:
        """Raise TypeError or ValueError if a parameter is not as described."""
        look_up("method", self.method, METHODS)
        check_real("epsilon", self.epsilon, low=0)
        if self.n_components is None:
            return
        if isinstance(self.n_components, Integral):
            check_integer("n_components", self.n_components, low=1)
        else:
            name = "n_components as a share of variance"
            check_real(name, self.n_components, low=0, high=1, open_ends=True)

    def transform(self, X: RowData) -> FloatArray:
        """Whiten the rows of X.

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory, as in `fit`

        Returns
        -------
        X_white : ndarray of shape (m, n_features) for "zca", (m, k) for "pca"
            For rows that are sparse or outside memory, it is a `Mapped` source, computed whenever
            it is read, without a copy of the data: later steps of a pipeline take it, and
            `numpy.asarray` turns it into an array.
        """
        check_is_fitted(self)
        source = rows_of(self, X, reset=False)
        dtype = source.dtype
        factors = tuple(np.ascontiguousarray(F.astype(dtype).T) for F in self._factors(-0.5))
        whiten = partial(_whiten, mean=self.mean_.astype(dtype), factors=factors)
        if not isinstance(source.origin, ArraySource):
            return cast(FloatArray, Mapped(source, whiten, self._n_features_out))
        n_rows, n_features = source.shape
        out = np.empty((n_rows, self._n_features_out), dtype)
        engine = ThreadEngine()
        with engine.running():
            partition = Partition.for_shape(n_features, n_features, dtype)
            engine.map_into(lambda rows, out: whiten(rows.X, out=out), source, partition, out)
        return out

    @BLAS.single_threaded()
    def inverse_transform(self, X: ArrayLike) -> FloatArray:
        """Undo the whitening; exact if all components are kept and epsilon + l > 0.

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
                f"X has {W.shape[1]} columns, but inverse_transform expects "
                f"{self._n_features_out}, as transform returns them."
            )
        original: FloatArray = W
        for factor in self._factors(0.5, inverse=True):
            original = original @ factor.astype(W.dtype).T
        original += self.mean_.astype(W.dtype)
        return original

    def adjoint(self, weights: FloatArray) -> FloatArray:
        """Directions in the input along which linear functions of the whitened data change.

        A weight vector w on whitened data responds to x as (T' w)'(x - mu), so the input that
        maximizes it points along T' w.

        Parameters
        ----------
        weights : ndarray of shape (k, n_features_out)

        Returns
        -------
        directions : ndarray of shape (k, n_features)
        """
        check_is_fitted(self)
        directions = as_floats(weights)
        for factor in reversed(self._factors(-0.5)):
            directions = directions @ factor
        return directions

    @property
    def turns_axes(self) -> bool:
        """Whether columns are components, and no longer the input's."""
        return self.method == "pca"

    @property
    def middle(self) -> Float64Array:
        """What the mean becomes: zero."""
        return np.zeros(self._n_features_out)

    def joined(self, after: AffineMap) -> AffineMap:
        """W (T (x - mu)) + b = (W T) x + b - W T mu."""
        weights = self.adjoint(after.weights)
        return AffineMap(weights, after.bias - weights @ self.mean_, self.mean_)

    def spectrum(self, images: object) -> Spectrum:
        """Variance along each component, numbered from 1, before and after whitening."""
        variance = self.explained_variance_
        scaled = variance + self.epsilon
        empty = variance < ROUNDING * variance.max()
        after = variance / np.where(scaled > 0, scaled, 1)
        left_out = (
            (f"; {empty.sum()} that hold only rounding errors are not drawn") if empty.any() else ""
        )
        return Spectrum(
            np.arange(1, len(variance) + 1),
            np.where(empty, np.nan, variance),
            np.where(empty, np.nan, after),
            across="component",
            up="variance",
            title="Variance by component",
            description="Variance along each principal component, before and after. Directions "
            f"whose variance is far below epsilon, {self.epsilon:.6g}, stay "
            f"small{left_out}.",
            levels={"epsilon": self.epsilon},
        )

    @property
    def matrix_(self) -> Float64Array:
        """T, (n_features_out, n_features): x_white = T (x - mu)."""
        return self._factors(-0.5, whole=True)[0]

    @property
    def inverse_matrix_(self) -> Float64Array:
        """The inverse of T, on the space that the components span, (n_features, n_features_out)."""
        return self._factors(0.5, inverse=True, whole=True)[0]

    @BLAS.single_threaded()
    def _factors(
        self, power: float, *, inverse: bool = False, whole: bool = False
    ) -> tuple[Float64Array, ...]:
        """Matrices to be applied one after the other: T, or its inverse.

        ZCA of few components is applied as two thin matrices, without one of columns x columns,
        unless the whole is asked for.
        """
        T = self._scales(power)[:, None] * self.components_
        if self.method == "pca":
            return (T.T if inverse else T,)
        k, d = T.shape
        if whole or 2 * k >= d:
            return (self.components_.T @ T,)
        return T, self.components_.T

    def _scales(self, power: float) -> Float64Array:
        """(l + epsilon) ** power; zero for directions that have no variance to scale."""
        regularized = self.explained_variance_ + self.epsilon
        floor = np.finfo(np.float64).eps * len(self.mean_) * self.explained_variance_.max()
        floor = max(floor, getattr(self, "noise_", 0.0))  # which files of before do not tell
        regularized[regularized <= floor] = np.inf if power < 0 else 0.0
        return regularized**power

    def _n_kept(self, ratio: Float64Array, n_features: int) -> int:
        most = len(ratio)
        if self.n_components is None:
            return most
        if isinstance(self.n_components, Integral):
            k = int(self.n_components)
            if k > most:
                few = f", the directions in which {most + 1} rows vary" if most < n_features else ""
                name = "" if few else "n_features="
                raise ValueError(f"n_components must be at most {name}{most}{few}, got {k}.")
            return k
        return min(int(np.searchsorted(np.cumsum(ratio), self.n_components)) + 1, most)

    @property
    def _n_features_out(self) -> int:
        return int(self.n_components_ if self.method == "pca" else self.components_.shape[1])


def _whiten(
    X: FloatArray,
    mean: FloatArray,
    factors: Sequence[FloatArray],
    out: FloatArray | None = None,
) -> FloatArray:
    """(X - mean) T', by the factors of T'."""
    *first, last = factors
    with overflow_as_infinity():
        D = X - mean
        for factor in first:
            D = D @ factor
        return check_overflow(np.matmul(D, last, out=out), X)


def whitening_bytes(n_rows: int, n_features: int) -> int:
    """Memory that `Whitening.fit` needs: of the covariance, or of rows that are fewer than columns.

    Parameters
    ----------
    n_rows, n_features : int
    """
    if n_rows < n_features:
        return 8 * n_rows * n_features * COPIES_OF_ROWS
    n_threads = min(effective_n_jobs(None), -(-n_rows // CHUNK_ROWS))
    return 8 * n_features**2 * (COPIES + 2 * n_threads)


def _check_memory(source: Source) -> None:
    """Raise MemoryError, before anything is allocated, if `fit` needs too much."""
    check_memory(
        whitening_bytes(*source.shape),
        f"whitening {source.shape[1]:,} columns",
        "Reduce the number of columns, for instance with smaller patches or "
        "sklearn.random_projection, or leave whitening out.",
    )
