"""Groups of examples: each is what a plain look at all activations at once finds."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rhohat.inspection.activation_statistics import N_SAMPLED, activation_statistics
from rhohat.inspection.groups import groups_of
from rhohat.inspection.intervals import INTERVALS, row_keys
from rhohat.objective.activations import ACTIVATIONS
from rhohat.rows.sources import ArraySource
from support.activations import mixed_activations

TOP = 6


@pytest.fixture
def A(rng):
    return mixed_activations(rng, 3500)


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


def test_units_that_are_active_on_the_same_rows_show_the_same_ones(A):
    A[:, 5] = np.where(A[:, 4] > 0.1, 0.5, 0)
    A[:, 4] = np.where(A[:, 4] > 0.1, 0.6, 0)
    middle = groups(A)[2]
    assert_array_equal(middle.rows[4], middle.rows[5])
