"""Penalties that average a function of each activation, h(a), with a weight as their slope."""

from __future__ import annotations

import numpy as np

from rhohat.common.arrays import FloatArray, underflow_as_zero
from rhohat.common.libraries import library_of
from rhohat.common.validation import check_real
from rhohat.objective.activations import Activation
from rhohat.objective.penalty import WeightedSparsity


class L1Sparsity(WeightedSparsity):
    r"""Average absolute activation: :math:`\beta \sum_j \frac1m \sum_i |a_{ij}|`.

    Parameters
    ----------
    weight : float, default=1.0
        beta, at least 0.

    Examples
    --------
    >>> from rhohat import L1Sparsity, SparseAutoencoder
    >>> model = SparseAutoencoder(100, activation="relu", sparsity_penalty=L1Sparsity(weight=0.1))
    >>> model.get_params()["sparsity_penalty__weight"]
    0.1
    """

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight

    def pointwise(self, A: FloatArray) -> tuple[FloatArray, FloatArray | None]:
        """The absolute value, h(a) = abs(a), and h'(a) = sign(a)."""
        xp = library_of(A)
        return xp.abs(A), xp.sign(A)


class SmoothL1Sparsity(WeightedSparsity):
    r"""Average absolute activation, smoothed at 0.

    .. math:: \beta \sum_j \frac1m \sum_i \sqrt{a_{ij}^2 + \epsilon}

    With identity units and a tied decoder this is reconstruction ICA.

    Parameters
    ----------
    weight : float, default=1.0
        beta, at least 0.
    epsilon : float, default=0.01
        Above 0. Activations well below its square root count little.

    References
    ----------
    Q. Le, A. Karpenko, J. Ngiam and A. Ng (2011), ICA with reconstruction cost for efficient
    overcomplete feature learning, NIPS.
    """

    def __init__(self, weight: float = 1.0, epsilon: float = 0.01) -> None:
        self.weight = weight
        self.epsilon = epsilon

    def check(self, activation: Activation) -> None:
        """Raise ValueError unless weight >= 0 and epsilon > 0. Every activation will do."""
        super().check(activation)
        check_real("SmoothL1Sparsity epsilon", self.epsilon, low=0, open_ends=True)

    def pointwise(self, A: FloatArray) -> tuple[FloatArray, FloatArray | None]:
        """The root of a^2 + epsilon, and a divided by it."""
        with underflow_as_zero():
            h = library_of(A).square(A)
        h += self.epsilon
        library_of(A).sqrt(h, out=h)
        return h, A / h

    def least(self, n_units: int) -> float:
        """The value where all activations are 0."""
        return n_units * float(self.weight) * float(np.sqrt(self.epsilon))


class LogSparsity(WeightedSparsity):
    r"""Average logarithm of 1 + the squared activation.

    .. math:: \beta \sum_j \frac1m \sum_i \log(1 + a_{ij}^2)

    The slope is largest where the activation is 1, and small for units that are already very
    active.

    Parameters
    ----------
    weight : float, default=1.0
        beta, at least 0.

    References
    ----------
    B. Olshausen and D. Field (1996), Emergence of simple-cell receptive field properties by
    learning a sparse code for natural images, Nature 381.
    """

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight

    def pointwise(self, A: FloatArray) -> tuple[FloatArray, FloatArray | None]:
        """The logarithm of 1 + a^2, and 2 a / (1 + a^2)."""
        with underflow_as_zero():
            square = library_of(A).square(A)
        return library_of(A).log1p(square), 2 * A / (1 + square)
