"""What every sparsity penalty answers, and the base of those whose slope is their weight.

A penalty acts on the average over the training set of some function h of the activations,

    penalty = value( (1/m) sum_i h(a_i), theta ),

and tells the objective its value and its slope, and the solver's metric its curvature. Most see
averages alone, and an h that is elementwise; what others see besides, they say.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, clone

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.common.validation import check_real
from rhohat.objective.activations import Activation


class SparsityPenalty(BaseEstimator):
    """Base class of penalties; its parameters work as scikit-learn's do, for grid search."""

    @abstractmethod
    def check(self, activation: Activation) -> None:
        """Raise TypeError or ValueError if a parameter, or `activation`, makes no sense."""

    @abstractmethod
    def on_average(
        self, average: Float64Array, activation: Activation
    ) -> tuple[float, Float64Array]:
        """Value of the penalty and its slope.

        Parameters
        ----------
        average : ndarray of shape (k,)
            (1/m) sum_i h(a_ij) for each unit j, weighted if the examples are.
        activation : Activation
            The units' activation function, for penalties that need its range.

        Returns
        -------
        value : float
        slope : ndarray of shape (k,)
            d value / d average_j.
        """

    def curvature(self, average: Float64Array, activation: Activation) -> Float64Array:
        """D slope / d average_j, (k,), at least 0: how the solver's metric knows the penalty.

        The objective does not use it. The default is 0, which is exact where the slope is fixed
        and allowed everywhere.
        """
        return np.zeros_like(average)

    @property
    def asked_share(self) -> float | None:
        """The average asked of every unit, as a share of its range; None if none is asked for."""
        return None

    def asked_average(self, activation: Activation) -> float | None:
        """The average activation asked of every unit; None if the penalty asks for none."""
        share = self.asked_share
        return None if share is None or not activation.is_bounded else activation.at_share(share)

    @property
    def weight_is_sought(self) -> bool:
        """Whether `fit` is to find the weight; it then asks `misses` and `next_weight`."""
        return False

    def weighed(self, weight: float) -> Self:
        """The same penalty with this weight."""
        penalty: Self = clone(self).set_params(weight=weight)
        return penalty

    def misses(self, average: Float64Array, activation: Activation) -> bool:
        """Whether the averages are too far from what is asked, for a weight that is sought."""
        return False

    def next_weight(self, average: Float64Array, activation: Activation) -> float:
        """A better weight than this one, which led to these averages."""
        raise NotImplementedError(f"{type(self).__name__} cannot find its weight: give a number.")

    def pointwise(self, A: FloatArray) -> tuple[FloatArray, FloatArray | None]:
        """h(A), and how h_ij changes with its own a_ij; None for that stands for 1.

        The default is the activation itself, h(a) = a.
        """
        return A, None

    def pull(
        self,
        slope: float | FloatArray,
        A: FloatArray,
        h: FloatArray,
        h_slope: FloatArray | None,
    ) -> float | FloatArray:
        """How each activation changes the penalty, sum_l slope_l dh_il / da_ij.

        Parameters
        ----------
        slope : float or ndarray of shape (k,)
            Of the penalty, by each unit's average.
        A, h, h_slope : ndarray of shape (m, k)
            A block of activations, and what `pointwise` gives for it.

        Returns
        -------
        pull : ndarray that can be added to one of shape (m, k)
            The default is slope h'(a): each h sees its own activation alone. A penalty whose h sees
            all of a row's activations has another, and a `fixed_slope`.
        """
        return slope if h_slope is None else slope * h_slope

    @property
    def fixed_slope(self) -> float | FloatArray | None:
        """The slope if it is the same for every average, else None.

        A slope that is known before the data are read saves the objective the sixth matrix
        product.
        """
        return None

    #: Whether it averages gates, and not `pointwise` of activations.
    sees_gates: ClassVar[bool] = False

    #: Parameters that the value depends on besides the averages, "W_enc" or "W_dec".
    sees: ClassVar[tuple[str, ...]] = ()

    @property
    def sees_own_activation_alone(self) -> bool:
        """Whether what a unit costs is a function of its own activations, and of nothing else."""
        pools = type(self).pull is not SparsityPenalty.pull
        return not (pools or self.sees or self.sees_gates)

    def at(self, parameters: Mapping[str, FloatArray]) -> SparsityPenalty:
        """The penalty where parameters have these values: a function of averages alone.

        Parameters
        ----------
        parameters : mapping
            Those that the penalty `sees`, at least; the decoder's weights are "W_dec" even where
            they are the encoder's.

        Returns
        -------
        penalty : SparsityPenalty
            Itself if it sees none.
        """
        return self

    def by_parameters(
        self, average: Float64Array, parameters: Mapping[str, FloatArray]
    ) -> dict[str, Float64Array]:
        """Gradient of the value by the parameters that the penalty sees, averages held fixed.

        Parameters
        ----------
        average : ndarray of shape (k,)
        parameters : mapping
            As in `at`.

        Returns
        -------
        gradient : dict
            By the names in `sees`, in the parameters' shapes.
        """
        return {}

    def check_units(self, n_units: int) -> None:
        """Raise ValueError if the penalty makes no sense for so many units."""

    def least(self, n_units: int) -> float:
        """The value that so many units cost at least; 0 for most."""
        return 0.0


class WeightedSparsity(SparsityPenalty):
    """A weight times the sum of the averages: what penalties of a fixed slope share."""

    weight: float

    def check(self, activation: Activation) -> None:
        """Raise ValueError unless weight >= 0. Every activation will do."""
        check_real(f"{type(self).__name__} weight", self.weight, low=0)

    def on_average(
        self, average: Float64Array, activation: Activation
    ) -> tuple[float, Float64Array]:
        """Value and slope; see the class for the formula."""
        return self.weight * float(average.sum()), np.full_like(average, self.weight)

    @property
    def fixed_slope(self) -> float | FloatArray:
        """The weight."""
        return self.weight
