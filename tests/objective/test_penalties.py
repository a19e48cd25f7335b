"""Laws that every row of `PENALTIES` keeps, and those of the divergence."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from rhohat import KLSparsity, L1Sparsity
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.penalties import PENALTIES
from support.cases import PENALTY_PARAMETERS, is_allowed, laws, make_penalty

ALLOWED = [(p, a) for p in PENALTIES for a in ACTIVATIONS if is_allowed(a, p)]
BOUNDED = [name for name, row in ACTIVATIONS.items() if row.is_bounded]

every_penalty = pytest.mark.parametrize("name", PENALTIES)
every_allowed_pair = pytest.mark.parametrize(("name", "activation"), ALLOWED)
every_bounded_activation = pytest.mark.parametrize("activation", BOUNDED)


def averages_of(activation):
    """Averages well inside the activation's range."""
    low, high = ACTIVATIONS[activation].range
    low, high = max(low, -3), min(high, 3)
    return low + (high - low) * np.linspace(0.03, 0.97, 13)


def value_at(penalty, activation, average):
    return penalty.on_average(np.atleast_1d(average), ACTIVATIONS[activation])[0]


def slope_at(penalty, activation, average):
    return penalty.on_average(np.atleast_1d(average), ACTIVATIONS[activation])[1]


@every_allowed_pair
def test_slope_agrees_with_differences_of_the_value(name, activation):
    penalty = make_penalty(name)
    e = 1e-4
    for average in averages_of(activation):

        def value(shift, average=average):
            return value_at(penalty, activation, average + shift)

        numerical = (8 * (value(e) - value(-e)) - (value(2 * e) - value(-2 * e))) / (12 * e)
        (slope,) = slope_at(penalty, activation, average)
        assert slope == pytest.approx(numerical, rel=1e-7, abs=1e-8)


@every_allowed_pair
def test_curvature_agrees_with_differences_of_the_slope(name, activation):
    penalty = make_penalty(name)
    averages = averages_of(activation)
    curvature = penalty.curvature(averages, ACTIVATIONS[activation])
    assert curvature.shape == averages.shape
    e = 1e-4

    def slope(shift):
        return slope_at(penalty, activation, averages + shift)

    numerical = (8 * (slope(e) - slope(-e)) - (slope(2 * e) - slope(-2 * e))) / (12 * e)
    np.testing.assert_allclose(curvature, numerical, rtol=1e-6, atol=1e-8)


@every_allowed_pair
def test_curvature_is_finite_and_never_negative(name, activation):
    """Also at the ends of the range, and where rounding has carried an average beyond them."""
    low, high = ACTIVATIONS[activation].range
    ends = np.array([max(low, -1e6), min(high, 1e6)])
    averages = np.concatenate([ends, ends - 1e-9, ends + 1e-9, averages_of(activation)])
    curvature = make_penalty(name).curvature(averages, ACTIVATIONS[activation])
    assert np.isfinite(curvature).all()
    assert (curvature >= 0).all()


@every_allowed_pair
def test_the_average_that_is_asked_for_costs_least(name, activation):
    penalty = make_penalty(name)
    asked = penalty.asked_average(ACTIVATIONS[activation])
    if asked is None:
        return
    assert value_at(penalty, activation, asked) == pytest.approx(0, abs=1e-12)
    assert all(value_at(penalty, activation, other) > 0 for other in averages_of(activation))


@every_allowed_pair
def test_fixed_slope_is_the_slope_at_every_average(name, activation):
    penalty = make_penalty(name)
    slope = slope_at(penalty, activation, averages_of(activation))
    if penalty.fixed_slope is None:
        assert np.ptp(slope) > 0
    else:
        np.testing.assert_array_equal(slope, penalty.fixed_slope)


@every_allowed_pair
def test_value_is_a_sum_over_units(name, activation):
    penalty = make_penalty(name)
    average = averages_of(activation)
    one_by_one = sum(value_at(penalty, activation, part) for part in average)
    assert value_at(penalty, activation, average) == pytest.approx(one_by_one, rel=1e-13)
    assert isinstance(value_at(penalty, activation, average), float)


@every_penalty
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pointwise_derivative_agrees_with_differences(name, dtype):
    penalty = make_penalty(name)
    A = np.array([[-1.5, -0.3, 0.2], [0.7, 1.1, 2.0]], dtype=dtype)
    h, slope = penalty.pointwise(A)
    assert h.dtype == dtype
    e = 1e-3 if dtype == np.float32 else 1e-5
    numerical = (penalty.pointwise(A + dtype(e))[0] - penalty.pointwise(A - dtype(e))[0]) / (2 * e)
    np.testing.assert_allclose(1 if slope is None else slope, numerical, rtol=1e-3, atol=1e-9)


@every_penalty
def test_parameters_survive_clone_and_are_doubled_by_the_weight(name):
    penalty = make_penalty(name)
    assert clone(penalty).get_params() == penalty.get_params()
    assert penalty.get_params() == PENALTY_PARAMETERS.get(name, penalty.get_params())
    if "weight" in penalty.get_params():
        twice = clone(penalty).set_params(weight=2 * penalty.weight)
        average = np.array([0.3, 0.6])
        value, slope = penalty.on_average(average, ACTIVATIONS["sigmoid"])
        value_twice, slope_twice = twice.on_average(average, ACTIVATIONS["sigmoid"])
        assert value_twice == pytest.approx(2 * value, rel=1e-14)
        np.testing.assert_allclose(slope_twice, 2 * slope, rtol=1e-14)


# The divergence.


def average_for(activation, share):
    low, high = ACTIVATIONS[activation].range
    return low + (high - low) * share


@every_bounded_activation
@given(target=st.floats(1e-6, 1 - 1e-6), weight=st.floats(1e-3, 1e3))
@laws(40)
def test_divergence_is_zero_and_flat_at_the_target(activation, target, weight):
    penalty = KLSparsity(target, weight)
    at_target = average_for(activation, target)
    assert value_at(penalty, activation, at_target) == pytest.approx(0, abs=1e-13 * weight)
    # A share is known to 1e-16, and the slope changes by 1 / (rho (1 - rho)) per unit of share.
    assert slope_at(penalty, activation, at_target) == pytest.approx(
        0, abs=1e-14 * weight / (target * (1 - target))
    )


@every_bounded_activation
@given(target=st.floats(1e-3, 1 - 1e-3), shares=st.lists(st.floats(0, 1), min_size=2, max_size=6))
@laws(60)
def test_divergence_grows_away_from_the_target(activation, target, shares):
    penalty = KLSparsity(target, 1.0)

    def value(share):
        return value_at(penalty, activation, average_for(activation, share))

    below = sorted((share for share in shares if share <= target), reverse=True)
    above = sorted(share for share in shares if share >= target)
    for side in (below, above):
        for nearer, farther in pairwise(side):
            assert value(farther) >= value(nearer) - 1e-13
            if abs(farther - nearer) > 1e-3:
                assert value(farther) > value(nearer)


@every_bounded_activation
@pytest.mark.parametrize("target", [0.01, 0.05, 0.5, 0.9])
def test_divergence_pushes_every_unit_towards_the_target(activation, target):
    penalty = KLSparsity(target, 1.0)
    for share in (0.0, 1e-12, 1e-6, target / 2):
        assert slope_at(penalty, activation, average_for(activation, share)) < 0
    for share in (1.0, 1 - 1e-12, 1 - 1e-6, (1 + target) / 2):
        assert slope_at(penalty, activation, average_for(activation, share)) > 0


@every_bounded_activation
@pytest.mark.parametrize("share", [0.0, 5e-324, 1e-45, 1e-17, 1 - 1e-16, 1.0])
def test_divergence_is_finite_for_dead_and_saturated_units(activation, share):
    average = np.array([average_for(activation, share), average_for(activation, 0.3)])
    value, slope = KLSparsity(0.01, 3.0).on_average(average, ACTIVATIONS[activation])
    assert np.isfinite(value)
    assert np.isfinite(slope).all()


@pytest.mark.parametrize("edge", [KLSparsity.edge, 1 - KLSparsity.edge])
@pytest.mark.parametrize("target", [0.01, 0.3])
def test_value_and_slope_are_continuous_across_the_edges_of_the_tangent(edge, target):
    penalty = KLSparsity(target, 1.0)
    width = 0.2 * KLSparsity.edge
    shares = edge + width * np.linspace(-3, 3, 61)
    values = np.array([value_at(penalty, "sigmoid", share) for share in shares])
    slopes = np.array([slope_at(penalty, "sigmoid", share)[0] for share in shares])
    # The trapezium of the slopes is the change of the value: no jump in either.
    trapezia = np.diff(shares) * (slopes[1:] + slopes[:-1]) / 2
    np.testing.assert_allclose(np.diff(values), trapezia, rtol=1e-3, atol=1e-15)
    assert np.abs(np.diff(slopes)).max() < 0.05 * np.abs(slopes).max()


@pytest.mark.parametrize("share", [0.0, 3e-9, 1 - 3e-9, 1.0])
def test_beyond_the_edges_the_slope_is_that_of_the_value(share):
    penalty = KLSparsity(0.05, 3.0)
    e = 1e-9
    numerical = (
        value_at(penalty, "sigmoid", share + e) - value_at(penalty, "sigmoid", share - e)
    ) / (2 * e)
    assert slope_at(penalty, "sigmoid", share) == pytest.approx(numerical, rel=1e-5)


def test_target_is_a_share_of_activity_whatever_the_range():
    """rho = .05 asks a tanh unit for an average of -0.9, at half the slope of a sigmoid unit."""
    penalty = KLSparsity(0.05, 3.0)
    assert value_at(penalty, "tanh", -0.9) == pytest.approx(0, abs=1e-14)
    for share in (0.02, 0.2, 0.8):
        average = 2 * share - 1
        assert value_at(penalty, "tanh", average) == pytest.approx(
            value_at(penalty, "sigmoid", share), rel=1e-12
        )
        assert slope_at(penalty, "tanh", average) == pytest.approx(
            slope_at(penalty, "sigmoid", share) / 2, rel=1e-12
        )


@pytest.mark.parametrize("target", [1e-12, 1e-9, 1 - 1e-9])
def test_divergence_is_least_at_the_target_or_the_target_is_refused(target):
    penalty = KLSparsity(target, 1.0)
    try:
        penalty.check(ACTIVATIONS["sigmoid"])
    except ValueError:
        return
    for share in (0.0, 1e-10, 1e-7, 0.5, 1 - 1e-7, 1.0):
        assert value_at(penalty, "sigmoid", share) >= -1e-15


@pytest.mark.parametrize("target", [0, 1, -0.1, 1.5, float("nan"), float("inf")])
def test_target_out_of_range_is_refused(target):
    with pytest.raises(ValueError, match=r"KLSparsity target must lie in \(.*, .*\), got"):
        KLSparsity(target).check(ACTIVATIONS["sigmoid"])


@pytest.mark.parametrize("penalty", [KLSparsity, L1Sparsity])
@pytest.mark.parametrize("weight", [-1, float("nan"), float("inf")])
def test_weight_out_of_range_is_refused(penalty, weight):
    with pytest.raises(ValueError, match="weight must lie in"):
        penalty(weight=weight).check(ACTIVATIONS["sigmoid"])


@pytest.mark.parametrize("penalty", [KLSparsity, L1Sparsity])
@pytest.mark.parametrize("weight", ["3", None, True])
def test_weight_that_is_no_number_is_refused(penalty, weight):
    with pytest.raises(TypeError, match="weight must be a number"):
        penalty(weight=weight).check(ACTIVATIONS["sigmoid"])
