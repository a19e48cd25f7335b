"""What units do on data."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from rhohat.inspection.activation_statistics import activation_statistics, firing_together
from rhohat.objective.activations import ACTIVATIONS
from rhohat.rows.sources import ArraySource


@pytest.fixture
def A(rng):
    return rng.rand(3500, 7).astype(np.float32)


def test_survey_is_that_of_all_rows_at_once(A):
    activity = activation_statistics(
        ArraySource(A), ACTIVATIONS["sigmoid"], n_examples=5, n_bins=10
    )
    order = np.argsort(-A, axis=0, kind="stable")[:5].T
    assert activity.n_rows == len(A)
    assert_array_equal(activity.rows, order)
    assert_array_equal(activity.values, np.take_along_axis(A.T, order, axis=1))
    assert_array_equal(activity.extremes.low, A.min(axis=0))
    assert_array_equal(activity.extremes.high, A.max(axis=0))
    assert_allclose(activity.total, A.sum(axis=0, dtype=np.float64), rtol=1e-6)
    for unit in range(7):
        counts = np.histogram(A[:, unit], bins=10, range=(0, 1))[0]
        assert np.abs(activity.counts[unit] - counts).sum() <= 2  # rounding at the bins' edges
        assert activity.counts[unit].sum() == len(A)


def test_of_rows_that_activate_equally_the_first_count(A):
    A[:, 2] = 0.5
    activity = activation_statistics(ArraySource(A), ACTIVATIONS["sigmoid"], n_examples=3)
    assert_array_equal(activity.rows[2], [0, 1, 2])
    A[[7, 2000, 3000], 1] = 2
    activity = activation_statistics(ArraySource(A), ACTIVATIONS["sigmoid"], n_examples=3)
    assert_array_equal(activity.rows[1], [7, 2000, 3000])


def test_fewer_rows_than_examples_asked_for_are_all_shown():
    activity = activation_statistics(ArraySource(np.array([[0.1], [0.9]])), ACTIVATIONS["sigmoid"])
    assert_array_equal(activity.rows, [[1, 0]])


def test_unbounded_histograms_span_what_there_is(rng):
    A = np.maximum(rng.randn(2500, 3), 0)
    activity = activation_statistics(ArraySource(A), ACTIVATIONS["relu"], n_bins=8)
    assert activity.edges[0] == 0
    assert activity.edges[-1] == A.max()
    assert_array_equal(activity.counts.sum(axis=1), len(A))
    silent = activation_statistics(ArraySource(np.zeros((4, 2))), ACTIVATIONS["relu"])
    assert_array_equal(silent.counts[:, 0], [4, 4])


def test_constant_units_are_found(A):
    A[:, 3] = 0.25
    activity = activation_statistics(ArraySource(A), ACTIVATIONS["sigmoid"])
    assert_array_equal(
        np.flatnonzero(activity.extremes.constant(ACTIVATIONS["sigmoid"].range)), [3]
    )


def test_units_that_fire_together_are_the_most_correlated(A, rng):
    A[:, 5] = A[:, 0] + 0.1 * rng.rand(len(A))
    together = firing_together(ArraySource(A), n_partners=3)
    R = np.corrcoef(A.T)
    np.fill_diagonal(R, -np.inf)
    assert together.n_rows == len(A)
    assert together.units[0, 0] == 5
    assert_array_equal(together.units, np.argsort(-R, axis=1)[:, :3])
    assert_allclose(together.correlations, -np.sort(-R, axis=1)[:, :3], atol=1e-5)


def test_a_sample_stands_for_more_rows_than_memory_may_hold(A):
    together = firing_together(ArraySource(A), max_bytes=4 * 7 * 500)
    assert together.n_rows == 500
    again = firing_together(ArraySource(A), max_bytes=4 * 7 * 500)
    assert_array_equal(together.units, again.units)


def test_a_constant_unit_fires_with_none(A):
    A[:, 1] = 0.5
    together = firing_together(ArraySource(A))
    assert_allclose(together.correlations[1], 0, atol=1e-6)
    assert firing_together(ArraySource(A[:, :1])).units.shape == (1, 0)
