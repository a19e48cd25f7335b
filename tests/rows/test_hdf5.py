"""Datasets of HDF5: asked for by name, and closed again."""

import h5py
import numpy as np
import pytest

from rhohat import load_images, load_rows
from rhohat.rows.opening import open_store
from support.stored import X, as_hdf5, autoencoder


def test_a_store_of_several_arrays_asks_for_a_name(tmp_path):
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["a"], file["b"] = X, X[:9]
    with pytest.raises(ValueError, match=r"a \(5300, 8\), b \(9, 8\)"):
        autoencoder().fit(tmp_path / "two.h5")
    assert open_store(f"{tmp_path}/two.h5::b").shape == (9, 8)


def test_no_file_is_left_open(tmp_path):
    path = as_hdf5(tmp_path)
    model = autoencoder(max_iter=2).fit(path)
    np.asarray(model.transform(path))
    with pytest.raises(ValueError, match="Choose one"):
        open_store(f"{path}::missing")
    with h5py.File(path, "w"):  # which fails while it is open elsewhere
        pass


def test_a_vector_is_no_rows_even_if_it_is_named(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a"], file["v"] = X, X[:, 0]
    with pytest.raises(
        ValueError, match=r"an array of shape \(5300,\), expected \(rows, columns\)"
    ):
        open_store(f"{tmp_path}/x.h5::v")


def test_all_that_groups_of_many_arrays_hold_is_found(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for group in range(12):
            for name in range(12):
                file[f"g{group}/x{name}"] = np.full((2, 3), 12 * group + name)
    rows = load_rows(tmp_path / "x.h5", key="g11/x7")
    np.testing.assert_array_equal(rows, np.full((2, 3), 139))
    assert load_rows(tmp_path / "x.h5", key="g*").shape == (2 * 144, 3)


def test_the_path_of_an_array_may_begin_with_a_slash(tmp_path):
    cubes = np.random.RandomState(0).uniform(size=(6, 14, 13))
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["run/cubes"], file["run/rows"] = cubes, X
    np.testing.assert_array_equal(load_rows(tmp_path / "x.h5", key="/run/rows"), X)
    named, slashed = (
        load_images(tmp_path / "x.h5", key=key).images for key in ("run/cubes", "/run/cubes")
    )
    np.testing.assert_array_equal(slashed, named)
