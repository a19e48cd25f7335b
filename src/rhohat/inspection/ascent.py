r"""Gradient ascent to the input that activates a unit of a deeper layer most.

In the first layer, the input of norm r that activates unit i most is r W_i / ||W_i||. Above it
there is no closed form, since the layers between are not linear; gradient ascent on z_i, kept in
the ball :math:`\|x\| \le r`, finds an input that no small change improves.

References
----------
D. Erhan, Y. Bengio, A. Courville and P. Vincent (2009), Visualizing higher-layer features of a deep
network, Université de Montréal, technical report 1341.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rhohat.common.arrays import FloatArray
from rhohat.estimators.computation import Coder
from rhohat.objective.units import Units

#: Steps at most, and the step, as a share of the radius, below which a unit's ascent ends.
MAX_STEPS, LEAST_STEP = 300, 1e-5
#: Random starts of each unit's ascent, besides those that its weights suggest.
RANDOM_STARTS = 4


def ascend(encoders: Sequence[Coder], radius: float) -> FloatArray:
    """Inputs of norm at most `radius` that activate each unit of the last layer most.

    The ascent of each unit starts at zero, at what its strongest unit in the layer below looks for,
    and at some random points. The best end counts.

    Parameters
    ----------
    encoders : sequence of Coder
        From the input upwards.
    radius : float

    Returns
    -------
    X : ndarray of shape (k, n_features)
    """
    encoders = [
        Coder(own.weights.astype(np.float64), own.bias.astype(np.float64), own.activation)
        for own in encoders
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


def _ascend_from(start: FloatArray, encoders: Sequence[Coder], radius: float) -> FloatArray:
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


def drive(X: FloatArray, encoders: Sequence[Coder]) -> tuple[FloatArray, FloatArray]:
    """What drives unit i at row i, z_i before the activation function, and the gradient of z_i.

    Parameters
    ----------
    X : ndarray of shape (k, n_features)
        A row for each unit of the last layer.
    encoders : sequence of Coder

    Returns
    -------
    z : ndarray of shape (k,)
    slope : ndarray of shape (k, n_features)
    """
    *below, top = encoders
    layers: list[Units] = []
    for weights, bias, f, _ in below:
        layers.append(Units.of(f, X @ weights.T + bias))
        X = layers[-1].A
    z = np.einsum("ij,ij->i", X, top.weights) + top.bias
    slope = top.weights
    for (weights, _, _, _), units in zip(reversed(below), reversed(layers), strict=True):
        slope = (slope * units.derivative(np.empty_like(units.A))) @ weights
    return z, slope


def _onto_sphere(X: FloatArray, radius: float) -> FloatArray:
    """Rows scaled to norm `radius`; rows of zeros stay."""
    return X * _ratio(radius, X)


def _into_ball(X: FloatArray, radius: float) -> FloatArray:
    """Rows scaled to norm at most `radius`; those inside stay."""
    return X * np.minimum(_ratio(radius, X), 1)


def _ratio(radius: float, X: FloatArray) -> FloatArray:
    """Factors that bring rows to norm `radius`, (k, 1); 0 for rows of zeros."""
    norms: FloatArray = np.linalg.norm(X, axis=1, keepdims=True)
    return np.divide(radius, norms, out=np.zeros_like(norms), where=norms > 0)
