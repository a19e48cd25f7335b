"""Looking into a model: what its units look for, and whether its gradient is right."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from rhohat._typing import Float64Array, FloatArray
from rhohat._validation import as_floats, check_integer
from rhohat.autoencoder import SparseAutoencoder
from rhohat.objective import SparseObjective

__all__ = ["GradientCheck", "check_gradient", "maximal_inputs"]


class HasAdjoint(Protocol):
    """A fitted linear transformer that can carry weights back to its input."""

    def adjoint(self, weights: FloatArray) -> FloatArray:
        """Directions in the input that `weights` on the output look along."""
        ...


class GradientCheck(NamedTuple):
    """Analytic gradient against finite differences.

    Attributes
    ----------
    ratio : float
        ||numeric - analytic|| / ||numeric + analytic||; below 1e-7 the gradient is right, usually
        it is below 1e-9.
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
        Converted to float64: differences need it.
    sample_weight : array-like of shape (m,), default=None
    step : float, default=1e-4
        e.
    n_parameters : int, default=None
        Check that many parameters drawn at random; all if None. Each takes two evaluations.
    random_state : int, RandomState or None, default=None
        Draws them.

    Returns
    -------
    check : GradientCheck

    References
    ----------
    CS294A lecture notes, "Gradient checking".
    """
    theta = np.array(theta, dtype=np.float64)
    X = np.asarray(X, dtype=np.float64)
    _, grad = objective.loss_grad(theta, X, sample_weight)
    chosen = np.arange(len(theta))
    if n_parameters is not None:
        n_parameters = min(check_integer("n_parameters", n_parameters, low=1), len(theta))
        chosen = check_random_state(random_state).choice(len(theta), n_parameters, replace=False)
        chosen.sort()
    numeric = np.empty(len(chosen))
    for row, index in enumerate(chosen):
        losses = []
        for sign in (1, -1):
            moved = theta.copy()
            moved[index] += sign * step
            losses.append(objective.loss_grad(moved, X, sample_weight)[0])
        numeric[row] = (losses[0] - losses[1]) / (2 * step)
    analytic = grad[chosen]
    bottom = float(np.linalg.norm(numeric + analytic))
    difference = float(np.linalg.norm(numeric - analytic))
    return GradientCheck(difference / bottom if bottom else difference, numeric, analytic)


def maximal_inputs(
    model: SparseAutoencoder | ArrayLike, whitener: HasAdjoint | None = None
) -> FloatArray:
    r"""The input of norm at most 1 that activates each unit most.

    .. math:: x_j = W_{1,ij} / \sqrt{\textstyle\sum_j W_{1,ij}^2}

    With a whitener x' = T (x - mean) before the autoencoder, the maximiser in the space before
    whitening has the direction W1 T: pixel space, where the whitener works on pixels.

    Parameters
    ----------
    model : SparseAutoencoder or array-like of shape (k, d)
        A fitted model, or encoder weights.
    whitener : fitted transformer with an ``adjoint`` method, default=None
        `Whitening`, `PatchNormalizer` or `OneOverFWhitening` (weights then as (k, height, width)).
        None stays in the space of the model's own input.

    Returns
    -------
    inputs : ndarray of shape (k, d), or as the whitener's adjoint gives them
        One per unit, of norm 1; zero where the unit's weights are zero.

    References
    ----------
    UFLDL tutorial, "Visualizing a Trained Autoencoder".
    """
    if isinstance(model, SparseAutoencoder):
        check_is_fitted(model)
        model = model.encoder_weights_
    weights = as_floats(model)
    directions = weights if whitener is None else whitener.adjoint(weights)
    axes = tuple(range(1, directions.ndim))
    norms = np.sqrt(np.sum(directions**2, axis=axes, keepdims=True))
    maximal: FloatArray = directions / np.where(norms > 0, norms, 1)
    return maximal
