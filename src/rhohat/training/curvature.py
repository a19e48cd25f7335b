"""Sums over a sample of rows that tell how J curves: what the blocks of the metric are made of.

All are in the solver's variables: rows are standardized, and so are the parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from sklearn.utils.extmath import softmax

from rhohat.common.arrays import Float64Array, FloatArray, overflow_as_infinity
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.base import Sums, counted, row_weights
from rhohat.objective.network import NetworkObjective
from rhohat.objective.penalty import SparsityPenalty
from rhohat.objective.projection import code_sums
from rhohat.objective.sparse import SparseObjective
from rhohat.objective.units import Units
from rhohat.rows.sources import Rows


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
    moments : ndarray of shape (d + 1, d + 1)
        sum_i w_i (x_i, 1)(x_i, 1)'.
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
    w = row_weights(A, sample_weight)
    F = units.derivative(np.empty_like(A))
    h, h_slope = units.averaged(penalty)
    weight, activity = counted(h, w)
    slopes = (w @ np.square(F)).astype(np.float64)
    F = units.slope_of_average(penalty, F, h_slope)
    if sample_weight is not None:
        F *= w[:, None]
    pulls = np.empty((A.shape[1], X.shape[1] + 1), A.dtype)
    np.matmul(F.T, X, out=pulls[:, :-1])
    pulls[:, -1] = np.ones_like(w) @ F
    thresholds = np.empty(0)
    if units.f.learns_thresholds:
        by_output, _ = units.f.by_threshold(units.held)
        thresholds = (w @ np.square(by_output)).astype(np.float64)
    return LayerSums(weight, activity, slopes, pulls, thresholds)


def input_sums(
    X: FloatArray, sample_weight: FloatArray | None, outputs: FloatArray | None = None
) -> InputSums:
    """Sums for what enters a layer; `outputs` are second derivatives of the error, (b, p)."""
    w = row_weights(X, sample_weight)
    d = X.shape[1]
    moments = np.empty((d + 1, d + 1), X.dtype)
    moments[:d, :d] = (X if sample_weight is None else X * w[:, None]).T @ X
    moments[d, :d] = moments[:d, d] = w @ X
    moments[d, d] = weight = float(w.sum(dtype=np.float64))
    total = np.empty(0) if outputs is None else (w @ outputs).astype(np.float64)
    return InputSums(weight, np.empty(0), moments, total)


def decoder_sums(
    objective: SparseObjective, q: FloatArray, A: FloatArray, sample_weight: FloatArray | None
) -> InputSums:
    """Sums for the decoder of activations A: the error's second derivative is g'(z)^2."""
    output = objective.decoder.output
    if output == ACTIVATIONS["identity"]:
        slopes = np.ones((len(A), objective.n_outputs), A.dtype)
    else:
        X_hat = objective.decode(A, objective.unpack(q))
        slopes = output.derivative(X_hat, np.empty_like(X_hat))
    return input_sums(A, sample_weight, np.square(slopes, out=slopes))


def sparse_curvature(
    objective: SparseObjective, q: FloatArray, projected: bool, rows: Rows
) -> CurvatureSums:
    """Sums for encoder and decoder, or, if it is `projected`, for the best decoder's weights."""
    X, w = rows.X, rows.sample_weight
    held = np.empty((len(X), objective.n_components), X.dtype)
    encoder = objective.encoder(q)
    with overflow_as_infinity():
        if projected:
            center = np.zeros(objective.n_outputs, X.dtype)
            decoder: Sums = code_sums(objective, X, q, center, w, target=rows.target, out=held)
            units = objective.units(X, encoder, held, is_held=True)
        else:
            units = objective.units(X, encoder, held)
            decoder = decoder_sums(objective, q, units.A, w)
        layer = layer_sums(units, objective.penalty, X, w)
    return CurvatureSums(layer.weight, np.empty(0), [decoder], [layer])


def network_curvature(
    objective: NetworkObjective, q: FloatArray, means: list[FloatArray], rows: Rows
) -> CurvatureSums:
    """Sums for all layers of a network; the error's second derivative is about p (1 - p).

    `means` are those of the inputs of all layers but the first, which are subtracted from them.
    """
    X, w = rows.X, rows.sample_weight
    inputs, layers = [], []
    *hidden, (W_last, b_last) = objective.layers(q)
    with overflow_as_infinity():
        for (W, b), activation, mean in zip(hidden, objective.activations, means, strict=True):
            units = Units.of(activation, X @ W.T + b)
            inputs.append(input_sums(X, w))
            layers.append(layer_sums(units, objective.penalty, X, w))
            X = cast(FloatArray, units.A - mean)
        P = softmax(X @ W_last.T + b_last, copy=False)
        last = input_sums(X, w, P * (1 - P))
    return CurvatureSums(last.weight, np.empty(0), [*inputs, last], layers)
