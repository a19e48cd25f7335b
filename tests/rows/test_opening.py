"""Opening: what is no store of rows is told so."""

import dask.array
import numpy as np
import pytest

from support.stored import X, autoencoder


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ("missing.npy", FileNotFoundError, "missing.npy"),
        ("rows.doc", ValueError, r"must end in one of \.npy, \.npz, \.mat, \.zarr, \.h5, \.hdf5, "),
        ((block for block in [X]), TypeError, "pass the function that creates it"),
        (lambda: iter([]), ValueError, "is empty"),
        (lambda: [X[0]], ValueError, "block 0 .* has shape"),
        (lambda: [X, X[:, :3]], ValueError, "columns"),
        ([X, X[:, :3]], ValueError, "the same number of columns"),
        ([np.array([["a"]])], TypeError, "real numbers"),
    ],
)
def test_what_is_no_store_of_rows_is_told_so(rows, error, message):
    with pytest.raises(error, match=message):
        autoencoder().fit(rows)


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([np.empty((0, 6)), np.empty((0, 6))], ValueError, "blocks with rows, got none"),
        (dask.array.from_array(np.array(1.0)), ValueError, r"has shape \(\)"),
        (lambda: 3, TypeError, "expected an iterable of arrays"),
    ],
)
def test_what_holds_no_rows_is_told_so(rows, error, message):
    with pytest.raises(error, match=message):
        autoencoder().fit(rows)


@pytest.mark.parametrize("name", ["x.npy", "x.h5"])
def test_what_is_no_such_file_is_named(name, tmp_path):
    (tmp_path / name).write_bytes(b"hello")
    with pytest.raises(ValueError, match=name):
        autoencoder().fit(tmp_path / name)
