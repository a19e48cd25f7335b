"""Groups of examples: each is what a plain look at all activations at once finds."""

from functools import reduce
from operator import iadd

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from rhohat.inspection import intervals
from rhohat.inspection.activation_statistics import N_SAMPLED, activation_statistics
from rhohat.inspection.groups import groups_of
from rhohat.inspection.intervals import INTERVALS, IntervalSample, interval_bounds, row_keys
from rhohat.objective.activations import ACTIVATIONS
from rhohat.rows.sampling import sample_rows
from rhohat.rows.sources import ArraySource

N_ROWS, TOP = 3500, 6


@pytest.fixture
def A(rng):
    """Sparse activations: one unit is never very active, one is silent, one always active."""
    A = rng.beta(0.2, 2, (N_ROWS, 7)).astype(np.float32)
    A[:, 1] *= 0.5
    A[:, 2] = 1e-6
    A[:, 3] = 0.99
    return A


def groups(A, activation="sigmoid"):
    source = ArraySource(A)
    return groups_of(activation_statistics(source, ACTIVATIONS[activation], n_examples=TOP), source)


def plain_group(a, low, high, is_last):
    """Rows of one unit in an interval, but not at the top: those with the least keys, ranked."""
    top = np.argsort(-a, kind="stable")[:TOP]
    inside = (low <= a) & ((a <= high) if is_last else (a < high))
    others = np.setdiff1d(np.flatnonzero(inside), top)
    kept = others[np.argsort(row_keys(others))][:N_SAMPLED]
    return np.flatnonzero(inside), kept[np.lexsort((kept, -a[kept]))]


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_groups_are_those_of_all_activations_at_once(A, activation):
    found = {group.name: group for group in groups(A, activation)}
    assert list(found) == ["top", "strong", "middle", "weak", "random"]
    for unit, a in enumerate(A.T):
        low, high = a.min(), a.max()  # of fewer rows than `RANGED`
        shares = [interval.begins for interval in INTERVALS.values()]
        ends = (low + (float(high) - float(low)) * np.array([*shares, 1])).astype(np.float32)
        ends[:-1] = ends[:-1] if high > low else np.inf
        for i, name in enumerate(INTERVALS):
            inside, kept = plain_group(a, ends[i], ends[i + 1], name == "strong")
            group = found[name]
            n = len(kept)
            assert group.counts[unit] == len(inside)
            assert_array_equal(group.rows[unit], np.append(kept, np.full(N_SAMPLED - n, -1)))
            assert_array_equal(group.values[unit, :n], a[kept])
            assert np.isnan(group.values[unit, n:]).all()
            assert (group.values[unit, :n] >= np.float32(group.low[unit])).all()
            assert (group.values[unit, :n] <= np.float32(group.high[unit])).all()
    best = np.argsort(-A, axis=0, kind="stable")[:TOP].T
    assert_array_equal(found["top"].rows, best)
    assert len(np.unique(found["random"].rows)) == N_SAMPLED
    values = np.take_along_axis(A.T, found["random"].rows, axis=1)
    assert_array_equal(found["random"].values, values)


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


def test_units_that_are_active_on_the_same_rows_show_the_same_ones(A):
    A[:, 5] = np.where(A[:, 4] > 0.1, 0.5, 0)
    A[:, 4] = np.where(A[:, 4] > 0.1, 0.6, 0)
    middle = groups(A)[2]
    assert_array_equal(middle.rows[4], middle.rows[5])
