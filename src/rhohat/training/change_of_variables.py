r"""The variables that the solver works in: standardized inputs, and a decoder of natural size.

L-BFGS needs the fewest iterations where all parameters matter about equally. With the data's mean
:math:`\mu` and standard deviation :math:`\sigma`, the solver's vector q holds V_enc, c_enc, V_dec
and b_dec with

.. math::

    W_{enc} = V_{enc} / \sigma, \quad b_{enc} = c_{enc} - W_{enc}\,\mu, \quad
    W_{dec} = \kappa V_{dec},

so that :math:`X W_{enc}^T + b_{enc} = \frac{X - \mu}{\sigma} V_{enc}^T + c_{enc}`. The map
theta = M q is linear and invertible: the objective stays the same, and its gradient in q is
:math:`M^T \nabla_\theta J`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from rhohat.common.arrays import Float64Array, FloatArray, overflow_as_infinity
from rhohat.objective.network import NetworkObjective
from rhohat.objective.sparse import SparseObjective
from rhohat.rows.engines import Engine
from rhohat.rows.feature_sums import FeatureSums
from rhohat.rows.partition import Partition
from rhohat.rows.sources import Source
from rhohat.training.blocks import network_sums


class ChangeOfVariables(ABC):
    """The variables that a solver works in: theta = M q, for one objective and one data set."""

    @abstractmethod
    def _layers(
        self, theta: Float64Array
    ) -> list[tuple[FloatArray, FloatArray, Float64Array, float]]:
        """Views of each layer's W and b, and the mean and scale by which its input is reduced."""

    @property
    def magnitude(self) -> float:
        """Mean square of what the network is to reproduce; 1 for labels."""
        return 1.0

    def to_theta(self, q: Float64Array) -> Float64Array:
        """Theta = M q."""
        theta = q.copy()
        for W, b, mean, scale in self._layers(theta):
            W /= scale
            b -= W @ mean
        return theta

    def from_theta(self, theta: Float64Array) -> Float64Array:
        """Q = M^-1 theta."""
        q = theta.copy()
        for W, b, mean, scale in self._layers(q):
            b += W @ mean
            W *= scale
        return q

    def gradient(self, grad: Float64Array) -> Float64Array:
        """Gradient in q, M' grad, of a function whose gradient in theta is `grad`."""
        pulled = grad.copy()
        for W, b, mean, scale in self._layers(pulled):
            W -= np.outer(b, mean)
            W /= scale
        return pulled


@dataclass(frozen=True)
class StandardizedVariables(ChangeOfVariables):
    """The variables of a sparse autoencoder: its input standardized, its decoder scaled.

    Attributes
    ----------
    objective : SparseObjective
    mean : ndarray of shape (d,)
        mu.
    scale : float
        sigma.
    target_mean, target_scale : ndarray and float, default=None
        Those of the rows' targets, if they have some. They change no variable, but tell how large
        the error may be.
    """

    objective: SparseObjective
    mean: Float64Array
    scale: float
    target_mean: Float64Array | None = None
    target_scale: float | None = None

    @classmethod
    def for_sums(cls, objective: SparseObjective, sums: FeatureSums) -> StandardizedVariables:
        """Standardize by the mean and standard deviation that sums over all rows give."""
        own = _finite(sums.mean), _usable(sums.standard_deviation)
        if sums.target is None:
            return cls(objective, *own)
        return cls(
            *(objective, *own),
            target_mean=_finite(sums.target.mean),
            target_scale=_usable(sums.target.standard_deviation),
        )

    @property
    def output_mean(self) -> Float64Array:
        """Mean of what is to be reconstructed: of the targets, or mu."""
        return self.mean if self.target_mean is None else self.target_mean

    @property
    def output_scale(self) -> float:
        """Its standard deviation: that of the targets, or sigma."""
        return self.scale if self.target_scale is None else self.target_scale

    @property
    def magnitude(self) -> float:
        """Mean of ||x||^2, or of that of the targets."""
        mean, scale = self.output_mean, self.output_scale
        with overflow_as_infinity():
            return float(mean @ mean) + len(mean) * scale**2

    def _layers(
        self, theta: Float64Array
    ) -> list[tuple[FloatArray, FloatArray, Float64Array, float]]:
        view = self.objective.encoder(theta)
        return [(view["W_enc"], view["b_enc"], self.mean, self.scale)]


@dataclass(frozen=True)
class CenteredVariables(ChangeOfVariables):
    """The variables of a network: the input of every layer centered, and X scaled to range 1.

    W_l = V_l / scale_l, b_l = c_l - W_l mean_l, where scale_l is 1 except for the first layer, and
    mean_l is the average of the layer's input at the start. Fewer iterations are needed than in
    theta itself.

    Attributes
    ----------
    objective : NetworkObjective
    means : sequence of ndarray
        Averages of the input of every layer.
    scale : float
        Greatest minus least value of X.
    """

    objective: NetworkObjective
    means: Sequence[Float64Array]
    scale: float

    @classmethod
    def at(
        cls,
        theta: Float64Array,
        objective: NetworkObjective,
        source: Source,
        engine: Engine,
        partition: Partition,
    ) -> CenteredVariables:
        """The variables for a start at `theta`."""
        sums = FeatureSums.over(source, engine, partition)
        with overflow_as_infinity():
            scale, mean = _usable(sums.high - sums.low), _finite(sums.mean)
        plain = NetworkObjective(objective.layer_sizes, objective.activations)
        activities = partial(network_sums, plain, theta.astype(source.dtype), None)
        hidden = plain.average_activity(engine.map_sum(activities, source, partition))
        return cls(objective, [mean, *plain.by_layer(hidden)], scale)

    def _layers(
        self, theta: Float64Array
    ) -> list[tuple[FloatArray, FloatArray, Float64Array, float]]:
        layers = zip(self.objective.layers(theta), self.means, strict=False)
        return [
            (W, b, mean, 1.0 if number else self.scale)
            for number, ((W, b), mean) in enumerate(layers)
        ]


def _usable(scale: float) -> float:
    """A scale of data; 1 where they are constant, or overflow, of which the loss will tell."""
    return scale if 0 < scale < np.inf else 1.0


def _finite(mean: Float64Array) -> Float64Array:
    """The mean of data; 0 where it overflows, of which the loss will tell."""
    return np.nan_to_num(mean, nan=0.0, posinf=0.0, neginf=0.0)
