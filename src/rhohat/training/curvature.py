"""Sums over a sample of rows that tell how J curves: what the blocks of the metric are made of.

All are in the solver's variables: rows are standardized, and so are the parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rhohat.common.arrays import (
    Float64Array,
    FloatArray,
    overflow_as_infinity,
    underflow_as_zero,
)
from rhohat.common.libraries import Sent, empty, library_of, like, total, wide
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.base import Sums, counted, row_weights
from rhohat.objective.network import NetworkObjective
from rhohat.objective.penalty import SparsityPenalty
from rhohat.objective.projection import code_sums
from rhohat.objective.sparse import SparseObjective
from rhohat.objective.units import Units
from rhohat.rows.sources import Rows

#: Most inputs of a layer, or units of an autoencoder, whose block is a full matrix.
MOST_INPUTS = 4096


@dataclass
class LayerSums(Sums):
    """Sums over rows for the units of one layer.

    Attributes
    ----------
    weight, activity : float and ndarray of shape (k,)
        As in `Terms`.
    slopes : ndarray of shape (k,)
        sum_i w_i f'(z_ij)^2.
    pulls : ndarray of shape (k, d + 1)
        sum_i w_i h'(a_ij) f'(z_ij) (x_i, 1): how the average activity of a unit depends on its
        weights and bias.
    thresholds : ndarray of shape (k,)
        sum_i w_i (df / dt_j)^2 where thresholds are learned; else empty.
    """

    weight: float
    activity: Float64Array
    slopes: Float64Array
    pulls: FloatArray
    thresholds: Float64Array


@dataclass
class InputSums(Sums):
    """Sums over rows for what enters a layer, and for its output if that is the network's.

    Attributes
    ----------
    weight : float
    activity : ndarray
        Empty.
    moments : ndarray of shape (d + 1, d + 1), or (d + 1,)
        sum_i w_i (x_i, 1)(x_i, 1)'; above `MOST_INPUTS`, the diagonal alone.
    outputs : ndarray of shape (p,)
        sum_i w_i (second derivative of the error by output p); empty for hidden layers.
    """

    weight: float
    activity: Float64Array
    moments: FloatArray
    outputs: Float64Array


@dataclass
class CurvatureSums(Sums):
    """All sums that a metric is made of.

    Attributes
    ----------
    weight : float
    activity : ndarray
        Empty.
    inputs : list of InputSums
        From the input of a network upwards. Of an autoencoder, that of its decoder alone, or its
        `CodeSums` where the decoder is solved for.
    layers : list of LayerSums
        Those of all hidden layers.
    """

    weight: float
    activity: Float64Array
    inputs: list[Any]
    layers: list[LayerSums]


def layer_sums(
    units: Units,
    penalty: SparsityPenalty,
    X: FloatArray,
    sample_weight: FloatArray | None,
) -> LayerSums:
    """Sums for the units of a layer that X enters."""
    A = units.A
    xp, w = library_of(A), row_weights(A, sample_weight)
    F = units.derivative(xp.empty_like(A))
    h, h_slope = units.averaged(penalty)
    weight, activity = counted(h, w)
    slopes = wide(w @ xp.square(F))
    F = units.slope_of_average(penalty, F, h_slope)
    if sample_weight is not None:
        F *= w[:, None]
    pulls = empty((A.shape[1], X.shape[1] + 1), A)
    xp.matmul(F.T, X, out=pulls[:, :-1])
    pulls[:, -1] = xp.ones_like(w) @ F
    thresholds: Float64Array = np.empty(0)
    if units.f.learns_thresholds:
        by_output, _ = units.f.by_threshold(units.held)
        thresholds = wide(w @ xp.square(by_output))
    return LayerSums(weight, activity, slopes, pulls, thresholds)


def input_sums(
    X: FloatArray, sample_weight: FloatArray | None, outputs: FloatArray | None = None
) -> InputSums:
    """Sums for what enters a layer; `outputs` are second derivatives of the error, (b, p)."""
    w = row_weights(X, sample_weight)
    d, weight = X.shape[1], total(w)
    weighted = X if sample_weight is None else X * w[:, None]
    if d + 1 > MOST_INPUTS:
        moments = empty((d + 1,), X)
        moments[:d] = library_of(X).einsum("ij,ij->j", weighted, X)
        moments[d] = weight
    else:
        moments = empty((d + 1, d + 1), X)
        moments[:d, :d] = weighted.T @ X
        moments[d, :d] = moments[:d, d] = w @ X
        moments[d, d] = weight
    curved = np.empty(0) if outputs is None else wide(w @ outputs)
    return InputSums(weight, np.empty(0), moments, curved)


def decoder_sums(
    objective: SparseObjective, q: FloatArray, A: FloatArray, sample_weight: FloatArray | None
) -> InputSums:
    """Sums for the decoder of activations A: the error's second derivative is g'(z)^2."""
    output = objective.decoder.output
    slopes = empty((len(A), objective.n_outputs), A)
    if output == ACTIVATIONS["identity"]:
        slopes[...] = 1
    else:
        X_hat = objective.decode(A, objective.unpack(q))
        slopes = output.derivative(X_hat, slopes)
    return input_sums(A, sample_weight, library_of(A).square(slopes, out=slopes))


def sparse_curvature(
    objective: SparseObjective, q: FloatArray | Sent, projected: bool, rows: Rows
) -> CurvatureSums:
    """Sums for encoder and decoder, or, if it is `projected`, for the best decoder's weights."""
    X, w = rows.X, rows.sample_weight
    q = like(q, X)
    held = empty((len(X), objective.n_components), X)
    encoder = objective.encoder(q)
    with overflow_as_infinity():
        if projected:
            center = np.zeros(objective.n_outputs)
            decoder: Sums = code_sums(objective, X, q, center, w, target=rows.target, out=held)
            units = objective.units(X, encoder, held, is_held=True)
        else:
            units = objective.units(X, encoder, held)
            decoder = decoder_sums(objective, q, units.A, w)
        layer = layer_sums(units, objective.penalty, X, w)
    return CurvatureSums(layer.weight, np.empty(0), [decoder], [layer])


def _softmax(Z: FloatArray) -> FloatArray:
    """The softmax of each row of Z, which is overwritten."""
    xp = library_of(Z)
    Z -= xp.amax(Z, axis=1, keepdims=True)
    with underflow_as_zero():
        xp.exp(Z, out=Z)
    Z /= xp.sum(Z, axis=1, keepdims=True)
    return Z


def network_curvature(
    objective: NetworkObjective,
    q: FloatArray | Sent,
    means: Sequence[FloatArray | Sent],
    rows: Rows,
) -> CurvatureSums:
    """Sums for all layers of a network; the error's second derivative is about p (1 - p).

    `means` are those of the inputs of all layers but the first, which are subtracted from them.
    """
    X, w = rows.X, rows.sample_weight
    inputs, layers = [], []
    *hidden, (W_last, b_last) = objective.layers(like(q, X))
    with overflow_as_infinity():
        for (W, b), activation, mean in zip(hidden, objective.activations, means, strict=True):
            units = Units.of(activation, X @ W.T + b)
            inputs.append(input_sums(X, w))
            layers.append(layer_sums(units, objective.penalty, X, w))
            X = units.A - like(mean, X)
        P = _softmax(X @ W_last.T + b_last)
        last = input_sums(X, w, P * (1 - P))
    return CurvatureSums(last.weight, np.empty(0), [*inputs, last], layers)
