r"""The objective of a network that classifies.

.. math::

    A_0 = X, \quad A_l = f_l(A_{l-1} W_l^T + b_l), \quad
    P = \operatorname{softmax}(A_L W_{L+1}^T + b_{L+1})

    J = \frac1m \sum_i -\log p_{i, y_i} + \tfrac\lambda2 \sum_l \|W_l\|^2
        + \sum_{l \le L} \text{penalty}(\hat\rho_l)

The slope of the penalty on one layer reaches all layers below it, so that, unlike in an
autoencoder, one sweep is not enough where slopes depend on averages: the averages of all hidden
layers are summed first, and then the gradient.

Conventions are those of `rhohat.objective.sparse`: theta holds W_1 (k_1, d), b_1, W_2 (k_2, k_1),
b_2 and so on up to the softmax layer, each row-major. A network without hidden layers is softmax
regression.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rhohat.common.arrays import Float64Array, FloatArray, as_floats, underflow_as_zero
from rhohat.common.libraries import (
    as_number,
    dot,
    empty,
    indices,
    library_of,
    like,
    ones,
    total,
    wide,
)
from rhohat.common.validation import check_integer
from rhohat.objective.activations import Activation, activation_of
from rhohat.objective.base import LossTerms, Objective, Sums, Workspace, counted, row_weights
from rhohat.objective.penalties import penalty_of
from rhohat.objective.penalty import SparsityPenalty

F = TypeVar("F", bound=np.floating[Any])


@dataclass
class NetworkTerms(Sums):
    """The sums that make a network's loss and gradient.

    Attributes
    ----------
    cross_entropy : float
        sum_i w_i (-log p(y_i | x_i)).
    weight, activity : float and ndarray of shape (k,), float64
        sum_i w_i, and sum_i w_i h(a_i) of all hidden units, layer by layer.
    gradient : ndarray of shape (p,)
        Gradient of `cross_entropy` and of the penalties, in the layout of theta; see
        `Terms.gradient`. Empty where only activities were summed.
    """

    weight: float
    cross_entropy: float
    activity: Float64Array
    gradient: FloatArray


class NetworkObjective(Objective[NetworkTerms]):
    """The objective of a network; it holds settings and shapes, no data or parameters.

    Parameters
    ----------
    layer_sizes : sequence of int
        Features, units of every hidden layer, classes.
    activations : sequence of str or Activation
        One for every hidden layer.
    penalty : str or SparsityPenalty, default="none"
        On every hidden layer.
    weight_decay : float, default=1e-4
        lambda, at least 0, on the weights of all layers. Biases do not decay.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat.objective.network import NetworkObjective
    >>> objective = NetworkObjective((6, 4, 3), ("sigmoid",))
    >>> theta = np.zeros(objective.n_parameters)
    >>> loss, grad = objective.loss_grad(theta, np.ones((5, 6)), np.array([0, 1, 2, 2, 0]))
    >>> bool(round(loss, 6) == round(np.log(3), 6))
    True
    """

    def __init__(
        self,
        layer_sizes: Sequence[int],
        activations: Sequence[str | Activation],
        *,
        penalty: str | SparsityPenalty = "none",
        weight_decay: float = 1e-4,
    ) -> None:
        self.layer_sizes = tuple(check_integer("a layer's size", n, low=1) for n in layer_sizes)
        self.activations = tuple(map(activation_of, activations))
        if len(self.layer_sizes) != len(self.activations) + 2:
            raise ValueError(
                f"{len(self.layer_sizes)} layer sizes need {len(self.layer_sizes) - 2} activations "
                f"of hidden layers, got {len(self.activations)}."
            )
        self.penalty = penalty_of(penalty)
        if self.penalty.weight_is_sought:
            raise ValueError("a network's penalty needs a weight that is a number, got 'auto'.")
        if "W_dec" in self.penalty.sees:
            raise ValueError(
                f"{type(self.penalty).__name__} needs the weights of a decoder, and a network has "
                "none. Use sparsity_penalty='l1'."
            )
        for activation, n_units in zip(self.activations, self.layer_sizes[1:], strict=False):
            if activation.n_thresholds(n_units):
                raise ValueError(
                    "a network can train weights and biases, but not the thresholds of "
                    f"{activation.name} units. Use activation='topk' or 'relu'."
                )
            self.penalty.check(activation)
            self.penalty.check_units(n_units)
            activation.check_units(n_units)
        shapes: dict[str, tuple[int, ...]] = {}
        for number, (n_inputs, n_units) in enumerate(pairwise(self.layer_sizes), start=1):
            shapes |= {f"W_{number}": (n_units, n_inputs), f"b_{number}": (n_units,)}
        super().__init__(shapes, weight_decay)

    @property
    def is_continuous(self) -> bool:
        """Whether the loss has no jumps, as the activations have none."""
        return all(activation.is_continuous for activation in self.activations)

    @property
    def n_hidden(self) -> int:
        """k, hidden units in all."""
        return sum(self.layer_sizes[1:-1])

    def fixed_slopes(self, theta: Float64Array) -> Float64Array | None:
        """Slopes of the penalty, (k,), if they are the same for every average, else None."""
        slopes = [np.empty(0)]
        for penalty, n_units in zip(self._each(theta), self.layer_sizes[1:], strict=False):
            slope = penalty.fixed_slope
            if slope is None:
                return None
            slopes.append(np.zeros(n_units) + slope)
        return np.concatenate(slopes)

    def _each(self, theta: Float64Array) -> list[SparsityPenalty]:
        """The penalty of each hidden layer, as a function of its averages alone."""
        return [self.penalty.at({"W_enc": W}) for W, _ in self.layers(theta)[:-1]]

    def layers(self, theta: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
        """Weights and biases of every layer, as views of theta."""
        views = iter(self.unpack(theta).values())
        return list(zip(views, views, strict=True))

    def by_layer(self, units: NDArray[F]) -> list[NDArray[F]]:
        """Split an array with a value for every hidden unit into one for every layer."""
        return np.split(units, np.cumsum(self.layer_sizes[1:-2]))

    def activate(
        self, X: FloatArray, theta: FloatArray, workspace: Workspace | None = None
    ) -> list[FloatArray]:
        """X, followed by the activations of every hidden layer."""
        array = (workspace or Workspace()).array
        inputs = [X]
        layers = self.layers(like(theta, X))
        for number, ((W, b), activation) in enumerate(zip(layers, self.activations, strict=False)):
            A = inputs[-1]
            Z = library_of(A).matmul(A, W.T, out=array(f"A{number}", (len(X), len(b)), X))
            Z += b
            inputs.append(activation.function(Z))
        return inputs

    def scores(self, A: FloatArray, theta: FloatArray) -> FloatArray:
        """What softmax is taken of, A W' + b of the last layer, (m, c); A is what enters it."""
        W, b = self.layers(like(theta, A))[-1]
        Z: FloatArray = A @ W.T
        Z += b
        return Z

    def terms(
        self,
        X: FloatArray,
        y: NDArray[np.intp],
        theta: FloatArray,
        sample_weight: FloatArray | None = None,
        workspace: Workspace | None = None,
        *,
        slopes: Float64Array,
    ) -> NetworkTerms:
        """Sums over the rows of X; see `NetworkTerms`.

        Parameters
        ----------
        X : ndarray of shape (m, d)
            A block of rows, float32 or float64.
        y : ndarray of int of shape (m,)
            Class numbers, from 0.
        theta : ndarray of shape (p,)
            Parameters, converted to X's precision.
        sample_weight : ndarray of shape (m,), default=None
            How often each row counts; once if None.
        workspace : Workspace, default=None
            Where intermediate results go; a new one if None.
        slopes : ndarray of shape (k,)
            The penalty's, for every hidden unit: `fixed_slopes` or `penalty_slopes`.

        Returns
        -------
        terms : NetworkTerms
        """
        xp = library_of(X)
        workspace = workspace or Workspace()
        layers = self.layers(like(theta, X))
        pushes = self.by_layer(slopes)
        w = None if sample_weight is None else like(sample_weight, X)
        each = ones(len(X), X)
        gradient = empty((self.n_parameters,), X)
        grads = self.layers(gradient)

        # -log p(y|x), from scores shifted so that the greatest is 0
        inputs = self.activate(X, theta, workspace)
        delta = self.scores(inputs[-1], theta)
        delta -= xp.amax(delta, axis=1, keepdims=True)
        chosen = indices(np.arange(len(X)), X), indices(y, X)
        errors = -delta[chosen]
        with underflow_as_zero():  # a class beyond hope has probability 0
            xp.exp(delta, out=delta)
        sums = xp.sum(delta, axis=1, keepdims=True)
        errors += xp.log(sums[:, 0])
        counts = each if w is None else w
        cross_entropy = as_number(dot(wide(errors), wide(counts)))

        # delta = p - 1[y], and down: delta_l = (delta_{l+1} W_{l+1} + s_l h'(a_l)) f'(z_l)
        delta /= sums
        delta[chosen] -= 1
        if w is not None:
            delta *= w[:, None]
        for number in reversed(range(len(layers))):
            xp.matmul(delta.T, inputs[number], out=grads[number][0])
            grads[number][1][...] = each @ delta
            if number == 0:
                break
            A, push = inputs[number], pushes[number - 1]
            back = workspace.array(f"delta{number}", A.shape, X)
            xp.matmul(delta, layers[number][0], out=back)
            if push.any():
                pushed = self.penalty.pull(like(push, A), A, *self.penalty.pointwise(A))
                back += pushed if w is None else pushed * w[:, None]
            back *= self.activations[number - 1].derivative(A, workspace.array("f'", A.shape, X))
            delta = back
        weight, activity = self._activity(inputs[1:], counts)
        return NetworkTerms(weight, cross_entropy, activity, gradient)

    def activities(
        self,
        X: FloatArray,
        theta: FloatArray,
        sample_weight: FloatArray | None = None,
        workspace: Workspace | None = None,
    ) -> NetworkTerms:
        """Sums of the activations only, which tell the `penalty_slopes`."""
        hidden = self.activate(X, theta, workspace)[1:]
        weight, activity = self._activity(hidden, row_weights(X, sample_weight))
        return NetworkTerms(weight, 0.0, activity, empty((0,), X))

    def _activity(self, hidden: list[FloatArray], w: FloatArray) -> tuple[float, Float64Array]:
        """sum_i w_i, and sum_i w_i h(a_i) of all hidden units."""
        activities = [counted(self.penalty.pointwise(A)[0], w)[1] for A in hidden]
        return total(w), library_of(w).concatenate([wide(empty((0,), w)), *activities])

    def penalty_slopes(self, terms: NetworkTerms, theta: Float64Array) -> Float64Array:
        """Derivative of the penalty by each unit's average over all rows in `terms`, (k,)."""
        return np.concatenate([np.empty(0), *(slope for _, slope in self._penalties(terms, theta))])

    def _penalties(
        self, terms: NetworkTerms, theta: Float64Array
    ) -> list[tuple[float, Float64Array]]:
        """Value and slope of every hidden layer's penalty."""
        averages = self.by_layer(self.average_activity(terms))
        return [
            penalty.on_average(average, activation)
            for penalty, average, activation in zip(
                self._each(theta), averages, self.activations, strict=False
            )
        ]

    def loss_terms(self, terms: NetworkTerms, theta: Float64Array) -> LossTerms:
        """The three terms of the exact loss over all rows; the first is the cross-entropy."""
        penalty = sum(value for value, _ in self._penalties(terms, theta))
        return LossTerms(terms.cross_entropy / terms.weight, self._decay(theta), float(penalty))

    def gradient(self, terms: NetworkTerms, theta: Float64Array) -> Float64Array:
        """Exact gradient over all rows summed in `terms`, (p,)."""
        gradient = np.divide(terms.gradient, terms.weight, dtype=np.float64)
        if self.penalty.sees:
            averages = self.by_layer(self.average_activity(terms))
            hidden = self.layers(theta)[:-1]
            layers = zip(hidden, self.layers(gradient), averages, strict=False)
            for (W, _), (grad, _), average in layers:
                grad += self.penalty.by_parameters(average, {"W_enc": W})["W_enc"]
        return self._add_decay(gradient, theta)

    def loss_grad(
        self,
        theta: ArrayLike,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[float, Float64Array]:
        """Loss and gradient on rows in memory, computed as one block.

        Parameters
        ----------
        theta : array-like of shape (p,)
        X : array-like of shape (m, d)
        y : array-like of int of shape (m,)
            Class numbers, from 0.
        sample_weight : array-like of shape (m,), default=None
            How often each row counts; once if None.

        Returns
        -------
        loss : float
        grad : ndarray of shape (p,)
        """
        theta = np.asarray(theta, dtype=np.float64)
        X = as_floats(X)
        w = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        slopes = self.fixed_slopes(theta)
        if slopes is None:
            slopes = self.penalty_slopes(self.activities(X, theta, w), theta)
        return self.finish(self.terms(X, np.asarray(y), theta, w, slopes=slopes), theta)
