"""Failures that a fit would not show by itself: said where it ends, from what it knows anyway."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from rhohat.common.arrays import Float64Array
from rhohat.estimators.callbacks import WRAPPERS
from rhohat.objective.sparse import SparseObjective
from rhohat.training.fit import Fitted
from rhohat.training.solvers import StopReason

#: Iterations from which on a run that has not converged can be judged.
LEAST_ITERATIONS = 20
#: Times its target beyond which the average activation is far from it.
FAR = 4
#: Mean variance of the columns from which on data are not scaled.
LARGE_VARIANCE = 4


def warn_of_failure(objective: SparseObjective, fitted: Fitted, variance: float) -> None:
    """Warn if nothing was learned, or if units are far more active than the target asks.

    Parameters
    ----------
    objective : SparseObjective
    fitted : Fitted
        With the extremes of its activations.
    variance : float
        Mean variance of the columns.
    """
    result = fitted.result
    is_judged = result.reason.is_convergence or (
        result.reason is StopReason.MAX_ITER and result.n_iter >= LEAST_ITERATIONS
    )
    if not is_judged or not 0 < variance < np.inf:
        return
    if fitted.n_dead == objective.n_components:
        warnings.warn(_collapse(objective, variance), ConvergenceWarning, stacklevel=4 + WRAPPERS)
    elif result.weight is None:
        missed = _missed_target(objective, result.average_activation, variance)
        if missed:
            warnings.warn(missed, ConvergenceWarning, stacklevel=4 + WRAPPERS)


def _collapse(objective: SparseObjective, variance: float) -> str:
    """That all units do the same whatever the row, and the likely cause."""
    units, decay = objective.n_components, objective.weight_decay
    told = (
        f"Nothing was learned: all {units} units respond alike to all rows."
        if units > 1
        else "Nothing was learned: the unit responds alike to all rows."
    )
    target = objective.penalty.asked_share
    causes = [f"weight_decay={decay:g} is too strong"] if decay > 0 else []
    if target is not None and not _is_beyond_all(objective, target, variance):
        causes.append(f"the target, {target:g}, is too low")
    if causes:
        told += f" For data with a mean variance of {variance:.3g}, {' or '.join(causes)}."
    return f"{told} rhohat.diagnose(model, X) says what to change."


def _is_beyond_all(objective: SparseObjective, target: float, variance: float) -> bool:
    """Whether weight decay silences units even if one direction has all the variance.

    From slope * variance on, that of the direction, silence is a minimum; see the diagnosis.
    """
    if not objective.activation.is_bounded:
        return False
    slope = objective.activation.slope_at(target)
    most = slope * variance * objective.n_features * (2 if objective.decoder.tied else 1)
    return objective.weight_decay >= most


def _missed_target(objective: SparseObjective, average: Float64Array, variance: float) -> str:
    """That the average activation is far above its target, and the remedy; empty if it is not."""
    target, activation = objective.penalty.asked_share, objective.activation
    if target is None or not activation.is_bounded:
        return ""
    share = float(activation.share(np.asarray(average.mean())))
    if share <= FAR * target:
        return ""
    told = (
        f"Units are not sparse: their average activation is {share:.2g} of the range, "
        f"{share / target:.2g} times the target of {target:g}."
    )
    if variance > LARGE_VARIANCE:
        return (
            f"{told} The data's mean variance, {variance:.3g}, is so large that the penalty is "
            "negligible beside the reconstruction error: scale the data with Standardization() "
            "before the autoencoder (learn: --scale all --whitening none)."
        )
    return (
        f"{told} The penalty is too weak: let KLSparsity(target, weight='auto') find its weight "
        "(learn: --sparsity-weight auto)."
    )
