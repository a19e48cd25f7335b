"""Activation functions: what a unit does with its weighted input.

Each row of `ACTIVATIONS` is one function. Everything else (objective, estimator, command line,
tests) reads this table, so a new activation is one new row.
"""

from __future__ import annotations

from math import inf

import numpy as np

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.common.libraries import library_of, one_minus
from rhohat.common.validation import look_up
from rhohat.objective.activation import Activation as Activation
from rhohat.objective.gates import BatchTopK, JumpReLU
from rhohat.objective.gates import TopK as TopK

#: Share of a bounded range, at either end, that inverses stay out of: they go to infinity there.
NEAR_END = 0.003


def _sigmoid(Z: FloatArray) -> FloatArray:
    """f(z) = 1 / (1 + exp(-z)); exp may overflow to inf, whose inverse is the right 0."""
    with np.errstate(over="ignore", under="ignore"):
        xp = library_of(Z)
        xp.negative(Z, out=Z)
        xp.exp(Z, out=Z)
        Z += 1
        xp.reciprocal(Z, out=Z)
    return Z


def _sigmoid_derivative(A: FloatArray, out: FloatArray) -> FloatArray:
    """f'(z) = f(z) (1 - f(z))."""
    one_minus(A, out)
    out *= A
    return out


def _sigmoid_inverse(a: Float64Array) -> Float64Array:
    """f^-1(a) = log(a / (1 - a)), with a clipped to [0.003, 0.997]."""
    inside = np.clip(a, NEAR_END, 1 - NEAR_END)
    return np.log(inside / (1 - inside))


def _tanh(Z: FloatArray) -> FloatArray:
    """f(z) = tanh(z)."""
    library_of(Z).tanh(Z, out=Z)
    return Z


def _tanh_derivative(A: FloatArray, out: FloatArray) -> FloatArray:
    """f'(z) = 1 - f(z)^2."""
    library_of(A).square(A, out=out)
    return one_minus(out, out)


def _tanh_inverse(a: Float64Array) -> Float64Array:
    """f^-1(a) = artanh(a), with a clipped to [-0.994, 0.994]."""
    return np.arctanh(np.clip(a, 2 * NEAR_END - 1, 1 - 2 * NEAR_END))


def _relu(Z: FloatArray) -> FloatArray:
    """f(z) = max(z, 0)."""
    library_of(Z).clip(Z, 0, None, out=Z)
    return Z


def _relu_derivative(A: FloatArray, out: FloatArray) -> FloatArray:
    """f'(z) = 1 where z > 0, else 0."""
    library_of(A).sign(A, out=out)  # A is never negative
    return out


def _relu_inverse(a: Float64Array) -> Float64Array:
    """f^-1(a) = max(a, 0)."""
    return np.maximum(a, 0)


def _identity(Z: FloatArray) -> FloatArray:
    """f(z) = z."""
    return Z


def _identity_derivative(A: FloatArray, out: FloatArray) -> FloatArray:
    """f'(z) = 1."""
    out[...] = 1
    return out


def _identity_inverse(a: Float64Array) -> Float64Array:
    """f^-1(a) = a."""
    return a


#: Activations by their names.
ACTIVATIONS: dict[str, Activation] = {
    row.name: row
    for row in (
        Activation("sigmoid", _sigmoid, _sigmoid_derivative, _sigmoid_inverse, (0.0, 1.0)),
        Activation("tanh", _tanh, _tanh_derivative, _tanh_inverse, (-1.0, 1.0)),
        Activation("relu", _relu, _relu_derivative, _relu_inverse, (0.0, inf)),
        Activation("identity", _identity, _identity_derivative, _identity_inverse, (-inf, inf)),
        TopK(),
        BatchTopK(),
        JumpReLU(),
    )
}
#: Units that others train and that cannot be rows, by their names, and why.
REFUSED: dict[str, str] = {
    "jumprelu-straight-through": (
        "straight-through estimates, with which others train units that jump, are not the gradient "
        "of any objective. Use activation='jumprelu', whose step is smooth."
    ),
    "gated": (
        "gated units are trained with stopped gradients, which are not the gradient of any "
        "objective. Use activation='relu' with sparsity_penalty='l1-decoder-norm', or "
        "activation='topk'."
    ),
}


def activation_of(activation: str | Activation) -> Activation:
    """The activation that a name stands for, or the one given."""
    if isinstance(activation, Activation):
        return activation
    if isinstance(activation, str) and activation not in ACTIVATIONS and activation in REFUSED:
        raise ValueError(REFUSED[activation])
    return look_up("activation", activation, ACTIVATIONS)
