r"""The variables that the solver works in: standardized inputs, and a decoder of natural size.

L-BFGS needs fewest iterations where all parameters matter about equally. With mean :math:`\mu` and
standard deviation :math:`\sigma` of the data, the solver's vector q holds V_enc, c_enc, V_dec and
b_dec with

.. math::

    W_{enc} = V_{enc} / \sigma, \quad b_{enc} = c_{enc} - W_{enc}\,\mu, \quad
    W_{dec} = \kappa V_{dec},

so that :math:`X W_{enc}^T + b_{enc} = \frac{X - \mu}{\sigma} V_{enc}^T + c_{enc}`. The map
theta = M q is linear and invertible: the objective stays the same, and its gradient in q is
:math:`M^T \nabla_\theta J`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.objective.network import NetworkObjective
from rhohat.objective.sparse import SparseObjective
from rhohat.rows.engines import Engine
from rhohat.rows.feature_sums import FeatureSums
from rhohat.rows.partition import Partition
from rhohat.rows.sources import Source
from rhohat.training.blocks import NetworkBlock, overflow_as_infinity


class ChangeOfVariables(Protocol):
    """The variables that a solver works in: theta = M q."""

    def to_theta(self, q: Float64Array) -> Float64Array:
        """Theta = M q."""
        ...

    def gradient(self, grad: Float64Array) -> Float64Array:
        """Gradient in q, M' grad, of a function whose gradient in theta is `grad`."""
        ...


@dataclass(frozen=True)
class StandardizedVariables:
    """Conversion between theta and the solver's q for one objective and one data set.

    Attributes
    ----------
    objective : SparseObjective
    mean : ndarray of shape (d,)
        mu.
    scale : float
        sigma.
    decoder_scale : float
        kappa. Unused where the decoder is tied.
    """

    objective: SparseObjective
    mean: Float64Array
    scale: float
    decoder_scale: float

    @classmethod
    def for_data(
        cls, objective: SparseObjective, source: Source, engine: Engine, partition: Partition
    ) -> StandardizedVariables:
        """Standardize by the mean and standard deviation of all rows of `source`."""
        return cls.for_sums(objective, FeatureSums.over(source, engine, partition))

    @classmethod
    def for_sums(cls, objective: SparseObjective, sums: FeatureSums) -> StandardizedVariables:
        """Standardize by the mean and standard deviation that sums over all rows give."""
        scale = sums.standard_deviation
        if not (0 < scale < np.inf):  # constant data; or overflow, which the loss will tell
            scale = 1.0
        # A sparse bounded unit varies by about a twelfth of its range, so that its decoder weights
        # are about twelve times as large as what they add to the reconstruction; other units vary
        # by about 1. A sigmoid output passes on at most a quarter of what is added before it.
        gain = 12.0 if objective.activation.is_bounded else 1.0
        output_slope = 0.25 if objective.decoder.output.is_bounded else 1.0
        mean = np.nan_to_num(sums.mean, nan=0.0, posinf=0.0, neginf=0.0)
        return cls(objective, mean, scale, gain * scale / output_slope)

    def initial(self, random_state: np.random.RandomState) -> Float64Array:
        """Start of training: a vector q drawn at random.

        V_enc from U[-r, r], r = sqrt(6 / (d + k + 1)), and biases zero, as in the CS294A notes, but
        for the standardized data: the output starts at the data's mean, g(b_dec) = mu.
        The decoder starts as twice the encoder, V_dec = 2 V_enc, so that every unit begins with a
        feature of its own; independent starts let units grow alike.
        """
        objective = self.objective
        radius = np.sqrt(6 / (objective.n_features + objective.n_components + 1))
        V = random_state.uniform(-radius, radius, objective.shapes["W_enc"])
        start = {name: np.zeros(shape) for name, shape in objective.shapes.items()}
        start["W_enc"] = V
        if not objective.decoder.tied:
            start["W_dec"] = 2 * V
        start["b_dec"] = objective.decoder.output.inverse(self.mean)
        return objective.pack(start)

    def to_theta(self, q: Float64Array) -> Float64Array:
        """Theta = M q."""
        theta = q.copy()
        view = self.objective.unpack(theta)
        view["W_enc"] /= self.scale
        view["b_enc"] -= view["W_enc"] @ self.mean
        if not self.objective.decoder.tied:
            view["W_dec"] *= self.decoder_scale
        return theta

    def from_theta(self, theta: Float64Array) -> Float64Array:
        """Q = M^-1 theta."""
        q = theta.copy()
        view = self.objective.unpack(q)
        view["b_enc"] += view["W_enc"] @ self.mean
        view["W_enc"] *= self.scale
        if not self.objective.decoder.tied:
            view["W_dec"] /= self.decoder_scale
        return q

    def gradient(self, grad: Float64Array) -> Float64Array:
        """Gradient in q, M' grad, of a function whose gradient in theta is `grad`."""
        pulled = grad.copy()
        view = self.objective.unpack(pulled)
        view["W_enc"] -= np.outer(view["b_enc"], self.mean)
        view["W_enc"] /= self.scale
        if not self.objective.decoder.tied:
            view["W_dec"] *= self.decoder_scale
        return pulled


@dataclass(frozen=True)
class CenteredVariables:
    """The variables that the solver works in: every layer's input centered, X brought to range 1.

    W_l = V_l / scale_l, b_l = c_l - W_l mean_l, where scale_l is 1 but for the first layer and
    mean_l the average of the layer's input at the start. Fewer iterations are needed than in theta
    itself.

    Attributes
    ----------
    objective : NetworkObjective
    means : sequence of ndarray
        Of the input of every layer.
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
        """Those for a start at `theta`."""
        sums = FeatureSums.over(source, engine, partition)
        with overflow_as_infinity():
            scale = sums.high - sums.low
            mean = np.nan_to_num(sums.mean, nan=0.0, posinf=0.0, neginf=0.0)
        plain = NetworkObjective(objective.layer_sizes, objective.activations)
        block = NetworkBlock(plain, theta.astype(source.dtype), None)
        hidden = plain.average_activity(engine.map_sum(block, source, partition))
        is_usable = 0 < scale < np.inf  # constant data; or overflow, which the loss will tell
        return cls(objective, [mean, *plain.by_layer(hidden)], scale if is_usable else 1.0)

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

    def _layers(
        self, theta: Float64Array
    ) -> list[tuple[FloatArray, FloatArray, Float64Array, float]]:
        layers = zip(self.objective.layers(theta), self.means, strict=False)
        return [
            (W, b, mean, 1.0 if number else self.scale)
            for number, ((W, b), mean) in enumerate(layers)
        ]
