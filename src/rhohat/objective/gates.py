"""Units of which few are active: inputs that are largest in a row, or over all, or large enough.

Inputs that are let pass stay as they are, and all others become 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import partial
from math import inf, nan, prod
from typing import Any, Self

import numpy as np

from rhohat.common.arrays import (
    Float64Array,
    FloatArray,
    overflow_as_infinity,
    underflow_as_zero,
)
from rhohat.common.libraries import largest, library_of, like
from rhohat.common.validation import check_integer, check_real
from rhohat.objective.activation import Activation
from rhohat.objective.largest import BitCounts, bit_counts, least_above
from rhohat.objective.parameter import WithParameter

#: Least threshold that is divided by.
LEAST_THRESHOLD = 1e-30
#: Standard deviations above the mean of a unit's inputs at which its threshold begins: about a
#: tenth of the rows lie beyond.
BEGIN = 1.3
#: Halvings of an interval after which nothing is left of it.
HALVINGS = 60


class Selecting(WithParameter, Activation):
    """Some positive inputs as they are, and 0 for all others, by their order: J jumps with it."""

    range = (0.0, inf)
    usual_penalty = "none"
    is_continuous = False

    def derivative(self, A: FloatArray, out: FloatArray) -> FloatArray:
        """1 where a unit is active, else 0."""
        library_of(A).sign(A, out=out)  # A is never negative
        return out

    def inverse(self, a: Float64Array) -> Float64Array:
        """Max(a, 0)."""
        return np.maximum(a, 0)


class TopK(Selecting):
    r"""The k largest positive inputs of each row, and 0 for all other units.

    .. math:: f(z)_j = \max(z_j, 0) \text{ if } z_j \text{ is among the } k \text{ largest, else } 0

    Of equal inputs, that of the unit with the lower number counts as the larger one. The derivative
    is 1 where a unit is active and 0 elsewhere. This is exact wherever the k-th and the next input
    differ, or neither is positive, which is almost everywhere. Where they swap ranks, J jumps by
    what one unit explains better than the other. A solver therefore takes the first step that
    lowers J enough, without a condition on the slope there; it steps over most jumps, and ends
    where J no longer falls.

    Parameters
    ----------
    n_active : int, default=None
        k, at least 1 and at most the number of units. None: a tenth of the units, rounded up.

    References
    ----------
    A. Makhzani and B. Frey (2014), k-sparse autoencoders, ICLR. L. Gao et al. (2024), Scaling and
    evaluating sparse autoencoders.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import SparseAutoencoder, TopK
    >>> X = np.random.RandomState(0).randn(200, 8)
    >>> model = SparseAutoencoder(12, activation=TopK(3), sparsity_penalty="none", max_iter=5)
    >>> model = model.fit(X)
    >>> int((model.transform(X) > 0).sum(axis=1).max())
    3
    """

    name = "topk"
    parameter = "n_active"

    n_active: int | None

    def __init__(self, n_active: int | None = None) -> None:
        vars(self)["n_active"] = n_active

    def check_units(self, n_units: int) -> None:
        """Raise TypeError or ValueError unless n_active is None or in 1 to the number of units."""
        if self.n_active is None:
            return
        if check_integer("TopK n_active", self.n_active, low=1) > n_units:
            raise ValueError(
                f"TopK n_active={self.n_active} is more than the number of units, {n_units}. Use "
                "fewer, or activation='relu', which lets all of them be active."
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

    def parameters_among(self, n_units: int) -> Mapping[str, Any]:
        """K."""
        return {"n_active": self.n_active_among(n_units)}

    def n_active_among(self, n_units: int) -> int:
        """k, of so many units."""
        return -(-n_units // 10) if self.n_active is None else self.n_active


class BatchTopK(Selecting):
    r"""The largest positive inputs of all rows, k for each row on average, and 0 for all others.

    .. math:: f(z)_j = z_j \text{ if } z_j > t, \text{ else } 0, \quad
        t = \min \{t \ge 0: \tfrac1m \textstyle\sum_{i, j} 1[z_{ij} > t] \le k\}

    over numbers t of single precision; the average is weighted if rows are. A row that needs more
    units than others gets more. t is not a variable: for each set of parameters it is found
    exactly, by two sweeps over all rows, and a fitted model keeps the last one. Where t lies
    between two inputs, a small change of the parameters does not change which inputs are active, so
    that the derivative is exactly 1 where a unit is active and 0 elsewhere. Where the order of
    inputs around t changes, J jumps by what one row's unit explains better than another's: 1/m of
    the jump with `TopK`. Inputs equal to t are not active.

    Parameters
    ----------
    n_active : float, default=None
        k, above 0 and at most the number of units. None: a tenth of the units.

    References
    ----------
    B. Bussmann, P. Leask and N. Nanda (2024), BatchTopK sparse autoencoders: there the average is
    that of a batch.
    """

    name = "batchtopk"
    parameter = "n_active"

    n_active: float | None
    _threshold: FloatArray | None = None

    def __init__(self, n_active: float | None = None) -> None:
        vars(self)["n_active"] = n_active

    def check_units(self, n_units: int) -> None:
        """Raise TypeError or ValueError unless n_active is None or in 0 to the number of units."""
        if self.n_active is None:
            return
        check_real("BatchTopK n_active", self.n_active, low=0)
        if not 0 < self.n_active <= n_units:
            raise ValueError(
                f"BatchTopK n_active must be above 0 and at most {n_units}, the number of units, "
                f"got {self.n_active!r}. Use activation='relu' to let all of them be active."
            )

    def n_thresholds(self, n_units: int) -> int:
        """One for all units."""
        return 1

    def at(self, parameters: Mapping[str, FloatArray]) -> Self:
        """The activation at this threshold, whatever the rows."""
        known = copy(self)
        vars(known)["_threshold"] = parameters["t_enc"]
        return known

    def begin(self, Z: FloatArray, sample_weight: FloatArray) -> FloatArray:
        """The threshold that the sample asks for."""
        return np.array([self.found(Z, sample_weight)])

    def found(self, Z: FloatArray, sample_weight: FloatArray | None = None) -> float:
        """The threshold that rows with inputs Z, (m, k), ask for."""
        return self.sought(partial(bit_counts, Z, sample_weight), Z.shape[-1])

    def sought(self, counts: BitCounts, n_units: int) -> float:
        """The threshold that rows ask for whose inputs have these counts."""
        return least_above(counts, self.n_active_among(n_units))

    def function(self, Z: FloatArray) -> FloatArray:
        """Overwrite Z with f(Z); without a known threshold, of Z as all rows."""
        t = self.found(np.atleast_2d(Z)) if self._threshold is None else like(self._threshold, Z)
        Z[t >= Z] = 0
        return Z

    def parameters_among(self, n_units: int) -> Mapping[str, Any]:
        """The threshold."""
        return {"thresholds": self._threshold}

    def n_active_among(self, n_units: int) -> float:
        """k, of so many units."""
        return n_units / 10 if self.n_active is None else float(self.n_active)


class JumpReLU(WithParameter, Activation):
    r"""Inputs above a threshold that each unit learns, and 0 below, with a smooth step in between.

    .. math:: f(z)_j = z_j H(u_j), \quad u_j = \frac{z_j - t_j}{\tau t_j}, \quad
        H(u) = u^2 (3 - 2 u) \text{ for } 0 \le u \le 1,

    0 below and 1 above. The gate that `L0Sparsity` averages is :math:`H(u_j + 1)`: open wherever a
    unit is active, and closed from :math:`t_j (1 - \tau)` down. So a unit that is only slightly
    active costs as much as one that is fully active; if both steps were the same, all units would
    be slightly active for all rows at hardly any cost. Outside of :math:`t_j (1 \pm \tau)` this is
    the JumpReLU with a jump, and silent units are exactly 0; inside, J is differentiable in all
    parameters, including :math:`t_j`. Straight-through methods estimate the derivative with respect
    to a threshold with the slope of H as their kernel; here it is the derivative of J. Since the
    width is a share of the threshold, scaling the weights does not make the step sharper.

    Thresholds are positive: t stands for its absolute value.

    Parameters
    ----------
    tau : float, default=0.5
        Width of the step, as a share of the threshold, at most 1. 0 gives the JumpReLU with a jump,
        for weights trained elsewhere: it can be applied but not trained, since J then has no
        gradient with respect to the thresholds.

    References
    ----------
    S. Rajamanoharan et al. (2024), Jumping ahead: improving reconstruction fidelity with JumpReLU
    sparse autoencoders.
    """

    name = "jumprelu"
    parameter = "tau"
    range = (0.0, inf)
    usual_penalty = "l0"
    sees_input = True
    has_gates = True
    learns_thresholds = True

    tau: float
    _threshold: FloatArray | float = 1.0
    _known: tuple[FloatArray, tuple[FloatArray, FloatArray]] | None = None

    def __init__(self, tau: float = 0.5) -> None:
        vars(self)["tau"] = tau

    def check_units(self, n_units: int) -> None:
        """Raise TypeError or ValueError unless tau is in 0 to 1."""
        check_real("JumpReLU tau", self.tau, low=0, high=1)

    def check_learnable(self) -> None:
        """Raise ValueError if tau is 0."""
        if not self.tau:
            raise ValueError(
                "JumpReLU(tau=0) jumps at its thresholds, so they have no gradient, and "
                "straight-through estimates are not the gradient of any objective. To train, use "
                "activation=JumpReLU(), whose step is smooth."
            )

    def n_thresholds(self, n_units: int) -> int:
        """One for each unit."""
        return n_units

    def at(self, parameters: Mapping[str, FloatArray]) -> Self:
        """The activation at these thresholds."""
        known = copy(self)
        vars(known)["_threshold"] = parameters["t_enc"]
        return known

    def begin(self, Z: FloatArray, sample_weight: FloatArray) -> FloatArray:
        """Thresholds that about a tenth of the rows exceed."""
        w = sample_weight / sample_weight.sum()
        mean = w @ Z
        begin: FloatArray = np.abs(mean) + BEGIN * np.sqrt(w @ np.square(Z - mean))
        return begin

    def on(self, Z: FloatArray) -> Self:
        """The activation, with the step of inputs Z computed once."""
        known = copy(self)
        vars(known)["_known"] = Z, self._step(Z)
        return known

    def _positive(self, Z: FloatArray) -> FloatArray:
        """Thresholds as they count, in the library of Z."""
        xp, t = library_of(Z), like(self._threshold, Z)
        positive: FloatArray = xp.clip(xp.abs(t), LEAST_THRESHOLD, None)
        return positive

    def _step(self, Z: FloatArray, shift: float = 0.0) -> tuple[FloatArray, FloatArray]:
        """H(u + shift), and its derivative by z."""
        if not shift and self._known is not None and self._known[0] is Z:
            return self._known[1]
        xp, t = library_of(Z), self._positive(Z)
        if not self.tau:
            H = xp.ones_like(Z) * (t < Z)
            H[xp.isnan(Z)] = nan
            return H, xp.zeros_like(Z)
        width = self.tau * t
        with overflow_as_infinity(), underflow_as_zero():
            u = xp.clip((Z - t) / width + shift, 0, 1)
            return u * u * (3 - 2 * u), u * (1 - u) * (6 / width)

    def function(self, Z: FloatArray) -> FloatArray:
        """Overwrite Z with f(Z)."""
        return self._passed(Z, out=Z)

    def value(self, Z: FloatArray) -> FloatArray:
        """f(Z), in a new array."""
        return self._passed(Z, library_of(Z).empty_like(Z))

    def _passed(self, Z: FloatArray, out: FloatArray) -> FloatArray:
        """Z H; H is 0 where Z is negative, be it infinite."""
        H, _ = self._step(Z)
        library_of(Z).clip(Z, 0, None, out=out)
        with underflow_as_zero():
            out *= H
        return out

    def derivative(self, Z: FloatArray, out: FloatArray) -> FloatArray:
        """H + z H', by the input z."""
        H, H_slope = self._step(Z)
        with underflow_as_zero():
            library_of(Z).multiply(Z, H_slope, out=out)
        out += H
        return out

    def gate(self, Z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """How far gates are open, H(u + 1), and the derivative of that by z."""
        return self._step(Z, shift=1.0)

    def by_threshold(self, Z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """How outputs and gates change with t: their steps by -(z / t) H', outputs by z as much."""
        t = like(self._threshold, Z)
        with overflow_as_infinity(), underflow_as_zero():
            ratio = Z * -library_of(Z).copysign(1 / self._positive(Z), t)
            return Z * ratio * self._step(Z)[1], ratio * self.gate(Z)[1]

    def parameters_among(self, n_units: int) -> Mapping[str, Any]:
        """Tau, and thresholds."""
        return {"tau": self.tau, "thresholds": np.abs(self._threshold)}

    def inverse(self, a: Float64Array) -> Float64Array:
        """The z with f(z) = a, found by halving the step; 0 if a is not positive."""
        t = self._positive(a)
        low = np.where(a > 0, np.maximum(a, t), 0.0)
        high = np.where(a > 0, np.maximum(a, t * (1 + self.tau)), 0.0)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            below = self.function(middle.copy()) < a
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return high
