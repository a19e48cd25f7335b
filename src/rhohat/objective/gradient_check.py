"""The gradient check: the analytic gradient against differences of the loss."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from rhohat.common.arrays import Float64Array
from rhohat.common.validation import check_integer
from rhohat.objective.sparse import SparseObjective


class GradientCheck(NamedTuple):
    """Analytic gradient against finite differences.

    Attributes
    ----------
    ratio : float
        ||numeric - analytic|| / ||numeric + analytic||. Below 1e-7 the gradient is right; usually
        the ratio is below 1e-9.
    numeric, analytic : ndarray
        Both gradients, at the parameters that were checked.
    """

    ratio: float
    numeric: Float64Array
    analytic: Float64Array


def check_gradient(
    objective: SparseObjective,
    theta: ArrayLike,
    X: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    target: ArrayLike | None = None,
    step: float = 1e-4,
    n_parameters: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> GradientCheck:
    r"""Compare the objective's gradient with central differences.

    .. math:: (J(\theta + e u_i) - J(\theta - e u_i)) / 2e

    Parameters
    ----------
    objective : SparseObjective
    theta : array-like of shape (p,)
    X : array-like of shape (m, d)
        Converted to float64, which differences need.
    sample_weight : array-like of shape (m,), default=None
        How often each row counts; once if None.
    target : array-like of shape (m, n_outputs), default=None
        What is to be reconstructed from each row; the row itself if None.
    step : float, default=1e-4
        e.
    n_parameters : int, default=None
        Number of parameters to check, drawn at random; all if None. Each takes two evaluations.
    random_state : int, RandomState or None, default=None
        Draws the parameters to check.

    Returns
    -------
    check : GradientCheck

    References
    ----------
    CS294A lecture notes, "Gradient checking".

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import SparseObjective, check_gradient
    >>> objective = SparseObjective(6, 4, decoder="sigmoid")
    >>> rng = np.random.RandomState(0)
    >>> theta, X = rng.randn(objective.n_parameters), rng.rand(20, 6)
    >>> bool(check_gradient(objective, theta, X).ratio < 1e-8)
    True
    """
    theta = np.array(theta, dtype=np.float64)
    X = np.asarray(X, dtype=np.float64)
    _, grad = objective.loss_grad(theta, X, sample_weight, target)
    chosen = np.arange(len(theta))
    if n_parameters is not None:
        n_parameters = min(check_integer("n_parameters", n_parameters, low=1), len(theta))
        chosen = check_random_state(random_state).choice(len(theta), n_parameters, replace=False)
        chosen.sort()

    def loss(index: int, change: float) -> float:
        moved = theta.copy()
        moved[index] += change
        return objective.loss_grad(moved, X, sample_weight, target)[0]

    numeric = np.array([(loss(i, step) - loss(i, -step)) / (2 * step) for i in chosen.tolist()])
    analytic = grad[chosen]
    size = float(np.linalg.norm(numeric + analytic))
    difference = float(np.linalg.norm(numeric - analytic))
    return GradientCheck(difference / size if size else difference, numeric, analytic)
