"""Line search: how far to go along a direction, by the strong Wolfe conditions.

References
----------
J. Nocedal and S. Wright, Numerical Optimization, 2nd edition: algorithms 3.5 and 3.6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from rhohat.common.arrays import Float64Array, overflow_as_infinity

#: Sufficient decrease and curvature constants of the strong Wolfe conditions (N & W, section 3.1).
C1, C2 = 1e-4, 0.9
#: Evaluations that one line search may use.
MAX_EVALUATIONS = 30

LossGrad: TypeAlias = Callable[[Float64Array], tuple[float, Float64Array]]


class Point(NamedTuple):
    """A point on the line theta + step * direction."""

    step: float
    theta: Float64Array
    loss: float
    grad: Float64Array
    slope: float


class NotANumber(ArithmeticError):
    """The function returned NaN, or a loss or gradient that no minimum can have."""


@dataclass
class Line:
    """The line from a point along a direction.

    Attributes
    ----------
    loss_grad : callable
    start : Point
        At step 0.
    direction : ndarray of shape (p,)
    hidden : float, default=0
        Change of the loss that rounding hides.
    jumps : bool, default=False
        Whether the loss may jump. Slopes tell nothing then of what lies beyond, and the first point
        that lowers the loss enough is as good as any.
    n_evaluations : int, default=0
        How often `loss_grad` was called.
    """

    loss_grad: LossGrad
    start: Point
    direction: Float64Array
    hidden: float = 0.0
    jumps: bool = False
    n_evaluations: int = 0

    def at(self, step: float) -> Point:
        """Evaluate the point at `step`; where the slope overflows, the loss counts as infinite.

        Raises
        ------
        NotANumber
            If the loss is NaN or minus infinity, or is finite where the gradient is not.
        """
        self.n_evaluations += 1
        theta = self.start.theta + step * self.direction
        loss, grad = self.loss_grad(theta)
        if not (loss == np.inf or is_finite(loss, grad)):
            raise NotANumber
        with overflow_as_infinity():
            slope = float(grad @ self.direction)
        if not (np.isfinite(loss) and np.isfinite(slope)):
            return Point(step, theta, np.inf, grad, 0.0)
        return Point(step, theta, float(loss), grad, slope)

    def wolfe_point(self, first_step: float) -> Point | None:
        """Find a point on the line that satisfies the strong Wolfe conditions.

        `low` is the best point so far that lowers the loss enough; `high`, once there is one,
        closes the interval in which a good point must lie. An infinite loss counts as too far.

        Returns
        -------
        point : Point or None
            The best point with sufficient decrease if the evaluations are used up, or rounding
            hides all further differences, or the loss jumps; None if there is no such point.
        """
        start = self.start
        if not start.slope < 0:
            return None
        low, high = start, None
        step = first_step
        for _ in range(MAX_EVALUATIONS):
            point = self.at(step)
            if point.loss > start.loss + C1 * step * start.slope or (
                low.step > 0 and point.loss >= low.loss
            ):
                high = point
            elif abs(point.slope) <= -C2 * start.slope:
                return point
            else:
                if point.slope * ((high.step if high else np.inf) - low.step) >= 0:
                    high = low
                low = point
                if self.jumps:
                    return low
            step = 4 * step if high is None else _between(low, high)
            if step == low.step or (high is not None and step == high.step):
                break
            if abs(step - low.step) * -start.slope < self.hidden:
                break  # nothing to be told apart in between
        return low if low.step > 0 else None


def _between(low: Point, high: Point) -> float:
    """Minimizer of the cubic through both points (N & W 3.59), kept off the interval's ends."""
    width = high.step - low.step
    if not np.isfinite(high.loss):
        return low.step + 0.1 * width
    with np.errstate(all="ignore"):
        d1 = low.slope + high.slope - 3 * (low.loss - high.loss) / (low.step - high.step)
        d2 = np.copysign(np.sqrt(d1 * d1 - low.slope * high.slope), width)
        share = 1 - (high.slope + d2 - d1) / (high.slope - low.slope + 2 * d2)
    if not np.isfinite(share):  # no minimum between the two
        share = 0.5
    return low.step + width * float(np.clip(share, 0.1, 0.9))


def is_finite(loss: float, grad: Float64Array) -> bool:
    """Whether loss and gradient are finite."""
    return bool(np.isfinite(loss) and np.isfinite(grad).all())
