r"""Rebuilding: how near a layer's reconstructions come to rows, beside principal components.

The share of the variance about the mean that is explained,

.. math:: 1 - \frac{\sum_i \|x_i - \hat x_i\|^2}{\sum_i \|x_i - \bar x\|^2},

is 0 for the mean itself, and that of the greatest eigenvalues of the covariance for as many
principal components: no linear reconstruction from so many numbers explains more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import Float64Array, FloatArray, rounding_noise
from rhohat.estimators.anatomy import nameless
from rhohat.inspection.layers import Layer
from rhohat.preprocessing.steps import step_of
from rhohat.preprocessing.variances import feature_sums, moments
from rhohat.rows.blas import BLAS
from rhohat.rows.engines import ThreadEngine
from rhohat.rows.partition import Partition
from rhohat.rows.sources import ArraySource, Paired, Rows, Source

#: Columns up to which principal components are computed.
MOST_COLUMNS = 2000
#: Products of values, rows x columns^2, up to which they are those of all rows.
MOST_PRODUCTS = 20e9
#: Relative difference up to which errors are those of the same row, seen twice.
SAME_ERROR = 1e-6


class Components(NamedTuple):
    """How much of the variance about the mean principal components explain.

    Attributes
    ----------
    shares : ndarray of shape (d,)
        Explained by 1, 2, ... components together.
    n_rows : int
        Rows that they are of: all, or a random sample.
    """

    shares: Float64Array
    n_rows: int

    def explained(self, n: int) -> float:
        """What n components explain."""
        return float(self.shares[min(n, len(self.shares)) - 1])


def components_of(source: Source, sample: NDArray[np.intp]) -> Components | None:
    """Principal components of all rows, or of those of a sample where that would take long.

    Parameters
    ----------
    source : Source
    sample : ndarray of int
        Numbers of some rows.

    Returns
    -------
    components : Components or None
        None if there are more than 2,000 columns, or if the rows do not vary.
    """
    n_rows, d = source.shape
    if d > MOST_COLUMNS:
        return None
    if n_rows * d**2 > MOST_PRODUCTS:
        source = ArraySource(source.take(np.sort(sample)).X)
    with BLAS.single_threaded():
        variances = np.linalg.eigvalsh(moments(source).covariance)[::-1]
    variances = np.maximum(variances, 0)
    total = variances.sum()
    return Components(np.cumsum(variances) / total, source.shape[0]) if total > 0 else None


@dataclass(frozen=True)
class Rebuilding:
    """How near reconstructions come to each row.

    Attributes
    ----------
    distances : ndarray of shape (n,)
        Squared distance of each row from its reconstruction.
    n_active : float
        Units that are active in a row, on average: above half of their own largest activation.
    variance : float
        Mean squared distance of rows from their mean.
    """

    distances: Float64Array
    n_active: float
    variance: float

    @property
    def explained(self) -> float:
        """Share of the variance about the mean that is explained."""
        return float(1 - self.distances.mean() / self.variance)

    @property
    def errors(self) -> Float64Array:
        """Squared distances as shares of the variance; 1 - `explained` on average."""
        return self.distances / self.variance

    def worst(self, n: int) -> NDArray[np.intp]:
        """Numbers of the n rows of greatest error, the worst first; of equal ones, the first."""
        order = np.argsort(-self.distances, kind="stable")
        sorted_ = self.distances[order]
        falls = np.append(True, sorted_[1:] < sorted_[:-1] * (1 - SAME_ERROR))
        worst: NDArray[np.intp] = order[falls][:n]
        return worst


def rebuild(
    layer: Layer, source: Source, largest: FloatArray, target: Source | None = None
) -> Rebuilding | None:
    """Compare all rows, or their targets, with their reconstructions, in a pass over them.

    Parameters
    ----------
    layer : Layer
    source : Source
        Rows as the first layer gets them.
    largest : ndarray of shape (k,)
        The largest activation of each unit.
    target : Source, default=None
        What the layer reconstructs, if that is not its input.

    Returns
    -------
    rebuilding : Rebuilding or None
        None if the layer does not reconstruct, or if what it reconstructs does not vary.
    """
    given, decoded = (source, layer.decoded) if target is None else (target, layer.predicted)
    sums = feature_sums(given)
    variance = float(sums.variances.sum())
    rounding = rounding_noise(sums.largest, given.dtype) ** 2 * given.shape[1]
    if decoded is None or variance <= rounding:
        return None
    low = layer.activation.range[0]
    low = low if np.isfinite(low) else 0.0
    half = low + (np.maximum(largest, low + 1e-9) - low) / 2
    out = np.empty((source.shape[0], 2))

    def compare(rows: Rows, out: FloatArray) -> None:
        X, t = rows.X, rows.X if rows.target is None else rows.target
        A = layer.encoded(ArraySource(X)).read(0, len(X)).X
        missed = np.subtract(t, decoded(A), dtype=np.float64)
        out[:, 0] = np.einsum("ij,ij->i", missed, missed)
        out[:, 1] = (half < A).sum(axis=1)

    engine = ThreadEngine()
    with engine.running():
        partition = Partition.for_shape(source.shape[1], layer.n_units, source.dtype)
        rows = source if target is None else Paired(source, target)
        engine.map_into(compare, rows, partition, out)
    return Rebuilding(out[:, 0].copy(), float(out[:, 1].mean()), variance)


class Rebuilt(NamedTuple):
    """Rows beside what a layer makes of them, each (n, d).

    Attributes
    ----------
    given, rebuilt : ndarray of shape (n, d)
    is_undone : bool
        Whether they are on the scale on which the first step of rows got them, or else as the first
        layer got them, since some step has no inverse.
    keeps : str
        What the reconstruction takes from the rows themselves: "mean"; empty if nothing.
    """

    given: FloatArray
    rebuilt: FloatArray
    is_undone: bool
    keeps: str


def rebuilt_rows(layer: Layer, rows: FloatArray) -> Rebuilt:
    """Reconstruct rows, and undo what the steps of rows did to them.

    Parameters
    ----------
    layer : Layer
    rows : ndarray of shape (n, d)
        As the first step of rows gets them.
    """
    steps = [nameless(step) for step in layer.anatomy.of_rows]
    passed, made = [rows], rows
    for step in steps:
        made = step.transform(made)
        passed.append(made.toarray() if hasattr(made, "toarray") else np.asarray(made))
    X = passed[-1]
    made = X_hat = layer.reconstructed(X)
    for step, given in zip(reversed(steps), reversed(passed[:-1]), strict=True):
        undone = step_of(step).undone(made, given)
        if undone is None:
            return Rebuilt(X, X_hat, False, "")
        made = undone
    keeps = next(filter(None, (step_of(step).keeps for step in steps)), "")
    return Rebuilt(rows, made, True, keeps)
