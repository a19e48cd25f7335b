"""The sparse autoencoder's objective: its values, its gradient, what they may not depend on."""

from functools import cache, reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhohat import KLSparsity, NoSparsity, SparseObjective
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.decoders import DECODERS
from rhohat.objective.penalties import PENALTIES
from rhohat.rows.engines import ThreadEngine
from rhohat.rows.partition import Partition
from rhohat.rows.sources import in_memory
from support.cases import (
    COMBINATIONS,
    COVERING,
    REFUSED,
    central,
    check_ratio,
    five_point,
    laws,
    make_case,
    make_penalty,
    oracle_loss_grad,
    relative,
    settled,
    sparse_data,
)
from support.golden import FIRST_ENTRIES, GOLDEN, OUTSIDE_RATIO_FIRST, OUTSIDE_RATIOS

every_combination = pytest.mark.parametrize(("activation", "decoder", "penalty"), COVERING)
every_triple = pytest.mark.parametrize(("activation", "decoder", "penalty"), COMBINATIONS)
every_golden_case = pytest.mark.parametrize(
    ("golden", "decoder"),
    [(golden, decoder) for golden in GOLDEN for decoder in golden.expected],
    ids=lambda part: str(part),
)


def golden_case(golden, decoder, activation="sigmoid"):
    """Objective, theta and X of a reference case."""
    W1, W2, b1, b2 = golden.network()
    objective = SparseObjective(
        golden.n,
        golden.s2,
        activation=activation,
        decoder=decoder,
        penalty=KLSparsity(golden.rho, golden.beta),
        weight_decay=golden.decay,
    )
    theta = objective.pack({"W_enc": W1, "b_enc": b1, "W_dec": np.transpose(W2), "b_dec": b2})
    return objective, theta, np.array(golden.rows())


@cache
def numerical_gradient(golden, decoder):
    """Numerical gradient of a reference case, and how to pick its entries from all."""
    objective, theta, X = golden_case(golden, decoder)
    every = 1 + theta.size // 500
    numerical = central(lambda t: objective.loss_grad(t, X)[0], theta, every=every)
    return numerical, slice(None, None, every)


# Values.


@every_golden_case
def test_reference_values(golden, decoder):
    objective, theta, X = golden_case(golden, decoder)
    loss, grad = objective.loss_grad(theta, X)
    expected_loss, expected_norm = golden.expected[decoder]
    assert loss == pytest.approx(expected_loss, rel=1e-12)
    assert np.linalg.norm(grad) == pytest.approx(expected_norm, rel=1e-12)


def test_first_entries_of_the_reference_gradient():
    objective, theta, X = golden_case(GOLDEN[0], "sigmoid")
    _, grad = objective.loss_grad(theta, X)
    np.testing.assert_allclose(grad[:4], FIRST_ENTRIES, rtol=1e-12)


@pytest.mark.parametrize("decoder", GOLDEN[-1].expected)
def test_no_penalty_is_a_penalty_of_weight_zero(decoder):
    objective, theta, X = golden_case(GOLDEN[-1], decoder)
    plain = SparseObjective(6, 4, decoder=decoder, penalty=NoSparsity(), weight_decay=0)
    loss, grad = plain.loss_grad(theta, X)
    expected_loss, expected_grad = objective.loss_grad(theta, X)
    assert loss == expected_loss
    assert relative(grad, expected_grad) < 1e-14


@every_triple
@pytest.mark.parametrize("weighted", [False, True])
def test_loss_and_gradient_agree_with_the_plain_loops(activation, decoder, penalty, weighted):
    case = make_case(activation, decoder, penalty)
    weight = case.sample_weight if weighted else None
    loss, grad = case.objective.loss_grad(case.theta, case.X, weight)
    expected_loss, expected_grad = oracle_loss_grad(case.objective, case.theta, case.X, weight)
    assert relative(loss, expected_loss) < 1e-12
    assert relative(grad, expected_grad) < 1e-12


@every_combination
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_alone_agrees_with_the_plain_loops(activation, decoder, penalty, weighted):
    case = make_case(activation, decoder, penalty)
    weight = case.sample_weight if weighted else None
    theta = settled(case.objective, case.theta, case.X, weight)
    sums = case.objective.losses(case.X, theta, weight)
    expected, _ = oracle_loss_grad(case.objective, case.theta, case.X, weight)
    assert relative(case.objective.loss_terms(sums, case.theta).total, expected) < 1e-12
    assert not sums.gradient.size
    assert not sums.direction.size


@every_combination
def test_terms_of_the_loss_add_up_and_vanish_where_they_should(activation, decoder, penalty):
    objective, theta, X, weight, _ = make_case(activation, decoder, penalty)
    theta = settled(objective, theta, X, weight)
    sums = objective.terms(X, theta, weight)
    terms = objective.loss_terms(sums, theta)
    assert reduce(add, terms) == terms.total == objective.finish(sums, theta)[0]
    assert all(isinstance(term, float) for term in terms)
    parameters = objective.unpack(theta)
    units = objective.units(X, parameters)
    A = units.A
    of_prefix = np.arange(A.shape[1]) < np.array(objective.decoder.prefixes(A.shape[1]))[:, None]
    errors = [objective.decode(A * first, parameters) - X for first in of_prefix]
    assert terms.reconstruction == pytest.approx(
        sum(np.average(0.5 * (e**2).sum(axis=1), weights=weight) for e in errors), rel=1e-12
    )
    h = units.averaged(objective.penalty)[0]
    np.testing.assert_allclose(
        objective.average_activity(sums), np.average(h, axis=0, weights=weight), rtol=1e-12
    )
    undecayed = SparseObjective(
        objective.n_features,
        objective.n_components,
        activation=activation,
        decoder=decoder,
        penalty=make_penalty(penalty),
        weight_decay=0,
    )
    assert undecayed.loss_grad(theta, X, weight)[0] == pytest.approx(
        terms.reconstruction + terms.sparsity, rel=1e-13
    )


# Gradient.


@every_triple
def test_gradient_agrees_with_five_point_differences(activation, decoder, penalty):
    case = make_case(activation, decoder, penalty)
    assert relative(five_point(case.loss, case.theta), case.grad()) < 1e-8


@every_combination
def test_taylor_remainder_is_of_second_order(activation, decoder, penalty):
    case = make_case(activation, decoder, penalty)
    direction = np.random.RandomState(1).uniform(-1, 1, case.theta.size)
    slope = case.grad() @ direction
    steps = 1e-3 * 0.5 ** np.arange(5)
    remainders = [
        abs(case.loss(case.theta + step * direction) - case.loss(case.theta) - step * slope)
        for step in steps
    ]
    orders = -np.diff(np.log2(remainders))
    np.testing.assert_allclose(orders, 2, atol=0.1)


@every_combination
@given(seed=st.integers(0, 10**6), m=st.integers(1, 5), d=st.integers(1, 4), k=st.integers(1, 3))
@laws(6)
def test_gradient_agrees_with_the_plain_loops_at_any_point(
    activation, decoder, penalty, seed, m, d, k
):
    case = make_case(activation, decoder, penalty, seed=seed, shape=(m, d, k))
    loss, grad = case.objective.loss_grad(case.theta, case.X, case.sample_weight)
    expected_loss, expected_grad = oracle_loss_grad(
        case.objective, case.theta, case.X, case.sample_weight
    )
    assert relative(loss, expected_loss) < 1e-12
    assert relative(grad, expected_grad) < 1e-12
    assert check_ratio(five_point(case.loss, case.theta), grad) < 1e-8


@every_golden_case
def test_gradient_passes_the_check_of_the_notes(golden, decoder):
    objective, theta, X = golden_case(golden, decoder)
    _, grad = objective.loss_grad(theta, X)
    numerical, entries = numerical_gradient(golden, decoder)
    assert check_ratio(numerical, grad[entries]) < 1e-9


@pytest.mark.parametrize("decoder", ["sigmoid", "linear"])
def test_check_tells_a_gradient_without_the_half_of_tanh(decoder):
    """One published implementation leaves it out: its penalty's part is twice too large."""
    objective, theta, X = golden_case(GOLDEN[0], decoder, activation="tanh")
    numerical = central(lambda t: oracle_loss_grad(objective, t, X)[0], theta)
    _, grad = objective.loss_grad(theta, X)
    _, without_half = oracle_loss_grad(
        objective, theta, X, delta2=lambda back, slope, derivative: (back + 2 * slope) * derivative
    )
    assert check_ratio(numerical, grad) < 1e-9
    assert 0.1 < check_ratio(numerical, without_half) < 0.4


@pytest.mark.parametrize("decoder", ["sigmoid", "linear"])
@pytest.mark.parametrize("golden", [golden for golden in GOLDEN if golden.beta], ids=str)
def test_check_tells_a_gradient_with_the_penalty_outside_the_derivative(golden, decoder):
    """A transcription in circulation has delta2 = (W2' delta3) f'(z2) + s."""
    objective, theta, X = golden_case(golden, decoder)
    _, grad = objective.loss_grad(theta, X)
    _, outside = oracle_loss_grad(
        objective, theta, X, delta2=lambda back, slope, derivative: back * derivative + slope
    )
    numerical, entries = numerical_gradient(golden, decoder)
    assert check_ratio(numerical, grad[entries]) < 1e-9
    ratio = check_ratio(numerical, outside[entries])
    low, high = OUTSIDE_RATIOS
    assert low - 0.005 <= ratio <= high + 0.005
    if golden is GOLDEN[0] and decoder == "sigmoid":
        assert ratio == pytest.approx(OUTSIDE_RATIO_FIRST, abs=5e-4)


# Sums over rows.


@every_combination
@given(data=st.data())
@laws(12)
def test_loss_does_not_depend_on_how_rows_are_split(activation, decoder, penalty, data):
    objective, theta, X, weight, _ = make_case(activation, decoder, penalty, shape=(12, 4, 3))
    if data.draw(st.booleans(), label="unweighted"):
        weight = np.ones(len(X))
    theta = settled(objective, theta, X, weight)
    group = np.array(data.draw(st.lists(st.integers(0, 5), min_size=12, max_size=12)))
    parts = [
        objective.terms(X[group == number], theta, weight[group == number])
        for number in data.draw(st.permutations(np.unique(group).tolist()))
    ]
    total = parts[0]
    for part in parts[1:]:
        total += part
    loss, grad = objective.finish(total, theta)
    expected_loss, expected_grad = objective.loss_grad(theta, X, weight)
    assert relative(loss, expected_loss) < 1e-12
    assert relative(grad, expected_grad) < 1e-12


@every_combination
@given(counts=st.lists(st.integers(0, 4), min_size=7, max_size=7).filter(any))
@laws(8)
def test_integer_weights_equal_repeated_rows(activation, decoder, penalty, counts):
    objective, theta, X, *_ = make_case(activation, decoder, penalty)
    loss, grad = objective.loss_grad(theta, X, counts)
    expected_loss, expected_grad = objective.loss_grad(theta, np.repeat(X, counts, axis=0))
    assert relative(loss, expected_loss) < 1e-12
    assert relative(grad, expected_grad) < 1e-12


@every_combination
def test_scaling_all_weights_changes_nothing(activation, decoder, penalty):
    objective, theta, X, weight, _ = make_case(activation, decoder, penalty)
    expected_loss, expected_grad = objective.loss_grad(theta, X, weight)
    for factor in (1e-200, 1e-3, 1 / 3, 7, 1e200):
        loss, grad = objective.loss_grad(theta, X, factor * weight)
        assert relative(loss, expected_loss) < 1e-12
        assert relative(grad, expected_grad) < 1e-12


@every_combination
def test_rows_of_weight_zero_are_as_if_absent(activation, decoder, penalty):
    objective, theta, X, weight, _ = make_case(activation, decoder, penalty)
    more_rows = np.vstack([X[:3], np.full((2, X.shape[1]), 50.0), X[3:]])
    more_weights = np.concatenate([weight[:3], [0, 0], weight[3:]])
    loss, grad = objective.loss_grad(theta, more_rows, more_weights)
    expected_loss, expected_grad = objective.loss_grad(theta, X, weight)
    assert relative(loss, expected_loss) < 1e-12
    assert relative(grad, expected_grad) < 1e-12


@pytest.mark.parametrize("weighted", [False, True])
@every_combination
def test_single_precision_agrees_with_double(activation, decoder, penalty, weighted):
    X = sparse_data(3000, 16)
    weight = np.random.RandomState(2).uniform(0, 2, len(X)) if weighted else None
    case = make_case(activation, decoder, penalty, shape=(9, 16, 6), seed=3)
    objective, theta = case.objective, case.theta / 4
    theta = settled(objective, theta, X, weight)
    partition = Partition(block_size=128, chunk_size=512)
    engine = ThreadEngine(1)
    with engine.running():
        total = engine.map_sum(
            lambda rows: objective.terms(rows.X, theta, rows.sample_weight),
            in_memory(X.astype(np.float32), weight),
            partition,
        )
    loss, grad = objective.finish(total, theta)
    assert grad.dtype == np.float64
    expected_loss, expected_grad = objective.loss_grad(theta, X, weight)
    assert relative(loss, expected_loss) < 1e-5
    assert relative(grad, expected_grad) < 1e-5


def test_sums_over_many_rows_do_not_saturate_in_single_precision():
    """70,000 ones overflow float16 and 2^24 saturates float32: sums are float64."""
    objective = SparseObjective(1, 1, activation="relu", penalty="l1", weight_decay=0)
    theta = objective.pack({"W_enc": [[1]], "b_enc": [0], "W_dec": [[1]], "b_dec": [0.5]})
    total = objective.terms(np.ones((1, 1), dtype=np.float32), theta)
    total.weight = total.squared_error = 2.0**24
    total = total.widened()
    total.activity[:] = total.gradient[:] = 2.0**24
    total += objective.terms(np.ones((1, 1), dtype=np.float32), theta)
    assert total.weight == 2**24 + 1
    assert total.activity[0] == 2**24 + 1
    assert total.squared_error == 2**24 + 0.125
    assert total.gradient[0] == 2**24 + 1 + 0.5  # the penalty, and the error of one half


# Extremes.


@every_combination
def test_dead_and_saturated_units_leave_loss_and_gradient_finite(activation, decoder, penalty):
    objective, theta, X, *_ = make_case(activation, decoder, penalty)
    theta = theta.copy()
    for dtype in (np.float32, np.float64):
        for bias in (-1e4, -60, 60, 1e4):
            objective.unpack(theta)["b_enc"][:2] = bias
            with np.errstate(under="ignore"):  # of outputs that are saturated
                loss, grad = objective.loss_grad(theta, X.astype(dtype))
            assert np.isfinite(loss), (dtype, bias)
            assert np.isfinite(grad).all(), (dtype, bias)


def test_a_barely_dead_unit_is_pushed_back_to_life():
    """At a share of 1e-10, beyond the edge, the bias's gradient still asks for more activity."""
    objective = SparseObjective(2, 1, penalty=KLSparsity(0.1, 3.0), weight_decay=0)
    theta = np.zeros(objective.n_parameters)
    objective.unpack(theta)["b_enc"][:] = -23.0
    _, grad = objective.loss_grad(theta, np.ones((4, 2)))
    assert objective.unpack(grad)["b_enc"][0] < 0


# Combinations.


@pytest.mark.parametrize(("activation", "penalty"), REFUSED)
def test_combination_without_meaning_is_refused_with_what_to_use_instead(activation, penalty):
    with pytest.raises(ValueError, match="Use activation=") as refusal:
        SparseObjective(3, 2, activation=activation, penalty=penalty)
    message = str(refusal.value)
    assert repr(activation) in message
    assert any(repr(row) in message for row in ACTIVATIONS if (row, penalty) not in REFUSED)


def test_a_weight_that_is_to_be_found_has_no_loss_before_it_is():
    objective = SparseObjective(4, 3, penalty=KLSparsity(0.2, "auto"))
    theta, X = np.zeros(objective.n_parameters), np.ones((5, 4))
    with pytest.raises(
        ValueError, match=r"only SparseAutoencoder\.fit can find: give a number here"
    ):
        objective.loss_grad(theta, X)
    found = objective.weighed(1.5)
    expected = SparseObjective(4, 3, penalty=KLSparsity(0.2, 1.5)).loss_grad(theta, X)
    assert found.loss_grad(theta, X)[0] == expected[0]
    np.testing.assert_array_equal(found.loss_grad(theta, X)[1], expected[1])
    assert objective.penalty.weight == "auto"


def test_divergence_of_unbounded_units_is_refused():
    assert {("relu", "kl"), ("identity", "kl")} <= set(REFUSED)


@pytest.mark.parametrize(
    ("setting", "table"),
    [("activation", ACTIVATIONS), ("decoder", DECODERS), ("penalty", PENALTIES)],
)
@pytest.mark.parametrize("value", ["no-such-row", None, 3, ["sigmoid"]])
def test_unknown_rows_are_refused_with_a_list_of_the_known(setting, table, value):
    with pytest.raises(ValueError, match="must be one of") as refusal:
        SparseObjective(3, 2, **{setting: value})
    assert all(repr(row) in str(refusal.value) for row in table)
