r"""What a unit of a deeper layer looks for: the input that activates it most, by ascent.

In the first layer the input of norm r that activates unit i most is r W_i / ||W_i||. Above it there
is no closed form, since what lies between is not linear; gradient ascent on z_i, kept in the ball
:math:`\|x\| \le r`, finds an input that no small change of it improves.

References
----------
D. Erhan, Y. Bengio, A. Courville and P. Vincent (2009), Visualizing higher-layer features of a deep
network, Université de Montréal, technical report 1341.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rhohat.common.arrays import FloatArray
from rhohat.inspection.layers import Encoder

#: Steps at most, and the step, as a share of the radius, at which a unit's ascent ends.
MAX_STEPS, LEAST_STEP = 300, 1e-5
#: Random directions that each unit's ascent starts from, besides those that its weights suggest.
RANDOM_STARTS = 4


def ascend(encoders: Sequence[Encoder], radius: float) -> FloatArray:
    """Inputs of norm at most `radius` that activate each unit of the last layer most.

    Each unit starts where its gradient at zero points, at what its strongest unit of the layer
    below looks for, and in some random directions. The best end counts.

    Parameters
    ----------
    encoders : sequence of Encoder
        From the input upwards.
    radius : float

    Returns
    -------
    X : ndarray of shape (k, n_features)
    """
    encoders = [
        Encoder(weights.astype(np.float64), bias.astype(np.float64), activation)
        for weights, bias, activation in encoders
    ]
    top = encoders[-1].weights
    origin = np.zeros((len(top), encoders[0].weights.shape[1]))
    if len(encoders) == 1:
        return _onto_sphere(top, radius)
    strongest = np.abs(top).argmax(axis=1)
    signs = np.sign(top[np.arange(len(top)), strongest])[:, None]
    below = ascend(encoders[:-1], radius)[strongest] * np.where(signs < 0, -1, 1)
    rng = np.random.RandomState(0)
    drawn = [_onto_sphere(rng.standard_normal(origin.shape), radius) for _ in range(RANDOM_STARTS)]
    ends = [_ascend_from(start, encoders, radius) for start in (origin, below, *drawn)]
    best = np.argmax([drive(X, encoders)[0] for X in ends], axis=0)
    found: FloatArray = np.stack(ends)[best, np.arange(len(top))]
    return found


def _ascend_from(start: FloatArray, encoders: Sequence[Encoder], radius: float) -> FloatArray:
    """Projected gradient ascent of every unit from its row, with a step length of its own."""
    X = start
    value, slope = drive(X, encoders)
    step = np.full((len(X), 1), radius)
    for _ in range(MAX_STEPS):
        trial = _into_ball(X + _onto_sphere(slope, 1.0) * step, radius)
        trial_value, trial_slope = drive(trial, encoders)
        better = (trial_value > value)[:, None]
        X, slope = np.where(better, trial, X), np.where(better, trial_slope, slope)
        value = np.maximum(value, trial_value)
        step = np.where(better, np.minimum(1.5 * step, 2 * radius), 0.5 * step)
        if (step < LEAST_STEP * radius).all():
            break
    return X


def drive(X: FloatArray, encoders: Sequence[Encoder]) -> tuple[FloatArray, FloatArray]:
    """What unit i gets at row i, z_i before its activation function, and its gradient there.

    Parameters
    ----------
    X : ndarray of shape (k, n_features)
        A row for each unit of the last layer.
    encoders : sequence of Encoder

    Returns
    -------
    z : ndarray of shape (k,)
    slope : ndarray of shape (k, n_features)
    """
    *below, top = encoders
    activations = [X]
    for weights, bias, f in below:
        activations.append(f.function(activations[-1] @ weights.T + bias))
    z = np.einsum("ij,ij->i", activations[-1], top.weights) + top.bias
    slope = top.weights
    for (weights, _, f), A in zip(reversed(below), reversed(activations), strict=False):
        slope = (slope * f.derivative(A, np.empty_like(A))) @ weights
    return z, slope


def _onto_sphere(X: FloatArray, radius: float) -> FloatArray:
    """Rows of norm `radius` in the same directions; zero where a row is zero."""
    return X * _ratio(radius, X)


def _into_ball(X: FloatArray, radius: float) -> FloatArray:
    """Rows of norm at most `radius`, those inside as they are."""
    return X * np.minimum(_ratio(radius, X), 1)


def _ratio(radius: float, X: FloatArray) -> FloatArray:
    """What brings each row to norm `radius`, (k, 1); 0 for a row of zeros."""
    norms: FloatArray = np.linalg.norm(X, axis=1, keepdims=True)
    return np.divide(radius, norms, out=np.zeros_like(norms), where=norms > 0)
