"""Anomalies: rows that do not follow from what units have learned of the others."""

from __future__ import annotations

from math import ceil
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.utils.validation import check_is_fitted

from rhohat.common.arrays import Float64Array, FloatArray, rounding_noise
from rhohat.common.validation import check_magnitude, check_real
from rhohat.estimators.anatomy import Anatomy
from rhohat.estimators.autoencoder import SparseAutoencoder
from rhohat.estimators.transcoder import SparseTranscoder
from rhohat.objective.activations import activation_of
from rhohat.objective.penalties import KLSparsity
from rhohat.preprocessing.inputs import check_input
from rhohat.preprocessing.steps import step_of
from rhohat.rows.named_rows import columns_of
from rhohat.rows.sources import ArraySource

#: Share of the rows, those whose values are least rare, that is learned from.
CENTRAL_SHARE = 0.85
#: Units of the default autoencoder: half as many as columns, between these.
UNITS = (2, 100)
#: Deviations, beyond which all are the same to the autoencoder.
MOST_DEVIATIONS = 10.0
#: Least standard deviation and residual variance of a column, as shares of that of all rows and of
#: the columns' mean.
LEAST_DEVIATION, LEAST_RESIDUAL = 0.05, 0.01
#: Deviations of the cube root of the score from which a row is an outlier, if no share is given.
OUTLYING = 3.5


class Blame(NamedTuple):
    """What makes rows anomalous.

    Attributes
    ----------
    columns : ndarray of shape (m, d)
        Each column's contribution to the anomaly score; they add up to minus `score_samples`.
    units : ndarray of shape (m, k)
        How far the activation of each unit is from its average over usual rows, in units of the
        largest standard deviation possible with that average; positive where a unit is more active
        than usual.
    """

    columns: Float64Array
    units: Float64Array


class AnomalyDetector(OutlierMixin, BaseEstimator):
    r"""Outliers as rows that an autoencoder of the usual rows reconstructs badly.

    With the residual :math:`r_{ij} = \hat z_{ij} - z_{ij}` of scaled rows, and :math:`v_j` its mean
    square over the usual rows, the score of row i is

    .. math:: -\frac1d \sum_j r_{ij}^2 / v_j,

    about -1 for a usual row. Columns may have any units and heavy tails: each is centered at its
    median, divided by its spread, compressed by arcsinh, and standardized. The autoencoder learns
    only from the 85% of the rows whose single values are least rare, so that it does not learn to
    reconstruct outliers, even if they form a cluster.

    Parameters
    ----------
    estimator : SparseAutoencoder, default=None
        Unfitted. None: half as many units as columns, from 2 to 100,
        ``KLSparsity(target=0.05, weight=1.0)``, ``weight_decay=1e-3`` and 60 iterations.
    contamination : float or "auto", default="auto"
        Share of outliers that `predict` finds among the rows of `fit`, in (0, 0.5]. With "auto", a
        row is an outlier if the cube root of its score is more than 3.5 standard deviations from
        that of usual rows: a mean of squares is skewed, its cube root hardly.
    random_state : int, RandomState or None, default=None
        Seed of the autoencoder, unless `estimator` has its own.

    Attributes
    ----------
    autoencoder_ : SparseAutoencoder
        Fitted on the scaled usual rows.
    offset_ : float
        What `decision_function` subtracts from `score_samples`.
    location_, spread_ : ndarray of shape (n_features,)
        Median and spread of each column: interquartile range / 1.349, or the standard deviation
        where that is 0.
    mean_, scale_ : ndarray of shape (n_features,)
        Mean and standard deviation of the compressed columns over usual rows.
    residual_variance_ : ndarray of shape (n_features,)
        v.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        If X has column names.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import AnomalyDetector
    >>> rng = np.random.RandomState(0)
    >>> X = rng.randn(500, 2) @ rng.randn(2, 8) + 0.1 * rng.randn(500, 8)
    >>> X[7, 3] += 4
    >>> detector = AnomalyDetector(random_state=0).fit(X)
    >>> int(detector.score_samples(X).argmin()), int(detector.blame(X[[7]]).columns.argmax())
    (7, 3)
    """

    def __init__(
        self,
        estimator: SparseAutoencoder | None = None,
        *,
        contamination: float | str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.contamination = contamination
        self.random_state = random_state

    def check_settings(self) -> None:
        """Raise TypeError or ValueError if a parameter is not as described."""
        if self.contamination != "auto":
            share = check_real("contamination", self.contamination, low=0, high=0.5)
            if share == 0:
                raise ValueError("contamination must lie in (0, 0.5], or be 'auto', got 0.")
        if self.estimator is None:
            return
        if not isinstance(self.estimator, SparseAutoencoder):
            raise TypeError(
                f"estimator must be a SparseAutoencoder or None, got {self.estimator!r}."
            )
        self.estimator.refuse_targets("Scores are errors of the rows themselves")
        self.estimator.check_settings()

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn what usual rows are like.

        Parameters
        ----------
        X : array-like of shape (m, n_features)
        y : Ignored

        Returns
        -------
        self : AnomalyDetector

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data is not as described.
        """
        self.check_settings()
        X = check_input(self, X, reset=True).astype(np.float64, copy=False)
        largest = float(np.abs(X).max())
        check_magnitude(largest, X.dtype)
        noise = rounding_noise(largest, X.dtype)
        low, self.location_, high = np.quantile(X, [0.25, 0.5, 0.75], axis=0)
        spread, deviation = (high - low) / 1.349, X.std(axis=0)
        spread = np.where(spread > noise, spread, deviation)
        self.spread_ = np.where(spread > noise, spread, 1.0)
        Z = self._compressed(X)
        rarity = _rarity(X)
        usual = rarity <= np.quantile(rarity, CENTRAL_SHARE)
        whole = Z.std(axis=0)
        scale = np.maximum(Z[usual].std(axis=0), LEAST_DEVIATION * whole)
        self.mean_, self.scale_ = Z[usual].mean(axis=0), np.where(scale > 0, scale, 1.0)
        Z = self._standardized(Z)
        self.autoencoder_ = self._autoencoder(X.shape[1]).fit(Z[usual])
        squares = np.square(_residuals(self.autoencoder_, Z)[1])
        variances = squares[usual].mean(axis=0)
        least = LEAST_RESIDUAL * float(variances.mean())
        self.residual_variance_ = variances + (least if least > 0 else 1.0)
        self.offset_ = self._threshold((squares / self.residual_variance_).mean(axis=1), usual)
        return self

    def score_samples(self, X: ArrayLike) -> Float64Array:
        """Compute minus the mean of the squared residuals, each relative to its usual size.

        Parameters
        ----------
        X : array-like of shape (m, n_features)

        Returns
        -------
        scores : ndarray of shape (m,)
            The lower, the more anomalous; about -1 for usual rows.
        """
        scores: Float64Array = -self._contributions(X)[1].sum(axis=1)
        return scores

    def decision_function(self, X: ArrayLike) -> Float64Array:
        """`score_samples` minus `offset_`: negative for outliers.

        Parameters
        ----------
        X : array-like of shape (m, n_features)

        Returns
        -------
        scores : ndarray of shape (m,)
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.intp]:
        """-1 for outliers, 1 for all other rows.

        Parameters
        ----------
        X : array-like of shape (m, n_features)

        Returns
        -------
        labels : ndarray of shape (m,)
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def blame(self, X: ArrayLike) -> Blame:
        """Explain what makes rows anomalous: each column's contribution and each unit's activity.

        Parameters
        ----------
        X : array-like of shape (m, n_features)

        Returns
        -------
        blame : Blame
        """
        A, columns = self._contributions(X)
        average = self.autoencoder_.average_activation_
        activation = activation_of(self.autoencoder_.activation)
        if activation.is_bounded:  # at most, at this average
            low, high = activation.range
            spread = np.sqrt(np.maximum((average - low) * (high - average), 1e-12))
        else:
            spread = np.maximum(np.abs(average), 1e-12)
        return Blame(columns, (A - average) / spread)

    def _autoencoder(self, n_features: int) -> SparseAutoencoder:
        if self.estimator is None:
            units = min(max(ceil(n_features / 2), UNITS[0]), UNITS[1])
            model = SparseAutoencoder(
                units,
                sparsity_penalty=KLSparsity(target=0.05, weight=1.0),
                weight_decay=1e-3,
                max_iter=60,
            )
        else:
            model = clone(self.estimator)
        return (
            model
            if model.random_state is not None
            else model.set_params(random_state=self.random_state)
        )

    def _compressed(self, X: Float64Array) -> Float64Array:
        compressed: Float64Array = np.arcsinh((X - self.location_) / self.spread_)
        return compressed

    def _standardized(self, compressed: Float64Array) -> Float64Array:
        scaled: Float64Array = (compressed - self.mean_) / self.scale_
        return np.clip(scaled, -MOST_DEVIATIONS, MOST_DEVIATIONS)

    def _contributions(self, X: ArrayLike) -> tuple[FloatArray, Float64Array]:
        """Activations, (m, k), and the part of each column in the score, (m, d)."""
        check_is_fitted(self)
        X = check_input(self, X, reset=False).astype(np.float64, copy=False)
        A, residuals = _residuals(self.autoencoder_, self._standardized(self._compressed(X)))
        return A, np.square(residuals) / (self.residual_variance_ * X.shape[1])

    def _threshold(self, scores: Float64Array, usual: NDArray[np.bool_]) -> float:
        """The score from which on rows are outliers, given minus the scores of all rows."""
        if self.contamination != "auto":
            return float(np.percentile(-scores, 100 * float(self.contamination)))
        roots = np.cbrt(scores[usual])
        return float(-((roots.mean() + OUTLYING * max(roots.std(), 1e-3)) ** 3))


def _residuals(model: SparseAutoencoder, rows: FloatArray) -> tuple[FloatArray, Float64Array]:
    """Activations, and what is rebuilt from them minus the rows."""
    A = model.transform(rows)
    return A, model.inverse_transform(A).astype(np.float64, copy=False) - rows


def _rarity(X: Float64Array) -> Float64Array:
    r"""How rare the values of each row are: minus the logarithms of both tails, summed, (m,)."""
    m = len(X)
    rarity = np.zeros(m)
    for x in X.T:
        ordered = np.sort(x)
        below = np.searchsorted(ordered, x, "right") / m
        above = 1 - np.searchsorted(ordered, x, "left") / m
        rarity -= np.log(np.minimum(2 * np.minimum(below, above), 1))
    return rarity


class Scored(NamedTuple):
    """How anomalous rows are, by any model.

    Attributes
    ----------
    score : ndarray of shape (m,)
        The higher, the more anomalous.
    columns : ndarray of shape (m, d)
        Each column's contribution to the score; for windows of several channels, each channel's.
    names : list of str
        Names of the columns, or their numbers if they have none; empty for pieces other than such
        windows.
    is_outlier : ndarray of bool of shape (m,) or None
        What a detector predicts; None for other models.
    """

    score: Float64Array
    columns: Float64Array
    names: list[str]
    is_outlier: NDArray[np.bool_] | None

    @property
    def rank(self) -> NDArray[np.intp]:
        """Of each row, 1 for the most anomalous."""
        rank = np.empty(len(self.score), dtype=np.intp)
        rank[np.argsort(-self.score, kind="stable")] = np.arange(1, len(rank) + 1)
        return rank


def scored(model: Any, X: Any, target: Any = None) -> Scored:
    """How anomalous rows are: by a detector, or by the error of any model that ends in autoencoder.

    Parameters
    ----------
    model : AnomalyDetector, SparseAutoencoder, SparseTranscoder, or pipeline that ends in one
        Fitted. Of a pipeline, it is the squared error of what the autoencoder is given, halved, as
        in `SparseAutoencoder.score_samples`; of a transcoder, that of its target.
    X : rows, images, series or recordings
        As the model takes them. Of all but rows, each piece that its extractor cuts out is scored.
    target : rows, default=None
        What a transcoder is to reconstruct from them.

    Raises
    ------
    ValueError
        If the model does not end in an autoencoder, or turns the axes of rows, so that no column
        is to blame; if a transcoder has no targets, or another model some.
    """
    anatomy = Anatomy.of(model)
    encoder = anatomy.encoder
    if target is not None and not isinstance(encoder, SparseTranscoder):
        raise ValueError("only a SparseTranscoder takes targets: leave them out.")
    if isinstance(model, AnomalyDetector):
        columns = model._contributions(X)[1]
        score = columns.sum(axis=1)
        names = _names(anatomy, columns.shape[1])
        return Scored(score, columns, names, -score < model.offset_)
    of_pieces = anatomy.extractor is not None
    is_pair = of_pieces and isinstance(encoder, SparseTranscoder)
    if encoder is None or is_pair or len(anatomy.units) > 1:
        found = " and ".join(type(step).__name__ for step in anatomy.steps)
        raise ValueError(
            "scoring needs an AnomalyDetector, or a model that ends in a single "
            f"SparseAutoencoder, got {found}."
        )
    is_turned = any(step_of(step).turns_axes for step in anatomy.of_rows)
    if is_turned and encoder.rebuilds_input and not of_pieces:
        raise ValueError(
            "PCA whitening mixes the columns, so none can be blamed for a row: learn with "
            "--whitening zca, or with --scale columns --whitening none."
        )
    rows = X
    for step in anatomy.before:
        rows = step.transform(rows)
    rows = np.asarray(rows)
    if isinstance(encoder, SparseTranscoder):
        if target is None:
            raise ValueError(
                "a SparseTranscoder is scored on its targets: give them with --transcode FILE."
            )
        given = encoder.targets_of(ArraySource(rows), target)
        names = list(map(str, columns_of(target) or range(given.shape[1])))
        missed = given.read(0, len(rows)).X - encoder.predict(rows)
    else:
        missed = _residuals(encoder, rows)[1]
        names = _names(anatomy, missed.shape[1])
    columns = np.square(missed, dtype=np.float64) / 2
    score = columns.sum(axis=1)
    if of_pieces:
        columns = _by_channel(anatomy, columns, is_turned)
        names = [str(channel) for channel in range(columns.shape[1])]
    return Scored(score, columns, names, None)


def _by_channel(anatomy: Anatomy, columns: Float64Array, is_turned: bool) -> Float64Array:
    """Each channel's part in the scores of windows; nothing of other pieces, or of one channel."""
    extractor, series = anatomy.extractor, anatomy.series
    assert extractor is not None  # it cuts out the pieces
    n_channels = extractor.patch_shape_[0]
    if series is None or series.frequencies is not None or is_turned or n_channels == 1:
        return columns[:, :0]
    parts: Float64Array = columns.reshape(len(columns), n_channels, -1).sum(axis=2)
    return parts


def _names(anatomy: Anatomy, n_columns: int) -> list[str]:
    return [str(name) for name in anatomy.columns or range(n_columns)]
