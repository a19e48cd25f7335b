"""Penalties that see weights: what they are equal to, and what they are blind to."""

import numpy as np
import pytest

from rhohat import ContractivePenalty, DecoderNormL1Sparsity, SparseObjective
from rhohat.objective.decoders import DECODERS
from support.cases import make_case


def sparsity(objective, theta, X):
    return objective.loss_terms(objective.terms(X, theta), theta).sparsity


def test_the_contractive_penalty_is_the_squared_norm_of_the_derivative_by_the_input():
    objective, theta, X, *_ = make_case("sigmoid", "linear", "contractive")
    parameters, e, total = objective.unpack(theta), 1e-6, 0.0
    for x in X:
        steps = e * np.eye(len(x))
        ahead, behind = (objective.encode(x + s * steps, parameters) for s in (1, -1))
        total += np.sum(((ahead - behind) / (2 * e)) ** 2)
    expected = objective.penalty.weight * total / len(X)
    assert sparsity(objective, theta, X) == pytest.approx(expected, rel=1e-8)


def test_l1_times_norm_does_not_change_where_units_and_decoder_are_scaled_against_each_other():
    objective, theta, X, *_ = make_case("relu", "linear", "l1-decoder-norm")
    scaled = theta.copy()
    parts = objective.unpack(scaled)
    factors = np.array([0.5, 3.0, 20.0])[:, None]
    parts["W_enc"] *= factors
    parts["b_enc"] *= factors[:, 0]
    parts["W_dec"] /= factors
    expected = sparsity(objective, theta, X)
    assert sparsity(objective, scaled, X) == pytest.approx(expected, rel=1e-12)


def test_a_decoder_of_zeros_has_a_finite_gradient():
    objective = SparseObjective(4, 3, activation="relu", penalty=DecoderNormL1Sparsity(2.0))
    theta = np.random.RandomState(0).normal(size=objective.n_parameters)
    objective.unpack(theta)["W_dec"][1] = 0
    loss, grad = objective.loss_grad(theta, np.ones((5, 4)))
    assert np.isfinite(loss)
    assert np.isfinite(grad).all()


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_decoder_that_the_penalty_sees_is_not_solved_for(decoder):
    seen = SparseObjective(4, 3, decoder=decoder, penalty=DecoderNormL1Sparsity())
    unseen = SparseObjective(4, 3, decoder=decoder, penalty=ContractivePenalty())
    assert not seen.is_solvable
    assert unseen.is_solvable == DECODERS[decoder].is_solvable
