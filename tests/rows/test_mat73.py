"""Files of MATLAB 7.3, which are HDF5: read where they lie, and never beyond themselves."""

import gc

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse
from numpy.testing import assert_array_equal

from rhohat import DataFileError, Whitening, load_rows
from rhohat.rows.file_format import Selection
from rhohat.rows.formats import format_of
from rhohat.rows.opening import open_file
from rhohat.rows.stores import is_stored
from support.written import write_mat73

RANDOM = np.random.RandomState(0)


@pytest.mark.parametrize("dtype", ["f4", "f8", "u1"])
def test_rows_of_version_7_3_are_read_where_they_lie(dtype, tmp_path):
    X = RANDOM.uniform(0, 9, (3000, 6)).astype(dtype)
    write_mat73(tmp_path / "x.mat", {"x": X})
    np.save(tmp_path / "x.npy", X)
    source, plain = open_file(tmp_path / "x.mat"), open_file(tmp_path / "x.npy")
    assert is_stored(source)
    assert source.dtype == plain.dtype
    for start, stop in ((0, 1), (700, 2999), (2999, 3000)):
        assert_array_equal(source.read(start, stop).X, plain.read(start, stop).X)
    old = tmp_path / "old.mat"
    scipy.io.savemat(old, {"x": X})
    fits = [Whitening().fit(tmp_path / name) for name in ("x.mat", "x.npy", "old.mat")]
    assert fits[0].components_.tobytes() == fits[1].components_.tobytes()
    assert fits[2].components_.tobytes() == fits[1].components_.tobytes()


def test_no_file_of_version_7_3_is_left_open(tmp_path):
    write_mat73(tmp_path / "x.mat", {"x": np.eye(5)})
    open_file(tmp_path / "x.mat").read(0, 5)
    gc.collect()
    write_mat73(tmp_path / "x.mat", {"x": np.eye(5)})  # which fails while it is open


def test_links_in_version_7_3_are_not_followed(tmp_path):

    write_mat73(tmp_path / "x.mat", {"x": np.eye(5)})
    with h5py.File(tmp_path / "x.mat", "r+") as file:
        file["y"] = h5py.ExternalLink("other.h5", "/y")
    with pytest.raises(DataFileError, match=r"'y', which cannot be read: a link to another file"):
        load_rows(tmp_path / "x.mat", key="y")
    assert load_rows(tmp_path / "x.mat").shape == (5, 5)


def test_hdf5_under_the_name_of_mat_is_read_as_version_7_3(tmp_path):
    with h5py.File(tmp_path / "x.mat", "w") as file:
        file["x"] = np.arange(6.0).reshape(2, 3)
    assert load_rows(tmp_path / "x.mat").shape == (3, 2)


def test_what_is_made_of_parts_is_read_as_a_whole_and_arrays_are_not(tmp_path):
    sparse = scipy.sparse.random(20, 6, 0.3, random_state=0)
    write_mat73(tmp_path / "x.mat", {"x": np.eye(5), "cells": [np.eye(3)] * 4, "sparse": sparse})
    row = format_of(tmp_path / "x.mat")
    whole = {
        key: row.look(tmp_path / "x.mat", Selection(key=key)).is_whole
        for key in ("x", "cells", "sparse")
    }
    assert whole == {"x": False, "cells": True, "sparse": True}
