"""Activation functions: what a unit does with its weighted input.

Each row of `ACTIVATIONS` is one function. Everything else (objective, estimator, command line,
tests) reads this table, so a new activation is one new row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf, prod
from typing import Any, ClassVar, Self

import numpy as np

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.common.libraries import largest, library_of
from rhohat.common.validation import check_integer, look_up

#: Share of a bounded range, at either end, that inverses stay out of: they go to infinity there.
NEAR_END = 0.003


@dataclass(frozen=True)
class Activation:
    """What units do with their input: a function f, its derivative written in terms of its output.

    Most are elementwise. One that is not sees a row of units along the last axis; its derivative is
    that of each output by its own input, all others being 0 almost everywhere.

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

    #: Whether f is continuous. Where it is not, J jumps, and a solver is told so.
    is_continuous: ClassVar[bool] = True

    @property
    def is_bounded(self) -> bool:
        """Whether both ends of the range are finite, so that activity can be a share of it."""
        return bool(np.isfinite(self.range).all())

    @property
    def usual_penalty(self) -> str:
        """The penalty that goes with it unless another is asked for."""
        return "kl" if self.is_bounded else "l1"

    @property
    def words(self) -> str:
        """What decides its values: the name, and parameters where it has some."""
        return self.name

    def parameters_among(self, n_units: int) -> Mapping[str, Any]:
        """Parameters that f has for so many units, by their names."""
        return {}

    def slope_at(self, share: float) -> float:
        """The derivative where f is this share of its range, which is bounded."""
        low, high = self.range
        value = np.array([low + share * (high - low)])
        return float(self.derivative(value, value.copy())[0])

    def check_units(self, n_units: int) -> None:
        """Raise TypeError or ValueError if a parameter makes no sense for so many units."""


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
    xp = library_of(A)
    xp.subtract(A, 1, out=out)
    xp.multiply(out, A, out=out)
    xp.negative(out, out=out)  # last, so that rounding is that of 1 - a
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
    xp = library_of(A)
    xp.multiply(A, A, out=out)
    xp.subtract(out, 1, out=out)
    xp.negative(out, out=out)
    return out


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


class TopK(Activation):
    r"""The k largest positive inputs of each row, and 0 for all other units.

    .. math:: f(z)_j = \max(z_j, 0) \text{ if } z_j \text{ is among the } k \text{ largest, else } 0

    Of equal inputs, that of the unit with the lower number counts as the larger one. The derivative
    is 1 where a unit is active and 0 elsewhere: exact wherever the k-th and the next input differ,
    or neither is positive, which is almost everywhere. Where they swap ranks, J jumps by what one
    unit explains better than the other. So a solver takes the first step that lowers J enough, and
    asks nothing of the slope there; it steps over most jumps, and ends where J no longer falls.

    Parameters
    ----------
    n_active : int, default=None
        k, at least 1 and at most the number of units. None: a tenth of the units, rounded up.

    References
    ----------
    A. Makhzani and B. Frey (2014), k-sparse autoencoders, ICLR. L. Gao et al. (2024), Scaling and
    evaluating sparse autoencoders.
    """

    name = "topk"
    range = (0.0, inf)
    usual_penalty = "none"
    is_continuous = False

    n_active: int | None

    def __init__(self, n_active: int | None = None) -> None:
        vars(self)["n_active"] = n_active

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters, for scikit-learn's clone and grid search."""
        return {"n_active": self.n_active}

    def set_params(self, **params: Any) -> Self:
        """Change parameters, as scikit-learn's grid search does: ``activation__n_active``."""
        unknown = params.keys() - self.get_params()
        if unknown:
            raise ValueError(f"TopK has the parameter n_active, got {sorted(unknown)}.")
        vars(self).update(params)
        return self

    def __repr__(self) -> str:
        return f"TopK({'' if self.n_active is None else self.n_active})"

    def __eq__(self, other: object) -> bool:
        return type(other) is TopK and other.n_active == self.n_active

    def __hash__(self) -> int:
        return hash((TopK, self.n_active))

    @property
    def words(self) -> str:
        """The name, and n_active."""
        return f"{self.name} {self.n_active}"

    def check_units(self, n_units: int) -> None:
        """Raise TypeError or ValueError unless n_active is None or in 1 to the number of units."""
        if self.n_active is None:
            return
        if check_integer("TopK n_active", self.n_active, low=1) > n_units:
            raise ValueError(
                f"TopK n_active={self.n_active} is more than the {n_units} units that there are. "
                "Use fewer, or activation='relu', which lets all of them be active."
            )

    def function(self, Z: FloatArray) -> FloatArray:
        """Overwrite Z with f(Z), row by row along the last axis."""
        k, n_units = self.n_active_among(Z.shape[-1]), Z.shape[-1]
        xp = library_of(Z)
        xp.clip(Z, 0, None, out=Z)
        if k >= n_units:
            return Z
        least = largest(Z, k)
        out = least > Z
        if xp.count_nonzero(out) != prod(Z.shape[:-1]) * (n_units - k):
            # Ties: of units at the least value, those with lower numbers, as many as are missing.
            tied = least == Z
            missing = k - xp.sum(least < Z, -1)[..., None]
            out |= tied & (xp.cumsum(tied, -1) > missing)
        Z[out] = 0
        return Z

    def derivative(self, A: FloatArray, out: FloatArray) -> FloatArray:
        """1 where a unit is active, else 0."""
        library_of(A).sign(A, out=out)  # A is never negative
        return out

    def inverse(self, a: Float64Array) -> Float64Array:
        """Max(a, 0)."""
        return np.maximum(a, 0)

    def parameters_among(self, n_units: int) -> Mapping[str, Any]:
        """K."""
        return {"n_active": self.n_active_among(n_units)}

    def n_active_among(self, n_units: int) -> int:
        """k, of so many units."""
        return -(-n_units // 10) if self.n_active is None else self.n_active


#: Activations by their names.
ACTIVATIONS: dict[str, Activation] = {
    row.name: row
    for row in (
        Activation("sigmoid", _sigmoid, _sigmoid_derivative, _sigmoid_inverse, (0.0, 1.0)),
        Activation("tanh", _tanh, _tanh_derivative, _tanh_inverse, (-1.0, 1.0)),
        Activation("relu", _relu, _relu_derivative, _relu_inverse, (0.0, inf)),
        Activation("identity", _identity, _identity_derivative, _identity_inverse, (-inf, inf)),
        TopK(),
    )
}
#: Units that others train and that cannot be rows, by their names, and why.
REFUSED: dict[str, str] = {
    "jumprelu": (
        "jumprelu is trained by straight-through estimates, which are the gradient of no objective."
        " Use activation='topk', whose gradient is exact almost everywhere, or 'relu'."
    ),
    "gated": (
        "gated units are trained with stopped gradients, which are the gradient of no objective. "
        "Use activation='relu' with sparsity_penalty='l1-decoder-norm', or activation='topk'."
    ),
}


def activation_of(activation: str | Activation) -> Activation:
    """The activation that a name stands for, or the one given."""
    if isinstance(activation, Activation):
        return activation
    if isinstance(activation, str) and activation not in ACTIVATIONS and activation in REFUSED:
        raise ValueError(REFUSED[activation])
    return look_up("activation", activation, ACTIVATIONS)
