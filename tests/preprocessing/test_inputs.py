"""Inputs of estimators: rows of the width that was seen in fit, and rows drawn at random."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rhohat.preprocessing.inputs import drawn_rows
from support.stored import WAYS, X, as_npy, autoencoder


@pytest.fixture(scope="module")
def in_memory():
    return autoencoder().fit(X)


def test_another_number_of_columns_is_refused(tmp_path, in_memory):
    with pytest.raises(ValueError, match="has 3 columns, but SparseAutoencoder was fitted on 8"):
        in_memory.transform(as_npy(tmp_path, X[:, :3].copy()))


@pytest.mark.parametrize("way", WAYS)
def test_the_same_rows_are_drawn_wherever_they_lie(way, tmp_path):
    drawn, n_rows = drawn_rows(WAYS[way](tmp_path), 100, seed=3)
    expected, _ = drawn_rows(X, 100, seed=3)
    assert n_rows == len(X)
    assert_array_equal(drawn, expected, strict=True)


def test_rows_are_drawn_once_each_and_in_an_order_that_the_seed_decides():
    rows = np.arange(500.0)[:, None] * [1, -1]
    drawn, _ = drawn_rows(rows, 200, seed=0)
    assert drawn.shape == (200, 2)
    assert len(np.unique(drawn[:, 0])) == 200
    assert (np.diff(drawn[:, 0]) < 0).mean() == pytest.approx(0.5, abs=0.15)
    assert_array_equal(drawn, drawn_rows(rows, 200, seed=0)[0])
    assert (drawn != drawn_rows(rows, 200, seed=1)[0]).any()


def test_of_few_rows_all_are_drawn():
    rows = np.arange(20.0)[:, None]
    drawn, n_rows = drawn_rows(rows, 200, seed=0)
    assert (n_rows, drawn.dtype) == (20, np.float64)
    assert_array_equal(np.sort(drawn, axis=0), rows)
    assert (drawn != rows).any()


def test_drawn_rows_are_finite(tmp_path):
    spoiled = X.copy()
    spoiled[77, 2] = np.nan
    with pytest.raises(ValueError, match="row 77, column 2"):
        drawn_rows(as_npy(tmp_path, spoiled), len(X), seed=0)
    with pytest.raises(ValueError, match="NaN"):
        drawn_rows(spoiled, 10, seed=0)
