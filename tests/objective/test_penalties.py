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
from rhohat.objective.penalty import SparsityPenalty
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
def test_pointwise_derivative_and_pull_agree_with_differences(name, dtype):
    penalty = make_penalty(name)
    A = np.array([[-1.5, -0.3, 0.2, 0.9], [0.7, 1.1, 2.0, -0.4]], dtype=dtype)
    slope = np.array([0.3, -1.2, 0.8, 2.0], dtype=dtype)
    before = A.copy()
    h, h_slope = penalty.pointwise(A)
    pull = np.zeros_like(A) + penalty.pull(slope, A, h, h_slope)
    assert h.dtype == pull.dtype == dtype
    e = 1e-3 if dtype == np.float32 else 1e-5
    rounding = np.finfo(dtype).eps / e
    for unit in range(4):
        step = np.zeros_like(A)
        step[:, unit] = e
        numerical = (penalty.pointwise(A + step)[0] - penalty.pointwise(A - step)[0]) / (2 * e)
        own = np.ones(2) if h_slope is None else h_slope[:, unit]
        np.testing.assert_allclose(own, numerical[:, unit], rtol=1e-3, atol=rounding)
        np.testing.assert_allclose(pull[:, unit], numerical @ slope, rtol=2e-3, atol=e)
    np.testing.assert_array_equal(A, before)


@every_penalty
def test_where_h_sees_other_units_the_slope_is_fixed(name):
    """What a unit's slope multiplies is otherwise summed unit by unit, before slopes are known."""
    penalty = make_penalty(name)
    elementwise = type(penalty).pull is SparsityPenalty.pull
    assert elementwise or penalty.fixed_slope is not None


@every_allowed_pair
def test_no_activations_cost_less_than_the_least(name, activation):
    penalty, f = make_penalty(name), ACTIVATIONS[activation]
    least = penalty.least(6)
    for scale in (0.0, 0.3, 30.0):
        A = f.function(scale * np.random.RandomState(0).normal(size=(50, 6)))
        value, _ = penalty.on_average(penalty.pointwise(A)[0].mean(axis=0), f)
        assert value >= least * (1 - 1e-12)
    if least:
        value, _ = penalty.on_average(penalty.pointwise(np.zeros((1, 6)))[0][0], f)
        assert value == pytest.approx(least, rel=1e-12)


@every_penalty
def test_the_parameters_that_it_says_it_sees_are_those_it_depends_on(name, rng):
    penalty, f = make_penalty(name), ACTIVATIONS["sigmoid"]
    average = rng.uniform(0.1, 0.4, 4)
    parameters = {"W_enc": rng.normal(size=(4, 3)), "W_dec": rng.normal(size=(4, 3))}
    _, slope = penalty.at(parameters).on_average(average, f)
    changes = penalty.by_parameters(average, parameters)
    assert changes.keys() == set(penalty.sees) <= parameters.keys()
    if not penalty.sees:
        assert penalty.at(parameters) is penalty
    for matrix, W in parameters.items():
        e, step = 1e-5, rng.normal(size=W.shape)
        ahead, behind = (
            penalty.at({**parameters, matrix: W + sign * e * step}).on_average(average, f)[0]
            for sign in (1, -1)
        )
        expected = float(np.vdot(changes.get(matrix, np.zeros_like(W)), step))
        assert (ahead - behind) / (2 * e) == pytest.approx(expected, rel=1e-7, abs=1e-9)
    if penalty.at(parameters).fixed_slope is not None:
        np.testing.assert_allclose(np.zeros(4) + penalty.at(parameters).fixed_slope, slope)
    assert penalty.get_params() == make_penalty(name).get_params()


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


WEIGHTED = [row for row in PENALTIES.values() if "weight" in row().get_params()]


@pytest.mark.parametrize("penalty", WEIGHTED)
@pytest.mark.parametrize("weight", [-1, float("nan"), float("inf")])
def test_weight_out_of_range_is_refused(penalty, weight):
    with pytest.raises(ValueError, match="weight must lie in"):
        penalty(weight=weight).check(ACTIVATIONS["sigmoid"])


@pytest.mark.parametrize("penalty", WEIGHTED)
@pytest.mark.parametrize("weight", ["3", "atuo", "Auto", "", None, True])
def test_weight_that_is_no_number_is_refused(penalty, weight):
    with pytest.raises(TypeError, match="weight must be a number"):
        penalty(weight=weight).check(ACTIVATIONS["sigmoid"])


# A weight that is sought.


def found_at(share, target, tolerance, activation="sigmoid", weight=1.0):
    """The next weight after one under which the mean of the averages is at `share`."""
    average = average_for(activation, share) + np.array([-1e-9, 0.0, 1e-9])
    return KLSparsity(target, weight, tolerance).next_weight(average, ACTIVATIONS[activation])


targets = st.floats(1e-3, 0.999)
tolerances = st.floats(0.02, 0.9)


@every_bounded_activation
@given(target=targets, tolerance=tolerances, away=st.floats(-1, 20), weight=st.floats(1e-3, 1e3))
@laws(200)
def test_weight_goes_up_far_from_the_target_and_down_near_it(
    activation, target, tolerance, away, weight
):
    """On either side of it: `away` is the distance in tolerances, the mean being above or below."""
    for share in (target * (1 + away * tolerance), target * (1 - away * tolerance)):
        if not 1e-6 < share < 1 - 1e-6:
            continue
        after = found_at(share, target, tolerance, activation, weight)
        distance = abs(share / target - 1) / tolerance
        assert 0.1 * weight <= after <= 10 * weight
        if distance > 0.751:
            assert after > weight
        elif 0.251 < distance < 0.749:
            assert after == weight
        elif distance < 0.249:
            assert after < weight


@every_bounded_activation
@given(target=targets, tolerance=tolerances, share=st.floats(1e-3, 0.999))
@laws(200)
def test_activity_costs_as_much_halfway_to_the_tolerance_as_it_was_worth(
    activation, target, tolerance, share
):
    """Unless the weight would change more than tenfold."""
    weight = found_at(share, target, tolerance, activation)
    wanted = target * (1 + np.copysign(tolerance / 2, share - target))
    if weight in (0.1, 1.0, 10.0) or wanted >= 1:
        return
    worth = slope_at(KLSparsity(target, 1.0), activation, average_for(activation, share))
    cost = slope_at(KLSparsity(target, weight), activation, average_for(activation, wanted))
    np.testing.assert_allclose(worth, cost, rtol=1e-5)


@pytest.mark.parametrize("target", [0.01, 0.05, 0.2])
def test_weights_lead_to_the_target_where_worth_does_not_change(target):
    """A unit whose activity is worth `worth` wherever it is; the weight is the least that will do.

    That is the one under which the mean is above the target, by the tolerance at most.
    """
    for worth in (1e-3, 1.0, 1e3):
        weight = 1.0
        for _ in range(40):
            low, high = target, 1 - 1e-9
            for _ in range(200):  # where the penalty's slope is the worth, by bisection
                middle = (low + high) / 2
                (slope,) = slope_at(KLSparsity(target, weight), "sigmoid", middle)
                low, high = (middle, high) if slope < worth else (low, middle)
            weight = found_at(low, target, 0.1, weight=weight)
        assert 1.025 * target <= low <= 1.075 * target
        assert found_at(low, target, 0.1, weight=weight) == weight


@every_bounded_activation
@pytest.mark.parametrize("share", [0.0, 1e-12, 1 - 1e-12, 1.0])
@pytest.mark.parametrize("target", [1e-8, 0.05, 1 - 1e-8])
def test_dead_and_saturated_units_have_a_next_weight_that_is_finite(activation, target, share):
    weight = found_at(share, target, 0.1, activation)
    assert 0.1 <= weight <= 10


def test_a_target_beside_which_the_tolerance_reaches_a_share_of_1_has_a_next_weight():
    assert found_at(0.81, 0.8, 0.5) == pytest.approx(0.1)  # halfway is at 1
    assert found_at(0.99, 0.9, 0.9) == pytest.approx(0.1)  # and here beyond


@every_bounded_activation
@pytest.mark.parametrize(
    ("share", "misses"),
    [(0.0449, True), (0.0451, False), (0.05, False), (0.0549, False), (0.0551, True), (0.5, True)],
)
def test_the_mean_misses_the_target_beyond_the_tolerance(activation, share, misses):
    """The mean alone: single units may be anywhere."""
    shares = share + np.array([-0.04, 0.0, 0.04])
    average = average_for(activation, shares)
    assert KLSparsity(0.05, "auto", 0.1).misses(average, ACTIVATIONS[activation]) == misses


def test_only_auto_is_sought_and_what_has_no_way_to_find_it_says_so():
    average = np.array([0.3])
    for penalty in (KLSparsity(), L1Sparsity(), make_penalty("none")):
        assert not penalty.weight_is_sought
    assert KLSparsity(weight="auto").weight_is_sought
    KLSparsity(weight="auto").check(ACTIVATIONS["tanh"])
    with pytest.raises(NotImplementedError, match="L1Sparsity cannot find its weight"):
        L1Sparsity().next_weight(average, ACTIVATIONS["sigmoid"])
    with pytest.raises(TypeError, match="L1Sparsity weight must be a number, got 'auto'"):
        L1Sparsity(weight="auto").check(ACTIVATIONS["sigmoid"])


def test_given_a_weight_it_is_the_same_penalty_with_that_weight_and_a_new_one():
    sought = KLSparsity(0.2, "auto", 0.3)
    assert sought.weighed(2.5).get_params() == {"target": 0.2, "weight": 2.5, "tolerance": 0.3}
    assert sought.weight == "auto"
    assert clone(sought).get_params() == sought.get_params()


@pytest.mark.parametrize("asked", ["on_average", "curvature"])
def test_a_weight_that_has_not_been_found_is_an_error_where_it_is_needed(asked):
    with pytest.raises(ValueError, match=r"'auto', which only SparseAutoencoder\.fit can find"):
        getattr(KLSparsity(weight="auto"), asked)(np.array([0.3]), ACTIVATIONS["sigmoid"])


@pytest.mark.parametrize("tolerance", [0, 1, -0.1, float("nan"), float("inf")])
@pytest.mark.parametrize("weight", [3.0, "auto"])
def test_tolerance_out_of_range_is_refused(tolerance, weight):
    with pytest.raises(ValueError, match=r"KLSparsity tolerance must lie in \(0, 1\), got"):
        KLSparsity(0.05, weight, tolerance).check(ACTIVATIONS["sigmoid"])
