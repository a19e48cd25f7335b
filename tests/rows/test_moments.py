"""Mean and covariance, in a pass over all rows."""

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose

from rhohat.preprocessing.variances import moments
from rhohat.rows.moments import Moments
from rhohat.rows.sources import ArraySource, Rows


def test_they_are_those_of_all_rows(rng):
    X = 1000 + rng.randn(3000, 5) @ rng.randn(5, 5)
    found = moments(ArraySource(X))
    assert_allclose(found.mean, X.mean(axis=0))
    assert_allclose(found.covariance, np.cov(X.T, ddof=0), rtol=1e-8)
    assert found.largest == np.abs(X).max()


@pytest.mark.parametrize("size", [1, 7, 40])
def test_sums_over_blocks_are_that_of_all(rng, size):
    X = rng.randn(40, 3)
    of = partial(Moments.of, shift=X[0])
    total = of(Rows(X[:size]))
    for start in range(size, 40, size):
        total += of(Rows(X[start : start + size]))
    assert_allclose(total.covariance, np.cov(X.T, ddof=0))


def test_rows_that_are_not_finite_are_refused():
    X = np.ones((4, 3))
    X[2, 1] = np.nan
    with pytest.raises(ValueError, match="row 2, column 1"):
        moments(ArraySource(X))
