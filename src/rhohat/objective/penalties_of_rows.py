r"""Penalties whose h sees a row of activations: units that are active together cost less.

With :math:`N_j` the units near unit j on a map of all of them, and j near i wherever i is near j,

.. math::

    h_{ij} = c \sqrt{\epsilon + \sum_{l \in N_j} a_{il}^2}, \quad
    \sum_l s_l \frac{\partial h_{il}}{\partial a_{ij}}
        = c^2 a_{ij} \sum_{l \in N_j} \frac{s_l}{h_{il}} .
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from rhohat.common.arrays import FloatArray, underflow_as_zero
from rhohat.common.libraries import library_of
from rhohat.common.validation import check_integer, check_pair, check_real
from rhohat.objective.activations import Activation
from rhohat.objective.penalty import WeightedSparsity


class NeighborhoodSparsity(WeightedSparsity):
    """What penalties share that pool the activations of units near one another."""

    epsilon: float

    @abstractmethod
    def _pooled(self, B: FloatArray) -> FloatArray:
        """Sums of each row of B over each unit's neighborhood, (m, k), a new array."""

    def _share(self, n_units: int) -> float:
        """c, what each unit counts of the root of its neighborhood."""
        return 1.0

    def check(self, activation: Activation) -> None:
        """Raise ValueError unless weight >= 0 and epsilon > 0. Every activation will do."""
        super().check(activation)
        check_real(f"{type(self).__name__} epsilon", self.epsilon, low=0, open_ends=True)

    def pointwise(self, A: FloatArray) -> tuple[FloatArray, FloatArray | None]:
        """H, and how each h changes with its own unit's activation, c^2 a / h."""
        c = self._share(A.shape[1])
        with underflow_as_zero():
            h = self._pooled(library_of(A).square(A))
        h += self.epsilon
        library_of(A).sqrt(h, out=h)
        h *= c
        return h, c**2 * A / h

    def pull(
        self,
        slope: float | FloatArray,
        A: FloatArray,
        h: FloatArray,
        h_slope: FloatArray | None,
    ) -> FloatArray:
        """C^2 a times the sum of slope / h over the unit's neighborhood."""
        pulled = self._pooled(slope / h)
        pulled *= self._share(A.shape[1]) ** 2
        pulled *= A
        return pulled

    def least(self, n_units: int) -> float:
        """The value where all activations are 0."""
        root = float(np.sqrt(self.epsilon))
        return n_units * float(self.weight) * self._share(n_units) * root


class GroupSparsity(NeighborhoodSparsity):
    r"""Average norm of the activations in each group of units.

    .. math:: \beta \sum_g \frac1m \sum_i \sqrt{\epsilon + \sum_{j \in g} a_{ij}^2}

    Each group is `size` consecutive units. Groups are sparse, units within a group are not. The
    average of a unit is an equal share of its group's average.

    Parameters
    ----------
    weight : float, default=1.0
        beta, at least 0.
    size : int, default=None
        Units per group, a divisor of the number of units. None: the smallest divisor above 1.
    epsilon : float, default=0.01
        Above 0; smooths the norm at 0.

    References
    ----------
    A. Hyvarinen and P. Hoyer (2000), Emergence of phase- and shift-invariant features by
    decomposition of natural images into independent feature subspaces, Neural Computation 12.
    """

    def __init__(self, weight: float = 1.0, size: int | None = None, epsilon: float = 0.01) -> None:
        self.weight = weight
        self.size = size
        self.epsilon = epsilon

    def check(self, activation: Activation) -> None:
        """Raise unless weight >= 0, epsilon > 0 and size >= 1. Every activation will do."""
        super().check(activation)
        if self.size is not None:
            check_integer("GroupSparsity size", self.size, low=1)

    def check_units(self, n_units: int) -> None:
        """Raise ValueError unless the size of a group divides the number of units."""
        size = self._size(n_units)
        if n_units % size:
            raise ValueError(
                f"GroupSparsity size must divide the number of units, but {n_units} units cannot "
                f"be divided into groups of {size}. Use n_components={-(-n_units // size) * size}, "
                "or a size among "
                f"{', '.join(str(n) for n in range(1, n_units + 1) if n_units % n == 0)}."
            )

    def _size(self, n_units: int) -> int:
        if self.size is not None:
            return self.size
        return next((size for size in range(2, n_units) if n_units % size == 0), n_units)

    def _share(self, n_units: int) -> float:
        return 1 / self._size(n_units)

    def _pooled(self, B: FloatArray) -> FloatArray:
        m, k = B.shape
        size = self._size(k)
        groups = B.reshape(m, k // size, size)
        return _spread(library_of(B).sum(groups, axis=2, keepdims=True), groups).reshape(B.shape)


class TopographicSparsity(NeighborhoodSparsity):
    r"""Average norm of the activations around each unit, on a map of all units.

    .. math:: \beta \sum_j \frac1m \sum_i \sqrt{\epsilon + \sum_{l \in N_j} a_{il}^2}

    Neighborhoods overlap, so that neighboring units look for similar things.

    Parameters
    ----------
    weight : float, default=1.0
        beta, at least 0.
    shape : tuple of int, default=None
        Rows and columns of the map, whose product must be the number of units; units are placed row
        by row, and opposite edges are joined. None: a ring of all units.
    radius : int, default=1
        At least 0. The neighborhood of a unit contains all units at most this many steps away along
        each axis: 2 radius + 1 on a ring, (2 radius + 1)^2 on a map, including itself, or all units
        of an axis that has fewer.
    epsilon : float, default=0.01
        Above 0; smooths the norm at 0.

    References
    ----------
    A. Hyvarinen, P. Hoyer and M. Inki (2001), Topographic independent component analysis, Neural
    Computation 13.
    """

    def __init__(
        self,
        weight: float = 1.0,
        shape: tuple[int, int] | None = None,
        radius: int = 1,
        epsilon: float = 0.01,
    ) -> None:
        self.weight = weight
        self.shape = shape
        self.radius = radius
        self.epsilon = epsilon

    def check(self, activation: Activation) -> None:
        """Raise unless all parameters are as described. Every activation will do."""
        super().check(activation)
        check_integer("TopographicSparsity radius", self.radius, low=0)
        if self.shape is not None:
            check_pair("TopographicSparsity shape", self.shape)

    def check_units(self, n_units: int) -> None:
        """Raise ValueError unless the map has as many places as there are units."""
        n_places = int(np.prod(self._map(n_units)))
        if n_places != n_units:
            raise ValueError(
                f"TopographicSparsity shape={self.shape!r} has {n_places} places, but there are "
                f"{n_units} units. Use n_components={n_places}, or a shape whose product is "
                f"{n_units}, or None for a ring."
            )

    def _map(self, n_units: int) -> tuple[int, ...]:
        return (n_units,) if self.shape is None else check_pair("shape", self.shape)

    def _pooled(self, B: FloatArray) -> FloatArray:
        xp = library_of(B)
        pooled = B.reshape(len(B), *self._map(B.shape[1]))
        for axis, length in enumerate(pooled.shape[1:], start=1):
            if 2 * self.radius + 1 < length:
                center = pooled
                pooled = 1 * center
                for step in range(1, self.radius + 1):
                    pooled += xp.roll(center, step, axis)
                    pooled += xp.roll(center, -step, axis)
            else:
                pooled = _spread(xp.sum(pooled, axis=axis, keepdims=True), pooled)
        return pooled.reshape(B.shape)


def _spread(sums: FloatArray, like: FloatArray) -> FloatArray:
    """A new array with the shape of another, in which each sum stands as often as it is long."""
    spread: FloatArray = library_of(sums).zeros_like(like)
    spread += sums
    return spread
