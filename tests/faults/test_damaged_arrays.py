"""Arrays in damaged files: `fit` is as strict as `load_rows`, and says which file it is."""

import re
import struct
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from rhohat import DataFileError, SparseAutoencoder, Whitening, load_rows
from rhohat.rows.claims import DEPTH_LIMIT

#: A good file of 6 kB with 200 bytes doubled, by which libhdf5 ends the process.
CRASH = Path(__file__).parents[1] / "data" / "crashes-libhdf5.h5.z"


def learn_from(path):
    return SparseAutoencoder(2, max_iter=2).fit(path)


def npy(shape, data, descr="<f8", version=(1, 0), pad=0, header=None):
    """Bytes of a .npy whose header says what it is told to."""
    described = repr({"descr": descr, "fortran_order": False, "shape": shape})
    text = (header or described).encode() + b" " * pad
    text += b" " * (63 - (10 + len(text)) % 64) + b"\n"
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text + data


BAD = {
    "negative": npy((-5, 3), bytes(64)),
    "negative twice": npy((-2, -2), bytes(32)),
    "objects": npy((2, 2), bytes(32), "|O"),
    "fields": npy((2, 2), bytes(64), [("a", "<f8"), ("b", "<f8")]),
    "100 bytes too many": npy((2, 2), bytes(132)),
    "version 9": npy((2, 2), bytes(32), version=(9, 0)),
    "version 0": npy((2, 2), bytes(32), version=(0, 0)),
    "header of 60 kB": npy((2, 2), bytes(32), pad=60_000),
    "cut off": npy((10, 10), bytes(100)),
    "8 PB": npy((10**9, 10**6), bytes(100)),
    "open bracket": npy(
        (), bytes(32), header="{'descr': '<f8', 'fortran_order': False, 'shape': (2"
    ),
    "open quote": npy((), bytes(32), header="{'descr': '<f8"),
    "deep": npy((), bytes(32), header="(" * 3000),
    "not a shape": npy("ab", bytes(32)),
    "true": npy((True, 4), bytes(32)),
    "not a dictionary": npy((), bytes(32), header="[1]"),
    "null": npy((), bytes(32), header="\0\0"),
    "nothing": b"",
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("use", [load_rows, learn_from, Whitening().fit])
def test_f31_a_damaged_npy_is_refused_by_name_wherever_it_is_given(name, use, tmp_path):
    (tmp_path / "x.npy").write_bytes(BAD[name])
    with pytest.raises(DataFileError, match=r"x\.npy ") as caught:
        use(tmp_path / "x.npy")
    assert "pickle" not in str(caught.value)


@pytest.mark.parametrize("shape", [(-5, 3), (-5, -3), (2, -1)])
@pytest.mark.parametrize("version", ["4", "5"])
def test_f31_lengths_in_mat_files_are_not_negative(shape, version, tmp_path):
    path = tmp_path / "x.mat"
    scipy.io.savemat(path, {"x": np.ones((3, 5))}, format=version)
    content = path.read_bytes()
    old = struct.pack("<2i", 3, 5)
    assert old in content
    path.write_bytes(content.replace(old, struct.pack("<2i", *shape)))
    with pytest.raises(DataFileError, match=r"x\.mat "):
        load_rows(path)


@pytest.mark.parametrize("compressed", [False, True])
def test_f31_mat_files_of_all_types_are_read_as_before(compressed, tmp_path):
    for dtype in ("u1", "i2", "f4", "f8", "?"):
        X = np.arange(12).reshape(4, 3).astype(dtype)
        variables = {"x": X, "name": "text", "cells": np.array([[1, "a"]], dtype=object), "s": {}}
        scipy.io.savemat(tmp_path / "x.mat", variables, do_compression=compressed)
        np.testing.assert_array_equal(load_rows(tmp_path / "x.mat"), X)


def test_f31_a_file_that_ends_the_process_costs_an_error(tmp_path):
    (tmp_path / "x.h5").write_bytes(zlib.decompress(CRASH.read_bytes()))
    for use in (load_rows, learn_from):
        with pytest.raises(DataFileError, match=r"x\.h5 "):
            use(tmp_path / "x.h5")


@pytest.mark.parametrize("depth", [DEPTH_LIMIT + 1, 1000])
def test_f28_groups_are_not_looked_through_without_end(depth, tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        group = file
        for _ in range(depth):
            group = group.create_group("g")
        group["x"] = np.ones((2, 2))
    with pytest.raises(DataFileError, match=r"x\.h5 has groups nested more than 32 deep"):
        load_rows(tmp_path / "x.h5")
    if depth < 100:
        assert load_rows(tmp_path / "x.h5", key="g/" * depth + "x").shape == (2, 2)


def test_f28_groups_that_hold_each_other_are_looked_through_once(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_group("a")["b"] = file["/"]
        file["a/x"] = np.ones((2, 2))
        file["again"] = file["a/x"]
    assert load_rows(tmp_path / "x.h5").shape == (2, 2)


def with_nan(folder, name, row):
    X = np.random.RandomState(0).uniform(0.1, 0.9, (3000, 5))
    X[row, 3] = np.nan
    np.save(folder / name, X)
    return folder / name


def test_f3_the_file_of_several_that_holds_nan_is_named(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((2500, 5)))
    bad = with_nan(tmp_path, "b.npy", 7)
    for use in (learn_from, Whitening().fit):
        with pytest.raises(
            ValueError, match=r"b\.npy holds nan in row 7 \(2507 of all\), column 3"
        ):
            use([tmp_path / "a.npy", bad])
    with pytest.raises(ValueError, match=r"block 1 holds nan in row 7 \(2507 of all\)"):
        learn_from([np.ones((2500, 5)), np.load(bad)])


def test_f3_activation_gap_refuses_nan(tmp_path):
    model = learn_from(np.random.RandomState(0).uniform(size=(100, 5)))
    bad = with_nan(tmp_path, "b.npy", 7)
    with pytest.raises(ValueError, match=rf"{re.escape(str(bad))} holds nan in row 7, column 3"):
        model.activation_gap(bad)
