"""The solver's variables: the same objective in other coordinates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhohat import SparseObjective
from rhohat.objective.decoders import DECODERS
from rhohat.rows.engines import ThreadEngine
from rhohat.rows.feature_sums import FeatureSums
from rhohat.rows.partition import Partition
from rhohat.rows.sources import in_memory
from rhohat.training.change_of_variables import StandardizedVariables
from support.cases import COVERING, five_point, laws, make_case, relative

every_combination = pytest.mark.parametrize(("activation", "decoder", "penalty"), COVERING)
every_decoder = pytest.mark.parametrize("decoder", DECODERS)


def variables_for(objective, X, sample_weight=None):
    engine = ThreadEngine(1)
    partition = Partition(block_size=4, chunk_size=8)
    with engine.running():
        return StandardizedVariables.for_sums(
            objective, FeatureSums.over(in_memory(X, sample_weight), engine, partition)
        )


def case_in_variables(*names):
    case = make_case(*names)
    return case, variables_for(case.objective, case.X, case.sample_weight)


@every_decoder
@given(
    seed=st.integers(0, 10**6),
    scale=st.floats(1e-3, 1e3),
    shift=st.floats(-100, 100),
)
@laws(25)
def test_the_two_conversions_are_inverse(decoder, seed, scale, shift):
    objective = SparseObjective(4, 3, decoder=decoder)
    variables = StandardizedVariables(objective, np.linspace(shift, 1, 4), scale)
    theta = np.random.RandomState(seed).normal(size=objective.n_parameters)
    kept = theta.copy()
    tolerance = 1e-13 * (1 + abs(shift)) * max(scale, 1 / scale)
    np.testing.assert_allclose(
        variables.to_theta(variables.from_theta(theta)), theta, rtol=tolerance, atol=tolerance
    )
    np.testing.assert_allclose(
        variables.from_theta(variables.to_theta(theta)), theta, rtol=tolerance, atol=tolerance
    )
    np.testing.assert_array_equal(theta, kept)


@every_decoder
def test_gradient_is_the_transpose_of_the_conversion(decoder):
    """<M q, g> = <q, M' g> for every q and g."""
    objective = SparseObjective(4, 3, decoder=decoder)
    variables = StandardizedVariables(objective, np.array([0.3, -2, 0, 5]), 0.2)
    random = np.random.RandomState(0)
    for _ in range(5):
        q, grad = random.normal(size=(2, objective.n_parameters))
        assert variables.to_theta(q) @ grad == pytest.approx(
            q @ variables.gradient(grad), rel=1e-12
        )
        kept = grad.copy()
        variables.gradient(grad)
        np.testing.assert_array_equal(grad, kept)


@every_combination
def test_gradient_agrees_with_differences_in_the_solvers_variables(activation, decoder, penalty):
    case, variables = case_in_variables(activation, decoder, penalty)
    q = variables.from_theta(case.theta)
    grad = variables.gradient(case.grad())
    e = 1e-3 * min(1.0, variables.scale)
    numerical = five_point(lambda q: case.loss(variables.to_theta(q)), q, e=e)
    assert relative(numerical, grad) < 1e-7


@every_combination
def test_the_encoder_alone_is_a_part_of_both(activation, decoder, penalty):
    """A vector that holds the encoder alone is converted as the part of a whole one."""
    case, variables = case_in_variables(activation, decoder, penalty)
    size = case.objective.n_encoder_parameters
    q, grad = variables.from_theta(case.theta), case.grad()
    np.testing.assert_array_equal(variables.to_theta(q[:size]), variables.to_theta(q)[:size])
    np.testing.assert_array_equal(variables.from_theta(case.theta[:size]), q[:size])
    np.testing.assert_array_equal(variables.gradient(grad[:size]), variables.gradient(grad)[:size])


def test_magnitude_is_the_mean_square_of_a_row():
    X = np.random.RandomState(0).normal([1, -20, 0], [1, 5, 0.1], (50, 3))
    variables = variables_for(SparseObjective(3, 2), X)
    assert variables.magnitude == pytest.approx(np.mean(np.sum(X**2, axis=1)), rel=1e-12)


@every_combination
def test_standardized_inputs_give_the_same_activations(activation, decoder, penalty):
    """W x + b is V (x - mean) / scale + c: the objective stays what it was."""
    case, variables = case_in_variables(activation, decoder, penalty)
    objective = case.objective
    q = objective.unpack(variables.from_theta(case.theta))
    Z = (case.X - variables.mean) / variables.scale @ q["W_enc"].T + q["b_enc"]
    A = objective.encode(case.X, objective.unpack(case.theta))
    np.testing.assert_allclose(objective.activation.at(q).function(Z), A, rtol=1e-12, atol=1e-14)
    theta = variables.to_theta(variables.from_theta(case.theta))
    assert case.loss(theta) == pytest.approx(case.loss(case.theta), rel=1e-13)


def test_mean_and_scale_are_those_of_the_data():
    objective = SparseObjective(3, 2)
    X = np.random.RandomState(0).normal([1, -20, 0], [1, 5, 0.1], (50, 3))
    variables = variables_for(objective, X)
    np.testing.assert_allclose(variables.mean, X.mean(axis=0), rtol=1e-12)
    assert variables.scale == pytest.approx(np.sqrt(X.var(axis=0).mean()), rel=1e-12)


def test_weights_count_in_mean_and_scale():
    objective = SparseObjective(3, 2)
    X = np.random.RandomState(0).normal(size=(20, 3))
    counts = np.arange(20) % 4
    weighted = variables_for(objective, X, counts.astype(float))
    repeated = variables_for(objective, np.repeat(X, counts, axis=0))
    np.testing.assert_allclose(weighted.mean, repeated.mean, rtol=1e-12)
    assert weighted.scale == pytest.approx(repeated.scale, rel=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, 0.7, 1000.1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_data_that_do_not_vary_are_not_blown_up(value, dtype):
    """Their standard deviation is rounding alone: no scale to divide by."""
    objective = SparseObjective(5, 2)
    variables = variables_for(objective, np.full((37, 5), value, dtype=dtype))
    assert variables.scale == 1.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_overflow_while_standardizing_is_left_to_the_loss_to_report(dtype):
    objective = SparseObjective(5, 2)
    X = np.random.RandomState(0).normal(size=(37, 5)).astype(dtype)
    variables_for(objective, X * np.sqrt(np.finfo(dtype).max) * dtype(10))  # no RuntimeWarning
