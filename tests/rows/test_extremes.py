"""Extremes: how far activations vary over the rows that count."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rhohat.rows.extremes import Extremes
from rhohat.rows.sources import Rows
from support.cases import sparse_data
from support.fits import make_model


def test_units_that_vary_on_rows_of_weight_zero_only_are_dead():
    """Rows that do not count wake no unit."""
    X = np.vstack([np.full((40, 3), 0.5), sparse_data(5, 3)])
    weight = np.concatenate([np.ones(40), np.zeros(5)])
    model = make_model(n_components=2, max_iter=3).fit(X, sample_weight=weight)
    assert model.n_dead_ == 2


def test_extremes_of_blocks_are_those_of_all_rows(rng):
    X = rng.randn(30, 4)
    total = Extremes.of(Rows(X[:10]), np.negative)
    for start in (10, 20):
        total += Extremes.of(Rows(X[start : start + 10]), np.negative)
    assert_array_equal(total.low, -X.max(axis=0))
    assert_array_equal(total.high, -X.min(axis=0))


@pytest.mark.parametrize(
    ("bounds", "spreads", "constant"),
    [
        ((0, 1), [0, 0.001, 0.00101, 0.5], [True, True, False, False]),
        ((-1, 1), [0, 0.002, 0.0021, 0.5], [True, True, False, False]),
        ((0, np.inf), [0, 0.02, 0.021, 20], [True, True, False, False]),
        ((-np.inf, np.inf), [0, 0.02, 0.021, 20], [True, True, False, False]),
    ],
)
def test_units_are_constant_that_vary_by_a_thousandth_at_most(bounds, spreads, constant):
    """Of the activation's range, or of the unit's that varies most."""
    extremes = Extremes(np.zeros(4), np.array(spreads))
    assert extremes.constant(bounds).tolist() == constant


def test_units_that_are_infinite_throughout_are_no_warning():
    infinite = np.array([np.inf])
    assert Extremes(infinite, infinite).constant((0, np.inf)).tolist() == [False]
