"""Datasets of HDF5 files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import DataChangedError
from rhohat.common.extras import import_extra
from rhohat.rows.file_format import array_format, choose, decoding, holds_examples
from rhohat.rows.stores import ChunkedStore, even_ends


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
        name = f"{path}{self.key}"
        super().__init__(name, dataset.shape, dataset.dtype, even_ends(dataset))
        self._dataset = dataset if hold else None

    def load_granule(self, start: int, stop: int) -> NDArray[Any]:
        """The rows of one granule."""
        if self._dataset is not None:
            return np.asarray(self._dataset[start:stop])
        try:
            with import_extra("h5py", "store").File(self.path, "r") as file:
                return np.asarray(file[self.key][start:stop])
        except (OSError, KeyError) as error:
            raise DataChangedError(f"{self.name} can no longer be read: {error}") from error


@contextmanager
def _opened(path: Path, key: str | None) -> Iterator[Any]:
    """The dataset that is meant, with its file open inside the block."""
    h5py = import_extra("h5py", "store")
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


HDF5 = array_format((".h5", ".hdf5"), _opened, partial(Hdf5Dataset, hold=False))
