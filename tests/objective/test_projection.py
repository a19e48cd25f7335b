"""The decoder that is solved for is the best one there is, whatever the activations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhohat import SparseObjective
from rhohat.objective.projection import CodeSums, best_decoder, code_sums
from support.cases import SOLVABLE, laws, make_case

every_encoder = pytest.mark.parametrize(("activation", "penalty"), SOLVABLE)


def sums_of(A, X, center, weight=None):
    """The sums written out, row by row."""
    w = np.ones(len(A)) if weight is None else weight
    rows = list(zip(w, A, X - center, strict=True))
    return CodeSums(
        weight=float(sum(w)),
        activity=sum(w * a for w, a, _ in rows),
        a=sum(w * a for w, a, _ in rows),
        aa=sum(w * np.outer(a, a) for w, a, _ in rows),
        ax=sum(w * np.outer(a, x) for w, a, x in rows),
        x=sum(w * x for w, _, x in rows),
    )


def ridge(A, X, weight_decay, weight=None):
    """The least of 1/2 sum_i w_i ||A W + b - x||^2 / sum w + decay / 2 ||W||^2, as one system."""
    w = np.ones(len(A)) if weight is None else weight
    root = np.sqrt(w / w.sum())[:, None]
    k = A.shape[1]
    mean_A, mean_X = np.average(A, axis=0, weights=w), np.average(X, axis=0, weights=w)
    system = np.vstack([root * (A - mean_A), np.sqrt(weight_decay) * np.eye(k)])
    right = np.vstack([root * (X - mean_X), np.zeros((k, X.shape[1]))])
    W = np.linalg.lstsq(system, right, rcond=1e-12)[0]
    return W, mean_X - mean_A @ W


def loss_of(A, X, W, b, weight_decay, weight=None):
    errors = 0.5 * np.sum((A @ W + b - X) ** 2, axis=1)
    return float(np.average(errors, weights=weight)) + weight_decay / 2 * float(np.sum(W * W))


def codes(kind, random, m=40, k=5):
    """Activations, some of which leave the system singular unless weights decay."""
    A = random.uniform(size=(m, k))
    if kind == "dead units":
        A[:, :2] = 0.0, 0.731
    elif kind == "twins":
        A[:, 3] = A[:, 1]
    elif kind == "more units than rows":
        A = random.uniform(size=(4, k + 3))
    elif kind == "nothing":
        A[:] = 0
    return A


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("mean", [0.0, 1e5])
@pytest.mark.parametrize("weight_decay", [0.0, 1e-4, 0.3])
@pytest.mark.parametrize(
    "kind", ["varied", "dead units", "twins", "more units than rows", "nothing"]
)
def test_no_decoder_is_better(kind, weight_decay, mean, weighted, rng):
    A = codes(kind, rng)
    X = mean + A[:, :3] @ rng.normal(size=(3, 4)) + 0.1 * rng.normal(size=(len(A), 4))
    weight = rng.uniform(0.2, 3, len(A)) if weighted else None
    center = X[:3].mean(axis=0)  # near the mean, and not the mean itself
    W, b = best_decoder(sums_of(A, X, center, weight), weight_decay, center, A.dtype)
    expected_W, expected_b = ridge(A, X, weight_decay, weight)
    least = loss_of(A, X, expected_W, expected_b, weight_decay, weight)
    assert loss_of(A, X, W, b, weight_decay, weight) <= least * (1 + 1e-9) + 1e-9
    if kind == "varied" or weight_decay:
        np.testing.assert_allclose(W, expected_W, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(b, expected_b, rtol=1e-6, atol=1e-8)


@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(st.integers(1, 20), st.integers(1, 8), st.integers(1, 4)),
    alike=st.integers(0, 8),
    constant=st.integers(0, 8),
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
@laws(300)
def test_units_that_are_alike_or_constant_leave_it_finite(
    seed, shape, alike, constant, scale, dtype
):
    """Without weight decay the system is singular, and rounding may make it indefinite."""
    (m, k, d), random = shape, np.random.RandomState(seed)
    A = random.uniform(size=(m, k)).astype(dtype)
    A[:, :alike] = A[:, :1]
    A[:, k - min(constant, k) :] = random.uniform()
    X = (scale * random.normal(size=(m, d))).astype(dtype)
    center = X.mean(axis=0)
    objective = SparseObjective(d, k, activation="identity", penalty="none", weight_decay=0)
    sums = sums_of(A, X, center)
    W, b = best_decoder(sums, objective.weight_decay, center.astype(float), np.dtype(dtype))
    assert np.isfinite(W).all()
    assert np.isfinite(b).all()
    constant_model = loss_of(A, X, np.zeros((k, d)), X.mean(axis=0, dtype=float), 0)
    tolerance = 1e-2 if dtype == np.float32 else 1e-6
    assert loss_of(A, X, W, b, 0) <= constant_model * (1 + tolerance)


@every_encoder
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_are_those_of_plain_loops(activation, penalty, weighted):
    case = make_case(activation, "linear", penalty, shape=(23, 5, 4))
    objective, weight = case.objective, case.sample_weight if weighted else None
    center = case.X[0]
    units = objective.units(case.X, objective.unpack(case.theta))
    A = units.A
    encoder = case.theta[: objective.n_encoder_parameters]
    for theta in (case.theta, encoder):
        out = np.empty_like(A)
        sums = code_sums(objective, case.X, theta, center, weight, out=out)
        np.testing.assert_allclose(out, units.held, rtol=1e-14)
        expected = sums_of(A, case.X, center, weight)
        w = np.ones(len(A)) if weight is None else weight
        expected.activity = w @ units.averaged(objective.penalty)[0]
        for name, value in vars(expected).items():
            np.testing.assert_allclose(
                getattr(sums, name), value, rtol=1e-11, atol=1e-12, err_msg=name
            )
        assert sums.is_finite


@pytest.mark.parametrize("name", ["activity", "a", "aa", "ax", "x"])
@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_sums_that_overflowed_are_not_finite(name, value, rng):
    A, X = rng.uniform(size=(9, 3)), rng.normal(size=(9, 2))
    sums = sums_of(A, X, np.zeros(2))
    assert sums.is_finite
    getattr(sums, name)[-1] = value
    assert not sums.is_finite


@every_encoder
def test_the_gradient_by_the_best_decoder_is_zero(activation, penalty):
    case = make_case(activation, "linear", penalty, shape=(23, 5, 4))
    objective, center = case.objective, case.X.mean(axis=0)
    A = objective.encode(case.X, objective.unpack(case.theta))
    sums = code_sums(objective, case.X, case.theta, center, case.sample_weight, out=A)
    theta = case.theta.copy()
    parts = objective.unpack(theta)
    parts["W_dec"][...], parts["b_dec"][...] = best_decoder(
        sums, objective.weight_decay, center, A.dtype
    )
    grad = objective.loss_grad(theta, case.X, case.sample_weight)[1]
    assert np.abs(grad[objective.n_encoder_parameters :]).max() < 1e-12
