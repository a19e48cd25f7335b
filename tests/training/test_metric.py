"""The metric: the inverse of blocks written out, symmetric and positive definite everywhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import block_diag

from rhohat import SparseObjective, TorchDevice
from rhohat.common import devices
from rhohat.common.devices import PROCESSOR
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.projection import best_decoder, code_sums
from rhohat.objective.units import Units
from rhohat.training import curvature
from rhohat.training import metric as module
from rhohat.training.curvature import input_sums, layer_sums
from rhohat.training.metric import (
    BIAS_DAMPING,
    DAMPING,
    LEAST_CURVATURE,
    PenalizedBlocks,
    SharedBlocks,
    SpectralBlocks,
    Spectrum,
    TiedBlocks,
)
from support.cases import COVERING, SOLVABLE, laws, make_penalty, relative, settled
from support.metrics import (
    assert_positive_definite,
    blocks_as_matrix,
    metric_at,
    network_metric,
    size_of,
    sparse_metric,
)
from support.networks import every_network, network

every_combination = pytest.mark.parametrize(("activation", "decoder", "penalty"), COVERING)


# Positive definite.


@pytest.mark.slow
@every_combination
@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(st.integers(1, 25), st.integers(1, 6), st.integers(1, 8)),
    size=st.sampled_from([1e-3, 1.0, 30.0]),
    dead=st.integers(0, 8),
    constant=st.sampled_from(["none", "a column", "all"]),
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
    dtype=st.sampled_from([np.float32, np.float64]),
    weight_decay=st.sampled_from([0.0, 1e-4, 0.03]),
    weighted=st.booleans(),
    projected=st.booleans(),
)
@laws(25)
def test_it_is_positive_definite_whatever_the_rows_and_parameters(
    activation,
    decoder,
    penalty,
    seed,
    shape,
    size,
    dead,
    constant,
    scale,
    dtype,
    weight_decay,
    weighted,
    projected,
):
    (m, d, k), random = shape, np.random.RandomState(seed)
    objective = SparseObjective(
        d,
        k,
        activation=activation,
        decoder=decoder,
        penalty=make_penalty(penalty),
        weight_decay=weight_decay,
    )
    X = random.normal(size=(m, d)) * 10 ** random.uniform(-2, 2, d)
    if constant != "none":
        X[:, : 1 if constant == "a column" else d] = 0.7
    weight = random.uniform(0, 3, m) if weighted else None
    metric = sparse_metric(
        objective,
        (scale * X).astype(dtype),
        weight,
        projected=projected and objective.is_solvable,
    )
    q = size * random.normal(size=size_of(metric))
    objective.encoder(q)["b_enc"][:dead] = -1e4
    assert_positive_definite(metric_at(metric, q))


@pytest.mark.slow
@every_network
@given(
    seed=st.integers(0, 10**6),
    size=st.sampled_from([1e-3, 1.0, 30.0]),
    constant=st.booleans(),
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
@laws(15)
def test_that_of_a_network_is_positive_definite(
    activation, penalty, depth, seed, size, constant, scale, dtype
):
    objective, theta, X, labels, weight = network(activation, penalty, depth)
    random = np.random.RandomState(seed)
    X = X + random.normal(size=X.shape)
    if constant:
        X[:, :2] = 0.7
    metric, _ = network_metric(objective, theta, (scale * X).astype(dtype), labels, weight)
    q = size * random.normal(size=len(theta))
    if depth:
        objective.layers(q)[0][1][:2] = -1e4
    assert_positive_definite(metric_at(metric, q))


@pytest.mark.parametrize("decoder", ["linear", "sigmoid", "tied"])
def test_where_activations_overflow_it_is_one(decoder, rng):
    objective = SparseObjective(4, 3, activation="relu", decoder=decoder, penalty="none")
    metric = sparse_metric(objective, rng.normal(size=(20, 4)).astype(np.float32))
    q = 1e30 * rng.normal(size=size_of(metric))
    np.testing.assert_array_equal(metric_at(metric, q), np.eye(len(q)))


def test_where_those_of_a_network_overflow_it_is_one():
    objective, theta, X, labels, weight = network("relu", "none", (4, 3))
    metric, _ = network_metric(objective, theta, X.astype(np.float32), labels, weight)
    np.testing.assert_array_equal(metric_at(metric, 1e30 * theta), np.eye(len(theta)))


# The blocks written out.


def moments_of(X, weight):
    """E[(x, 1)(x, 1)'], row by row."""
    extended = np.column_stack([X, np.ones(len(X))])
    total = sum(w * np.outer(x, x) for w, x in zip(weight, extended, strict=True))
    return total / sum(weight)


def ones_but_last(size):
    return np.append(np.ones(size - 1), 0.0)


@pytest.fixture
def layer(rng):
    """Centered rows of full spectrum, their weights, activations, and sums of a sigmoid layer."""
    weight = rng.uniform(0.2, 3, 50)
    X = rng.normal(size=(50, 4)) * [1.5, 1.0, 0.7, 0.5]
    X -= np.average(X, axis=0, weights=weight)
    A = ACTIVATIONS["sigmoid"].function(X @ rng.normal(size=(4, 3)) - 1)
    units = Units(ACTIVATIONS["sigmoid"], A, A)
    return X, weight, A, layer_sums(units, make_penalty("kl"), X, weight)


def spectral_blocks_by_hand(X, weight, s, decay, least):
    """s_j E[(x, 1)(x, 1)'] + decay diag(1, 0) of each unit, damped, for centered x."""
    mean = s.mean()
    damping = DAMPING * (mean + decay) + least
    blocks = []
    for s_j in s:
        block = s_j * moments_of(X, weight)
        block += np.diag(decay * ones_but_last(len(block)) + damping)
        block[-1, -1] += BIAS_DAMPING * mean
        blocks.append(block)
    return blocks


def test_spectral_blocks_are_the_inverse_of_their_formula(layer):
    X, weight, _, _ = layer
    spectrum = Spectrum.of(X, weight, seed=0)
    assert spectrum.vectors.shape == (4, 4)
    s = np.array([0.3, 2.0, 0.0])
    blocks = SpectralBlocks(spectrum, s, 0.05, 1e-3)
    expected = [np.linalg.inv(B) for B in spectral_blocks_by_hand(X, weight, s, 0.05, 1e-3)]
    np.testing.assert_allclose(
        blocks_as_matrix(blocks, (3, 5)), block_diag(*expected), rtol=1e-9, atol=1e-9
    )


def test_penalized_blocks_have_the_penalty_s_curvature_added(layer):
    X, weight, _, sums = layer
    s, phi = np.array([0.3, 2.0, 0.1]), np.array([5.0, 0.0, 300.0])
    inner = SpectralBlocks(Spectrum.of(X, weight, seed=0), s, 0.05, 1e-3)
    blocks = PenalizedBlocks(inner, sums, phi)
    expected = []
    plain = spectral_blocks_by_hand(X, weight, s, 0.05, 1e-3)
    for block, phi_j, pull in zip(plain, phi, sums.pulls, strict=True):
        u = pull / weight.sum()
        expected.append(np.linalg.inv(block + phi_j * np.outer(u, u)))
    np.testing.assert_allclose(
        blocks_as_matrix(blocks, (3, 5)), block_diag(*expected), rtol=1e-8, atol=1e-8
    )


def shared_block_by_hand(X, weight, s, decay):
    """E[(x, 1)(x, 1)'] + decay / mean s diag(1, 0), damped, and the units' own factors."""
    block, mean = moments_of(X, weight), s.mean()
    inputs = np.diagonal(block)[:-1].mean()
    damping = DAMPING * (inputs + decay / mean) + LEAST_CURVATURE
    block += np.diag(decay / mean * ones_but_last(len(block)) + damping)
    return block, np.maximum(s, BIAS_DAMPING * mean)


def test_shared_blocks_are_the_inverse_of_their_formula(layer):
    _, weight, A, _ = layer
    s = np.array([0.3, 2.0, 0.0])
    blocks = SharedBlocks(input_sums(A, weight), s, 0.05)
    block, factors = shared_block_by_hand(A, weight, s, 0.05)
    expected = block_diag(*(np.linalg.inv(factor * block) for factor in factors))
    np.testing.assert_allclose(blocks_as_matrix(blocks, (3, 4)), expected, rtol=1e-8)


def test_shared_blocks_of_very_many_inputs_are_their_diagonal(layer, monkeypatch):
    monkeypatch.setattr(curvature, "MOST_INPUTS", 3)
    _, weight, A, _ = layer
    s = np.array([0.3, 2.0, 0.0])
    blocks = SharedBlocks(input_sums(A, weight), s, 0.05)
    block, factors = shared_block_by_hand(A, weight, s, 0.05)
    expected = np.concatenate([1 / (factor * np.diagonal(block)) for factor in factors])
    np.testing.assert_allclose(blocks_as_matrix(blocks, (3, 4)), np.diag(expected), rtol=1e-8)


def test_tied_blocks_are_the_inverse_of_a_kronecker_sum(layer):
    """(E[a a'] + lambda) / sigma^2 in the units, for all columns, plus s_j E[x x'], damped."""
    X, weight, A, sums = layer
    s, phi, decay, least, sigma = np.array([0.3, 2.0, 0.1]), np.full(3, 4.0), 0.05, 1e-3, 0.4
    codes = input_sums(A, weight)
    blocks = TiedBlocks(Spectrum.of(X, weight, seed=0), sums, codes, s, phi, decay, least, sigma)
    mean = s.mean() + least
    damped = s + BIAS_DAMPING * mean
    R = np.diag(np.sqrt(damped / mean))
    inverse = np.linalg.inv(R)
    E_aa, E_xx = moments_of(A, weight)[:3, :3], moments_of(X, weight)[:4, :4]
    own = inverse @ E_aa @ inverse / sigma**2 + decay / sigma**2 * np.eye(3)
    damping = DAMPING * (mean + np.trace(own) / 3) + least
    whole = np.kron(own, np.eye(4)) + np.kron(np.eye(3), mean * E_xx) + damping * np.eye(12)
    units = np.kron(R, np.eye(4))
    expected = np.linalg.inv(units @ whole @ units)
    H = blocks_as_matrix(blocks, (3, 5)).reshape(3, 5, 3, 5)
    np.testing.assert_allclose(H[:, :4, :, :4].reshape(12, 12), expected, rtol=1e-7, atol=1e-10)
    along = sums.pulls[:, -1] / weight.sum()
    biases = 1 / (damped + phi * along**2 + BIAS_DAMPING * mean + damping)
    np.testing.assert_allclose(H[:, 4, :, 4], np.diag(biases), rtol=1e-10)
    assert not H[:, 4, :, :4].any()


def test_tied_blocks_of_very_many_units_take_them_for_uncorrelated(layer, monkeypatch):
    X, weight, A, sums = layer
    A = np.eye(3)[np.arange(len(A)) % 3] * A[:, :1]  # no two units at once
    spectrum, s, phi = Spectrum.of(X, weight, seed=0), np.array([0.3, 2.0, 0.1]), np.full(3, 4.0)
    found = []
    for most in (3, 4):
        monkeypatch.setattr(curvature, "MOST_INPUTS", most)
        codes = input_sums(A, weight)
        assert codes.moments.ndim == most - 2
        blocks = TiedBlocks(spectrum, sums, codes, s, phi, 0.05, 1e-3, 0.4)
        found.append(blocks_as_matrix(blocks, (3, 5)))
    np.testing.assert_allclose(*found, rtol=1e-7, atol=1e-10)


# On a device.


@pytest.fixture
def there(monkeypatch):
    """A device that is sent everything, however small."""
    monkeypatch.setattr(devices, "LEAST_PRODUCTS", 0)
    return TorchDevice("torch")


@pytest.mark.torch
@every_combination
@pytest.mark.parametrize("most", [4096, 2])
def test_on_a_device_it_is_the_processor_s(
    activation, decoder, penalty, most, there, monkeypatch, rng
):
    monkeypatch.setattr(curvature, "MOST_INPUTS", most)
    objective = SparseObjective(
        5, 4, activation=activation, decoder=decoder, penalty=make_penalty(penalty)
    )
    X, weight = rng.normal(size=(90, 5)), rng.uniform(0, 3, 90)
    for projected in {False, objective.is_solvable}:
        here, moved = (
            sparse_metric(objective, X, weight, projected=projected, device=device)
            for device in (PROCESSOR, there)
        )
        q = rng.normal(size=size_of(here))
        expected, found = metric_at(here, q), metric_at(moved, q)
        size = np.sqrt(np.outer(*(2 * [np.diagonal(expected)])))
        np.testing.assert_allclose(found / size, expected / size, atol=1e-9)
        assert_positive_definite(found)
        np.testing.assert_array_equal(found, metric_at(moved, q))


@pytest.mark.torch
@every_network
def test_on_a_device_that_of_a_network_is_the_processor_s(activation, penalty, depth, there):
    objective, theta, X, labels, weight = network(activation, penalty, depth)
    found = []
    for device in (PROCESSOR, there):
        metric, q = network_metric(objective, theta, X, labels, weight, device=device)
        found.append(metric_at(metric, q))
    np.testing.assert_allclose(*found, rtol=1e-8, atol=1e-10 * np.abs(found[0]).max())
    assert_positive_definite(found[1])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("activation", "penalty"), SOLVABLE)
def test_the_encoder_s_blocks_are_those_of_the_best_decoder(activation, penalty, weighted, rng):
    """The whole of H for a decoder that is solved for, from the formulas of the module."""
    X, weight = rng.normal(size=(40, 3)), rng.uniform(0.2, 3, 40)
    weight = weight if weighted else np.ones(40)
    decay, k = 0.02, 4
    objective = SparseObjective(
        3, k, activation=activation, penalty=make_penalty(penalty), weight_decay=decay
    )
    metric = sparse_metric(objective, X, weight if weighted else None)
    q = 0.7 * rng.normal(size=objective.n_encoder_parameters)
    rows, sigma = metric.sample.rows.X, metric.scale
    held = np.empty((40, k))
    settled_q = settled(objective, q, rows, weight)
    codes = code_sums(objective, rows, settled_q, np.zeros(3), weight, out=held)
    W, _ = best_decoder(codes, decay, np.zeros(3), held.dtype)
    units = objective.units(rows, objective.encoder(settled_q))
    sums = layer_sums(units, objective.penalty, rows, weight)
    # The decoder of standardized rows decays as that of the rows themselves.
    s = sums.slopes / weight.sum() * sigma**2 * np.sum(W**2, axis=1)
    average = weight @ units.averaged(objective.penalty)[0] / weight.sum()
    phi = objective.penalty.curvature(average, objective.activation)
    least = LEAST_CURVATURE * 3 * sigma**2
    plain = spectral_blocks_by_hand(rows, weight, s, decay / sigma**2, least)
    H = metric_at(metric, q)
    for j in range(k):
        u = sums.pulls[j] / weight.sum()
        expected = np.linalg.inv(plain[j] + phi[j] * np.outer(u, u))
        here = np.zeros(len(q), dtype=bool)
        views = objective.encoder(here)
        views["W_enc"][j] = views["b_enc"][j] = True
        assert relative(H[np.ix_(here, here)], expected) < 1e-6
        assert not H[np.ix_(here, ~here)].any()


# Spectra.


def test_a_spectrum_is_that_of_the_second_moments(rng):
    X = rng.normal(size=(300, 6)) * [3, 2, 1, 1, 0.5, 0.4]
    weight = rng.uniform(0, 2, 300)
    spectrum = Spectrum.of(X, weight, seed=0)
    second = moments_of(X, weight)[:6, :6]
    np.testing.assert_allclose(spectrum.values, np.linalg.eigvalsh(second), rtol=1e-10)
    restored = spectrum.vectors * spectrum.values @ spectrum.vectors.T
    np.testing.assert_allclose(restored, second, atol=1e-10)


def test_directions_that_hardly_vary_are_not_told_apart(rng):
    X = rng.normal(size=(300, 5)) * [3, 2, 1, 1e-4, 2e-4]
    spectrum = Spectrum.of(X, None, seed=0)
    assert len(spectrum.values) == 3
    left = np.mean(X[:, 3:] ** 2)
    assert spectrum.rest == pytest.approx(left, rel=0.1)
    G, leading = rng.normal(size=(2, 5)), np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    rest = np.array([[7.0], [8.0]])
    V = spectrum.vectors
    projector = np.eye(5) - V @ V.T
    expected = [G[j] @ (V * leading[j] @ V.T + rest[j] * projector) for j in range(2)]
    np.testing.assert_allclose(spectrum.apply(G, leading, rest), expected, rtol=1e-10)


@pytest.mark.parametrize("value", [0.0, 1e200])
def test_rows_without_a_spectrum_have_none(value):
    spectrum = Spectrum.of(np.full((4, 3), value), None, seed=0)
    assert spectrum.values.size == 0
    assert spectrum.vectors.shape == (3, 0)
    assert spectrum.rest == 1.0


@pytest.fixture
def wide(monkeypatch):
    """Few columns count as many, of which the leading directions are looked at."""
    monkeypatch.setattr(module, "MOST_COLUMNS", 10)
    monkeypatch.setattr(module, "LEADING_DIRECTIONS", 4)


def test_of_many_columns_the_leading_directions_are_found(wide, rng):
    basis = np.linalg.qr(rng.normal(size=(30, 30)))[0]
    variances = np.concatenate([[9.0, 6.0, 4.0, 2.0], np.full(26, 1e-2)])
    X = rng.normal(size=(400, 30)) * np.sqrt(variances) @ basis.T
    spectrum = Spectrum.of(X, None, seed=0)
    second = X.T @ X / 400
    assert len(spectrum.values) == 4
    np.testing.assert_allclose(np.sort(spectrum.values), np.linalg.eigvalsh(second)[-4:], rtol=1e-3)
    found = np.linalg.svd(spectrum.vectors.T @ basis[:, :4], compute_uv=False)
    np.testing.assert_allclose(found, 1, atol=1e-3)
    total = np.trace(second)
    assert spectrum.rest == pytest.approx((total - spectrum.values.sum()) / 26, rel=1e-6)
    again = Spectrum.of(X, None, seed=0)
    np.testing.assert_array_equal(spectrum.vectors, again.vectors)


@every_combination
def test_of_many_columns_it_is_positive_definite(activation, decoder, penalty, wide, rng):
    objective = SparseObjective(
        14, 3, activation=activation, decoder=decoder, penalty=make_penalty(penalty)
    )
    for m in (3, 40):  # fewer rows than leading directions, and more
        X = rng.normal(size=(m, 14)) * np.geomspace(3, 0.1, 14)
        metric = sparse_metric(objective, X)
        assert metric.sample.spectrum.vectors.shape[1] <= 4
        assert_positive_definite(metric_at(metric, rng.normal(size=size_of(metric))))


@every_combination
def test_of_very_many_inputs_it_is_positive_definite(
    activation, decoder, penalty, monkeypatch, rng
):
    monkeypatch.setattr(curvature, "MOST_INPUTS", 2)
    objective = SparseObjective(
        5, 4, activation=activation, decoder=decoder, penalty=make_penalty(penalty)
    )
    metric = sparse_metric(objective, rng.normal(size=(30, 5)), projected=False)
    H = metric_at(metric, rng.normal(size=size_of(metric)))
    assert_positive_definite(H)
    if decoder != "tied":
        own = H[objective.n_encoder_parameters :, objective.n_encoder_parameters :]
        np.testing.assert_array_equal(own, np.diag(np.diagonal(own)))
