"""Statistics of activations: how active units are, on which rows most, and which fire together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.inspection.intervals import IntervalSample, interval_bounds
from rhohat.inspection.scene import Scene, SceneSums
from rhohat.objective.activations import Activation
from rhohat.rows.blas import BLAS
from rhohat.rows.engines import Summable, ThreadEngine
from rhohat.rows.extremes import Extremes
from rhohat.rows.partition import CHUNK_ROWS, Partition
from rhohat.rows.sampling import sample_rows
from rhohat.rows.sources import Rows, Source

#: Rows to keep for each unit: those that activate it most, and random ones of each interval.
N_EXAMPLES, N_SAMPLED = 16, 5
#: Bytes that activations may take in the search for units that fire together.
TOGETHER_BYTES = 256 << 20
#: Units whose correlations with all others are computed at a time.
TOGETHER_UNITS = 512


@dataclass
class ActivationStatistics(Summable):
    """How active units are over rows.

    Attributes
    ----------
    n_rows : int
    extremes : Extremes
    total : ndarray of shape (k,)
        Sum of the activations.
    counts : ndarray of int of shape (k, n_bins)
        Histogram of the activations.
    edges : ndarray of shape (n_bins + 1,)
        Edges of its bins, the same for all units.
    rows : ndarray of int of shape (k, n_examples)
        Numbers of the rows that activate each unit most, the most active first.
    values : ndarray of shape (k, n_examples)
        Their activations.
    bounds : ndarray of shape (k, 3)
        Activations at which each unit's `INTERVALS` begin.
    sampled : IntervalSample
        Random rows of each interval: `N_SAMPLED` beside those that activate the unit most.
    maps : SceneSums or None
        Sums of activations over a map of the scene, if rows are the pixels of one.
    """

    n_rows: int
    extremes: Extremes
    total: Float64Array
    counts: NDArray[np.int64]
    edges: Float64Array
    rows: NDArray[np.int64]
    values: FloatArray
    bounds: Float64Array
    sampled: IntervalSample
    maps: SceneSums | None = None

    @classmethod
    def of(
        cls,
        rows: Rows,
        edges: Float64Array,
        bounds: Float64Array,
        n_examples: int,
        scene: Scene | None = None,
    ) -> ActivationStatistics:
        """Statistics of one block of activations."""
        A = np.ascontiguousarray(rows.X.T)
        k, n_rows = A.shape
        n_bins = len(edges) - 1
        bins = ((A - edges[0]) * (n_bins / (edges[-1] - edges[0]))).astype(np.int32)
        np.clip(bins, 0, n_bins - 1, out=bins)
        bins += (n_bins * np.arange(k, dtype=np.int32))[:, None]
        n_best = min(n_examples, n_rows)
        best = np.argpartition(A, n_rows - n_best, axis=1)[:, n_rows - n_best :]
        last = np.take_along_axis(A, best[:, :1], axis=1)
        for unit in np.flatnonzero((last <= A).sum(axis=1) > n_best):  # of equals, the first
            best[unit] = np.argsort(-A[unit], kind="stable")[:n_best]
        return cls(
            n_rows,
            Extremes(A.min(axis=1), A.max(axis=1)),
            A.sum(axis=1, dtype=np.float64),
            np.bincount(bins.ravel(), minlength=k * n_bins).reshape(k, n_bins),
            edges,
            best + rows.start,
            np.take_along_axis(A, best, axis=1),
            bounds,
            IntervalSample.of(A, rows.start, bounds, N_SAMPLED + n_examples),
            None if scene is None else SceneSums.of(rows, scene),
        )._ranked(n_best)

    def __iadd__(self, other: ActivationStatistics) -> ActivationStatistics:
        n_examples = max(self.rows.shape[1], other.rows.shape[1])
        self.n_rows += other.n_rows
        self.extremes += other.extremes
        self.total += other.total
        self.counts += other.counts
        if self.maps is not None and other.maps is not None:
            self.maps += other.maps
        self.sampled += other.sampled
        self.rows = np.hstack([self.rows, other.rows])
        self.values = np.hstack([self.values, other.values])
        return self._ranked(n_examples)

    @property
    def mean(self) -> Float64Array:
        """Average activation of each unit."""
        return self.total / self.n_rows

    def _ranked(self, n_examples: int) -> ActivationStatistics:
        """The most active rows first; of equals, the first."""
        order = np.lexsort((self.rows, -self.values), axis=1)[:, :n_examples]
        self.rows = np.take_along_axis(self.rows, order, axis=1)
        self.values = np.take_along_axis(self.values, order, axis=1)
        return self


def activation_statistics(
    activations: Source,
    activation: Activation,
    *,
    n_examples: int = N_EXAMPLES,
    n_bins: int = 40,
    scene: Scene | None = None,
) -> ActivationStatistics:
    """Go through all activations once, in bounded memory; twice if their range is unbounded.

    Intervals divide the range of each unit's activations on `RANGED` random rows.

    Parameters
    ----------
    activations : Source
        One column per unit.
    activation : Activation
        The histograms span its range, or that of the activations if it is unbounded.
    n_examples : int, default=16
        Rows that activate a unit most to keep for each.
    n_bins : int, default=40
    scene : Scene, default=None
        That the rows are the pixels of, to be mapped.

    Returns
    -------
    statistics : ActivationStatistics
    """
    k = activations.shape[1]
    partition = Partition.for_shape(k, k, activations.dtype)
    engine = ThreadEngine()
    with engine.running():
        low, high = activation.range
        if not activation.is_bounded:
            extremes = partial(Extremes.of, encode=lambda A: A)
            spanned = engine.map_sum(extremes, activations, partition)
            low, high = float(spanned.low.min()), float(spanned.high.max())
        edges = np.linspace(low, high if high > low else low + 1, n_bins + 1)
        bounds = interval_bounds(activations)
        of_block = partial(
            ActivationStatistics.of,
            edges=edges,
            bounds=bounds,
            n_examples=n_examples,
            scene=scene,
        )
        return engine.map_sum(of_block, activations, partition)


class FiringTogether(NamedTuple):
    """The units whose activations are most correlated with each unit's.

    Attributes
    ----------
    units : ndarray of int of shape (k, n_partners)
        Numbers of the other units, the most correlated first.
    correlations : ndarray of shape (k, n_partners)
    n_rows : int
        Rows that the correlations are over: all, or a random sample.
    """

    units: NDArray[np.intp]
    correlations: FloatArray
    n_rows: int


def firing_together(
    activations: Source, *, n_partners: int = 6, max_bytes: int = TOGETHER_BYTES
) -> FiringTogether:
    """Correlate every unit's activations with every other's.

    Parameters
    ----------
    activations : Source
        One column per unit.
    n_partners : int, default=6
        Other units to name for each unit; fewer if there are no more.
    max_bytes : int, default=256 << 20
        A random sample of the rows is taken if the activations of all would take more.

    Returns
    -------
    together : FiringTogether
    """
    n_rows, k = activations.shape
    numbers = np.arange(n_rows)
    size = max(max_bytes // (4 * k), 2)
    if n_rows > size:
        numbers = np.sort(sample_rows(n_rows, size, seed=0))
    Z = np.empty((len(numbers), k), dtype=np.float32)
    with BLAS.single_threaded():
        for start in range(0, len(numbers), CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            Z[part] = activations.take(numbers[part]).X
        Z -= Z.mean(axis=0, dtype=np.float64).astype(np.float32)
        norms = np.sqrt(np.einsum("ij,ij->j", Z, Z))
        Z /= np.where(norms > 0, norms, 1)
        n_partners = min(n_partners, k - 1)
        units = np.empty((k, n_partners), dtype=np.intp)
        correlations = np.empty((k, n_partners), dtype=np.float32)
        for start in range(0, k, TOGETHER_UNITS):
            part = slice(start, min(start + TOGETHER_UNITS, k))
            R = Z[:, part].T @ Z
            R[np.arange(len(R)), np.arange(part.start, part.stop)] = -np.inf
            units[part] = (-R).argsort(axis=1, kind="stable")[:, :n_partners]
            correlations[part] = np.take_along_axis(R, units[part], axis=1)
    return FiringTogether(units, correlations, len(numbers))
