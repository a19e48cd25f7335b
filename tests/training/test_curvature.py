"""Sums that tell how J curves: those of plain loops, and the same over blocks."""

from dataclasses import fields

import numpy as np
import pytest

from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.penalties import PENALTIES
from rhohat.objective.penalties_of_rows import NeighborhoodSparsity
from rhohat.objective.units import Units
from rhohat.rows.sources import Rows
from rhohat.training.curvature import decoder_sums, input_sums, layer_sums, network_curvature
from support.cases import (
    COMBINATIONS,
    COVERING,
    MARGIN,
    is_allowed,
    make_case,
    make_penalty,
    settled,
)
from support.networks import every_network, network
from support.oracle import FUNCTIONS, activate

PAIRS = [
    (a, p)
    for a, row in ACTIVATIONS.items()
    for p in PENALTIES
    if is_allowed(a, p) and not row.n_thresholds(1)
]
every_pair = pytest.mark.parametrize(("activation", "penalty"), PAIRS)
every_combination = pytest.mark.parametrize(("activation", "decoder", "penalty"), COVERING)
weighted_or_not = pytest.mark.parametrize("weighted", [False, True])


def assert_same(actual, expected, tolerance=1e-12):
    for field in fields(expected):
        mine, theirs = getattr(actual, field.name), getattr(expected, field.name)
        if isinstance(theirs, list):
            for parts in zip(mine, theirs, strict=True):
                assert_same(*parts, tolerance)
        else:
            np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance)


def with_one(X):
    return np.column_stack([X, np.ones(len(X))])


def h_slope_of(penalty, row, j):
    """How h_j of a row of activations changes with a_j alone: h may see the whole row."""
    _, slope = penalty.pointwise(row[None, :])
    return 1.0 if slope is None else slope[0, j]


@weighted_or_not
@every_pair
def test_sums_of_a_layer_are_those_of_plain_loops(activation, penalty, weighted, rng):
    X, W, b = rng.normal(size=(11, 4)), rng.normal(size=(3, 4)), rng.normal(size=3)
    w = rng.uniform(0, 3, 11) if weighted else np.ones(11)
    row, made = ACTIVATIONS[activation], make_penalty(penalty)
    Z = X @ W.T + b
    A = row.function(Z.copy())
    slope = np.array([activate(activation, row)[1] for row in Z.tolist()])
    sums = layer_sums(Units(row, A, A), made, X, w if weighted else None)
    assert sums.weight == pytest.approx(w.sum(), rel=1e-14)
    for j in range(3):
        pull = np.zeros(5)
        for i in range(11):
            pull += w[i] * h_slope_of(made, A[i], j) * slope[i, j] * with_one(X)[i]
        np.testing.assert_allclose(sums.pulls[j], pull, rtol=1e-10, atol=1e-12)
        squares = sum(w[i] * slope[i, j] ** 2 for i in range(11))
        assert sums.slopes[j] == pytest.approx(squares, rel=1e-10)
        active = sum(w[i] * made.pointwise(A)[0][i, j] for i in range(11))
        assert sums.activity[j] == pytest.approx(active, rel=1e-10)


@weighted_or_not
@pytest.mark.parametrize(
    ("activation", "penalty"), [(a, p) for a, d, p in COMBINATIONS if d == "linear"]
)
def test_pulls_are_how_the_average_depends_on_the_parameters(activation, penalty, weighted):
    """Differences of sum_i w_i h(a_i) by each unit's own weights and bias.

    By those of other units they are 0, unless h sees the activations near a unit.
    """
    case = make_case(activation, "linear", penalty)
    objective, weight = case.objective, case.sample_weight if weighted else None
    at = settled(objective, case.theta, case.X, weight)
    if activation == "batchtopk":  # away from the input that it is
        objective.unpack(at)["t_enc"][:] += MARGIN

    def activity(theta):
        units = objective.units(case.X, objective.unpack(theta))
        h = units.averaged(objective.penalty)[0]
        return (np.ones(len(h)) if weight is None else weight) @ h

    units = objective.units(case.X, objective.unpack(at))
    sums = layer_sums(units, objective.penalty, case.X, weight)
    e, size = 1e-5, objective.n_components * (objective.n_features + 1)
    steps = e * np.eye(len(case.theta))[:size]
    differences = [activity(at + u) - activity(at - u) for u in steps]
    jacobian = np.array(differences) / (2 * e)
    pulls, is_own = np.zeros((2, objective.n_components, size))
    for j in range(objective.n_components):
        d = objective.n_features
        weights = slice(j * d, (j + 1) * d)
        bias = objective.n_components * d + j
        pulls[j, weights], pulls[j, bias] = sums.pulls[j, :-1], sums.pulls[j, -1]
        is_own[j, weights] = is_own[j, bias] = 1
    if isinstance(objective.penalty, NeighborhoodSparsity):
        jacobian *= is_own.T
    np.testing.assert_allclose(np.transpose(jacobian), pulls, rtol=1e-6, atol=1e-8)


@weighted_or_not
def test_thresholds_curve_as_much_as_activations_change_with_them(weighted):
    case = make_case("jumprelu", "linear", "l0", shape=(23, 4, 3))
    objective, weight = case.objective, case.sample_weight if weighted else None

    def activations(theta):
        return objective.encode(case.X, objective.unpack(theta))

    units = objective.units(case.X, objective.unpack(case.theta))
    sums = layer_sums(units, objective.penalty, case.X, weight)
    step = np.zeros_like(case.theta)
    objective.unpack(step)["t_enc"][:] = 1e-6
    change = (activations(case.theta + step) - activations(case.theta - step)) / 2e-6
    w = np.ones(23) if weight is None else weight
    np.testing.assert_allclose(sums.thresholds, w @ change**2, rtol=1e-6)
    assert sums.thresholds.any()


@weighted_or_not
def test_sums_of_an_input_are_those_of_plain_loops(weighted, rng):
    X, outputs, w = rng.normal(size=(9, 3)), rng.uniform(size=(9, 2)), rng.uniform(0, 3, 9)
    w = w if weighted else np.ones(9)
    sums = input_sums(X, w if weighted else None, outputs)
    moments = sum(w[i] * np.outer(with_one(X)[i], with_one(X)[i]) for i in range(9))
    np.testing.assert_allclose(sums.moments, moments, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(sums.outputs, sum(w[i] * outputs[i] for i in range(9)), rtol=1e-12)
    assert sums.weight == pytest.approx(w.sum(), rel=1e-14)
    assert not input_sums(X, None).outputs.size


@weighted_or_not
@every_combination
def test_sums_of_a_decoder_have_the_squared_slope_of_its_output(
    activation, decoder, penalty, weighted
):
    case = make_case(activation, decoder, penalty)
    objective, weight = case.objective, case.sample_weight if weighted else None
    parameters = objective.unpack(case.theta)
    A = objective.encode(case.X, parameters)
    Z = A @ parameters[objective.decoder_weights] + parameters["b_dec"]
    slope = np.vectorize(FUNCTIONS[objective.decoder.output.name][1])
    sums = decoder_sums(objective, case.theta, A, weight)
    assert_same(sums, input_sums(A, weight, slope(Z) ** 2))


@every_network
def test_sums_of_a_network_are_those_of_its_layers(activation, penalty, depth, rng):
    objective, theta, X, _, weight = network(activation, penalty, depth)
    means = [rng.normal(size=size) for size in depth]
    sums = network_curvature(objective, theta, means, Rows(X, weight))
    layers, A = objective.layers(theta), X
    for number, ((W, b), f) in enumerate(zip(layers, objective.activations, strict=False)):
        following = f.function(A @ W.T + b)
        assert_same(sums.inputs[number], input_sums(A, weight))
        assert_same(
            sums.layers[number],
            layer_sums(Units(f, following, following), objective.penalty, A, weight),
        )
        A = following - means[number]
    W, b = layers[-1]
    P = np.exp(A @ W.T + b)
    P /= P.sum(axis=1, keepdims=True)
    assert_same(sums.inputs[-1], input_sums(A, weight, P * (1 - P)))
    assert len(sums.inputs) == len(sums.layers) + 1 == len(layers)
    assert sums.weight == pytest.approx(weight.sum(), rel=1e-12)


@every_network
def test_sums_of_blocks_add_up(activation, penalty, depth, rng):
    objective, theta, X, _, weight = network(activation, penalty, depth)
    means = [rng.normal(size=size) for size in depth]
    whole = network_curvature(objective, theta, means, Rows(X, weight))
    parts = [
        network_curvature(objective, theta, means, Rows(X[rows], weight[rows])).widened()
        for rows in (slice(0, 2), slice(2, 3), slice(3, 6))
    ]
    total = parts[0]
    total += parts[1]
    total += parts[2]
    assert_same(total, whole)


def test_widened_sums_are_doubles(rng):
    objective, theta, X, _, _ = network("sigmoid", "kl", (4, 3))
    means = [rng.normal(size=size).astype(np.float32) for size in (4, 3)]
    sums = network_curvature(objective, theta.astype(np.float32), means, Rows(X.astype(np.float32)))
    assert sums.inputs[0].moments.dtype == sums.layers[0].pulls.dtype == np.float32
    wide = sums.widened()
    assert {part.moments.dtype for part in wide.inputs} == {np.dtype(float)}
    assert {part.pulls.dtype for part in wide.layers} == {np.dtype(float)}
