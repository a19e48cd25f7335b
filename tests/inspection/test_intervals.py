"""Intervals of activation: the rows that are kept of each, whatever the blocks."""

from functools import reduce
from operator import iadd

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from rhohat.inspection import intervals
from rhohat.inspection.intervals import IntervalSample, interval_bounds, row_keys
from rhohat.rows.sampling import sample_rows
from rhohat.rows.sources import ArraySource
from support.activations import mixed_activations

N_ROWS = 3500


@pytest.fixture
def A(rng):
    return mixed_activations(rng, N_ROWS)


def test_the_sample_does_not_depend_on_blocks(A):
    bounds = interval_bounds(ArraySource(A))

    def sampled(ends):
        parts = zip([0, *ends], [*ends, N_ROWS], strict=True)
        blocks = [IntervalSample.of(A[i:j].T, i, bounds, 4) for i, j in parts]
        return reduce(iadd, blocks)

    whole = sampled([])
    for ends in ([1], [3, 1024, 1025, 3000], list(range(50, N_ROWS, 50))):
        parts = sampled(ends)
        assert_array_equal(parts.counts, whole.counts)
        assert_array_equal(parts.rows, whole.rows)
        exists = whole.rows >= 0
        assert_array_equal(parts.values[exists], whole.values[exists])


def test_every_row_of_an_interval_is_as_likely_to_be_kept():
    A, bounds = np.full((1, 1000), 0.5), np.array([[0.1, 0.3, 0.7]])
    kept = np.zeros(1000)
    for start in range(0, 300_000, 1000):
        kept[IntervalSample.of(A, start, bounds, 100).rows[0, 1] - start] += 1
    parts = kept.reshape(10, -1).sum(axis=1)  # 3,000 expected in each tenth
    assert np.abs(parts - 3000).max() < 5 * np.sqrt(3000)
    assert kept.min() > 5
    assert kept.max() < 65


def test_the_range_is_that_of_a_sample_of_many_rows(A, monkeypatch):
    monkeypatch.setattr(intervals, "RANGED", 100)
    few = A[sample_rows(N_ROWS, 100, seed=0)].astype(np.float64)
    bounds = interval_bounds(ArraySource(A))
    low, high = few.min(axis=0), few.max(axis=0)
    varies = high > low
    assert_allclose(bounds[varies, 1], (low + (high - low) / 3)[varies])
    assert np.isinf(bounds[~varies]).all()


def test_keys_of_rows_differ():
    keys = row_keys(np.arange(100_000))
    assert len(np.unique(keys)) == len(keys)
