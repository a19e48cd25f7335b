"""Line searches: where they end, the strong Wolfe conditions hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import CubicHermiteSpline

from rhohat.training.line_search import C1, C2, MAX_EVALUATIONS, Line, NotANumber, Point
from support.cases import laws


def valley(theta):
    """A curved function with more than one minimum along most lines."""
    loss = float(np.sum(theta**4 - 3 * theta**2 + np.sin(3 * theta)))
    return loss, 4 * theta**3 - 6 * theta + 3 * np.cos(3 * theta)


def line_along(direction, start, function=valley):
    loss, grad = function(start)
    return Line(function, Point(0.0, start, loss, grad, float(grad @ direction)), direction)


@given(
    start=st.lists(st.floats(-3, 3), min_size=2, max_size=2),
    turn=st.floats(-1.2, 1.2),
    first_step=st.floats(1e-4, 1e3),
)
@laws(200)
def test_the_strong_wolfe_conditions_hold_at_the_end(start, turn, first_step):
    start = np.array(start)
    loss, grad = valley(start)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    line = line_along(-turned @ grad, start)
    if not line.start.slope < -1e-6:  # too flat for the sums of its terms to tell
        return
    point = line.wolfe_point(first_step)
    assert point.step > 0
    assert point.loss <= loss + C1 * point.step * line.start.slope
    assert abs(point.slope) <= -C2 * line.start.slope
    np.testing.assert_array_equal(point.theta, start + point.step * line.direction)
    assert line.n_evaluations <= MAX_EVALUATIONS


def test_nothing_is_evaluated_along_a_line_that_does_not_fall():
    start = np.array([1.0, 2.0])
    for direction in (valley(start)[1], np.zeros(2)):
        line = line_along(direction, start)
        assert line.wolfe_point(1.0) is None
        assert line.n_evaluations == 0


def test_a_loss_above_the_lowest_so_far_closes_the_interval():
    steps, losses, slopes = (
        [0, 0.25, 0.6, 1, 4, 9],
        [0, -0.25, -0.6, -0.1, -5, -5],
        [-1, -1, 0, -2, 0, 0],
    )
    curve = CubicHermiteSpline(steps, losses, slopes)

    def along(theta):
        return float(curve(theta[0])), curve(theta, 1)

    point = line_along(np.ones(1), np.zeros(1), along).wolfe_point(0.25)
    assert 0.25 < point.step < 1


@pytest.mark.parametrize("share", [1e-3, 0.3, 0.9])
def test_an_infinite_loss_counts_as_too_far(share):
    start = np.array([3.0, -3.0])
    direction = -valley(start)[1]

    def walled(theta):
        step = (theta - start) @ direction / (direction @ direction)
        return (np.inf, np.full(2, np.inf)) if step > share * 0.05 else valley(theta)

    point = line_along(direction, start, walled).wolfe_point(1.0)
    assert 0 < point.step <= share * 0.05
    assert np.isfinite(point.loss)


@pytest.mark.parametrize("hidden", [1e-2, 1e-5, 1e-8])
@pytest.mark.parametrize("first_step", [1e-2, 1.0, 100.0])
def test_a_search_goes_on_only_as_long_as_losses_can_be_told_apart(hidden, first_step):
    """Along a line on which rounding hides every decrease."""
    start = np.zeros(1)

    def flat(theta):
        """What a loss looks like whose decrease is smaller than its rounding."""
        return (1.0 if theta is start else 1.0 + hidden / 4), np.array([-1.0])

    loss, grad = flat(start)
    point = Point(0.0, start, loss, grad, -1.0)
    line = Line(flat, point, np.ones(1), hidden)
    assert line.wolfe_point(first_step) is None
    without = Line(flat, point, np.ones(1))
    assert without.wolfe_point(first_step) is None
    assert line.n_evaluations < without.n_evaluations <= MAX_EVALUATIONS


@given(
    start=st.lists(st.floats(-3, 3), min_size=2, max_size=2),
    first_step=st.floats(1e-4, 1e3),
    hidden=st.sampled_from([1e-12, 1e-6, 1e-3, 1.0]),
)
@laws(100)
def test_what_a_search_finds_lowers_the_loss_enough_whatever_is_hidden(start, first_step, hidden):
    start = np.array(start)
    loss, grad = valley(start)
    slope = -float(grad @ grad)
    if not slope < -1e-6:
        return
    point = Line(valley, Point(0.0, start, loss, grad, slope), -grad, hidden).wolfe_point(
        first_step
    )
    if point is not None:
        assert point.loss <= loss + C1 * point.step * slope
    elif hidden < 1e-3:
        raise AssertionError("a decrease that can be told apart was not found")


@given(
    start=st.lists(st.floats(-3, 3), min_size=2, max_size=2),
    first_step=st.floats(1e-2, 1e2),
    hidden=st.sampled_from([0.0, 1e-6, 1e-2, 1.0]),
    scale=st.sampled_from([2.0**-20, 2.0**20]),
)
@laws(100)
def test_the_unit_of_the_loss_does_not_matter(start, first_step, hidden, scale):
    """Along the same line, a loss that is so many times as large ends at the same step."""
    start = np.array(start)
    _, direction = valley(start)

    def found(factor):
        def scaled(theta):
            loss, grad = valley(theta)
            return factor * loss, factor * grad

        loss, grad = scaled(start)
        begin = Point(0.0, start, loss, grad, -float(grad @ direction))
        line = Line(scaled, begin, -direction, factor * hidden)
        point = line.wolfe_point(first_step) if begin.slope < 0 else None
        return line.n_evaluations, point and point.step

    assert found(1.0) == found(scale)


def test_not_a_number_is_an_error():
    start = np.ones(2)

    def poisoned(theta):
        return valley(theta) if theta is start else (np.nan, theta)

    with pytest.raises(NotANumber):
        line_along(-valley(start)[1], start, poisoned).wolfe_point(1.0)


@pytest.mark.parametrize(("first_step", "most"), [(1e-3, 1), (0.4, 1), (1.0, 3), (20.0, 1)])
def test_where_the_loss_jumps_the_first_step_that_lowers_it_enough_will_do(first_step, most):
    """The loss falls at the same slope everywhere, but for a jump up: no point has a flat slope."""

    def jumping(theta):
        return -float(theta[0]) + 5.0 * (theta[0] > 0.5), np.array([-1.0])

    start = Point(0.0, np.zeros(1), 0.0, np.array([-1.0]), -1.0)
    line = Line(jumping, start, np.ones(1), jumps=True)
    point = line.wolfe_point(first_step)
    assert point is not None
    assert point.loss <= -C1 * point.step
    assert line.n_evaluations <= most
    continuous = Line(jumping, start, np.ones(1))
    continuous.wolfe_point(first_step)
    assert continuous.n_evaluations == MAX_EVALUATIONS
