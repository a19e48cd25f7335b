"""Rows in files: those of several follow each other."""

from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import scipy.io
from numpy.testing import assert_array_equal

from rhohat import DataFileError, SparseAutoencoder, load_rows
from rhohat.files.finding import DataFiles
from rhohat.files.row_files import stored_rows
from support.written import CUBE, ROWS, write_envi, write_hdf5


def test_rows_of_several_files_follow_each_other(tmp_path):
    np.save(tmp_path / "a.npy", np.eye(3, dtype="f4"))
    scipy.io.savemat(tmp_path / "b.mat", {"x": np.ones((2, 3))})
    np.savez(tmp_path / "c.npz", np.zeros((1, 3)))
    X = load_rows(tmp_path)
    assert_array_equal(X, np.vstack([np.eye(3), np.ones((2, 3)), np.zeros((1, 3))]))


@pytest.mark.parametrize(
    ("widths", "bad", "message"),
    [
        ((3, 3, 2), "c", "has 2 columns, the files before it 3"),
        ((2, 3, 3), "a", "has 2 columns, most others 3"),
        ((3, 2, 3), "b", "has 2 columns, the files before it 3"),
    ],
)
@pytest.mark.parametrize("read", [load_rows, lambda path: stored_rows(DataFiles.find(path))])
def test_files_of_another_number_of_columns_than_most_are_named(
    tmp_path, widths, bad, message, read
):
    for name, width in zip("abc", widths, strict=True):
        np.save(tmp_path / f"{name}.npy", np.ones((4, width)))
    with pytest.raises(DataFileError, match=f"{bad}.npy.*{message}"):
        read(tmp_path)
    assert load_rows(tmp_path, on_error="skip").shape == (8, 3)


@pytest.mark.parametrize("late", [0, 8191, 8192, 16_383, 16_384])
def test_files_with_values_that_are_not_finite_are_left_out_wherever_these_are(tmp_path, late):
    bad = np.zeros((16_385, 2), np.float32)
    bad[late, 1] = np.nan
    np.save(tmp_path / "a.npy", bad)
    np.save(tmp_path / "b.npy", np.ones((4, 2)))
    found = DataFiles.find(tmp_path, on_error="skip")
    assert stored_rows(found).shape == (4, 2)
    assert [Path(each.file).name for each in found.skipped] == ["a.npy"]
    assert f"holds nan in row {late}" in found.skipped[0].reason


def parquet(path):
    table = {name: ROWS[:, n].astype("f8") for n, name in enumerate("abcdef")}
    pyarrow.parquet.write_table(pyarrow.table(table | {"day": ["x"] * len(ROWS)}), path)


#: Files, what writes them, and how they are read.
LAZY = {
    "x.npy": (lambda path: np.save(path, ROWS), {"columns": "1:4"}),
    "x.parquet": (parquet, {"drop": ["day", "c"]}),
    "x.h5": (lambda path: write_hdf5(path, ROWS), {"labels": "0"}),
    "x.hdr": (lambda path: write_envi(path, CUBE, "bip"), {"drop": "5"}),
    "cube.npy": (lambda path: np.save(path, CUBE), {"axes": "HWC"}),
    "x.csv": (lambda path: np.savetxt(path, ROWS, delimiter=","), {}),
}


@pytest.mark.parametrize("name", LAZY)
def test_rows_that_stay_in_their_files_teach_the_same_bits(name, tmp_path):
    write, options = LAZY[name]
    write(tmp_path / name)
    X, source = (load_rows(tmp_path / name, lazy=lazy, **options) for lazy in (False, True))
    assert isinstance(source, np.ndarray) == (name in ("cube.npy", "x.csv"))
    held, stored = (SparseAutoencoder(3, max_iter=4, random_state=0).fit(x) for x in (X, source))
    assert_array_equal(held.transform(X), np.asarray(stored.transform(source)))
    names = [getattr(model, "feature_names_in_", np.array([])).tolist() for model in (held, stored)]
    assert names[0] == names[1] == (list("abdef") if name == "x.parquet" else [])


@pytest.mark.parametrize(
    ("missing", "labels", "expected"),
    [
        ("median", "kind", ["a", "b", "c"]),
        ("drop", "kind", ["a", "c"]),
        ("drop", ["kind", "site"], [["a", "p"], ["c", "q"]]),
    ],
)
def test_labels_of_a_table_stay_beside_its_rows(tmp_path, missing, labels, expected):
    text = "kind,x,site,y\na,1,p,2\nb,,p,4\nc,5,q,6\n"
    (tmp_path / "t.csv").write_text(text)
    X = load_rows(tmp_path / "t.csv", labels=labels, columns=["x", "y"], missing=missing)
    assert X.labels.tolist() == expected
    assert X[1:].labels.tolist() == expected[1:]
    assert X.columns == ("x", "y")


def test_labels_of_an_array_without_names(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(6.0).reshape(2, 3))
    X = load_rows(tmp_path / "x.npy", labels="2")
    assert_array_equal(X, [[0, 1], [3, 4]])
    assert X.labels.tolist() == [2, 5]
    assert SparseAutoencoder(1, max_iter=1).fit(X).n_features_in_ == 2
