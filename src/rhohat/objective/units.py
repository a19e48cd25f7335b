"""A block of units: what their activations are, and what derivatives are computed from."""

from __future__ import annotations

from typing import NamedTuple

from rhohat.common.arrays import FloatArray
from rhohat.objective.activation import Activation
from rhohat.objective.penalty import SparsityPenalty


class Units(NamedTuple):
    """Units on a block of rows.

    Attributes
    ----------
    f : Activation
        At known thresholds.
    A : ndarray of shape (m, k)
        f(Z).
    held : ndarray of shape (m, k)
        What derivatives are computed from: A itself, or Z where f's derivative sees that.
    """

    f: Activation
    A: FloatArray
    held: FloatArray

    @classmethod
    def of(cls, f: Activation, Z: FloatArray) -> Units:
        """Units with inputs Z, which are overwritten unless derivatives see them."""
        if f.sees_input:
            f = f.on(Z)
            return cls(f, f.value(Z), Z)
        A = f.function(Z)
        return cls(f, A, A)

    def averaged(self, penalty: SparsityPenalty) -> tuple[FloatArray, FloatArray | None]:
        """What a penalty averages, h, and how h changes with A; None for that stands for 1.

        Gates are functions of Z: of these, how they change with Z.
        """
        return self.f.gate(self.held) if penalty.sees_gates else penalty.pointwise(self.A)

    def slope_of_average(
        self, penalty: SparsityPenalty, f_slope: FloatArray, h_slope: FloatArray | None
    ) -> FloatArray:
        """How h changes with Z, written into `f_slope`, which is f'(z)."""
        if penalty.sees_gates:
            f_slope[...] = h_slope
        elif h_slope is not None:
            f_slope *= h_slope
        return f_slope

    def derivative(self, out: FloatArray) -> FloatArray:
        """f'(z), written into `out`."""
        return self.f.derivative(self.held, out)
