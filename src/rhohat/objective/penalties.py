"""Sparsity penalties: what it costs when units are more active than they should be.

Each penalty is one small class, which answers what `SparsityPenalty` asks, and one row of
`PENALTIES`.
"""

from __future__ import annotations

import numpy as np

from rhohat.common.arrays import Float64Array
from rhohat.common.validation import check_real, look_up
from rhohat.objective.activations import Activation
from rhohat.objective.elementwise_penalties import L1Sparsity, LogSparsity, SmoothL1Sparsity
from rhohat.objective.penalties_of_rows import GroupSparsity, TopographicSparsity
from rhohat.objective.penalties_of_weights import ContractivePenalty, DecoderNormL1Sparsity
from rhohat.objective.penalty import SparsityPenalty, WeightedSparsity


class KLSparsity(SparsityPenalty):
    r"""Kullback-Leibler divergence of the average activation from a target.

    .. math:: \beta \sum_j \rho \log\frac{\rho}{\hat\rho_j}
              + (1-\rho) \log\frac{1-\rho}{1-\hat\rho_j}

    The average of a unit whose activation ranges over (low, high) is first converted to a share of
    the range, (average - low) / (high - low). For tanh that is (1 + average) / 2, so the slope has
    a factor of 1/2.

    Parameters
    ----------
    target : float, default=0.05
        rho, the target for the average activation of every unit, as a share of its range, in [1e-8,
        1 - 1e-8].
    weight : float or "auto", default=3.0
        beta, at least 0. With "auto", `SparseAutoencoder.fit` finds the smallest weight at which
        the mean of the average activations comes within `tolerance` of the target, and then
        minimizes J with that weight fixed.
    tolerance : float, default=0.1
        With "auto", how far the mean may be from the target, as a share of the target.

    Notes
    -----
    "auto" is dual ascent. At a minimum, a unit's activity is worth what it costs, :math:`\beta
    KL'(\hat\rho_j)`. If it is worth as much elsewhere, the weight at which it ends up at
    :math:`\rho (1 \pm \tau / 2)` is :math:`\beta KL'(\hat\rho) / KL'(\rho (1 \pm \tau / 2))`.

    The divergence is infinite at 0 and 1. Below a share of 1e-8 and above 1 - 1e-8, it is continued
    by its tangent, so that value and slope stay finite and consistent, and a dead unit can recover.

    References
    ----------
    A. Ng, CS294A lecture notes "Sparse autoencoder", section 3.

    Examples
    --------
    >>> from rhohat import KLSparsity, SparseAutoencoder
    >>> penalty = KLSparsity(target=0.05, weight=3)
    >>> SparseAutoencoder(100, sparsity_penalty=penalty).get_params()["sparsity_penalty__target"]
    0.05
    """

    #: Share of activity beyond which the divergence is replaced by its tangent.
    edge = 1e-8

    def __init__(
        self, target: float = 0.05, weight: float | str = 3.0, tolerance: float = 0.1
    ) -> None:
        self.target = target
        self.weight = weight
        self.tolerance = tolerance

    def check(self, activation: Activation) -> None:
        """Raise ValueError unless 0 < target < 1, weight >= 0 and the activation is bounded."""
        check_real("KLSparsity target", self.target, low=0, high=1, open_ends=True)
        if not self.edge <= self.target <= 1 - self.edge:
            raise ValueError(
                f"KLSparsity target must be at least {self.edge:g} away from 0 and 1, got "
                f"{self.target!r}: beyond that, the divergence is replaced by its tangent."
            )
        if not self.weight_is_sought:
            if isinstance(self.weight, str):
                raise TypeError(
                    f"KLSparsity weight must be a number or 'auto', got {self.weight!r}."
                )
            check_real("KLSparsity weight", self.weight, low=0)
        check_real("KLSparsity tolerance", self.tolerance, low=0, high=1, open_ends=True)
        if not activation.is_bounded:
            low, high = activation.range
            raise ValueError(
                "KLSparsity needs an activation with a bounded range, but "
                f"activation={activation.name!r} has range ({low:g}, {high:g}). Use "
                f"activation='sigmoid' or 'tanh', or sparsity_penalty={activation.usual_penalty!r}."
            )

    def on_average(
        self, average: Float64Array, activation: Activation
    ) -> tuple[float, Float64Array]:
        """Value and slope; see the class for the formula."""
        low, high = activation.range
        rho, weight = self.target, self._known_weight
        share = activation.share(average)
        inside = np.clip(share, self.edge, 1 - self.edge)
        divergence = rho * np.log(rho / inside) + (1 - rho) * np.log((1 - rho) / (1 - inside))
        slope = self._slope(inside)
        tangent = divergence + slope * (share - inside)
        return weight * float(tangent.sum()), weight * slope / (high - low)

    def _slope(self, share: Float64Array) -> Float64Array:
        """KL'."""
        return -self.target / share + (1 - self.target) / (1 - share)

    def curvature(self, average: Float64Array, activation: Activation) -> Float64Array:
        """Beta KL'': beta (rho / share^2 + (1 - rho) / (1 - share)^2) / (high - low)^2."""
        low, high = activation.range
        rho = self.target
        inside = np.clip(activation.share(average), self.edge, 1 - self.edge)
        curvature = rho / inside**2 + (1 - rho) / (1 - inside) ** 2
        return self._known_weight * curvature / (high - low) ** 2

    @property
    def _known_weight(self) -> float:
        if isinstance(self.weight, str):
            raise ValueError(
                f"the weight is {self.weight!r}, which only SparseAutoencoder.fit can find: give a "
                "number here."
            )
        return self.weight

    @property
    def weight_is_sought(self) -> bool:
        """Whether the weight is "auto"."""
        return isinstance(self.weight, str) and self.weight == "auto"

    def misses(self, average: Float64Array, activation: Activation) -> bool:
        """Whether the mean is not within the tolerance of the target."""
        return abs(self._mean_share(average, activation) / self.target - 1) > self.tolerance

    def next_weight(self, average: Float64Array, activation: Activation) -> float:
        """The weight that may bring the mean halfway between the target and the tolerance.

        The same one if the mean is there already, within a quarter of the tolerance; else at most
        ten times as much or as little. A mean that is farther from the target, on either side, asks
        for more, and one that is nearer for less.
        """
        share, tau = self._mean_share(average, activation), self.tolerance
        off = share / self.target - 1
        if tau / 4 <= abs(off) <= 3 * tau / 4:
            return self._known_weight
        wanted = min(self.target * (1 + np.copysign(tau / 2, off)), 1 - self.edge / 2)
        worth, cost = self._slope(np.array([share, wanted]))
        return self._known_weight * float(np.clip(worth / cost, 0.1, 10.0))

    def _mean_share(self, average: Float64Array, activation: Activation) -> float:
        share = float(activation.share(np.asarray(average.mean())))
        return min(max(share, self.edge), 1 - self.edge)

    @property
    def asked_share(self) -> float:
        """The target."""
        return self.target


class L0Sparsity(WeightedSparsity):
    r"""Average number of active units: :math:`\beta \sum_j \frac1m \sum_i H_{ij}`.

    H is how far the gate of a `JumpReLU` unit is open: 1 for inputs well above the unit's
    threshold, 0 well below.

    Parameters
    ----------
    weight : float, default=0.01
        beta, at least 0: the error that each active unit must save.
    """

    sees_gates = True

    def __init__(self, weight: float = 0.01) -> None:
        self.weight = weight

    def check(self, activation: Activation) -> None:
        """Raise ValueError unless weight >= 0 and units have gates."""
        super().check(activation)
        if not activation.has_gates:
            raise ValueError(
                f"L0Sparsity counts open gates, but units with activation={activation.name!r} have "
                "no gates. Use activation='jumprelu', or "
                f"sparsity_penalty={activation.usual_penalty!r}."
            )


class NoSparsity(SparsityPenalty):
    """No penalty: the plain autoencoder."""

    def check(self, activation: Activation) -> None:
        """Every activation will do."""

    def on_average(
        self, average: Float64Array, activation: Activation
    ) -> tuple[float, Float64Array]:
        """Zero and zero."""
        return 0.0, np.zeros_like(average)

    @property
    def fixed_slope(self) -> float:
        """Zero."""
        return 0.0


#: Penalties by their names; each is made with its default parameters.
PENALTIES: dict[str, type[SparsityPenalty]] = {
    "kl": KLSparsity,
    "l1": L1Sparsity,
    "smooth-l1": SmoothL1Sparsity,
    "log": LogSparsity,
    "group": GroupSparsity,
    "topographic": TopographicSparsity,
    "l1-decoder-norm": DecoderNormL1Sparsity,
    "contractive": ContractivePenalty,
    "l0": L0Sparsity,
    "none": NoSparsity,
}


def penalty_of(penalty: str | SparsityPenalty, parameter: str = "penalty") -> SparsityPenalty:
    """The penalty that a name stands for, or the one given; errors name `parameter`."""
    if isinstance(penalty, SparsityPenalty):
        return penalty
    return look_up(parameter, penalty, PENALTIES)()
