"""Measures of features, without labels: what units stand for, and how well they serve.

An autoencoder that is no sparser than its input rebuilds it best, so the error says nothing of
features. What does: how much of new rows very few units rebuild (`pursuit_score`), how sparse
activations are (`hoyer`), and which features come back from another start (`stability`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils.extmath import randomized_svd
from sklearn.utils.validation import check_is_fitted

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.common.validation import check_integer, check_real, check_rows
from rhohat.estimators.anatomy import Anatomy
from rhohat.preprocessing.steps import step_of
from rhohat.rows.blas import BLAS
from rhohat.rows.opening import open_store
from rhohat.rows.sampling import sample_rows
from rhohat.rows.sources import check_finite

#: How many units may rebuild a row in `pursuit_score`.
PURSUED = (1, 2, 4)
#: Rows that it looks at, at most.
PURSUED_ROWS = 2000
#: Added to the squared norm of atoms that are 1, so that no two are the same one.
ROUNDING = 1e-10
#: Rows of which, if they are wide, all products are computed.
FEW_ROWS = 512
#: Cosine from which two features count as the same one.
SAME = 0.95


def patterns(model: BaseEstimator) -> Float64Array:
    r"""Compute what units stand for in the data's columns: what each adds to a row when it fires.

    These are the decoder's rows, mapped back through the steps before the autoencoder, whose
    inverses are affine: :math:`T^{-1}(w_j) - T^{-1}(0)`.

    Parameters
    ----------
    model : fitted SparseAutoencoder, or pipeline that ends in one

    Returns
    -------
    patterns : ndarray of shape (k, d)
        In the columns of the model's input or, if it cuts pieces from images, series or recordings,
        in the pixels of a piece.

    Raises
    ------
    ValueError
        If the model does not end in an autoencoder, or a step before it has no inverse.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.pipeline import make_pipeline
    >>> from rhohat import SparseAutoencoder, Standardization, patterns
    >>> model = make_pipeline(Standardization(), SparseAutoencoder(4, max_iter=5, random_state=0))
    >>> patterns(model.fit(load_wine().data)).shape
    (4, 13)
    """
    anatomy = Anatomy.of(model)
    if anatomy.autoencoder is None:
        raise ValueError(f"{type(model).__name__} does not end in a SparseAutoencoder.")
    check_is_fitted(anatomy.autoencoder)
    return in_columns(anatomy.of_rows, anatomy.autoencoder.decoder_weights_.astype(np.float64))


def in_columns(steps: Sequence[Any], changes: Float64Array) -> Float64Array:
    """Changes of what comes out of steps, (k, d), as changes of the rows that go in.

    Raises
    ------
    ValueError
        If a step has no inverse.
    """
    for step in reversed(steps):
        back = step_of(step).as_change_of_input(changes)
        if back is None:
            raise ValueError(f"{type(step).__name__} has no inverse, so there are no patterns.")
        changes = back
    return changes


def some_numbers(n_rows: int, most: int) -> NDArray[np.intp]:
    """Numbers of rows drawn at random, if there are more, always the same, in order."""
    return np.sort(sample_rows(n_rows, min(n_rows, most), seed=0))


def some_rows(X: Any, most: int) -> Any:
    """The rows with `some_numbers`, wherever they lie.

    In memory they keep the names of their columns if they have any.
    """
    store = open_store(X)
    n_rows = len(X) if store is None else store.shape[0]
    if store is None and n_rows <= most:
        return X
    numbers = some_numbers(n_rows, most)
    if store is None:
        return _safe_indexing(X, numbers)
    taken = store.take(numbers)
    check_finite(taken, store.name)
    return taken.X


def rows_before_units(model: BaseEstimator, X: Any, most: int) -> tuple[FloatArray, FloatArray]:
    """Some rows, drawn at random if there are more, as the first step and the units get them.

    They are those that the first step of rows is given: X itself, wherever it lies, or the pieces
    that the model cuts out of it.
    """
    anatomy = Anatomy.of(model)
    if anatomy.extractor is not None:
        X = anatomy.extractor.transform(anatomy.filtered(X))
    rows = X = some_rows(X, most)
    for step in anatomy.of_rows:
        rows = step.transform(rows)
    return np.asarray(X), np.asarray(rows)


def pursuit(atoms: ArrayLike, X: ArrayLike, n_atoms: Sequence[int] = PURSUED) -> float:
    r"""Mean share of centered rows that few atoms rebuild, by orthogonal matching pursuit.

    .. math:: 1 - \frac{\sum_i \|x_i - C_i D\|^2}{\sum_i \|x_i\|^2}, \quad \|C_i\|_0 \le s

    averaged over the numbers s; there are no more atoms than D has, nor than columns.

    Parameters
    ----------
    atoms : array-like of shape (k, d)
        D; only their directions matter.
    X : array-like of shape (m, d)
        Rows without their mean.
    n_atoms : sequence of int, default=(1, 2, 4)

    Returns
    -------
    share : float
        At most 1; 0 if the rows are all zero.
    """
    D, rows = np.asarray(atoms, dtype=np.float64), np.asarray(X, dtype=np.float64)
    norms = np.linalg.norm(D, axis=1, keepdims=True)
    D = D[norms[:, 0] > 0] / norms[norms[:, 0] > 0]
    total = float(np.vdot(rows, rows))
    if not len(D) or total == 0:
        return 0.0
    explained = _pursued(D, rows, min(max(n_atoms), *D.shape))
    used = {min(s, len(explained)) for s in n_atoms}
    return float(np.mean([explained[s - 1] for s in used])) / total


def _pursued(D: Float64Array, X: Float64Array, most: int) -> list[float]:
    """Sum of squares that 1, 2, ... atoms of norm 1 rebuild of the rows.

    All rows are pursued at once, by the atoms' products (R. Rubinstein, M. Zibulevsky and M. Elad
    (2008), Efficient implementation of the K-SVD algorithm using batch orthogonal matching
    pursuit); the residuals themselves are not needed.
    """
    with BLAS.single_threaded():
        products, gram = X @ D.T, D @ D.T
        left, chosen = products.copy(), np.empty((len(X), 0), dtype=np.intp)
        explained = []
        for _ in range(most):
            best = np.abs(left).argmax(axis=1)
            chosen = np.column_stack([chosen, best])
            among = gram[chosen[:, :, None], chosen[:, None, :]]
            among[:, range(chosen.shape[1]), range(chosen.shape[1])] += ROUNDING
            wanted = np.take_along_axis(products, chosen, axis=1)
            codes = np.linalg.solve(among, wanted[:, :, None])[:, :, 0]
            explained.append(float(np.vdot(codes, wanted)))
            left = products - np.einsum("ij,ijk->ik", codes, gram[chosen])
    return explained


def pursuit_score(estimator: BaseEstimator, X: Any, y: object = None) -> float:
    """Score how much of the rows 1, 2 and 4 units reconstruct, in the space that the units see.

    A scorer for model selection without labels, ``GridSearchCV(..., scoring=pursuit_score)``.
    Unlike the reconstruction error, it does not reward the least sparse model: a few units must
    suffice for each row.

    Parameters
    ----------
    estimator : fitted SparseAutoencoder, or pipeline that ends in one
        Compare models whose steps before the autoencoder are the same.
    X : rows, images, series or recordings, as the estimator takes them
        If there are more than 2,000 rows, a random sample of that size is used.
    y : Ignored

    Returns
    -------
    score : float
        At most 1; see `pursuit`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from rhohat import SparseAutoencoder, pursuit_score
    >>> X = load_digits().data / 16
    >>> model = SparseAutoencoder(16, weight_decay=1e-3, random_state=0).fit(X)
    >>> bool(0 < pursuit_score(model, X) < 1)
    True
    """
    autoencoder = Anatomy.of(estimator).autoencoder
    if autoencoder is None:
        raise ValueError(f"{type(estimator).__name__} does not end in a SparseAutoencoder.")
    check_is_fitted(autoencoder)
    rows = check_rows(rows_before_units(estimator, X, PURSUED_ROWS)[1])
    return pursuit(autoencoder.decoder_weights_, rows - rows.mean(axis=0, dtype=np.float64))


def explained_variance(X: ArrayLike, X_hat: ArrayLike) -> float:
    r"""Share of the variance about the mean that a reconstruction explains.

    .. math:: 1 - \frac{\sum_i \|x_i - \hat x_i\|^2}{\sum_i \|x_i - \bar x\|^2}

    Parameters
    ----------
    X, X_hat : array-like of shape (m, d)

    Returns
    -------
    share : float
        At most 1; below 0 if the mean would be nearer. 0 if the rows do not vary.
    """
    rows, rebuilt = np.asarray(X, dtype=np.float64), np.asarray(X_hat, dtype=np.float64)
    total = float(np.square(rows - rows.mean(axis=0)).sum())
    rounding = (np.finfo(float).eps * float(np.abs(rows).max(initial=0))) ** 2 * rows.size
    if total <= rounding:
        return 0.0
    return 1 - float(np.square(rows - rebuilt).sum()) / total


def greatest_variance(centered: FloatArray) -> float:
    """The variance of rows without their mean along the direction in which they vary most."""
    if len(centered) <= min(FEW_ROWS, centered.shape[1]):
        return float(np.linalg.eigvalsh(centered @ centered.T)[-1]) / len(centered)
    (length,) = randomized_svd(centered, 1, random_state=0)[1]
    return float(length) ** 2 / len(centered)


class Sparseness(NamedTuple):
    r"""How sparse activations are.

    Attributes
    ----------
    hoyer : float
        Mean over the rows of :math:`(\sqrt k - \|a\|_1 / \|a\|_2) / (\sqrt k - 1)`: 0 if all
        units are equally active, 1 if a single one is. P. Hoyer (2004), JMLR 5.
    active : float
        Mean number of units that are at more than half of their own largest activation.
    kurtosis : float
        Median over the units of the excess kurtosis of their activations; 0 for a Gaussian.
    largest : float
        Median of the units' largest activations, as a share of their range, or the largest itself
        where it is unbounded.
    """

    hoyer: float
    active: float
    kurtosis: float
    largest: float


def sparseness(activations: ArrayLike, low: float = 0.0, high: float = 1.0) -> Sparseness:
    """Measure how sparse activations are.

    Parameters
    ----------
    activations : array-like of shape (m, k)
    low, high : float, default=0, 1
        The range of a unit; an infinite one counts as (0, 1).

    Returns
    -------
    sparseness : Sparseness
    """
    A = np.asarray(activations, dtype=np.float64)
    if np.isfinite(high - low):
        A = (A - low) / (high - low)
    k = A.shape[1]
    norms = np.linalg.norm(A, axis=1)
    ratio = np.abs(A).sum(axis=1) / np.where(norms > 0, norms, 1)
    hoyer = (np.sqrt(k) - ratio[norms > 0]) / (np.sqrt(k) - 1) if k > 1 else np.ones(1)
    largest = A.max(axis=0)
    active = (0.5 * np.maximum(largest, 1e-9) < A).sum(axis=1).mean()
    D = A - A.mean(axis=0)
    squares = np.square(D).mean(axis=0)
    fourth = np.square(np.square(D)).mean(axis=0)
    varying = squares > np.finfo(float).eps * np.maximum(largest, 1e-9) ** 2
    excess = fourth[varying] / squares[varying] ** 2 - 3 if varying.any() else np.zeros(1)
    return Sparseness(
        float(hoyer.mean()) if hoyer.size else 0.0,
        float(active),
        float(np.median(excess)),
        float(np.median(largest)),
    )


class Matching(NamedTuple):
    """Partners among the rows of another array, one each.

    Attributes
    ----------
    partners : ndarray of int of shape (k,)
        Numbers of rows of the other array; -1 where there is none.
    cosines : ndarray of shape (k,)
        Between -1 and 1; 0 where there is no partner.
    """

    partners: NDArray[np.intp]
    cosines: Float64Array


def matching(A: ArrayLike, B: ArrayLike) -> Matching:
    """Partners of the rows of A among those of B, whose |cosines| have the greatest sum.

    Parameters
    ----------
    A, B : array-like of shape (k, d) and (l, d)

    Returns
    -------
    matching : Matching
        Rows have no partner where B has fewer than A.

    References
    ----------
    H. W. Kuhn (1955), The Hungarian method for the assignment problem.
    """
    from scipy.optimize import linear_sum_assignment

    table = _directions(A) @ _directions(B).T
    rows, columns = linear_sum_assignment(-np.abs(table))
    partners, cosines = np.full(len(table), -1), np.zeros(len(table))
    partners[rows], cosines[rows] = columns, table[rows, columns]
    return Matching(partners, cosines)


def matched_cosines(A: ArrayLike, B: ArrayLike) -> Float64Array:
    """Match the rows of A with rows of B, and return the cosines of partners, up to sign.

    Rows are matched one to one, so that the sum of the cosines is as large as possible. Rows
    without a partner get 0.

    Parameters
    ----------
    A, B : array-like of shape (k, d) and (l, d)

    Returns
    -------
    cosines : ndarray of shape (k,)
        Between 0 and 1.

    Examples
    --------
    >>> from rhohat import matched_cosines
    >>> matched_cosines([[1.0, 0.0], [0.0, 1.0]], [[0.0, 2.0], [3.0, 0.0]]).tolist()
    [1.0, 1.0]
    """
    return np.abs(matching(A, B).cosines)


def recovery(model: BaseEstimator | ArrayLike, D: ArrayLike, *, threshold: float = SAME) -> float:
    """Compute the share of the atoms of a known dictionary that a model has found.

    Parameters
    ----------
    model : fitted SparseAutoencoder, pipeline that ends in one, or array-like of shape (k, d)
        Its `patterns` are compared, or the rows of the array.
    D : array-like of shape (l, d)
        The atoms.
    threshold : float, default=0.95
        Lowest cosine, up to sign, between an atom and its partner among the patterns that counts as
        found.

    Returns
    -------
    share : float

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import SparseAutoencoder, recovery
    >>> rng = np.random.RandomState(0)
    >>> D = rng.randn(6, 10)
    >>> X = rng.binomial(1, 0.2, (500, 6)) @ D
    >>> model = SparseAutoencoder(6, max_iter=50, random_state=0).fit(X)
    >>> bool(0 <= recovery(model, D) <= 1)
    True
    """
    check_real("threshold", threshold, low=0, high=1)
    found = patterns(model) if isinstance(model, BaseEstimator) else model
    atoms = np.asarray(D, dtype=np.float64)
    if atoms.ndim != 2 or atoms.shape[1:] != np.shape(found)[1:]:
        raise ValueError(
            f"D must have rows of {np.shape(found)[1]} numbers, as many as the patterns have, got "
            f"shape {atoms.shape}."
        )
    return float((matched_cosines(atoms, cast(ArrayLike, found)) >= threshold).mean())


class Stability(NamedTuple):
    """Which features recur in fits from other random starts.

    Attributes
    ----------
    mean : float
        Mean matched cosine over all pairs of models.
    per_unit : ndarray of shape (k,)
        Mean matched cosine of each unit of the first model with its partners in the others.
    models : list of estimators
        The fitted models.
    """

    mean: float
    per_unit: Float64Array
    models: list[Any]

    @property
    def replicates(self) -> NDArray[np.bool_]:
        """Which units of the first model are the same feature in the others, on average."""
        return self.per_unit >= SAME


def stability(
    pipeline: BaseEstimator, X: Any, *, n_seeds: int = 3, random_state: int | None = 0
) -> Stability:
    """Fit a model from several random starts, and compare what was learned.

    Parameters
    ----------
    pipeline : SparseAutoencoder, or pipeline that ends in one
        It is cloned; if it is fitted, it serves as the first model and is not fitted again.
    X : rows, images, series or recordings, as it takes them
        The training data.
    n_seeds : int, default=3
        Number of models to compare, at least 2.
    random_state : int or None, default=0
        Determines the seeds. Steps that draw pieces or samples keep their own, so that all models
        learn from the same data.

    Returns
    -------
    stability : Stability

    Notes
    -----
    If the data were made from a dictionary, a good model finds it from every start. On photographs,
    many sets of features are equally good, so a low value does not mean that they are bad.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from rhohat import SparseAutoencoder, stability
    >>> X = load_digits().data / 16
    >>> model = SparseAutoencoder(8, weight_decay=1e-3, max_iter=30, random_state=0).fit(X)
    >>> found = stability(model, X, n_seeds=2, random_state=0)
    """
    check_integer("n_seeds", n_seeds, low=2)
    random = check_random_state(random_state)
    models, is_fitted = [], hasattr(Anatomy.of(pipeline).autoencoder, "encoder_weights_")
    if is_fitted:
        models.append(pipeline)
    while len(models) < n_seeds:
        model = clone(pipeline)
        autoencoder = Anatomy.of(model).autoencoder
        if autoencoder is None:
            raise ValueError(f"{type(pipeline).__name__} does not end in a SparseAutoencoder.")
        autoencoder.set_params(random_state=int(random.randint(2**31 - 1)))
        models.append(model.fit(X))
    found = [patterns(model) for model in models]
    pairs = {
        (i, j): matched_cosines(found[i], found[j])
        for i in range(n_seeds)
        for j in range(i + 1, n_seeds)
    }
    per_unit = np.mean([pairs[0, j] for j in range(1, n_seeds)], axis=0)
    return Stability(float(np.mean([c.mean() for c in pairs.values()])), per_unit, models)


def _directions(A: ArrayLike) -> Float64Array:
    rows: Float64Array = np.asarray(A, dtype=np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1)
