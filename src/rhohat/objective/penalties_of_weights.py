r"""Penalties that see weights: what an average costs depends on its unit's row of a matrix.

.. math::

    \beta \sum_j c(\|u_j\|)\, \frac1m \sum_i h(a_{ij}), \quad
    \text{slope} = \beta\, c(\|u_j\|), \quad
    \text{by } u_j: \beta\, c'(\|u_j\|) \frac{u_j}{\|u_j\|}\, \frac1m \sum_i h(a_{ij}),

with :math:`u_j` the unit's row of the encoder or the decoder.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from copy import copy
from typing import ClassVar

import numpy as np

from rhohat.common.arrays import Float64Array, FloatArray, underflow_as_zero
from rhohat.common.libraries import library_of
from rhohat.objective.activations import Activation
from rhohat.objective.penalty import SparsityPenalty, WeightedSparsity


class ScaledPenalty(WeightedSparsity):
    """What penalties share that weigh each unit by c, a function of its row of one matrix.

    By itself it is the penalty for rows of norm 1; `at` gives the one for other rows.
    """

    #: Name of the matrix, alone.
    sees: ClassVar[tuple[str, ...]]
    _c: float | FloatArray = 1.0

    @staticmethod
    @abstractmethod
    def _scales(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        """C of every row u_j, (k,), and its derivative by u_j, (k, d)."""

    def at(self, parameters: Mapping[str, FloatArray]) -> SparsityPenalty:
        """The penalty for these weights."""
        (matrix,) = self.sees
        penalty = copy(self)
        penalty._c = self._scales(parameters[matrix])[0]
        return penalty

    def on_average(
        self, average: Float64Array, activation: Activation
    ) -> tuple[float, Float64Array]:
        """Value and slope; see the class for the formula."""
        slope = np.zeros_like(average) + self.fixed_slope
        return float(slope @ average), slope

    @property
    def fixed_slope(self) -> float | FloatArray:
        """The weight times c, whatever the averages."""
        return self.weight * self._c

    def by_parameters(
        self, average: Float64Array, parameters: Mapping[str, FloatArray]
    ) -> dict[str, Float64Array]:
        """Gradient by the rows, averages held fixed."""
        (matrix,) = self.sees
        _, change = self._scales(parameters[matrix])
        return {matrix: (self.weight * average)[:, None] * change}


class DecoderNormL1Sparsity(ScaledPenalty):
    r"""Average absolute activation, times the norm of what it adds to the reconstruction.

    .. math:: \beta \sum_j \|v_j\| \frac1m \sum_i |a_{ij}|

    with :math:`v_j` the decoder's weights of unit j. Unlike with plain L1, small activations with
    large weights gain nothing: the penalty stays the same if a unit's activations are doubled and
    its weights halved. The decoder is no longer solved for.

    Parameters
    ----------
    weight : float, default=1.0
        beta, at least 0.

    References
    ----------
    Anthropic (2024), Circuits updates, April: update on how we train SAEs.
    """

    sees = ("W_dec",)

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight

    def pointwise(self, A: FloatArray) -> tuple[FloatArray, FloatArray | None]:
        """The absolute value, h(a) = abs(a), and h'(a) = sign(a)."""
        xp = library_of(A)
        return xp.abs(A), xp.sign(A)

    @staticmethod
    def _scales(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The norm, and the unit vector along the row; 0 for a row of zeros."""
        xp = library_of(rows)
        norms = xp.sqrt(xp.einsum("ij,ij->i", rows, rows))
        return norms, rows / (norms + (norms == 0))[:, None]


class ContractivePenalty(ScaledPenalty):
    r"""Average squared norm of the encoder's derivative: how much activations follow the input.

    .. math::

        \beta \sum_j \|w_j\|^2 \frac1m \sum_i \bigl(a_{ij} (1 - a_{ij})\bigr)^2
        = \frac\beta m \sum_i \Bigl\|\frac{\partial a_i}{\partial x_i}\Bigr\|_F^2

    with :math:`w_j` the encoder's weights of unit j, a sigmoid unit.

    Parameters
    ----------
    weight : float, default=0.1
        beta, at least 0.

    References
    ----------
    S. Rifai, P. Vincent, X. Muller, X. Glorot and Y. Bengio (2011), Contractive auto-encoders:
    explicit invariance during feature extraction, ICML.
    """

    sees = ("W_enc",)

    def __init__(self, weight: float = 0.1) -> None:
        self.weight = weight

    def check(self, activation: Activation) -> None:
        """Raise ValueError unless weight >= 0 and units are sigmoid units."""
        super().check(activation)
        if activation.name != "sigmoid":
            raise ValueError(
                "ContractivePenalty uses the derivative of sigmoid units, a (1 - a), but "
                f"activation={activation.name!r}. Use activation='sigmoid', or "
                f"sparsity_penalty={activation.usual_penalty!r}."
            )

    def pointwise(self, A: FloatArray) -> tuple[FloatArray, FloatArray | None]:
        """The squared derivative, (a (1 - a))^2, and 2 a (1 - a) (1 - 2 a)."""
        f_slope = A * (1 - A)
        with underflow_as_zero():
            h = library_of(A).square(f_slope)
        return h, 2 * f_slope * (1 - 2 * A)

    @staticmethod
    def _scales(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The squared norm, and twice the row."""
        return library_of(rows).einsum("ij,ij->i", rows, rows), 2 * rows
