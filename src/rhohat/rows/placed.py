"""Rows on the device that computes with them, as a source like any other."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from rhohat.common.arrays import FloatArray
from rhohat.common.devices import PROCESSOR, Device
from rhohat.rows.partition import Partition
from rhohat.rows.sources import Rows, Source, Wrapper


class Placed(Wrapper):
    """Rows of another source, as tensors on a device.

    As many runs of rows as the device has room for stay there, once they were read; others are read
    and sent whenever they are asked for. Their bits are the same.

    Parameters
    ----------
    source : Source
    device : Device
    keeps : bool, default=True
        Whether rows stay there; not where a sweep is the only one.
    """

    def __init__(self, source: Source, device: Device, keeps: bool = True) -> None:
        super().__init__(source)
        self.device, self.keeps = device, keeps
        self._begin()

    def _begin(self) -> None:
        self._kept: dict[tuple[int, int], Rows] = {}
        self._room = self.device.resident_bytes if self.keeps else 0
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        left_out = ("_kept", "_room", "_lock")
        return {name: value for name, value in vars(self).items() if name not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._begin()

    def _around(self, source: Source) -> Source:
        return Placed(source, self.device, self.keeps)

    def read(self, start: int, stop: int) -> Rows:
        """Rows start to stop, there."""
        kept = self._kept.get((start, stop))
        if kept is not None:
            return kept
        rows = self.source.read(start, stop)
        there = placed_rows(rows, self.device)
        size = sum(array.nbytes for array in (rows.X, rows.target) if array is not None)
        with self._lock:
            if size <= self._room:
                self._room -= size
                self._kept[start, stop] = there
        return there


def resident_rows(n_rows: int, row_bytes: int, chunk_size: int, device: Device) -> int:
    """How many rows of a source stay on a device, which are read a chunk at a time."""
    chunks, last = divmod(n_rows, chunk_size)
    room = device.resident_bytes // row_bytes
    whole = min(chunks, room // chunk_size)
    return whole * chunk_size + (last if last <= room - whole * chunk_size else 0)


def placed_rows(rows: Rows, device: Device) -> Rows:
    """Rows where a device computes with them; numbers of classes stay in memory."""

    def place(array: FloatArray | None) -> FloatArray | None:
        return None if array is None else device.place(array)

    return rows._replace(
        X=device.place(rows.X), sample_weight=place(rows.sample_weight), target=place(rows.target)
    )


def placed(source: Source, device: Device, keeps: bool = True) -> Source:
    """The rows of a source where a device computes with them: those of the processor's are."""
    return source if device.is_host else Placed(source, device, keeps)


def device_under(source: Source) -> Device:
    """Where a source's rows are, or those that it is made of."""
    while not isinstance(source, Placed):
        inner = getattr(source, "source", None)
        if inner is None:
            return PROCESSOR
        source = inner
    return source.device


def block_bytes(n_features: int, n_components: int, dtype: np.dtype[Any]) -> int:
    """What a block's results take for each row."""
    return (3 * n_features + 3 * n_components) * dtype.itemsize


def block_partition(
    partition: Partition, source: Source, n_components: int, device: Device
) -> Partition:
    """How rows are divided on a device, which may want more of them at a time."""
    n_rows = device.block_rows(block_bytes(source.shape[1], n_components, source.dtype))
    return partition if n_rows is None else Partition(n_rows, n_rows)
