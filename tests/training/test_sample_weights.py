"""Weights of rows: only their ratios count."""

import numpy as np
import pytest

from support.fits import GROWING, SMALL, WEIGHTS, assert_report_is_true, make_model

both_precisions = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def test_rows_of_weight_zero_are_as_if_absent():
    weight = np.random.RandomState(0).uniform(0.5, 2, 60)
    more_rows = np.vstack([SMALL[:60], np.full((10, 8), 30.0)])
    more_weights = np.concatenate([weight, np.zeros(10)])
    without = make_model().fit(SMALL[:60], sample_weight=weight)
    model = make_model().fit(more_rows, sample_weight=more_weights)
    for name in (*WEIGHTS, "average_activation_", "loss_curve_"):
        actual, expected = getattr(model, name), getattr(without, name)
        np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("random_state", range(4))
def test_one_row_that_counts_among_many_that_do_not_is_enough(random_state):
    """The first stage must not come to stand on rows of weight zero alone."""
    weight = np.zeros(6000)
    weight[4100] = 1
    model = make_model(max_iter=8, random_state=random_state).fit(GROWING, sample_weight=weight)
    assert_report_is_true(model, GROWING, weight)


@both_precisions
@pytest.mark.parametrize("factor", [2.0**-400, 2.0**-160, 2.0**160, 2.0**900])
def test_scaling_all_weights_of_rows_changes_nothing(dtype, factor):
    X = SMALL.astype(dtype)
    weight = np.random.RandomState(0).randint(1, 5, len(X)).astype(float)
    expected = make_model(max_iter=5).fit(X, sample_weight=weight)
    model = make_model(max_iter=5).fit(X, sample_weight=factor * weight)
    assert model.loss_ == pytest.approx(expected.loss_, rel=1e-5)
