"""Datasets of HDF5 files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import DataChangedError
from rhohat.common.extras import import_extra
from rhohat.rows.file_format import (
    Content,
    FileFormat,
    array_content,
    as_content,
    choose,
    decoding,
    holds_examples,
)
from rhohat.rows.stores import GRANULE_ROWS, ChunkedStore, even_ends


class Hdf5Dataset(ChunkedStore):
    """A dataset of an HDF5 file.

    Parameters
    ----------
    dataset : h5py.Dataset
    hold : bool, default=True
        Whether to read from this dataset, which stays open, instead of opening its file each time.
    """

    _dataset: Any = None  # in other processes

    def __init__(self, dataset: Any, hold: bool = True) -> None:
        path, self.key = str(dataset.file.filename), str(dataset.name)
        self.path = os.path.abspath(path)
        rows = dataset.chunks[0] if dataset.chunks else GRANULE_ROWS
        ends = even_ends(dataset.shape, rows)
        super().__init__(f"{path}{self.key}", dataset.shape, dataset.dtype, ends)
        self._dataset = dataset if hold else None

    def load_granule(self, start: int, stop: int) -> NDArray[Any]:
        """The rows of one granule."""
        if self._dataset is not None:
            return np.asarray(self._dataset[start:stop])
        try:
            with _h5py().File(self.path, "r") as file:
                return np.asarray(file[self.key][start:stop])
        except (OSError, KeyError) as error:
            raise DataChangedError(f"{self.name} can no longer be read: {error}") from error


def _h5py() -> Any:
    return import_extra("h5py", "store")


@contextmanager
def _chosen(path: Path, key: str | None) -> Iterator[Any]:
    """The dataset that is meant, with its file open inside the block."""
    h5py = _h5py()
    datasets: dict[str, Any] = {}

    def visit(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset) and holds_examples(node):
            datasets[name] = node

    with decoding():
        file = h5py.File(path, "r")
    with file:
        with decoding():
            file.visititems(visit)
        yield choose(datasets, key)


def _look(path: Path, key: str | None) -> Content:
    with _chosen(path, key) as dataset:
        return array_content(dataset.shape, dataset.dtype)


def _read(path: Path, key: str | None) -> NDArray[Any]:
    with _chosen(path, key) as dataset, decoding():
        return as_content(np.asarray(dataset[...]))


def _open(path: Path, key: str | None) -> Hdf5Dataset:
    with _chosen(path, key) as dataset:
        return Hdf5Dataset(dataset, hold=False)


HDF5 = FileFormat((".h5", ".hdf5"), _look, _read, _open)
