"""The same rows in memory, in files of every format, and as streams."""

import dask.array
import h5py
import numpy as np
import zarr

from rhohat import SparseAutoencoder
from support.cases import sparse_data

#: More than a growing stage takes, and than two pieces of a manifest.
X = sparse_data(5300, 8, dtype=np.float32)


def as_npy(folder, X=X, name="x.npy"):
    np.save(folder / name, X)
    return folder / name


def as_zarr(folder, X=X, rows=700):
    path = folder / "x.zarr"
    array = zarr.create_array(path, shape=X.shape, chunks=(rows, X.shape[1]), dtype=X.dtype)
    array[:] = X
    return array


def as_hdf5(folder, X=X, **options):
    with h5py.File(folder / "x.h5", "w") as file:
        file.create_dataset("group/x", data=X, **options)
        file["labels"] = np.zeros(3)
    return folder / "x.h5"


def as_stream(folder, X=X):
    def blocks():
        for start in range(0, len(X), 333):
            yield X[start : start + 333]

    return blocks


#: Ways in which the same rows are given.
WAYS = {
    "path of .npy": as_npy,
    "text": lambda folder: str(as_npy(folder)),
    "memmap": lambda folder: np.load(as_npy(folder), mmap_mode="r"),
    "part of a memmap": lambda folder: np.load(
        as_npy(folder, np.vstack([X[:7], X])), mmap_mode="r"
    )[7:],
    "column-major .npy": lambda folder: as_npy(folder, np.asfortranarray(X)),
    "zarr": as_zarr,
    "path of .zarr": lambda folder: as_zarr(folder).store_path.store.root,
    "HDF5": as_hdf5,
    "HDF5 in chunks": lambda folder: as_hdf5(folder, chunks=(501, 3), compression="gzip"),
    "name in HDF5": lambda folder: f"{as_hdf5(folder)}::group/x",
    "HDF5 dataset": lambda folder: h5py.File(as_hdf5(folder))["group/x"],
    "Dask": lambda folder: dask.array.from_zarr(as_zarr(folder)).rechunk((900, 4)),
    "blocks": lambda folder: [X[:10], X[10:3000], X[3000:]],
    "paths": lambda folder: [as_npy(folder, X[:900], "a.npy"), as_npy(folder, X[900:], "b.npy")],
    "stream": as_stream,
}


def autoencoder(**changes):
    """What learns from them."""
    settings = {"n_components": 5, "max_iter": 12, "random_state": 0, "n_jobs": 2}
    return SparseAutoencoder(**(settings | changes))
