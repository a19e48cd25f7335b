"""What every objective has: a layout of its parameters, and checks of what it is given."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhohat import SparseObjective
from rhohat.objective.decoders import DECODERS
from support.cases import laws, make_case, relative


@pytest.mark.parametrize("weight_decay", [-1e-9, float("nan"), float("inf")])
def test_weight_decay_out_of_range_is_refused(weight_decay):
    with pytest.raises(ValueError, match="weight_decay must lie in"):
        SparseObjective(3, 2, weight_decay=weight_decay)


@pytest.mark.parametrize("sizes", [(0, 2), (3, 0), (-1, 2)])
def test_sizes_below_one_are_refused(sizes):
    with pytest.raises(ValueError, match="must be at least 1"):
        SparseObjective(*sizes)


@pytest.mark.parametrize("decoder", DECODERS)
@given(d=st.integers(1, 6), k=st.integers(1, 6))
@laws(20)
def test_pack_and_unpack_are_inverse(decoder, d, k):
    objective = SparseObjective(d, k, decoder=decoder)
    theta = np.random.RandomState(d + 10 * k).normal(size=objective.n_parameters)
    parameters = objective.unpack(theta)
    assert {name: part.shape for name, part in parameters.items()} == objective.shapes
    np.testing.assert_array_equal(objective.pack(parameters), theta)
    assert parameters["W_enc"].base is not None  # a view: what is written shows in theta
    parameters["b_dec"][:] = 0
    assert np.count_nonzero(theta) == theta.size - d


def test_layout_is_encoder_then_decoder_each_row_major():
    objective = SparseObjective(3, 2)
    parameters = objective.unpack(np.arange(17.0))
    np.testing.assert_array_equal(parameters["W_enc"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(parameters["b_enc"], [6, 7])
    np.testing.assert_array_equal(parameters["W_dec"], [[8, 9, 10], [11, 12, 13]])
    np.testing.assert_array_equal(parameters["b_dec"], [14, 15, 16])
    assert objective.n_encoder_parameters == 8


def test_pack_refuses_wrong_names_and_shapes():
    objective = SparseObjective(3, 2)
    parts = objective.unpack(np.zeros(objective.n_parameters))
    missing = {name: part for name, part in parts.items() if name != "b_enc"}
    with pytest.raises(ValueError, match=r"expected the parameters .*'b_enc'.*, got"):
        objective.pack(missing)
    with pytest.raises(ValueError, match="'W2'"):
        objective.pack({**parts, "W2": np.zeros((3, 2))})
    with pytest.raises(ValueError, match=r"W_dec must have shape \(2, 3\), got \(3, 2\)"):
        objective.pack({**parts, "W_dec": np.zeros((3, 2))})
    with pytest.raises(ValueError, match="expected the parameters"):
        SparseObjective(3, 2, decoder="tied").pack(parts)


@pytest.mark.parametrize("shape", [(16,), (18,), (17, 1), (0,)])
def test_theta_of_wrong_shape_is_refused(shape):
    objective = SparseObjective(3, 2)
    with pytest.raises(ValueError, match=r"theta must have shape \(17,\), got"):
        objective.unpack(np.zeros(shape))
    with pytest.raises(ValueError, match=r"theta must have shape \(17,\), got"):
        objective.loss_grad(np.zeros(shape), np.ones((4, 3)))


@pytest.mark.parametrize("shape", [(4, 2), (4, 4), (3,), (0, 3), (2, 2, 3)])
def test_rows_of_wrong_shape_are_refused(shape):
    objective = SparseObjective(3, 2)
    with pytest.raises(ValueError, match=r"X must have shape \(m >= 1, 3\), got"):
        objective.loss_grad(np.zeros(17), np.ones(shape))


@pytest.mark.parametrize("weight", [[1, 1, 1], [[1], [1], [1], [1]], 1.0])
def test_weights_of_wrong_shape_are_refused(weight):
    objective = SparseObjective(3, 2)
    with pytest.raises(ValueError, match=r"sample_weight must have shape \(4,\), got"):
        objective.loss_grad(np.zeros(17), np.ones((4, 3)), weight)


@pytest.mark.parametrize("weight", [[0, 0, 0, 0], [1, 1, -1, 1]])
def test_weights_that_make_no_average_are_refused(weight):
    objective = SparseObjective(3, 2)
    with pytest.raises(ValueError, match="sample_weight"):
        objective.loss_grad(np.zeros(17), np.ones((4, 3)), weight)


@pytest.mark.parametrize("dtype", ["int64", "float16", ">f8", ">f4", "float32"])
def test_any_real_array_is_taken_and_nothing_given_is_changed(dtype):
    objective = SparseObjective(3, 2)
    theta = np.random.RandomState(0).uniform(-1, 1, 17)
    X = np.array([[0, 1, 2], [1, 0, 0]], dtype=dtype)
    kept_theta, kept_X = theta.copy(), X.copy()
    X.flags.writeable = theta.flags.writeable = False
    loss, grad = objective.loss_grad(theta, X)
    np.testing.assert_array_equal(theta, kept_theta)
    np.testing.assert_array_equal(X, kept_X)
    expected_loss, expected_grad = objective.loss_grad(theta, np.asarray(X, dtype=float))
    assert relative(loss, expected_loss) < 1e-6
    assert relative(grad, expected_grad) < 1e-6


def test_arrays_in_any_order_of_memory_give_the_same():
    objective, theta, X, weight, _ = make_case("sigmoid", "linear", "kl")
    expected_loss, expected_grad = objective.loss_grad(theta, X, weight)
    for view in (np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2], X[::-1].copy()[::-1]):
        loss, grad = objective.loss_grad(theta, view, weight)
        assert relative(loss, expected_loss) < 1e-13
        assert relative(grad, expected_grad) < 1e-13


@pytest.mark.parametrize("decoder", DECODERS)
def test_weight_decay_is_half_the_squared_weights_and_biases_are_free(decoder, rng):
    """Its gradient is lambda times the weights, and 0 for biases."""
    free, costly = (
        SparseObjective(3, 2, decoder=decoder, weight_decay=weight) for weight in (0, 0.3)
    )
    theta, X = rng.normal(size=free.n_parameters), rng.normal(size=(9, 3))
    losses, gradients = zip(*(each.loss_grad(theta, X) for each in (free, costly)), strict=True)
    weights = np.zeros_like(theta)
    for name, view in costly.unpack(weights).items():
        view[...] = costly.unpack(theta)[name] if name.startswith("W") else 0
    assert losses[1] - losses[0] == pytest.approx(0.15 * weights @ weights, rel=1e-12)
    np.testing.assert_allclose(gradients[1] - gradients[0], 0.3 * weights, atol=1e-14)
