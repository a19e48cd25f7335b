"""Arrays in files: those that a pattern fits are one data set, each with a name of its own."""

import h5py
import numpy as np
import pytest
import scipy.io
import zarr
from numpy.testing import assert_array_equal

from rhohat import DataFileError, SparseAutoencoder, load_images, load_rows, load_series
from rhohat.files.finding import DataFiles
from rhohat.files.labels import read_labels
from rhohat.rows.file_format import Selection
from support.written import ROWS, STACK, write_mat73

LONG, SHORT = np.sin(np.arange(500.0)), np.cos(np.arange(300.0))


def write_h5(path, arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array


def write_zarr(path, arrays):
    group = zarr.open_group(path, mode="w")
    for name, array in arrays.items():
        group.create_array(name, shape=array.shape, chunks=array.shape, dtype=array.dtype)[:] = (
            array
        )


WRITE = {
    "x.npz": lambda path, arrays: np.savez(path, **arrays),
    "x.mat": lambda path, arrays: scipy.io.savemat(path, arrays),
    "newer.mat": write_mat73,
    "x.h5": write_h5,
    "x.nc": write_h5,
    "x.zarr": write_zarr,
}
every_format = pytest.mark.parametrize("name", WRITE)


@every_format
def test_series_of_unequal_length_are_taken_by_a_pattern(name, tmp_path):
    path = tmp_path / name
    WRITE[name](path, {"X1": LONG[:, None], "X2": SHORT[:, None], "t": np.arange(500.0)[:, None]})
    loaded = load_series(path, key="X*")
    assert loaded.names == [f"{path}::X1", f"{path}::X2"]
    assert_array_equal(loaded.series[0], LONG[None])
    assert_array_equal(loaded.series[1], SHORT[None])


@pytest.mark.parametrize("name", ["x.npz", "x.h5", "x.zarr"])
def test_vectors_are_series_of_one_channel(name, tmp_path):
    path = tmp_path / name
    WRITE[name](path, {"X1": LONG, "X2": SHORT})
    for given, key in [(path, "X?"), ([f"{path}::X1", f"{path}::X2"], None), (f"{path}::*", None)]:
        found = load_series(given, key=key).series
        assert [x.shape for x in found] == [(1, 500), (1, 300)]


@every_format
def test_rows_follow_each_other_in_the_order_of_names(name, tmp_path):
    path = tmp_path / name
    arrays = {"a": ROWS[:15], "b": ROWS[15:], "c": ROWS[:, :1]}
    WRITE[name](path, arrays)
    assert_array_equal(load_rows(path, key="[ab]"), ROWS)
    assert_array_equal(load_rows(f"{path}::b"), ROWS[15:])


@pytest.mark.parametrize("name", ["x.h5", "x.zarr", "newer.mat"])
def test_fit_takes_a_pattern_with_the_bits_of_the_rows(name, tmp_path):
    path = tmp_path / name
    WRITE[name](path, {"a": ROWS[:15], "b": ROWS[15:]})
    model = SparseAutoencoder(3, max_iter=5, random_state=0)
    expected = model.fit(ROWS).transform(ROWS)
    assert_array_equal(model.fit(f"{path}::*").transform(ROWS), expected)


def test_images_are_taken_by_a_pattern(tmp_path):
    np.savez(tmp_path / "x.npz", scan1=STACK, scan2=STACK[:2], mask=STACK)
    loaded = load_images(tmp_path / "x.npz", key="scan*")
    assert len(loaded.images) == 9
    assert loaded.names[-1] == f"{tmp_path / 'x.npz'}::scan2[1]"


def test_an_array_that_cannot_be_used_is_named(tmp_path):
    np.savez(tmp_path / "x.npz", a=ROWS, b=ROWS * np.nan)
    with pytest.raises(DataFileError, match=r"x\.npz::b holds NaN"):
        load_rows(tmp_path / "x.npz", key="*")
    files = DataFiles.find(tmp_path / "x.npz", selection=Selection(key="[ab]"), on_error="skip")
    assert [path.name for path in files.contents] == ["x.npz::a", "x.npz::b"]
    np.savez(tmp_path / "x.npz", a=ROWS, b=ROWS, c=np.array(["text"] * 3))
    files = DataFiles.find(tmp_path / "x.npz", selection=Selection(key="*"))
    ((file, note),) = files.notes
    assert file == str(tmp_path / "x.npz")
    assert "but cannot be read: c (" in note


def test_a_file_whose_name_looks_like_an_array_in_one_is_that_file(tmp_path):
    np.save(tmp_path / "x::y.npy", ROWS)
    assert_array_equal(load_rows(tmp_path / "x::y.npy"), ROWS)
    with pytest.raises(FileNotFoundError):
        load_rows(tmp_path / "none.h5::x")


def test_arrays_lie_in_the_folder_of_their_file():
    names = ["sick/x.h5::run1/a", "sound/x.h5::run1/a"]
    assert read_labels("folders", [], names).tolist() == ["sick", "sound"]
