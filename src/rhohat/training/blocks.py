"""What is summed over one block of rows, and the activations that are kept between two sweeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.objective.base import Workspace
from rhohat.objective.network import NetworkObjective, NetworkTerms
from rhohat.objective.sparse import SparseObjective, Terms
from rhohat.rows.partition import Partition
from rhohat.rows.sources import Rows, Source

#: Bytes of activations that are kept from the first half of an evaluation to the second, and the
#: features from which a product saved outweighs writing and reading them.
KEPT_BYTES, KEPT_FEATURES = 256 << 20, 128
#: Intermediate results of blocks, for every thread its own.
_WORKSPACE = Workspace()


def overflow_as_infinity() -> np.errstate:
    """Let overflow show as an infinite loss, which solvers know how to handle."""
    return np.errstate(over="ignore", invalid="ignore")


class KeptActivations:
    """Room for the activations of the first rows, shared by the threads of a process.

    In another process there is none: what needs them computes them again, to the same bits.
    """

    def __init__(self, n_rows: int, k: int, dtype: np.dtype[Any]) -> None:
        self._n_rows, self._k, self._dtype = n_rows, k, dtype
        self._array: FloatArray | None = None

    @classmethod
    def for_source(
        cls, objective: SparseObjective, source: Source, partition: Partition
    ) -> KeptActivations:
        """For those of whole chunks, within the budget; none where the slope is known anyway."""
        k, dtype = objective.n_components, source.dtype
        n_rows = 0
        if objective.penalty.fixed_slope is None and source.shape[1] >= KEPT_FEATURES:
            fitting = KEPT_BYTES // (k * dtype.itemsize)
            n_rows = source.shape[0]
            if n_rows > fitting:
                n_rows = fitting // partition.chunk_size * partition.chunk_size
        kept = cls(n_rows, k, dtype)
        kept._array = np.empty((n_rows, k), dtype)
        return kept

    def __len__(self) -> int:
        return self._n_rows

    @property
    def are_here(self) -> bool:
        """Whether this process keeps them."""
        return self._array is not None

    def of(self, rows: Rows) -> FloatArray:
        """Where those of these rows are, or go."""
        if self._array is None:
            return _WORKSPACE.array("A", (len(rows.X), self._k), self._dtype)
        return self._array[rows.start : rows.start + len(rows.X)]

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_array": None}


@dataclass(frozen=True)
class SparseBlock:
    """The sums over a block: activities alone where they are to be kept, and all else after.

    Attributes
    ----------
    objective : SparseObjective
    theta : ndarray of shape (p,)
        In the precision of the rows.
    kept : KeptActivations
    slope : ndarray of shape (k,), default=None
        The penalty's slope, once it is known.
    """

    objective: SparseObjective
    theta: FloatArray
    kept: KeptActivations
    slope: Float64Array | None = None

    def __call__(self, rows: Rows) -> Terms:
        """Sums over these rows."""
        X, theta, weight, objective = rows.X, self.theta, rows.sample_weight, self.objective
        with overflow_as_infinity():
            if rows.start + len(X) > len(self.kept):
                return objective.terms(X, theta, weight, _WORKSPACE)
            A = self.kept.of(rows)
            if self.slope is None:
                return objective.activities(X, theta, weight, out=A)
            if not self.kept.are_here:
                objective.encode(X, objective.unpack(theta), out=A)
            return objective.terms(X, theta, weight, _WORKSPACE, A=A, slope=self.slope)


@dataclass(frozen=True)
class NetworkBlock:
    """The sums over a block: activities alone as long as the penalty's slopes are not known."""

    objective: NetworkObjective
    theta: FloatArray
    slopes: Float64Array | None

    def __call__(self, rows: Rows) -> NetworkTerms:
        """Sums over these rows."""
        objective, theta, w = self.objective, self.theta, rows.sample_weight
        with overflow_as_infinity():
            if self.slopes is None:
                return objective.activities(rows.X, theta, w, _WORKSPACE)
            labels = cast(NDArray[np.intp], rows.y)
            return objective.terms(rows.X, labels, theta, w, _WORKSPACE, slopes=self.slopes)
