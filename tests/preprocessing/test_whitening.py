"""Whitening of rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from rhohat import Whitening


@pytest.fixture
def X(rng):
    return rng.randn(500, 6) @ rng.randn(6, 6) + rng.randn(6)


def covariance(X):
    return np.cov(X, rowvar=False, ddof=0)


@pytest.mark.parametrize("method", ["zca", "pca"])
def test_whitened_columns_are_uncorrelated_with_unit_variance(X, method):
    assert_allclose(
        covariance(Whitening(method, epsilon=0).fit_transform(X)), np.eye(6), atol=1e-10
    )


@pytest.mark.parametrize("method", ["zca", "pca"])
def test_epsilon_shrinks_each_direction_as_the_formula_says(X, method):
    model = Whitening(method, epsilon=0.5).fit(X)
    variances = np.linalg.eigvalsh(covariance(model.transform(X)))
    expected = model.explained_variance_ / (model.explained_variance_ + 0.5)
    assert_allclose(np.sort(variances), np.sort(expected), atol=1e-10)


def test_zca_matrix_is_symmetric_and_pca_is_its_rotation(X):
    zca, pca = Whitening("zca").fit(X), Whitening("pca").fit(X)
    assert_allclose(zca.matrix_, zca.matrix_.T, atol=1e-12)
    assert_allclose(pca.transform(X) @ pca.components_, zca.transform(X), atol=1e-10)


def test_components_and_variances_are_those_of_pca(X):
    model, pca = Whitening("pca").fit(X), PCA().fit(X)
    assert_allclose(np.abs(model.components_), np.abs(pca.components_), atol=1e-8)
    assert_allclose(model.explained_variance_, pca.explained_variance_ * 499 / 500)
    assert_allclose(model.explained_variance_ratio_, pca.explained_variance_ratio_)


@pytest.mark.parametrize("method", ["zca", "pca"])
@pytest.mark.parametrize("epsilon", [0, 0.01, 10])
def test_inverse_is_exact_with_all_components(X, method, epsilon):
    model = Whitening(method, epsilon=epsilon).fit(X)
    assert_allclose(model.inverse_transform(model.transform(X)), X, atol=1e-9)


@pytest.mark.parametrize("method", ["zca", "pca"])
def test_inverse_with_some_components_projects_onto_them(X, method):
    model, pca = Whitening(method, n_components=3).fit(X), PCA(3).fit(X)
    projected = pca.inverse_transform(pca.transform(X))
    assert_allclose(model.inverse_transform(model.transform(X)), projected, atol=1e-8)


@pytest.mark.parametrize(
    ("n_components", "kept"), [(None, 6), (2, 2), (6, 6), (0.999999999, 6), (1e-9, 1)]
)
def test_number_or_share_of_variance_decides_how_many_are_kept(X, n_components, kept):
    assert Whitening(n_components=n_components).fit(X).n_components_ == kept


def test_share_keeps_the_fewest_components_that_reach_it(digits):
    model = Whitening("pca", n_components=0.99).fit(digits)
    assert model.explained_variance_ratio_.sum() >= 0.99
    assert model.explained_variance_ratio_[:-1].sum() < 0.99
    assert model.transform(digits).shape == (len(digits), model.n_components_)


@pytest.mark.parametrize("epsilon", [0, 0.01])
def test_constant_features_stay_bounded_on_new_data(X, epsilon):
    constant = np.column_stack([X, np.full(len(X), 7.0)])
    model = Whitening(epsilon=epsilon).fit(constant)
    new = constant.copy()
    new[:, -1] += 1
    assert np.abs(model.transform(new)[:, -1]).max() <= (1 / np.sqrt(epsilon) if epsilon else 1e-6)


def test_fewer_rows_than_features_do_not_blow_up_new_data(rng):
    model = Whitening(epsilon=0).fit(rng.randn(4, 20))
    assert np.abs(model.transform(rng.randn(100, 20))).max() < 1e3


def test_one_row_whitens_to_zero():
    assert_allclose(Whitening().fit_transform(np.ones((1, 3))), 0)


def test_large_offsets_do_not_cost_precision(X):
    shifted = Whitening(epsilon=0).fit(X + 1e7)
    assert_allclose(shifted.explained_variance_, Whitening().fit(X).explained_variance_, rtol=1e-6)


def test_float32_is_summed_in_float64(X):
    single = Whitening().fit(X.astype(np.float32))
    assert_allclose(single.matrix_, Whitening().fit(X).matrix_, rtol=1e-4, atol=1e-5)


def test_adjoint_is_the_transpose(X, rng):
    model = Whitening().fit(X)
    weights = rng.randn(3, 6)
    responses = model.transform(X) @ weights.T
    assert_allclose((X - model.mean_) @ model.adjoint(weights).T, responses, atol=1e-10)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"method": "cholesky"}, ValueError, "method must be one of 'zca', 'pca'"),
        ({"epsilon": -1}, ValueError, "epsilon must lie in"),
        ({"n_components": 7}, ValueError, "at most n_features=6"),
        ({"n_components": 0}, ValueError, "at least 1"),
        *(({"n_components": share}, ValueError, "share of variance") for share in (1.5, 0.0, -0.5)),
    ],
)
def test_wrong_parameter_is_named(parameters, error, message, X):
    with pytest.raises(error, match=message):
        Whitening(**parameters).fit(X)


def test_inverse_refuses_the_wrong_number_of_columns(X):
    with pytest.raises(ValueError, match="expects 2, as transform returns them"):
        Whitening("pca", n_components=2).fit(X).inverse_transform(X)


@pytest.fixture
def wide(rng):
    """Fewer rows than columns."""
    return rng.randn(12, 40) @ np.diag(np.linspace(1, 3, 40)) + rng.randn(40)


@pytest.mark.parametrize("method", ["zca", "pca"])
@pytest.mark.parametrize("epsilon", [0, 0.3])
def test_few_wide_rows_are_whitened_as_by_the_whole_covariance(method, epsilon, wide):
    model = Whitening(method, epsilon=epsilon).fit(wide)
    values, vectors = np.linalg.eigh(covariance(wide))
    values, U = values[::-1][:11], vectors[:, ::-1][:, :11]
    assert model.components_.shape == (11, 40)
    assert_allclose(model.explained_variance_, values, rtol=1e-10)
    expected = (wide - wide.mean(axis=0)) @ U / np.sqrt(values + epsilon)
    if method == "zca":
        assert_allclose(model.transform(wide), expected @ U.T, atol=1e-9)
    else:
        assert_allclose(np.abs(model.transform(wide)), np.abs(expected), atol=1e-9)
    assert_allclose(model.inverse_transform(model.transform(wide)), wide, atol=1e-9)


@pytest.mark.parametrize("n_rows", [12, 30])
def test_zca_of_few_components_is_applied_without_its_matrix(n_rows, rng):
    """Thin factors do what the matrix of columns x columns does, in all three directions."""
    X, weights = rng.randn(n_rows, 40), rng.randn(3, 40)
    model = Whitening(epsilon=0.1, n_components=9).fit(X)
    assert_allclose(model.transform(X), (X - model.mean_) @ model.matrix_.T, atol=1e-12)
    assert_allclose(model.adjoint(weights), weights @ model.matrix_, atol=1e-12)
    expected = X @ model.inverse_matrix_.T + model.mean_
    assert_allclose(model.inverse_transform(X), expected, atol=1e-12)
    assert max(factor.size for factor in model._factors(-0.5)) == 9 * 40


def test_few_wide_rows_need_no_matrix_of_the_covariance(rng):
    X = rng.randn(10, 20_000)  # whose covariance would take 3.2 GB
    model = Whitening().fit(X)
    assert model.transform(X).shape == X.shape


def test_more_components_than_few_rows_span_are_refused(wide):
    with pytest.raises(ValueError, match="at most 11, the directions in which 12 rows vary, got 1"):
        Whitening(n_components=12).fit(wide)


def test_what_lies_outside_the_span_of_few_rows_is_dropped(wide, rng):
    model = Whitening(epsilon=0.1).fit(wide)
    new = rng.randn(5, 40)
    inside = (new - model.mean_) @ model.components_.T @ model.components_ + model.mean_
    assert_allclose(model.transform(new), model.transform(inside), atol=1e-9)


def test_few_wide_rows_in_a_file_are_whitened_alike(wide, tmp_path):
    np.save(tmp_path / "wide.npy", wide)
    stored = Whitening().fit(str(tmp_path / "wide.npy"))
    assert_allclose(stored.components_, Whitening().fit(wide).components_, rtol=0, atol=0)
