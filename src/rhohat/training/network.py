"""How a network's objective is summed over rows, and the variables that its solver works in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.objective.network import NetworkObjective, NetworkTerms
from rhohat.objective.sparse import Workspace
from rhohat.rows.engines import Engine
from rhohat.rows.sources import Partition, Rows, Source
from rhohat.training.run import Evaluation, overflow_as_infinity
from rhohat.training.variables import FeatureSums

__all__ = ["NetworkEvaluation", "NetworkVariables"]

#: Intermediate results of blocks, for every thread its own.
_WORKSPACE = Workspace()


class NetworkEvaluation(Evaluation[NetworkObjective]):
    """The evaluation of a network: one sweep, or two where the penalty's slopes must be found."""

    def _sums(self, theta: FloatArray) -> NetworkTerms:
        slopes = self.objective.fixed_slopes
        if slopes is None:
            block = _BlockTerms(self.objective, theta, None)
            found = self.engine.map_sum(block, self.source, self.partition)
            slopes = self.objective.penalty_slopes(found)
        block = _BlockTerms(self.objective, theta, slopes)
        return self.engine.map_sum(block, self.source, self.partition)


@dataclass(frozen=True)
class _BlockTerms:
    """The sums over a block: activities alone as long as the penalty's slopes are not known."""

    objective: NetworkObjective
    theta: FloatArray
    slopes: Float64Array | None

    def __call__(self, rows: Rows) -> NetworkTerms:
        objective, theta, w = self.objective, self.theta, rows.sample_weight
        with overflow_as_infinity():
            if self.slopes is None:
                return objective.activities(rows.X, theta, w, _WORKSPACE)
            assert rows.y is not None
            return objective.terms(rows.X, rows.y, theta, w, _WORKSPACE, slopes=self.slopes)


@dataclass(frozen=True)
class NetworkVariables:
    """The variables that the solver works in: every layer's input centred, X brought to range 1.

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
    ) -> NetworkVariables:
        """Those for a start at `theta`."""
        sums = FeatureSums.over(source, engine, partition)
        with overflow_as_infinity():
            scale = sums.high - sums.low
            mean = np.nan_to_num(sums.mean, nan=0.0, posinf=0.0, neginf=0.0)
        plain = NetworkObjective(objective.layer_sizes, objective.activations)
        block = _BlockTerms(plain, theta.astype(source.dtype), None)
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
