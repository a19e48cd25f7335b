"""Mean, deviation and range of features, however rows are summed."""

import numpy as np
import pytest

from rhohat.rows.engines import ThreadEngine
from rhohat.rows.feature_sums import FeatureSums
from rhohat.rows.partition import Partition
from rhohat.rows.sources import in_memory


def sums_over(X, weight=None):
    engine = ThreadEngine(1)
    with engine.running():
        return FeatureSums.over(in_memory(X, weight), engine, Partition(7, 21))


@pytest.mark.parametrize("offset", [0, 1e6])
def test_they_are_those_of_all_rows_at_once(rng, offset):
    X = offset + rng.randn(100, 3) * [1, 2, 3]
    sums = sums_over(X)
    assert sums.weight == 100
    assert (sums.low, sums.high) == (X.min(), X.max())
    np.testing.assert_allclose(sums.mean, X.mean(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(sums.variances, X.var(axis=0), rtol=1e-9)
    assert sums.standard_deviation == pytest.approx(np.sqrt(X.var(axis=0).mean()), rel=1e-9)


def test_a_row_counts_as_often_as_it_weighs(rng):
    X, weight = rng.randn(40, 3), np.arange(1, 41) % 3 + 1
    weighted, repeated = sums_over(X, weight.astype(float)), sums_over(np.repeat(X, weight, axis=0))
    assert weighted.weight == repeated.weight
    np.testing.assert_allclose(weighted.mean, repeated.mean, rtol=1e-12)
    assert weighted.standard_deviation == pytest.approx(repeated.standard_deviation, rel=1e-12)


@pytest.mark.parametrize("n", [1, 8])
def test_targets_are_summed_as_rows_are(n, rng):
    X, T = rng.randn(n, 3), 1e6 + rng.randn(n, 2)
    engine = ThreadEngine(1)
    with engine.running():
        sums = FeatureSums.over(in_memory(X, target=T), engine, Partition(7, 7))
    np.testing.assert_allclose(sums.mean, X.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(sums.of_targets.mean, T.mean(axis=0), rtol=1e-12)


def test_features_that_do_not_vary_have_no_deviation():
    sums = sums_over(np.full((50, 2), 0.1))
    assert sums.standard_deviation == 0
    np.testing.assert_array_equal(sums.variances, 0)
