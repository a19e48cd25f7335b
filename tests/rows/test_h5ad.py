"""AnnData's files: cells by genes."""

import h5py
import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal

from rhohat import DataFileError, load_rows
from rhohat.files.formats import FORMATS
from rhohat.rows.file_format import ANY, Selection
from rhohat.rows.opening import open_file
from rhohat.rows.stores import is_stored
from support.written import ROWS, write_h5ad

LOOK, READ = FORMATS["h5ad"].look, FORMATS["h5ad"].read
GENES = ["CD3", "CD19", "MYC", "β-actin", "LYZ", "GNLY"]
SPARSE = scipy.sparse.random(40, 6, 0.3, random_state=0, dtype="f4")
KINDS = {"dense": ROWS, "csr": SPARSE.tocsr(), "csc": SPARSE.tocsc()}


@pytest.mark.parametrize("kind", KINDS)
def test_x_is_read_with_the_names_of_its_genes(kind, tmp_path):
    write_h5ad(tmp_path / "x.h5ad", KINDS[kind], GENES)
    X = ROWS if kind == "dense" else SPARSE.toarray()
    content, read = (use(tmp_path / "x.h5ad", ANY) for use in (LOOK, READ))
    assert_array_equal(read, X)
    assert (content.shape, content.dtype, read.dtype) == ((40, 6), "f4", "f4")
    assert (content.columns, content.array) == (tuple(GENES), "X")
    source = open_file(tmp_path / "x.h5ad")
    assert_array_equal(source.read(3, 40).X, X[3:])
    assert is_stored(source) == (kind == "dense")


def test_other_matrices_are_named_by_their_paths(tmp_path):
    write_h5ad(tmp_path / "x.h5ad", ROWS, GENES)
    assert load_rows(tmp_path / "x.h5ad", key="obsm/X_pca").shape == (40, 3)
    assert LOOK(tmp_path / "x.h5ad", Selection(key="obsm/X_pca")).columns == ()
    with pytest.raises(DataFileError, match=r"no array 'y', but X \(40, 6\), obsm/X_pca \(40, 3\)"):
        load_rows(tmp_path / "x.h5ad", key="y")


def test_layers_have_the_names_of_genes_too(tmp_path):
    write_h5ad(tmp_path / "x.h5ad", ROWS, GENES)
    with h5py.File(tmp_path / "x.h5ad", "r+") as file:
        file["layers/counts"] = ROWS + 1
    assert LOOK(tmp_path / "x.h5ad", Selection(key="layers/counts")).columns == tuple(GENES)


def test_genes_in_rows_are_transposed_and_lose_their_names(tmp_path):
    write_h5ad(tmp_path / "x.h5ad", ROWS, GENES)
    assert_array_equal(load_rows(tmp_path / "x.h5ad", transpose=True), ROWS.T)
    assert LOOK(tmp_path / "x.h5ad", Selection(transpose=True)).columns == ()


def test_a_sparse_matrix_that_is_too_large_is_refused_with_its_size(tmp_path):
    huge = scipy.sparse.csr_matrix(([1.0], ([5], [7])), shape=(2**20, 2**12))
    write_h5ad(tmp_path / "x.h5ad", huge)
    with pytest.raises(
        DataFileError, match=r"would take 32\.0 GiB .* pass the sparse matrix to fit"
    ):
        load_rows(tmp_path / "x.h5ad")


@pytest.mark.parametrize(
    ("part", "value"), [("indices", 77), ("indptr", -3), ("indptr", 10**6), ("shape", -4)]
)
def test_sparse_matrices_whose_parts_do_not_fit_are_refused(part, value, tmp_path):
    write_h5ad(tmp_path / "x.h5ad", KINDS["csr"])
    with h5py.File(tmp_path / "x.h5ad", "r+") as file:
        if part == "shape":
            file["X"].attrs["shape"] = (value, 6)
        else:
            file["X"][part][1] = value
    with pytest.raises(DataFileError, match=r"sparse|decoded"):
        load_rows(tmp_path / "x.h5ad")


def test_sparse_matrices_in_other_hdf5_are_named(tmp_path):
    write_h5ad(tmp_path / "x.h5", KINDS["csr"])
    with pytest.raises(DataFileError, match=r"X, .*a sparse matrix|'X', which cannot be read"):
        load_rows(tmp_path / "x.h5", key="X")
    assert np.shape(load_rows(tmp_path / "x.h5")) == (40, 3)
