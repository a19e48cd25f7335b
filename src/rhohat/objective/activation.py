"""What every activation answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.objective.largest import BitCounts


@dataclass(frozen=True)
class Activation:
    """What units do with their input: a function f, its derivative written in terms of its output.

    Most are elementwise. Others see a row of units along the last axis; their derivative is that of
    each output with respect to its own input, since all others are 0 almost everywhere. With
    thresholds, an activation is a function of inputs alone once these are known: `at` returns it.

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
    #: Whether `derivative` takes the input z in place of the output f(z).
    sees_input: ClassVar[bool] = False
    #: Whether units have gates, which open from 0 to 1: `gate` then gives them.
    has_gates: ClassVar[bool] = False
    #: Whether thresholds are learned like weights; else they are found, over all rows.
    learns_thresholds: ClassVar[bool] = False

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
        """Parameters that f has for so many units, by their names, among them known thresholds."""
        return {}

    def share(self, value: Float64Array) -> Float64Array:
        """How far into its range a value of f is, from 0 to 1; the range is bounded."""
        low, high = self.range
        return (value - low) / (high - low)

    def at_share(self, share: float) -> float:
        """The value that is this share of the range, which is bounded."""
        low, high = self.range
        return low + share * (high - low)

    def slope_at(self, share: float) -> float:
        """The derivative where f is this share of its range, which is bounded."""
        value = np.array([self.at_share(share)])
        return float(self.derivative(value, value.copy())[0])

    def check_units(self, n_units: int) -> None:
        """Raise TypeError or ValueError if a parameter makes no sense for so many units."""

    def check_learnable(self) -> None:
        """Raise ValueError if units can be computed, but not learned."""

    def n_thresholds(self, n_units: int) -> int:
        """Thresholds of so many units, which are parameters "t_enc" beside weights and biases."""
        return 0

    def at(self, parameters: Mapping[str, FloatArray]) -> Activation:
        """The activation at known thresholds, "t_enc": a function of inputs alone.

        Itself if it has none. The row itself stands for thresholds of 1, or for those of its input.
        """
        return self

    def on(self, Z: FloatArray) -> Activation:
        """The activation, with what all of its answers on inputs Z need computed once."""
        return self

    def value(self, Z: FloatArray) -> FloatArray:
        """f(Z), in a new array."""
        return self.function(1 * Z)

    def begin(self, Z: FloatArray, sample_weight: FloatArray) -> FloatArray:
        """Thresholds to begin with, (n_thresholds,), for inputs Z of a sample of rows."""
        return np.empty(0)

    def sought(self, counts: BitCounts, n_units: int) -> float:
        """The threshold to be found, given counts of the inputs of so many units on all rows."""
        raise NotImplementedError(f"{self.name} units have no threshold to find.")

    def gate(self, Z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """How far gates are open, from 0 to 1, and the derivative of that by z."""
        raise NotImplementedError(f"{self.name} units have no gates.")

    def by_threshold(self, Z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """How outputs, and gates, change with thresholds that are learned, each (m, k)."""
        raise NotImplementedError(f"{self.name} units learn no thresholds.")
