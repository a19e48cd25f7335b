r"""Linear decoders need no search: for given activations the best one is the solution of a system.

With :math:`\bar a = E[a]` and :math:`\bar x = E[x]`, J is least where

.. math::

    W_{dec} = (E[a a^T] - \bar a \bar a^T + \lambda I)^{-1} (E[a x^T] - \bar a \bar x^T), \quad
    b_{dec} = \bar x - W_{dec}^T \bar a

for x that is to be reconstructed: the row, or its target

(Golub and Pereyra 1973, "variable projection"). J as a function of the encoder alone, with this
decoder, has the same minima, and, since the decoder's gradient is zero there, the gradient of J by
the encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.linalg import LinAlgError

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.common.devices import PROCESSOR, Device
from rhohat.common.libraries import library_of, like
from rhohat.objective.base import Sums, Workspace, counted, row_weights
from rhohat.objective.sparse import SparseObjective
from rhohat.objective.systems import diagonal, factored, solved

#: Added to the system's diagonal, in units of the precision of the sums and of its mean: without
#: weight decay, units that are alike would leave it singular.
FLOOR = 8.0


@dataclass
class CodeSums(Sums):
    """The sums that tell the best decoder and the penalty's slope.

    Attributes
    ----------
    weight, activity : float and ndarray of shape (k,)
        As in `Terms`.
    a : ndarray of shape (k,)
        sum_i w_i a_i.
    aa : ndarray of shape (k, k)
        sum_i w_i a_i a_i'.
    ax : ndarray of shape (k, d)
        sum_i w_i a_i (x_i - center)'.
    x : ndarray of shape (d,)
        sum_i w_i (x_i - center).
    """

    weight: float
    activity: Float64Array
    a: Float64Array
    aa: FloatArray
    ax: FloatArray
    x: Float64Array


def code_sums(
    objective: SparseObjective,
    X: FloatArray,
    theta: FloatArray,
    center: FloatArray,
    sample_weight: FloatArray | None = None,
    workspace: Workspace | None = None,
    *,
    target: FloatArray | None = None,
    out: FloatArray,
) -> CodeSums:
    """Sum what tells the best decoder for the rows of X, and write into `out` as `activities` does.

    Parameters
    ----------
    objective : SparseObjective
    X : ndarray of shape (m, d)
    theta : ndarray of shape (p,), or of the encoder's part of it
    center : ndarray of shape (d,)
        Near the mean of what is to be reconstructed, so that nothing cancels.
    sample_weight, workspace, target : as in `SparseObjective.terms`
    out : ndarray of shape (m, k)

    Returns
    -------
    sums : CodeSums
    """
    array = (workspace or Workspace()).array
    units = objective.units(X, objective.encoder(like(theta, X)), out)
    A, (h, _) = units.A, units.averaged(objective.penalty)
    xp, T = library_of(X), X if target is None else target
    D = xp.subtract(T, like(center, X), out=array("T - center", T.shape, X))
    w = row_weights(X, sample_weight)
    weight, activity = counted(h, w)
    a = 1.0 * activity if h is A else counted(A, w)[1]
    x = counted(D, w)[1]
    weighted = A
    if sample_weight is not None:
        weighted = xp.multiply(A, w[:, None], out=array("w A", A.shape, X))
    return CodeSums(weight, activity, a, weighted.T @ A, weighted.T @ D, x)


def best_decoder(
    sums: CodeSums,
    weight_decay: float,
    center: Float64Array,
    dtype: np.dtype[Any],
    counts: Float64Array | None = None,
    device: Device = PROCESSOR,
) -> tuple[Float64Array, Float64Array]:
    r"""The W_dec (k, d) and b_dec (d,) of least J for the activations that were summed.

    Where J adds up errors of nested prefixes, of which unit j is in n_j, the first in all of them,
    units i and j meet in min(n_i, n_j), and

    .. math::

        \bigl(\min(n_i, n_j) E[a_i a_j] - n_i n_j \bar a_i \bar a_j / n_1 + \lambda 1[i = j]
        \bigr)_{ij} W_{dec} = \bigl(n_i (E[a_i x] - \bar a_i \bar x)\bigr)_i, \quad
        b_{dec} = \bar x - \textstyle\sum_j (n_j / n_1) \bar a_j w_j .

    Parameters
    ----------
    sums : CodeSums
        All finite.
    weight_decay : float
        lambda.
    center : ndarray of shape (d,)
        As it was subtracted.
    dtype : dtype
        The precision of the rows that were summed.
    counts : ndarray of shape (k,), default=None
        n; all 1 if None.
    device : Device, default=PROCESSOR
        Where the system is solved, if it is large enough.
    """
    a, x = sums.a / sums.weight, sums.x / sums.weight
    n = np.ones(len(a)) if counts is None else counts
    system = sums.aa / sums.weight * np.minimum.outer(n, n) - np.outer(n * a, n * a) / n[0]
    mean = float((sums.aa.diagonal() / sums.weight / len(a)).sum())
    floor = max(FLOOR * float(np.finfo(dtype).eps) * mean, float(np.finfo(float).tiny))
    system[np.diag_indices_from(system)] += weight_decay + floor
    right = n[:, None] * (sums.ax / sums.weight - np.outer(a, x))
    there = device.for_products(len(a) ** 2 * (len(a) / 3 + len(x)))
    W_dec: Float64Array = there.computed(partial(_solution, floor), system, right)
    return W_dec, center + x - n / n[0] * a @ W_dec


def _solution(floor: float, system: Float64Array, right: Float64Array) -> Float64Array:
    """The system's solution, with a raised diagonal where rounding has left it indefinite."""
    while True:
        try:
            factor = factored(system)
        except LinAlgError:
            floor *= 10
            if not np.isfinite(floor):
                raise
            own = diagonal(system)
            own += floor
        else:
            return solved(factor, right)
