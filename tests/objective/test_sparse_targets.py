"""Targets: the loss and gradient of reconstructing other rows than those that are encoded."""

from itertools import cycle

import numpy as np
import pytest

from rhohat import SparseObjective, check_gradient
from rhohat.objective.decoders import DECODERS
from rhohat.objective.projection import best_decoder, code_sums
from support.cases import (
    COMBINATIONS,
    COVERING,
    SOLVABLE,
    five_point,
    make_case,
    oracle_loss_grad,
    relative,
    settled,
)

every_combination = pytest.mark.parametrize(("activation", "decoder", "penalty"), COVERING)
#: Columns of targets: fewer than those of the rows, as many, and more.
WIDTHS = (2, 4, 5)


@pytest.mark.parametrize(
    ("activation", "decoder", "penalty", "n_outputs"),
    [(*names, n) for names, n in zip(COMBINATIONS, cycle(WIDTHS), strict=False)],
)
def test_loss_and_gradient_agree_with_the_plain_loops(activation, decoder, penalty, n_outputs):
    case = make_case(activation, decoder, penalty, n_outputs=n_outputs)
    objective, theta, X, weight, target = case
    expected_loss, expected_grad = oracle_loss_grad(objective, theta, X, weight, target)
    assert relative(case.loss(theta), expected_loss) < 1e-12
    assert relative(case.grad(), expected_grad) < 1e-12
    theta = settled(objective, theta, X, weight)
    sums = objective.losses(X, theta, weight, target=target)
    assert relative(objective.loss_terms(sums, theta).total, expected_loss) < 1e-12


@every_combination
def test_gradient_agrees_with_five_point_differences(activation, decoder, penalty):
    case = make_case(activation, decoder, penalty, n_outputs=5)
    assert relative(five_point(case.loss, case.theta), case.grad()) < 1e-8


@every_combination
def test_gradient_passes_the_check(activation, decoder, penalty):
    objective, theta, X, weight, target = make_case(activation, decoder, penalty, n_outputs=5)
    check = check_gradient(objective, theta, X, weight, target=target, step=1e-5)
    assert check.ratio < 1e-7
    wrong = check_gradient(objective, theta, X, weight, target=target + 1, step=1e-5)
    assert not np.allclose(wrong.analytic, check.analytic)


@every_combination
def test_taylor_remainder_is_of_second_order(activation, decoder, penalty):
    case = make_case(activation, decoder, penalty, n_outputs=5)
    direction = np.random.RandomState(1).uniform(-1, 1, case.theta.size)
    slope = case.grad() @ direction
    remainders = [
        abs(case.loss(case.theta + step * direction) - case.loss(case.theta) - step * slope)
        for step in 1e-3 * 0.5 ** np.arange(5)
    ]
    np.testing.assert_allclose(-np.diff(np.log2(remainders)), 2, atol=0.1)


@every_combination
def test_targets_that_are_the_rows_change_no_bit(activation, decoder, penalty):
    objective, theta, X, weight, _ = make_case(activation, decoder, penalty)
    loss, grad = objective.loss_grad(theta, X, weight)
    again, same = objective.loss_grad(theta, X, weight, X.copy())
    assert again == loss
    np.testing.assert_array_equal(same, grad)


@pytest.mark.parametrize(("activation", "penalty"), SOLVABLE)
def test_the_best_decoder_is_that_for_the_targets(activation, penalty):
    """The gradient by its weights is zero, and that by the encoder is the one without them."""
    objective, theta, X, weight, target = make_case(activation, "linear", penalty, n_outputs=5)
    theta = settled(objective, theta, X, weight)
    A = np.empty((len(X), objective.n_components))
    center = target.mean(axis=0)
    sums = code_sums(objective, X, theta, center, weight, target=target, out=A)
    W_dec, b_dec = best_decoder(sums, objective.weight_decay, center, X.dtype)
    n_encoder = objective.n_encoder_parameters
    best = np.concatenate([theta[:n_encoder], W_dec.ravel(), b_dec])
    loss, grad = objective.loss_grad(best, X, weight, target)
    assert np.abs(grad[n_encoder:]).max() < 1e-12
    for step in (-1e-3, 1e-3):
        moved = best.copy()
        moved[n_encoder:] += step
        assert objective.loss_grad(moved, X, weight, target)[0] > loss
    slope = objective.penalty_slope(sums, best)
    terms = objective.terms(X, best, weight, target=target, held=A, slope=slope, encoder_only=True)
    terms.weight, terms.activity = sums.weight, sums.activity
    assert relative(objective.gradient(terms, best), grad[:n_encoder]) < 1e-12


# What makes no sense.


def test_a_tied_decoder_with_other_columns_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match="the input's 4 columns, but the target has 5: use decod"):
        SparseObjective(4, 3, decoder="tied", n_outputs=5)


@pytest.mark.parametrize("decoder", DECODERS)
def test_targets_of_another_shape_are_refused(decoder):
    objective, theta, X, *_ = make_case("sigmoid", decoder, "kl")
    for shape in ((7, 3), (6, 4), (7,)):
        with pytest.raises(ValueError, match=r"target must have shape \(7, 4\), got"):
            objective.loss_grad(theta, X, None, np.zeros(shape))


def test_rows_without_targets_are_not_taken_for_targets_of_another_width():
    objective, theta, X, *_ = make_case("sigmoid", "linear", "kl", n_outputs=5)
    with pytest.raises(ValueError, match=r"target must have shape \(7, 5\), got \(7, 4\)"):
        objective.loss_grad(theta, X)
