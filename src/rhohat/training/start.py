r"""Where training starts: on the silent side, with a decoder that fits.

V is drawn from U[-r, r], as in the CS294A notes, with r = 1.5 sqrt(6 / (d + k + 1)), half of that
for tanh units, but for the standardized data, and without the directions in which weight decay lets
nothing be learned: one of variance l is scaled by
:math:`l / (l + \lambda / (\sigma^2 \bar f' \bar g'))`. Biases are those at which units are as
active as the penalty asks. The decoder is the multiple of V that fits best, so that every unit
begins with a feature of its own; from independent starts, units grow alike. V is halved while that
lowers J, until it is at most a twentieth above that of the best constant.

A penalty on the decoder's norms asks for no average, and makes a unit that is active for half of
the rows cost more than it explains: all would shrink and die. Each unit then begins active where
its input is in its upper tail, and how far out that begins is chosen for the least J.

Where rows have targets of their own, V is carried to them by the best linear map from rows to
targets along the leading directions, and sigma is that of the targets.

The averages, the fit and the loss are those of a sample of the rows. Few and wide rows are first
brought to coordinates of their span, and all this is done there: see `rhohat.training.span`.
"""

from __future__ import annotations

from dataclasses import replace
from operator import itemgetter
from typing import NamedTuple, cast

import numpy as np
from numpy.random import RandomState

from rhohat.common.arrays import Float64Array, FloatArray, overflow_as_infinity
from rhohat.objective.network import NetworkObjective
from rhohat.objective.sparse import SparseObjective
from rhohat.rows.engines import Engine
from rhohat.rows.feature_sums import FeatureSums
from rhohat.rows.partition import Partition
from rhohat.rows.sampling import sample_rows
from rhohat.rows.sources import Source, in_memory, targets_of
from rhohat.training.change_of_variables import CenteredVariables, StandardizedVariables
from rhohat.training.curvature import MOST_INPUTS
from rhohat.training.evaluation import (
    Evaluation,
    NetworkEvaluation,
    ProjectedEvaluation,
    SparseEvaluation,
)
from rhohat.training.metric import NetworkMetric, Sample, SparseMetric
from rhohat.training.span import Span, SpanEvaluation
from rhohat.training.weight_search import WeightSearch

#: Rows of the sample that the start and the metric are made from, and its bytes in float64 at most.
SAMPLE_ROWS, SAMPLE_BYTES = 3000, 128 << 20
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
#: Standard deviations of its input above which a unit may begin to be active, if the penalty prices
#: the decoder.
TAILS = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
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


class StartRows(NamedTuple):
    """What a start is made from.

    Attributes
    ----------
    X, T : ndarray of shape (n, d) and (n, t)
        Rows and their targets, standardized: the same array if these are the rows themselves.
    w : ndarray of shape (n,)
        Weights, whose sum is one.
    carried : ndarray of shape (d, t), default=None
        The best linear map from rows to targets of their own.
    """

    X: FloatArray
    T: FloatArray
    w: FloatArray
    carried: Float64Array | None = None


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
    is_projected = objective.is_solvable and objective.n_components <= MOST_INPUTS
    span = Span.of(objective, source, sums.mean) if is_projected and theta is None else None
    if span is not None:
        reduced = FeatureSums.over(span.source, engine, partition)
        settings = engine, partition, random_state, None, seed
        start = sparse_start(span.objective, reduced, span.source, *settings)
        inside = cast(ProjectedEvaluation, start.evaluation)
        return start._replace(evaluation=SpanEvaluation.of(inside, span))
    variables = StandardizedVariables.for_sums(objective, sums)
    search = None
    if objective.penalty.weight_is_sought:
        search = WeightSearch(objective, objective.n_outputs * variables.output_scale**2)
        objective = objective.weighed(search.first)
        variables = replace(variables, objective=objective)
    drawn = int(random_state.randint(2**31))
    seed = drawn if seed is None else seed
    sample = standardized_sample(source, variables, seed)
    q = initial(variables, sample, random_state) if theta is None else variables.from_theta(theta)
    if is_projected:
        q = q[: objective.n_encoder_parameters].copy()
    kind = ProjectedEvaluation if is_projected else SparseEvaluation
    metric = SparseMetric(
        *(objective, variables.scale, sample, engine, partition, is_projected),
        target_scale=variables.target_scale,
    )
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


def standardized_sample(source: Source, variables: StandardizedVariables, seed: int) -> Sample:
    """Rows drawn at random by the seed, standardized as the variables are; so are their targets."""
    output = variables.output_mean, variables.output_scale
    return draw_sample(source, variables.mean, variables.scale, seed, *output)


def draw_sample(
    source: Source,
    mean: Float64Array,
    scale: float,
    seed: int,
    target_mean: Float64Array | float = 0.0,
    target_scale: float = 1.0,
) -> Sample:
    """Rows drawn at random by the seed, and standardized."""
    (n_rows, n_features), n_targets = source.shape, targets_of(source)
    most = min(SAMPLE_ROWS, max(SAMPLE_BYTES // (8 * (n_features + n_targets)), 1), n_rows)
    rows = source.take(np.sort(sample_rows(n_rows, most, seed)))
    target = rows.target
    with overflow_as_infinity():
        X = ((rows.X - mean) / scale).astype(source.dtype, copy=False)
        if target is not None:
            target = ((target - target_mean) / target_scale).astype(source.dtype, copy=False)
    return Sample(in_memory(X, rows.sample_weight, target=target), seed)


def initial(
    variables: StandardizedVariables, sample: Sample, random_state: RandomState
) -> Float64Array:
    """Draw a start of training at random, as a vector q; see the module."""
    objective = variables.objective
    k, d = objective.shapes["W_enc"]
    rows = _start_rows(sample)
    f = objective.activation
    width = f.range[1] - f.range[0] if f.is_bounded else 1.0
    radius = SIZE * np.sqrt(6 / (d + k + 1)) / width  # tanh(z) is 2 sigmoid(2 z) - 1
    V = random_state.uniform(-radius, radius, (k, d))
    with overflow_as_infinity():
        V = _learnable(V, sample, _least_variance(variables, rows, V))
        if objective.decoder.tied:
            V = TIED_SIZE * V
        square = float(rows.w @ np.einsum("ij,ij->i", rows.T, rows.T))
        constant = 0.5 * variables.output_scale**2 * square
        constant *= len(objective.decoder.prefixes(k))
        constant += objective.penalty.least(k)
        loss, q = _least(variables, rows, V)
        for _ in range(HALVINGS):
            if not loss > MOST_LOSS * constant:
                break
            V = V / 2
            before = loss
            loss, smaller = _least(variables, rows, V)
            if not loss < before:
                break
            q = smaller
    return q


def _start_rows(sample: Sample) -> StartRows:
    """Some of the sample's rows, in double precision."""
    rows, n = sample.rows, len(sample.rows.X)
    chosen = np.arange(min(n, START_ROWS)) * n // min(n, START_ROWS)  # rows are in their old order
    X = rows.X[chosen].astype(np.float64)
    w = np.ones(len(X)) if rows.sample_weight is None else rows.sample_weight[chosen]
    w = w / w.sum()
    if rows.target is None:
        return StartRows(X, X, w)
    T = rows.target[chosen].astype(np.float64)
    with overflow_as_infinity():
        return StartRows(X, T, w, _carried(sample, X, T, w))


def _least(
    variables: StandardizedVariables, rows: StartRows, V: FloatArray
) -> tuple[float, Float64Array]:
    """The least J of the starts with these weights, and that start."""
    tails = TAILS if "W_dec" in variables.objective.penalty.sees else TAILS[:1]
    starts = (_of_size(variables, rows, V, tail) for tail in tails)
    return min(((_loss(variables, rows, q), q) for q in starts), key=itemgetter(0))


def _silence(objective: SparseObjective) -> float:
    """The bias of a unit without weights that is as active as is asked; 0 if nothing is."""
    asked = objective.penalty.asked_average(objective.activation)
    return 0.0 if asked is None else float(objective.activation.inverse(np.array(asked)))


def _output_slopes(variables: StandardizedVariables) -> FloatArray:
    """G' where the output is the mean of the data, (d,)."""
    g = variables.objective.decoder.output
    X_hat = g.function(g.inverse(variables.output_mean).copy())
    return g.derivative(X_hat, X_hat.copy())


def _least_variance(variables: StandardizedVariables, rows: StartRows, V: FloatArray) -> float:
    """The variance of a direction at which weight decay begins to win."""
    objective, (X, _, w, _) = variables.objective, rows
    silent = np.full(len(V), _silence(objective))
    units = objective.units(X, _encoder(objective, X, w, V, silent))
    slopes = w @ units.derivative(np.empty_like(units.A))
    slopes = slopes.mean() * _output_slopes(variables).mean()
    return objective.weight_decay / (variables.output_scale**2 * max(float(slopes), 1e-8))


def _carried(sample: Sample, X: FloatArray, T: FloatArray, w: FloatArray) -> Float64Array:
    """The best linear map from standardized rows to targets, by the sample's directions, (d, t)."""
    spectrum = sample.spectrum
    R = X @ spectrum.vectors
    return np.asarray((spectrum.vectors / spectrum.values) @ (R.T @ (w[:, None] * T)))


def _encoder(
    objective: SparseObjective, X: FloatArray, w: FloatArray, V: FloatArray, c: FloatArray
) -> dict[str, FloatArray]:
    """The encoder's parameters, with the thresholds that its inputs ask for."""
    encoder = {"W_enc": V, "b_enc": c}
    if "t_enc" in objective.shapes:
        encoder["t_enc"] = objective.activation.begin(X @ V.T + c, w)
    return encoder


def _of_size(
    variables: StandardizedVariables, rows: StartRows, V: FloatArray, tail: float
) -> Float64Array:
    """The start with these weights: its biases, and its decoder, carried to targets of their own.

    Biases are lower by `tail` standard deviations of the inputs.
    """
    X, T, w, carried = rows
    objective, sigma = variables.objective, variables.output_scale
    f, silent = objective.activation, _silence(objective)
    Z = X @ V.T
    c = silent - tail * np.sqrt(w @ np.square(Z))
    for _ in range(CORRECTIONS if objective.penalty.asked_average(f) is not None else 0):
        c += silent - f.inverse(w @ f.function(Z + c))
    start = _encoder(objective, X, w, V, c)
    b_dec = objective.decoder.output.inverse(variables.output_mean)
    units = objective.units(X, start)
    A = units.A
    average = w @ A
    if objective.decoder.tied:
        W = V / variables.scale
    else:
        # The factor of V at which squared error, decay and what the penalty sees are least.
        W = sigma * (V if carried is None else V @ carried)
        R = (A - average) @ W * _output_slopes(variables)
        fits = float(w @ np.einsum("ij,ij->i", R, sigma * T))
        costs = float(w @ np.einsum("ij,ij->i", R, R))
        costs += objective.weight_decay * float(np.vdot(W, W))
        if "W_dec" in objective.penalty.sees:
            activity = w @ units.averaged(objective.penalty)[0]
            price = objective.penalty.by_parameters(activity, {"W_dec": W})["W_dec"]
            fits = max(fits - float(np.vdot(price, W)), fits / LEAST_SHARE)
        W = W * (fits / costs if costs > 0 and np.isfinite(fits) else 0.0)
        start["W_dec"] = W
    return objective.pack(start | {"b_dec": b_dec - average @ W})


def _loss(variables: StandardizedVariables, rows: StartRows, q: Float64Array) -> float:
    """J over standardized rows, and targets."""
    objective, theta = variables.objective, variables.to_theta(q)
    X = variables.scale * rows.X + variables.mean
    target = X
    if rows.T is not rows.X:
        target = variables.output_scale * rows.T + variables.output_mean
    sums = objective.losses(X, theta, rows.w, target=target)
    return objective.loss_terms(sums, theta).total


def _learnable(V: Float64Array, sample: Sample, least: float) -> Float64Array:
    """V without the directions whose variance is small beside `least`."""
    spectrum = sample.spectrum
    least = max(least, float(np.finfo(float).tiny))
    share = spectrum.values / (spectrum.values + least)
    return spectrum.apply(V, share[None, :], np.array(spectrum.rest / (spectrum.rest + least)))
