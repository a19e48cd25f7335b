"""Activation functions: what a unit does with its weighted input.

Each row of `ACTIVATIONS` is one function. Everything else (objective, estimator, command line,
tests) reads this table, so a new activation is one new row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import numpy as np

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.common.validation import look_up

#: Share of a bounded range, at either end, that inverses stay out of: they go to infinity there.
NEAR_END = 0.003


@dataclass(frozen=True)
class Activation:
    """An elementwise function f, with its derivative written in terms of its output.

    Attributes
    ----------
    name : str
        The key in `ACTIVATIONS`.
    function : callable
        ``function(Z)`` overwrites Z with f(Z) and returns it.
    derivative : callable
        ``derivative(A, out)`` writes f'(Z) into `out` and returns it, given A = f(Z).
    inverse : callable
        ``inverse(a)`` is a z with f(z) = a or, where none exists, with f(z) close to a.
    range : tuple of float
        Infimum and supremum of f. A unit of bounded range is silent at the lower end.
    """

    name: str
    function: Callable[[FloatArray], FloatArray]
    derivative: Callable[[FloatArray, FloatArray], FloatArray]
    inverse: Callable[[Float64Array], Float64Array]
    range: tuple[float, float]

    @property
    def is_bounded(self) -> bool:
        """Whether both ends of the range are finite, so that activity can be a share of it."""
        return bool(np.isfinite(self.range).all())


def _sigmoid(Z: FloatArray) -> FloatArray:
    """f(z) = 1 / (1 + exp(-z)); exp may overflow to inf, whose inverse is the right 0."""
    with np.errstate(over="ignore", under="ignore"):
        np.negative(Z, out=Z)
        np.exp(Z, out=Z)
        Z += 1
        return np.divide(1, Z, out=Z)


def _sigmoid_derivative(A: FloatArray, out: FloatArray) -> FloatArray:
    """f'(z) = f(z) (1 - f(z))."""
    np.subtract(1, A, out=out)
    return np.multiply(out, A, out=out)


def _sigmoid_inverse(a: Float64Array) -> Float64Array:
    """f^-1(a) = log(a / (1 - a)), with a clipped to [0.003, 0.997]."""
    inside = np.clip(a, NEAR_END, 1 - NEAR_END)
    return np.log(inside / (1 - inside))


def _tanh(Z: FloatArray) -> FloatArray:
    """f(z) = tanh(z)."""
    return np.tanh(Z, out=Z)


def _tanh_derivative(A: FloatArray, out: FloatArray) -> FloatArray:
    """f'(z) = 1 - f(z)^2."""
    np.square(A, out=out)
    return np.subtract(1, out, out=out)


def _tanh_inverse(a: Float64Array) -> Float64Array:
    """f^-1(a) = artanh(a), with a clipped to [-0.994, 0.994]."""
    return np.arctanh(np.clip(a, 2 * NEAR_END - 1, 1 - 2 * NEAR_END))


def _relu(Z: FloatArray) -> FloatArray:
    """f(z) = max(z, 0)."""
    return np.maximum(Z, 0, out=Z)


def _relu_derivative(A: FloatArray, out: FloatArray) -> FloatArray:
    """f'(z) = 1 where z > 0, else 0."""
    return np.sign(A, out=out)  # A is never negative


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
    )
}


def activation_of(activation: str | Activation) -> Activation:
    """The activation that a name stands for, or the one given."""
    if isinstance(activation, Activation):
        return activation
    return look_up("activation", activation, ACTIVATIONS)
