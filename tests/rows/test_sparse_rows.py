"""Sparse matrices: the bits of the dense array, and never the whole of it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.pipeline import make_pipeline

from rhohat import (
    PatchNormalizer,
    SparseAutoencoder,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
    Standardization,
    Whitening,
)
from rhohat.rows.opening import open_store
from rhohat.rows.sources import Weighted, in_memory
from rhohat.rows.sparse_rows import SparseRows, taken

FORMATS = ["csr_matrix", "csr_array", "csc_array", "coo_array", "lil_array", "dok_matrix"]


@pytest.fixture
def X(rng):
    """Half of it zeros."""
    X = rng.uniform(size=(300, 12))
    X[X < 0.5] = 0
    return X


def autoencoder(**settings):
    return SparseAutoencoder(4, max_iter=6, random_state=0, **settings)


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_is_read_as_the_dense_array(form, X):
    source = open_store(getattr(sparse, form)(X))
    assert_array_equal(source.read(20, 70).X, X[20:70])
    assert_array_equal(source.take(np.array([3, 5, 200])).X, X[[3, 5, 200]])
    assert source.read(0, 5).X.flags.c_contiguous
    assert (source.shape, source.dtype) == (X.shape, X.dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8, bool])
def test_fit_and_all_that_follows_have_the_bits_of_the_dense_array(dtype, X):
    X = (10 * X).astype(dtype)
    dense, thin = autoencoder().fit(X), autoencoder().fit(sparse.csr_array(X))
    assert_array_equal(thin.encoder_weights_, dense.encoder_weights_)
    assert thin.data_fingerprint_ == dense.data_fingerprint_
    for name in ("transform", "score_samples", "score", "activation_gap"):
        assert_array_equal(getattr(thin, name)(sparse.csr_array(X)), getattr(dense, name)(X))
    A = dense.transform(X)
    assert_array_equal(thin.inverse_transform(sparse.csr_array(A)), dense.inverse_transform(A))


def test_weights_and_rows_held_out_go_with_it(X, rng):
    w = rng.randint(0, 3, len(X))
    dense = autoencoder().fit(X, sample_weight=w, X_val=X[:50])
    thin = sparse.csr_array(X)
    thin = autoencoder().fit(thin, sample_weight=w, X_val=thin[:50])
    assert_array_equal(thin.validation_terms_curve_, dense.validation_terms_curve_)


def test_a_part_of_it_that_grows_stays_sparse(rng):
    X = sparse.random(21_000, 5, 0.5, format="csr", random_state=rng)
    dense, thin = autoencoder().fit(X.toarray()), autoencoder().fit(X)
    assert len(np.unique(dense.stage_rows_)) > 1
    assert_array_equal(thin.encoder_weights_, dense.encoder_weights_)


@pytest.mark.parametrize("weighted", [False, True])
def test_taken_rows_keep_weights_and_stay_sparse(weighted, X):
    w = np.arange(1, len(X) + 1) if weighted else None
    indices, source = np.array([1, 7, 30]), SparseRows(sparse.csr_array(X))
    from_sparse = taken(source if w is None else Weighted(source, w), indices)
    from_dense = taken(in_memory(X, w), indices)
    assert isinstance(from_sparse.origin, SparseRows)
    for one, other in zip(from_sparse.read(0, 3), from_dense.read(0, 3), strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize(
    "step",
    [Standardization(), Standardization("columns"), Whitening(), PatchNormalizer()],
    ids=repr,
)
def test_steps_center_it_a_run_of_rows_at_a_time(step, X):
    """What comes out is computed where it is read, and what an autoencoder makes of it is small."""
    thin = sparse.csr_array(X)
    made = step.fit(thin).transform(thin)
    assert not isinstance(made, np.ndarray)
    assert_allclose(np.asarray(made), step.fit(X).transform(X), atol=1e-12)
    codes = make_pipeline(step, autoencoder()).fit(thin).transform(thin)
    assert isinstance(codes, np.ndarray)
    assert_allclose(codes, make_pipeline(step, autoencoder()).fit(X).transform(X), atol=1e-12)


def test_stacks_and_classifiers_take_it(X, rng):
    thin, y = sparse.csr_array(X), rng.randint(0, 2, len(X))
    stack = StackedAutoencoder([4, 3], estimator=autoencoder(), random_state=0)
    assert_array_equal(stack.fit(thin).transform(thin), stack.fit(X).transform(X))
    classifier = StackedAutoencoderClassifier(autoencoder(), max_iter=3, random_state=0)
    expected = classifier.fit(X, y).predict_proba(X)
    assert_array_equal(classifier.fit(thin, y).predict_proba(thin), expected)


def test_partial_fit_takes_blocks(X):
    dense, thin = autoencoder(), autoencoder()
    for start in (0, 100):
        dense.partial_fit(X[start : start + 100])
        thin.partial_fit(sparse.csr_array(X[start : start + 100]))
    assert_array_equal(thin.encoder_weights_, dense.encoder_weights_)


def test_nan_is_named_with_its_row_and_column(X):
    X[123, 4] = np.nan
    with pytest.raises(ValueError, match=r"the sparse matrix holds nan in row 123, column 4"):
        autoencoder().fit(sparse.csr_array(X))


@pytest.mark.parametrize(
    ("matrix", "error", "message"),
    [
        (sparse.csr_array((0, 5)), ValueError, r"has shape \(0, 5\)"),
        (sparse.coo_array(np.ones(5)), ValueError, r"has shape \(5,\), expected \(rows, columns\)"),
        (sparse.csr_array(1j * np.eye(3)), TypeError, "real numbers"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(matrix, error, message):
    with pytest.raises(error, match=message):
        autoencoder().fit(matrix)


def test_other_columns_than_those_of_fit_are_refused(X):
    model = autoencoder().fit(X)
    with pytest.raises(ValueError, match="has 11 columns, but SparseAutoencoder was fitted on 12"):
        model.transform(sparse.csr_array(X[:, 1:]))
