r"""The variables that the solver works in: standardised inputs, and a decoder of natural size.

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

from dataclasses import dataclass
from functools import partial

import numpy as np

from rhohat.common.arrays import Float64Array
from rhohat.objective.sparse import SparseObjective
from rhohat.rows.engines import Engine
from rhohat.rows.sources import Partition, Rows, Source, first_row

__all__ = ["FeatureSums", "Variables"]


@dataclass
class FeatureSums:
    """Sums over rows of 1, x - shift and (x - shift)^2 for every feature, row i counted w_i times.

    The shift, a row of the data, keeps large offsets from cancelling. Besides, the least and the
    greatest of all values.
    """

    weight: float
    first: Float64Array
    second: Float64Array
    shift: Float64Array
    low: float
    high: float

    def __iadd__(self, other: FeatureSums) -> FeatureSums:
        self.weight += other.weight
        self.first += other.first
        self.second += other.second
        self.low = min(self.low, other.low)
        self.high = max(self.high, other.high)
        return self

    def widened(self) -> FeatureSums:
        """Itself: the sums are float64."""
        return self

    @classmethod
    def of(cls, rows: Rows, shift: Float64Array) -> FeatureSums:
        """Sums over one block."""
        with np.errstate(over="ignore", invalid="ignore"):  # the loss will tell
            D = rows.X - shift
            w = np.ones(len(D)) if rows.sample_weight is None else rows.sample_weight
            low, high = float(rows.X.min()), float(rows.X.max())
            return cls(float(w.sum()), w @ D, w @ (D * D), shift, low, high)

    @classmethod
    def over(cls, source: Source, engine: Engine, partition: Partition) -> FeatureSums:
        """Sums over all rows of `source`."""
        shift = first_row(source)
        return engine.map_sum(partial(cls.of, shift=shift), source, partition)

    @property
    def mean(self) -> Float64Array:
        """Mean of every feature."""
        return self.shift + self.first / self.weight

    @property
    def standard_deviation(self) -> float:
        """Root mean square, over the features, of their standard deviations."""
        with np.errstate(over="ignore", invalid="ignore"):
            variances = self.second / self.weight - (self.first / self.weight) ** 2
            return float(np.sqrt(np.maximum(variances, 0).mean()))


@dataclass(frozen=True)
class Variables:
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
    ) -> Variables:
        """Standardise by the mean and standard deviation of all rows of `source`."""
        return cls.for_sums(objective, FeatureSums.over(source, engine, partition))

    @classmethod
    def for_sums(cls, objective: SparseObjective, sums: FeatureSums) -> Variables:
        """Standardise by the mean and standard deviation that sums over all rows give."""
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
        for the standardised data: the output starts at the data's mean, g(b_dec) = mu.
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
