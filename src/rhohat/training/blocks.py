"""Sums over one block of rows, and the activations that are kept between two sweeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import Float64Array, FloatArray, overflow_as_infinity
from rhohat.common.devices import PROCESSOR, Device
from rhohat.common.libraries import like
from rhohat.objective.base import Sums, Workspace
from rhohat.objective.network import NetworkObjective, NetworkTerms
from rhohat.objective.projection import CodeSums, code_sums
from rhohat.objective.sparse import SparseObjective, Terms
from rhohat.rows.engines import effective_n_jobs
from rhohat.rows.partition import NARROW_CHUNK_ROWS, Partition
from rhohat.rows.placed import block_bytes, resident_rows
from rhohat.rows.sources import Rows, Source

#: Most bytes of activations that are kept from the first half of an evaluation to the second, and
#: fewest features for which the matrix product saved outweighs writing and reading them.
KEPT_BYTES, KEPT_FEATURES = 256 << 20, 128
_WORKSPACE = Workspace()


class KeptActivations:
    """Room for the activations of the first rows, shared by the threads of a process.

    Another process has no such room: it computes the activations again, to the same bits.

    Parameters
    ----------
    objective : SparseObjective
    source : Source
        Its first rows, in whole chunks, are those that fit into `KEPT_BYTES`.
    partition : Partition
    device : Device, default=PROCESSOR
        Where they are computed, and kept.
    """

    def __init__(
        self,
        objective: SparseObjective,
        source: Source,
        partition: Partition,
        device: Device = PROCESSOR,
    ) -> None:
        k, dtype = objective.n_components, source.dtype
        self.n_rows = source.shape[0]
        fitting = (device.kept_bytes or KEPT_BYTES) // (k * dtype.itemsize)
        if self.n_rows > fitting:
            self.n_rows = fitting // partition.chunk_size * partition.chunk_size
        self.array: FloatArray | None = device.empty((self.n_rows, k), dtype)

    def holds(self, rows: Rows) -> bool:
        """Whether the activations of these rows are among those to be kept."""
        return rows.start + len(rows.X) <= self.n_rows

    def room_for(self, rows: Rows, k: int) -> FloatArray:
        """Where the activations of these rows go, if only for a moment."""
        if self.array is None or not self.holds(rows):
            return _WORKSPACE.array("A", (len(rows.X), k), rows.X)
        return self.array[rows.start : rows.start + len(rows.X)]

    def of(self, rows: Rows, objective: SparseObjective, theta: FloatArray) -> FloatArray:
        """What `activities` has written of these rows, computed anew where it is not at hand."""
        held = self.room_for(rows, objective.n_components)
        if self.array is None or not self.holds(rows):
            objective.units(rows.X, objective.encoder(like(theta, rows.X)), held)
        return held

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"array": None}


def keeping_pays(objective: SparseObjective, source: Source) -> bool:
    """Whether knowing the penalty's slope in the second half saves more than keeping costs."""
    return objective.penalty.fixed_slope is None and source.shape[1] >= KEPT_FEATURES


def sparse_sums(
    objective: SparseObjective,
    theta: FloatArray,
    kept: KeptActivations | None,
    rows: Rows,
    *,
    slope: Float64Array | None = None,
) -> Terms:
    """Sums over a block of rows for a sparse autoencoder.

    Of rows whose activations are kept, these alone are summed as long as the penalty's `slope` is
    None, and everything else once it is given.
    """
    X, weight, target = rows.X, rows.sample_weight, rows.target
    with overflow_as_infinity():
        if kept is None or not kept.holds(rows):
            return objective.terms(X, theta, weight, _WORKSPACE, target=target)
        if slope is None:
            A = kept.room_for(rows, objective.n_components)
            return objective.activities(X, theta, weight, out=A)
        held = kept.of(rows, objective, theta)
        return objective.terms(X, theta, weight, _WORKSPACE, target=target, held=held, slope=slope)


def loss_sums(objective: SparseObjective, theta: FloatArray, rows: Rows) -> Terms:
    """Sums over a block of rows that tell the loss alone."""
    with overflow_as_infinity():
        return objective.losses(rows.X, theta, rows.sample_weight, target=rows.target)


def first_sums(
    objective: SparseObjective,
    theta: FloatArray,
    center: FloatArray,
    kept: KeptActivations,
    rows: Rows,
) -> CodeSums:
    """Sums over a block of rows that tell the best decoder; theta is the encoder's part."""
    A = kept.room_for(rows, objective.n_components)
    with overflow_as_infinity():
        return code_sums(
            *(objective, rows.X, theta, center, rows.sample_weight, _WORKSPACE),
            target=rows.target,
            out=A,
        )


def second_sums(
    objective: SparseObjective,
    theta: FloatArray,
    slope: Float64Array,
    kept: KeptActivations,
    rows: Rows,
) -> Terms:
    """Sums over a block of rows of all the rest, given the decoder and the penalty's slope."""
    with overflow_as_infinity():
        return objective.terms(
            *(rows.X, theta, rows.sample_weight, _WORKSPACE),
            target=rows.target,
            held=kept.of(rows, objective, theta),
            slope=slope,
            encoder_only=True,
        )


@dataclass
class CountSums(Sums):
    """Sums over rows of what `SparseObjective.input_counts` counts.

    Attributes
    ----------
    weight : float
    activity : ndarray of shape (65536,)
        The counts.
    """

    weight: float
    activity: Float64Array


def count_sums(
    objective: SparseObjective, theta: FloatArray, upper: int | None, rows: Rows
) -> CountSums:
    """Sums over a block of rows that tell the threshold that is found."""
    with overflow_as_infinity():
        return CountSums(*objective.input_counts(rows.X, theta, rows.sample_weight, upper))


def network_sums(
    objective: NetworkObjective, theta: FloatArray, slopes: Float64Array | None, rows: Rows
) -> NetworkTerms:
    """Sums over a block of rows for a network: activities alone if the slopes are not known."""
    X, weight = rows.X, rows.sample_weight
    with overflow_as_infinity():
        if slopes is None:
            return objective.activities(X, theta, weight, _WORKSPACE)
        labels = cast(NDArray[np.intp], rows.y)
        return objective.terms(X, labels, theta, weight, _WORKSPACE, slopes=slopes)


class DeviceMemory(NamedTuple):
    """What training would take of a device's memory.

    Attributes
    ----------
    name : str
        Of the device.
    rows, model : int
        Bytes of all rows, and of the parameters with all that is computed at a time.
    resident, streamed : int
        Rows that stay there, and rows that are sent anew in every sweep.
    """

    name: str
    rows: int
    model: int
    resident: int
    streamed: int

    @classmethod
    def of(
        cls,
        shape: tuple[int, int],
        n_components: int,
        dtype: np.dtype[Any],
        device: Device,
        *,
        n_jobs: int | None,
        is_corrupted: bool,
    ) -> DeviceMemory | None:
        """For rows of a shape; None of a device without memory of its own."""
        if not device.has_memory:
            return None
        (n_rows, d), k, size = shape, n_components, dtype.itemsize
        n_threads = device.threads(effective_n_jobs(n_jobs))
        row_bytes = d * size * (2 if is_corrupted else 1)
        per_row = block_bytes(d, 2 * k, dtype)  # encoder and decoder
        block = device.block_rows(per_row)
        usual = Partition.for_shape(d, k, dtype, most_rows=NARROW_CHUNK_ROWS)
        block, chunk = usual if block is None else (block, block)
        resident = resident_rows(n_rows, row_bytes, chunk, device)
        held = min(device.kept_bytes or KEPT_BYTES, n_rows * k * size)
        parameters = size * (2 * k * d + k + d)
        model = (1 + 2 * n_threads) * parameters + n_threads * min(block, n_rows) * per_row + held
        return cls(device.name, n_rows * row_bytes, model, resident, n_rows - resident)
