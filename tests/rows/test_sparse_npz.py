"""Sparse matrices in .npz files."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from rhohat import DataFileError, SparseAutoencoder, load_rows
from rhohat.rows.file_format import ANY, Selection
from rhohat.rows.npy import NPZ
from support.command import run


@pytest.fixture
def matrix(rng):
    return sparse.random(200, 30, 0.2, format="csr", dtype=np.float64, random_state=rng)


@pytest.fixture
def path(tmp_path, matrix):
    sparse.save_npz(tmp_path / "genes.npz", matrix)
    return tmp_path / "genes.npz"


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
@pytest.mark.parametrize("is_array", [False, True])
def test_every_form_is_looked_at_opened_and_read(form, is_array, matrix, tmp_path):
    path = tmp_path / "x.npz"
    saved = matrix.asformat(form)
    sparse.save_npz(path, getattr(sparse, f"{form}_array")(saved) if is_array else saved)
    content = NPZ.look(path, ANY)
    assert (content.kind, content.shape, content.is_sparse) == ("rows", (200, 30), True)
    dense = matrix.toarray()
    assert_array_equal(NPZ.open(path, ANY).read(10, 60).X, dense[10:60])
    assert_array_equal(NPZ.read(path, ANY), dense)
    assert_array_equal(load_rows(path), dense)


def test_fit_takes_its_path(path, matrix):
    model = SparseAutoencoder(3, max_iter=3, random_state=0)
    fitted = model.fit(str(path)).encoder_weights_
    assert_array_equal(fitted, model.fit(matrix.toarray()).encoder_weights_)


def test_learn_and_encode_take_it(path, tmp_path):
    settings = ["--whitening", "none", "--scale", "all", "--units", 3, "--iterations", 5]
    told = run("learn", path, *settings, "-o", ".", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "200 rows" in told.stdout
    told = run("encode", "model.safetensors", path, "-o", "codes.npy", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert np.load(tmp_path / "codes.npy").shape == (200, 3)


def test_workers_cannot_read_it(path, tmp_path):
    told = run("learn", path, "--dask", "local", cwd=tmp_path)
    assert told.returncode == 1
    assert "--dask needs rows" in told.stderr


def test_a_dense_one_is_opened_whole(tmp_path, rng):
    X = rng.rand(20, 3)
    np.savez(tmp_path / "x.npz", X=X)
    assert_array_equal(NPZ.open(tmp_path / "x.npz", ANY).read(0, 20).X, X)


def test_one_of_its_arrays_can_be_chosen(path):
    with pytest.raises(DataFileError, match=r"of shape \(1200,\)"):
        NPZ.look(path, Selection(key="data"))


def changed(path, **arrays):
    """The file with some of its arrays replaced."""
    with np.load(path) as held:
        kept = dict(held)
    np.savez(path, **(kept | arrays))
    return path


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"format": np.array(b"dia")}, "of format 'dia', expected csr, csc, coo"),
        ({"format": np.array(3)}, "whose 'format' is of"),
        ({"shape": np.array([200, 30, 2])}, "whose 'shape' is of"),
        ({"shape": np.array([200, -30])}, r"of shape \(200, -30\)"),
        ({"shape": np.array([100, 30])}, "whose arrays have lengths"),
        ({"shape": np.array([200, 10])}, "damaged sparse matrix"),
        ({"shape": np.array([200, 10**12])}, "claims"),
        ({"indices": np.zeros(3, int)}, "whose arrays have lengths"),
        ({"indices": np.zeros(1200)}, "expected one axis of whole numbers"),
        ({"indices": np.full(1200, -1)}, "damaged sparse matrix"),
        ({"indices": np.full(1200, 30)}, "damaged sparse matrix"),
        ({"indptr": np.arange(201)[::-1]}, "damaged sparse matrix"),
        (
            {"indptr": np.r_[0, 9, np.arange(2, 200), 1200]},
            "^holds a damaged sparse matrix: its index pointers fall$",
        ),
        ({"data": np.full(1200, np.nan)}, "NaN"),
        ({"data": np.full(1200, 1j)}, "expected one axis of real numbers"),
        ({"data": np.full(1200, "a")}, "expected one axis of real numbers"),
    ],
)
def test_what_is_not_sound_is_refused(arrays, message, path):
    changed(path, **arrays)
    with pytest.raises(DataFileError, match=message):
        NPZ.open(path, ANY)


@pytest.mark.parametrize("share", np.linspace(0, 0.99, 20))
def test_a_file_that_is_cut_off_is_refused(share, path):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataFileError):
        NPZ.look(path, ANY)


def test_a_small_file_of_a_huge_matrix_is_not_made_whole(path):
    """It is read a run of rows at a time instead."""
    with np.load(path) as held:
        indptr = np.concatenate([held["indptr"], np.full(10**6, 1200)])
    changed(path, shape=np.array([200 + 10**6, 1000]), indptr=indptr)
    assert NPZ.open(path, ANY).read(150, 250).X.shape == (100, 1000)
    with pytest.raises(DataFileError, match="claims"):
        NPZ.read(path, ANY)


def test_a_member_that_is_packed_beyond_belief_is_refused(path, tmp_path):
    bomb = tmp_path / "bomb.npz"
    with np.load(path) as held:
        arrays = dict(held) | {"data": np.zeros(3 * 10**7), "indices": np.zeros(3 * 10**7, "i4")}
        arrays["indptr"] = np.append(np.zeros(200, "i4"), 3 * 10**7)
    np.savez_compressed(bomb, **arrays)
    with pytest.raises(DataFileError, match="claims"):
        NPZ.open(bomb, ANY)
