"""How near reconstructions come to rows, beside principal components."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from rhohat import SparseAutoencoder, Standardization, Whitening
from rhohat.estimators.measures import explained_variance, sparseness
from rhohat.inspection import rebuilding
from rhohat.inspection.layers import layers_of
from rhohat.inspection.rebuilding import Rebuilding, components_of, rebuild, rebuilt_rows
from rhohat.rows.partition import Partition
from rhohat.rows.sources import ArraySource


@pytest.fixture(scope="module")
def model(digits):
    return SparseAutoencoder(9, max_iter=20, random_state=0).fit(digits)


@pytest.fixture(scope="module")
def found(model, digits):
    A = model.transform(digits)
    return rebuild(layers_of(model)[0], ArraySource(digits), A.max(axis=0))


def test_explained_variance_is_that_of_a_plain_computation(model, found, digits):
    A = model.transform(digits)
    expected = explained_variance(digits, model.inverse_transform(A))
    assert found.explained == pytest.approx(expected, rel=1e-12)
    assert found.errors.mean() == pytest.approx(1 - expected, rel=1e-12)
    assert found.n_active == pytest.approx(sparseness(A).active, rel=1e-12)


def test_errors_are_those_of_each_row(model, found, digits):
    missed = ((digits - model.inverse_transform(model.transform(digits))) ** 2).sum(axis=1)
    assert_allclose(found.distances, missed, rtol=1e-12)
    assert_array_equal(found.worst(6), np.argsort(missed)[::-1][:6])


def test_rows_that_repeat_another_are_no_other_worst_rows():
    distances = np.array([1.0, 3.0, 2.0, 3.0 * (1 + 1e-8), 2.0])
    assert Rebuilding(distances, 1.0, 1.0).worst(4).tolist() == [3, 2, 0]


@pytest.mark.parametrize("size", [1, 64, 5000])
def test_nothing_depends_on_the_size_of_blocks(model, found, digits, monkeypatch, size):
    monkeypatch.setattr(
        Partition, "for_shape", staticmethod(lambda *_, **__: Partition(size, size))
    )
    A = model.transform(digits[:500])
    some = rebuild(layers_of(model)[0], ArraySource(digits[:500]), A.max(axis=0))
    assert_allclose(some.distances, found.distances[:500], rtol=1e-9)
    quantiles = np.linspace(0, 1, 5)
    expected = np.quantile(found.distances[:500], quantiles) / digits[:500].var(axis=0).sum()
    assert_allclose(np.quantile(some.errors, quantiles), expected, rtol=1e-9)


def test_rows_that_do_not_vary_have_nothing_to_explain(model):
    same = ArraySource(np.full((30, 64), 0.3))
    assert rebuild(layers_of(model)[0], same, np.ones(9)) is None
    assert components_of(same, np.arange(3)) is None


def test_components_explain_what_those_of_scikit_learn_do(digits):
    expected = PCA().fit(digits).explained_variance_ratio_.cumsum()
    components = components_of(ArraySource(digits), np.arange(10))
    assert components.n_rows == len(digits)
    for n in (1, 7, 64):
        assert components.explained(n) == pytest.approx(expected[n - 1], rel=1e-9)
    assert components.explained(100) == pytest.approx(1)


def test_components_of_large_data_are_those_of_a_sample(digits, monkeypatch):
    monkeypatch.setattr(rebuilding, "MOST_PRODUCTS", 1e5)
    sample = np.arange(1700, 20, -3)
    components = components_of(ArraySource(digits), sample)
    assert components.n_rows == len(sample)
    expected = PCA().fit(digits[sample]).explained_variance_ratio_.cumsum()
    assert_allclose(components.shares, expected, rtol=1e-9)
    monkeypatch.setattr(rebuilding, "MOST_COLUMNS", 63)
    assert components_of(ArraySource(digits), sample) is None


@pytest.mark.parametrize(
    "steps", [[], [Whitening()], [Standardization("columns"), Whitening("pca", n_components=20)]]
)
def test_rows_are_rebuilt_on_the_scale_on_which_they_were_given(steps, digits):
    X = 7 * digits[:300] + 3
    model = make_pipeline(*steps, SparseAutoencoder(9, max_iter=5, random_state=0)).fit(X)
    made = rebuilt_rows(layers_of(model)[0], X)
    expected = model.inverse_transform(model.transform(X))
    assert made.is_undone
    assert_allclose(made.rebuilt, expected, rtol=1e-9)
    assert_array_equal(made.given, X)


def test_without_an_inverse_rows_are_shown_as_the_units_get_them(digits):
    model = make_pipeline(Normalizer(), SparseAutoencoder(9, max_iter=5, random_state=0))
    made = rebuilt_rows(layers_of(model.fit(digits))[0], digits)
    assert not made.is_undone
    assert_allclose(made.given, Normalizer().fit_transform(digits))
    assert_allclose(made.rebuilt, model[-1].inverse_transform(model.transform(digits)))


def test_sparse_steps_may_come_before_the_units(rng):
    X = scipy.sparse.csr_matrix(rng.rand(200, 12) * (rng.rand(200, 12) < 0.3))
    model = make_pipeline(TfidfTransformer(), SparseAutoencoder(3, max_iter=3, random_state=0))
    made = rebuilt_rows(layers_of(model.fit(X))[0], X.toarray())
    assert_allclose(made.given, model[0].transform(X).toarray())


def test_steps_that_were_fitted_on_tables_are_given_arrays(digits):
    table = pd.DataFrame(digits, columns=[f"pixel {n}" for n in range(64)])
    model = make_pipeline(StandardScaler(), SparseAutoencoder(9, max_iter=5, random_state=0))
    model.set_output(transform="pandas").fit(table)
    made = rebuilt_rows(layers_of(model)[0], digits)
    expected = model[0].inverse_transform(model[1].inverse_transform(model.transform(table)))
    assert made.is_undone
    assert_allclose(made.rebuilt, expected, rtol=1e-6)
