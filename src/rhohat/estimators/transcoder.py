"""SparseTranscoder: from the rows of one table to those of another, through sparse units."""

from __future__ import annotations

from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Tags

from rhohat.common.arrays import FloatArray
from rhohat.common.libraries import back_to_device, sent
from rhohat.common.validation import check_rows
from rhohat.estimators.autoencoder import SparseAutoencoder, mean_score
from rhohat.estimators.callbacks import with_callbacks
from rhohat.preprocessing.inputs import RowData, rows_of
from rhohat.rows.opening import open_store
from rhohat.rows.sources import ArraySource, Paired, Rows, Source


class SparseTranscoder(SparseAutoencoder):
    r"""Sparse transcoder: a sparse autoencoder that reconstructs other rows than it encodes.

    .. math::

        J = \frac1m \sum_i \tfrac12 \|\hat y_i - y_i\|^2
            + \tfrac\lambda2 (\|W_{enc}\|^2 + \|W_{dec}\|^2) + \text{penalty}(\hat\rho)

    with :math:`A = f(X W_{enc}^T + b_{enc})` and :math:`\hat Y = g(A W_{dec} + b_{dec})`: for
    instance the input of a network's layer, and its output. Y may have a different number of
    columns than X.

    Parameters and attributes are those of `SparseAutoencoder`, except that the decoder has the
    columns of Y. `corruption` applies only to X. `inverse_transform` turns activations into rows
    like those of Y, `predict` turns rows of X into rows like those of Y.

    References
    ----------
    J. Dunefsky, P. Chlenski and N. Nanda (2024), Transcoders find interpretable LLM feature
    circuits, NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import SparseTranscoder
    >>> X = np.random.default_rng(0).random((500, 8))
    >>> Y = np.column_stack([np.maximum(X[:, :4] - 0.5, 0), X[:, 4:6] > 0.5])
    >>> model = SparseTranscoder(20, random_state=0).fit(X, Y)
    >>> model.transform(X).shape, model.predict(X).shape
    ((500, 20), (500, 6))
    """

    rebuilds_input: ClassVar[bool] = False

    @with_callbacks
    def fit(
        self,
        X: RowData,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        X_val: RowData | None = None,
        y_val: Any = None,
    ) -> Self:
        """Learn weights from the rows of X and y.

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory
            As in `SparseAutoencoder.fit`. Training computes in its precision.
        y : array-like of shape (m, n_targets), or rows outside memory
            The row of numbers to reconstruct from each row of X, in the same order; two-dimensional
            even for a single column.
        sample_weight : array-like of shape (m,), default=None
            How often each pair counts.
        X_val, y_val : as X and y, default=None
            Held-out pairs; see `SparseAutoencoder.fit`.

        Returns
        -------
        self : SparseTranscoder

        Raises
        ------
        ValueError
            If y is missing or has only one axis, as labels have; if X and y have different numbers
            of rows; or if the decoder is tied and y has other columns than X.
        TypeError, FloatingPointError, DataChangedError, KeyboardInterrupt and others
            As `SparseAutoencoder.fit`.
        """
        if X_val is not None:
            y_val = self._checked_target(y_val, "y_val")
        return self._fit(X, self._checked_target(y, "y"), sample_weight, X_val, y_val)

    def partial_fit(
        self,
        X: ArrayLike,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Learn from some pairs of a stream; see `SparseAutoencoder.partial_fit`.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
        y : array-like of shape (n_rows, n_targets)
        sample_weight : array-like of shape (n_rows,), default=None

        Returns
        -------
        self : SparseTranscoder
        """
        return self._partial_fit(X, self._checked_target(y, "y"), sample_weight)

    def predict(self, X: RowData) -> FloatArray:
        """Rows like those of y: g(f(X W_enc' + b_enc) W_dec + b_dec).

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory

        Returns
        -------
        y_hat : ndarray of shape (m, n_targets), in the precision of X
            A tensor or CuPy array on the device of X, if X is one.
        """
        objective = self._fitted_objective()
        source = rows_of(self, X, reset=False)
        parameters = sent(self._parameters(source.dtype))

        def predict(rows: Rows, out: FloatArray) -> None:
            objective.decode(objective.encode(rows.X, parameters), parameters, out)

        made = self._map_rows(predict, source, objective, objective.n_outputs)
        return cast(FloatArray, back_to_device(made, X))

    def score_samples(self, X: RowData, y: Any = None) -> FloatArray:
        """Minus the error of each row: -1/2 ||y_hat - y||^2.

        Parameters
        ----------
        X, y : as in `fit`

        Returns
        -------
        scores : ndarray of shape (m,)
        """
        source = rows_of(self, X, reset=False)
        return self._scores(Paired(source, self.targets_of(source, y)))

    def score(self, X: RowData, y: Any = None, sample_weight: ArrayLike | None = None) -> float:
        """Mean of `score_samples`, weighted if the rows are; higher is better.

        Parameters
        ----------
        X, y : as in `fit`
        sample_weight : array-like of shape (m,), default=None

        Returns
        -------
        score : float
        """
        return mean_score(self.score_samples(X, y), sample_weight)

    def targets_of(self, source: Source, y: Any) -> Source:
        """What is to be reconstructed from the rows of a source, one for each, as `fit` took it.

        Raises
        ------
        ValueError
            If there is not one for each row, or with other columns than in `fit`.
        """
        objective = self._fitted_objective()
        target = Paired(source, self._checked_target(y, "y")).target
        if target.shape[1] != objective.n_outputs:
            raise ValueError(
                f"y has {target.shape[1]} columns, but {type(self).__name__} was fitted to "
                f"{objective.n_outputs}."
            )
        return target

    def _checked_target(self, y: Any, name: str) -> Source:
        """Rows to be reconstructed, as a source; labels are none."""
        kind = type(self).__name__
        if y is None:
            raise ValueError(
                f"{kind} requires y to be passed, but the target {name} is None: pass the rows to "
                "reconstruct, fit(X, Y), or use SparseAutoencoder, which reconstructs X."
            )
        source = open_store(y)
        if source is not None:
            return source
        y = y if hasattr(y, "shape") else np.asarray(y)
        shape = tuple(y.shape)
        if len(shape) != 2:
            raise ValueError(
                f"{name} has shape {shape}, expected (rows, columns): {kind} reconstructs rows of "
                f"numbers, not labels. Pass a single column of numbers as {name}.reshape(-1, 1); "
                "to learn from X alone, use SparseAutoencoder, which ignores y."
            )
        rows = ArraySource(check_rows(y))
        rows.name = name
        return rows

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.one_d_labels = False
        tags.target_tags.two_d_labels = True
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        return tags
