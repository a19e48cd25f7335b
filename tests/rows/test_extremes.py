"""Extremes: how far activations vary over the rows that count."""

import numpy as np

from support.cases import sparse_data
from support.fits import make_model


def test_units_that_vary_on_rows_of_weight_zero_only_are_dead():
    """Rows that do not count wake no unit."""
    X = np.vstack([np.full((40, 3), 0.5), sparse_data(5, 3)])
    weight = np.concatenate([np.ones(40), np.zeros(5)])
    model = make_model(n_components=2, max_iter=3).fit(X, sample_weight=weight)
    assert model.n_dead_ == 2
