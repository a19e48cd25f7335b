"""Standardization of rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rhohat import Standardization, load, save
from rhohat.preprocessing.standardization import SCALES
from rhohat.preprocessing.steps import AffineMap
from support.cases import laws
from support.fits import bits
from support.stored import WAYS, as_npy, autoencoder
from support.stored import X as STORED

every_scale = pytest.mark.parametrize("scale", SCALES)


@pytest.fixture
def X(rng):
    """Columns of unlike scale, far from zero."""
    return rng.randn(500, 6) @ rng.randn(6, 6) * [1, 10, 0.1, 3, 1, 100] + 50 * rng.randn(6)


def test_a_scale_for_each_column_is_scikit_learns_scaler(X):
    ours, theirs = Standardization("columns").fit(X), StandardScaler().fit(X)
    assert_allclose(ours.mean_, theirs.mean_)
    assert_allclose(ours.scale_, theirs.scale_)
    assert_allclose(ours.transform(X), theirs.transform(X), atol=1e-11)


def test_one_scale_is_the_root_of_the_mean_variance_and_keeps_ratios(X):
    model = Standardization().fit(X)
    assert_allclose(model.scale_, np.full(6, np.sqrt(X.var(axis=0).mean())))
    Z = model.transform(X)
    assert_allclose(Z.mean(axis=0), 0, atol=1e-12)
    assert Z.var(axis=0).mean() == pytest.approx(1)
    assert_allclose(Z.std(axis=0) / Z[:, 0].std(), X.std(axis=0) / X[:, 0].std())


@given(seed=st.integers(0, 10**6), factor=st.floats(1e-3, 1e3), offset=st.floats(-100, 100))
@laws(20)
@every_scale
def test_the_datas_own_unit_and_origin_do_not_matter(scale, seed, factor, offset):
    X = np.random.RandomState(seed).normal(size=(30, 4))
    moved = Standardization(scale).fit_transform(factor * X + offset)
    assert_allclose(moved, Standardization(scale).fit_transform(X), rtol=1e-6, atol=1e-6)


@every_scale
@pytest.mark.parametrize("value", [0.0, 0.1, 1e6 / 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_columns_stay_where_they_are_on_new_data_too(X, scale, value, dtype):
    constant = np.column_stack([X, np.full(len(X), value)]).astype(dtype)
    model = Standardization(scale).fit(constant)
    new = constant.copy()
    new[:, -1] += 1
    assert_allclose(model.transform(constant)[:, -1], 0, atol=0.1 if dtype == np.float32 else 1e-6)
    assert np.isfinite(model.transform(new)).all()
    assert np.abs(model.transform(new)[:, -1]).max() <= 1.1


@every_scale
def test_rows_that_do_not_vary_become_zero(scale):
    model = Standardization(scale).fit(np.full((5, 3), 0.1))
    assert_array_equal(model.scale_, 1)
    assert_allclose(model.transform(np.full((1, 3), 0.1)), 0, atol=1e-12)


def test_large_offsets_do_not_cost_precision(rng):
    X = rng.randn(500, 4)
    shifted = Standardization("columns").fit(X + 1e7)
    assert_allclose(shifted.scale_, X.std(axis=0), rtol=1e-6)


@every_scale
def test_float32_is_kept_and_summed_in_float64(X, scale):
    single = Standardization(scale).fit(X.astype(np.float32))
    assert (single.mean_.dtype, single.scale_.dtype) == (np.float64, np.float64)
    assert_allclose(single.mean_, X.mean(axis=0), rtol=1e-5)
    Z = single.transform(X.astype(np.float32))
    assert Z.dtype == single.inverse_transform(Z).dtype == np.float32
    assert_allclose(Z, Standardization(scale).fit_transform(X), atol=1e-3)


@every_scale
@pytest.mark.parametrize("way", ["path of .npy", "zarr", "stream", "blocks"])
def test_rows_outside_memory_have_the_same_bits_as_those_in_memory(scale, way, tmp_path):
    rows = WAYS[way](tmp_path)
    model, stored = Standardization(scale).fit(STORED), Standardization(scale).fit(rows)
    for name in ("mean_", "scale_"):
        assert_array_equal(getattr(stored, name), getattr(model, name), strict=True)
    later = stored.transform(rows)
    assert not isinstance(later, np.ndarray)
    assert later.shape == STORED.shape
    assert_array_equal(np.asarray(later), model.transform(STORED), strict=True)


def test_a_pipeline_on_a_file_learns_what_one_in_memory_does(tmp_path):
    pipeline = make_pipeline(Standardization("columns"), autoencoder())
    on_file = bits(pipeline.fit(as_npy(tmp_path))[-1])
    in_memory = pipeline.fit(STORED)[-1]
    assert on_file["n_iter_"] == in_memory.n_iter_
    assert on_file["loss_"] == pytest.approx(in_memory.loss_, rel=1e-5)


@every_scale
def test_inverse_gives_the_rows_again(X, scale):
    model = Standardization(scale).fit(X)
    assert_allclose(model.inverse_transform(model.transform(X)), X, rtol=1e-10)


@every_scale
def test_adjoint_and_join_are_those_of_the_affine_map_that_it_is(X, rng, scale):
    model = Standardization(scale).fit(X)
    after = AffineMap(rng.randn(3, 6), rng.randn(3))
    responses = model.transform(X) @ after.weights.T
    assert_allclose((X - model.mean_) @ model.adjoint(after.weights).T, responses, atol=1e-10)
    joined = model.joined(after)
    assert_allclose(X @ joined.weights.T + joined.bias, responses + after.bias, atol=1e-9)
    assert_array_equal(model.middle, np.zeros(6))


@every_scale
def test_changes_of_its_output_are_carried_back_as_changes_of_its_input(X, rng, scale):
    model = Standardization(scale).fit(X)
    changes = rng.randn(3, 6)
    back = model.as_change_of_input(changes)
    assert_allclose(model.transform(X[:3] + back) - model.transform(X[:3]), changes, atol=1e-10)


@every_scale
def test_it_is_saved_and_loaded_to_the_last_bit(X, scale, tmp_path):
    model = Standardization(scale).fit(X)
    save(model, tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.get_params() == model.get_params()
    for name in ("mean_", "scale_"):
        assert_array_equal(getattr(loaded, name), getattr(model, name), strict=True)
    assert_array_equal(loaded.transform(X), model.transform(X), strict=True)


def test_columns_keep_their_names(X):
    table = pd.DataFrame(X, columns=list("abcdef"))
    model = Standardization().fit(table)
    assert list(model.get_feature_names_out()) == list("abcdef")
    assert list(Standardization().fit(X).get_feature_names_out()) == [f"x{i}" for i in range(6)]


def test_the_input_is_left_as_it_was(X):
    before = X.copy()
    X.setflags(write=False)
    model = Standardization().fit(X)
    model.inverse_transform(model.transform(X))
    assert_array_equal(X, before)


@pytest.mark.parametrize("scale", ["rows", None, 2])
def test_wrong_scale_is_named(X, scale):
    with pytest.raises(ValueError, match="scale must be one of 'all', 'columns', got"):
        Standardization(scale).fit(X)


def test_what_does_not_suit_is_refused(X):
    model = Standardization().fit(X)
    with pytest.raises(ValueError, match="X has 2 columns, but inverse_transform expects 6"):
        model.inverse_transform(X[:, :2])
    with pytest.raises(ValueError, match="expecting 6 features"):
        model.transform(X[:, :2])
    for method in ("transform", "inverse_transform", "adjoint"):
        with pytest.raises(NotFittedError):
            getattr(Standardization(), method)(X)


def test_not_a_number_is_named_where_it_lies(tmp_path):
    spoiled = STORED.copy()
    spoiled[77, 2] = np.nan
    with pytest.raises(ValueError, match="row 77, column 2"):
        Standardization().fit(as_npy(tmp_path, spoiled))
    with pytest.raises(ValueError, match="NaN"):
        Standardization().fit(spoiled)
