r"""Where training starts: on the silent side, with a decoder that fits.

V is drawn from U[-r, r], as in the CS294A notes, with r = 1.5 sqrt(6 / (d + k + 1)), half of that
for tanh units, but for the standardized data, and without the directions in which weight decay lets
nothing be learned: one of variance l is scaled by
:math:`l / (l + \lambda / (\sigma^2 \bar f' \bar g'))`. Biases are those at which units are as
active as the penalty asks. The decoder is the multiple of V that fits best, so that every unit
begins with a feature of its own; from independent starts, units grow alike. V is halved while that
lowers J, until it is at most a twentieth above that of the best constant.

The averages, the fit and the loss are those of a sample of the rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.random import RandomState

from rhohat.common.arrays import Float64Array, FloatArray, overflow_as_infinity
from rhohat.objective.network import NetworkObjective
from rhohat.objective.sparse import SparseObjective
from rhohat.rows.engines import Engine
from rhohat.rows.feature_sums import FeatureSums
from rhohat.rows.partition import Partition
from rhohat.rows.sampling import sample_rows
from rhohat.rows.sources import Source, in_memory
from rhohat.training.change_of_variables import CenteredVariables, StandardizedVariables
from rhohat.training.evaluation import (
    Evaluation,
    NetworkEvaluation,
    ProjectedEvaluation,
    SparseEvaluation,
)
from rhohat.training.metric import MOST_INPUTS, NetworkMetric, Sample, SparseMetric
from rhohat.training.weight_search import WeightSearch

#: Rows of the sample that the start and the metric are made from.
SAMPLE_ROWS = 3000
#: Rows of it that the start is made from.
START_ROWS = 2000
#: Corrections of the biases.
CORRECTIONS = 4
#: How much larger an encoder starts that has to be the decoder, too.
TIED_SIZE = 2.0
#: J at the start, in units of that of the best constant, above which weights start half as large,
#: and how often they are halved at most.
MOST_LOSS, HALVINGS = 1.05, 30
#: How many times smaller than fits best a decoder may start because of a penalty that sees it: at
#: zero, nothing would tell the encoder what to learn.
LEAST_SHARE = 10
#: How much larger weights start than in the notes: in trials, a dictionary was found sooner.
SIZE = 1.5


class Start(NamedTuple):
    """Where a fit begins.

    Attributes
    ----------
    evaluation : Evaluation
        Loss and gradient over all rows, in the variables that the solver works in.
    q : ndarray
        The parameters, in these variables.
    seed : int
        Draws the growing part of the data.
    search : WeightSearch, default=None
        For the penalty's weight, if it is sought.
    """

    evaluation: Evaluation[SparseObjective] | Evaluation[NetworkObjective]
    q: Float64Array
    seed: int
    search: WeightSearch | None = None


def sparse_start(
    objective: SparseObjective,
    sums: FeatureSums,
    source: Source,
    engine: Engine,
    partition: Partition,
    random_state: RandomState,
    theta: Float64Array | None = None,
    seed: int | None = None,
) -> Start:
    """Start an autoencoder at random, or from `theta`, given the sums over all rows.

    The seed draws samples of the rows; it is drawn itself if it is None.
    """
    variables = StandardizedVariables.for_sums(objective, sums)
    search = None
    if objective.penalty.weight_is_sought:
        search = WeightSearch(objective, objective.n_features * variables.scale**2)
        objective = objective.weighed(search.first)
        variables = replace(variables, objective=objective)
    drawn = int(random_state.randint(2**31))
    seed = drawn if seed is None else seed
    sample = draw_sample(source, variables.mean, variables.scale, seed)
    is_projected = objective.is_solvable and objective.n_components <= MOST_INPUTS
    q = initial(variables, sample, random_state) if theta is None else variables.from_theta(theta)
    if is_projected:
        q = q[: objective.n_encoder_parameters].copy()
    kind = ProjectedEvaluation if is_projected else SparseEvaluation
    metric = SparseMetric(objective, variables.scale, sample, engine, partition, is_projected)
    evaluation = kind(objective, variables, engine, partition, source, metric)
    return Start(evaluation, q, seed, search)


def network_start(
    objective: NetworkObjective,
    source: Source,
    engine: Engine,
    partition: Partition,
    theta: Float64Array,
) -> Start:
    """Start a network at `theta`."""
    variables = CenteredVariables.at(theta, objective, source, engine, partition)
    sample = draw_sample(source, variables.means[0], variables.scale, seed=0)
    means = list(variables.means[1 : len(objective.activations) + 1])
    metric = NetworkMetric(objective, means, variables.scale, sample, engine, partition)
    evaluation = NetworkEvaluation(objective, variables, engine, partition, source, metric)
    return Start(evaluation, variables.from_theta(theta), seed=0)


def draw_sample(source: Source, mean: Float64Array, scale: float, seed: int) -> Sample:
    """Rows drawn at random by the seed, and standardized."""
    n_rows = source.shape[0]
    rows = source.take(np.sort(sample_rows(n_rows, min(SAMPLE_ROWS, n_rows), seed)))
    with overflow_as_infinity():
        X = ((rows.X - mean) / scale).astype(source.dtype, copy=False)
    return Sample(in_memory(X, rows.sample_weight), seed)


def initial(
    variables: StandardizedVariables, sample: Sample, random_state: RandomState
) -> Float64Array:
    """Draw a start of training at random, as a vector q; see the module."""
    objective, sigma = variables.objective, variables.scale
    rows, (k, d) = sample.rows, objective.shapes["W_enc"]
    n = len(rows.X)
    chosen = np.arange(min(n, START_ROWS)) * n // min(n, START_ROWS)  # rows are in their old order
    X = rows.X[chosen].astype(np.float64)
    w = np.ones(len(X)) if rows.sample_weight is None else rows.sample_weight[chosen]
    w = w / w.sum()
    f = objective.activation
    width = f.range[1] - f.range[0] if f.is_bounded else 1.0
    radius = SIZE * np.sqrt(6 / (d + k + 1)) / width  # tanh(z) is 2 sigmoid(2 z) - 1
    V = random_state.uniform(-radius, radius, (k, d))
    with overflow_as_infinity():
        V = _learnable(V, sample, _least_variance(variables, X, w, V))
        if objective.decoder.tied:
            V = TIED_SIZE * V
        constant = 0.5 * sigma**2 * float(w @ np.einsum("ij,ij->i", X, X))
        constant += objective.penalty.least(k)
        q = _of_size(variables, X, w, V)
        loss = _loss(variables, X, w, q)
        for _ in range(HALVINGS):
            if not loss > MOST_LOSS * constant:
                break
            V = V / 2
            smaller = _of_size(variables, X, w, V)
            before, loss = loss, _loss(variables, X, w, smaller)
            if not loss < before:
                break
            q = smaller
    return q


def _silence(objective: SparseObjective) -> float:
    """The bias of a unit without weights that is as active as is asked; 0 if nothing is."""
    asked = objective.penalty.asked_average(objective.activation)
    return 0.0 if asked is None else float(objective.activation.inverse(np.array(asked)))


def _output_slopes(variables: StandardizedVariables) -> FloatArray:
    """G' where the output is the mean of the data, (d,)."""
    g = variables.objective.decoder.output
    X_hat = g.function(g.inverse(variables.mean).copy())
    return g.derivative(X_hat, X_hat.copy())


def _least_variance(
    variables: StandardizedVariables, X: FloatArray, w: FloatArray, V: FloatArray
) -> float:
    """The variance of a direction at which weight decay begins to win."""
    objective = variables.objective
    f = objective.activation
    A = f.function(X @ V.T + _silence(objective))
    slopes = (w @ f.derivative(A, A.copy())).mean() * _output_slopes(variables).mean()
    return objective.weight_decay / (variables.scale**2 * max(float(slopes), 1e-8))


def _of_size(
    variables: StandardizedVariables, X: FloatArray, w: FloatArray, V: FloatArray
) -> Float64Array:
    """The start with these weights: its biases, and its decoder."""
    objective, sigma = variables.objective, variables.scale
    f, silent = objective.activation, _silence(objective)
    Z, c = X @ V.T, np.full(len(V), silent)
    for _ in range(CORRECTIONS if objective.penalty.asked_average(f) is not None else 0):
        c += silent - f.inverse(w @ f.function(Z + c))
    A = f.function(Z + c)
    average = w @ A
    start, b_dec = {"W_enc": V, "b_enc": c}, objective.decoder.output.inverse(variables.mean)
    if objective.decoder.tied:
        W = V / sigma
    else:
        # The factor of V at which squared error, decay and what the penalty sees are least.
        W = sigma * V
        R = (A - average) @ W * _output_slopes(variables)
        fits = float(w @ np.einsum("ij,ij->i", R, sigma * X))
        costs = float(w @ np.einsum("ij,ij->i", R, R))
        costs += objective.weight_decay * float(np.vdot(W, W))
        if "W_dec" in objective.penalty.sees:
            activity = w @ objective.penalty.pointwise(A)[0]
            price = objective.penalty.by_parameters(activity, {"W_dec": W})["W_dec"]
            fits = max(fits - float(np.vdot(price, W)), fits / LEAST_SHARE)
        W = W * (fits / costs if costs > 0 and np.isfinite(fits) else 0.0)
        start["W_dec"] = W
    return objective.pack(start | {"b_dec": b_dec - average @ W})


def _loss(variables: StandardizedVariables, X: FloatArray, w: FloatArray, q: Float64Array) -> float:
    """J over standardized rows."""
    objective, theta = variables.objective, variables.to_theta(q)
    rows = variables.scale * X + variables.mean
    return objective.loss_terms(objective.losses(rows, theta, w), theta).total


def _learnable(V: FloatArray, sample: Sample, least: float) -> Float64Array:
    """V without the directions whose variance is small beside `least`."""
    spectrum = sample.spectrum
    least = max(least, float(np.finfo(float).tiny))
    share = spectrum.values / (spectrum.values + least)
    return spectrum.apply(V, share[None, :], np.array(spectrum.rest / (spectrum.rest + least)))
