"""The gradient check: it passes what is right, and nothing else."""

import numpy as np
import pytest

from rhohat import (
    SparseObjective,
    check_gradient,
)


@pytest.fixture
def objective():
    return SparseObjective(6, 4)


@pytest.fixture
def theta(objective, rng):
    return 0.3 * rng.randn(objective.n_parameters)


def test_right_gradient_passes(objective, theta, rng):
    check = check_gradient(objective, theta, rng.rand(9, 6))
    assert check.ratio < 1e-8
    assert check.numeric.shape == check.analytic.shape == theta.shape


def test_wrong_gradient_fails(objective, theta, rng):
    class Wrong(SparseObjective):
        def loss_grad(self, theta, X, *others):
            loss, grad = super().loss_grad(theta, X, *others)
            return loss, grad * 1.01

    assert check_gradient(Wrong(6, 4), theta, rng.rand(9, 6)).ratio > 1e-3


def test_drawn_parameters_are_compared_like_all(objective, theta, rng):
    X = rng.rand(9, 6)
    some = check_gradient(objective, theta, X, n_parameters=7, random_state=0)
    full = check_gradient(objective, theta, X)
    assert some.numeric.shape == (7,)
    assert np.isin(some.analytic, full.analytic).all()


def test_zero_gradient_has_ratio_zero():
    objective = SparseObjective(2, 1, penalty="none", weight_decay=0)
    assert check_gradient(objective, np.zeros(7), np.zeros((3, 2))).ratio == 0
