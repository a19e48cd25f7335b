"""Units that are largest over all rows, and units with thresholds that are learned."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from rhohat import (
    BatchTopK,
    JumpReLU,
    L0Sparsity,
    SparseAutoencoder,
    SparseObjective,
    StackedAutoencoderClassifier,
    TopK,
    check_gradient,
)
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.largest import bit_counts, least_above
from rhohat.rows.cluster import DaskEngine
from support.cases import laws, make_case, sparse_data

# The largest of all rows.

numbers = st.floats(-4, 4, allow_subnormal=True) | st.sampled_from([0.0, -0.0, 1.0, 1e-300, 1e300])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(
    rows=st.lists(st.lists(numbers, min_size=3, max_size=3), min_size=1, max_size=9),
    most=st.sampled_from([0.3, 1.0, 1.5, 3.0]),
    weighted=st.booleans(),
)
@laws(200)
def test_the_threshold_is_the_least_above_which_are_so_many(dtype, rows, most, weighted):
    with np.errstate(all="ignore"):
        Z = np.array(rows).astype(dtype)
    w = np.arange(1.0, len(Z) + 1) if weighted else None
    t = least_above(partial(bit_counts, Z, w), most)
    weight = np.ones(len(Z)) if w is None else w

    def above(threshold):
        return float((weight @ (threshold < Z)).sum())

    assert t >= 0
    assert t == np.float32(t)
    assert above(t) <= most * weight.sum()
    if t > 0:
        with np.errstate(under="ignore"):
            less = np.nextafter(np.float32(t), np.float32(0))
        assert above(less) > most * weight.sum()


def test_the_threshold_does_not_depend_on_how_rows_are_split(rng):
    Z, w = rng.normal(size=(1000, 7)).astype(np.float32), rng.uniform(size=1000)
    parts = np.array_split(np.arange(1000), 9)

    def counts(upper):
        found = [bit_counts(Z[part], w[part], upper) for part in parts]
        return sum(weight for weight, _ in found), sum(by_half for _, by_half in found)

    assert least_above(counts, 2.0) == BatchTopK(2).found(Z, w)


@pytest.mark.parametrize("n_active", [0.5, 1, 2.25, 6, None])
def test_so_many_units_are_active_for_a_row_on_average(n_active, rng):
    Z = np.abs(rng.normal(size=(400, 6)))
    expected = 0.6 if n_active is None else n_active  # a tenth of the units
    assert np.count_nonzero(BatchTopK(n_active).function(Z)) == 400 * expected


def test_of_inputs_equal_to_the_threshold_none_is_active():
    Z = np.array([[3.0, 2.0], [2.0, 1.0]])
    np.testing.assert_array_equal(BatchTopK(1).function(Z), [[3.0, 0.0], [0.0, 0.0]])


def crossing(shift):
    """Loss and gradient where row 1's unit 1 is `shift` above row 0's unit 0; one of them fits."""
    objective = SparseObjective(2, 2, activation=BatchTopK(0.5), penalty="none", weight_decay=0)
    W_enc = [[1, 0], [0, 1 + shift]]
    theta = {"W_enc": W_enc, "b_enc": [0, 0], "t_enc": [7], "W_dec": np.eye(2) * [1, 3]}
    X = np.eye(2)
    return objective, objective.pack(theta | {"b_dec": [0, 0]}), X


def test_where_two_inputs_swap_ranks_the_loss_jumps_and_the_gradient_is_that_of_the_side():
    losses = {}
    for shift in (-1e-3, 1e-3):
        objective, theta, X = crossing(shift)
        losses[shift], grad = objective.loss_grad(theta, X)
        assert check_gradient(objective, theta, X, step=1e-6).ratio < 1e-7
        assert objective.unpack(grad)["t_enc"] == 0
    # Unit 0 explains its row; unit 1 says three times too much.
    assert losses[-1e-3] == pytest.approx(1 / 4)
    assert losses[1e-3] == pytest.approx((1 + 2.003**2) / 4)


def test_at_a_tie_neither_is_active_and_the_check_of_gradients_tells():
    """The loss has no derivative there, and differences across the jump are huge."""
    objective, theta, X = crossing(0.0)
    assert objective.loss_grad(theta, X)[0] == pytest.approx(1 / 2)
    assert check_gradient(objective, theta, X, step=1e-6).ratio > 0.9


def test_a_threshold_in_theta_that_is_found_does_not_matter():
    case = make_case("batchtopk", "linear", "l1")
    loss, grad = case.objective.loss_grad(case.theta, case.X)
    other = case.theta.copy()
    case.objective.unpack(other)["t_enc"][:] = 123.0
    other_loss, other_grad = case.objective.loss_grad(other, case.X)
    assert loss == other_loss
    np.testing.assert_array_equal(grad, other_grad)


# A threshold of each unit.


@pytest.mark.parametrize("tau", [0.1, 0.5, 1.0])
def test_beyond_the_step_units_do_what_those_that_jump_do(tau):
    parameters = {"t_enc": np.array([0.5, -2.0])}
    smooth, jumping = JumpReLU(tau).at(parameters), JumpReLU(0).at(parameters)
    Z = np.linspace(-5, 5, 2001)[:, None] * np.ones(2)
    t = np.abs(parameters["t_enc"])
    beyond = (t >= Z) | (t * (1 + tau) <= Z)
    np.testing.assert_allclose(smooth.value(Z)[beyond], jumping.value(Z)[beyond], rtol=1e-14)
    np.testing.assert_array_equal(jumping.value(Z), np.where(t < Z, Z, 0))
    np.testing.assert_array_equal(smooth.value(Z) > 0, t < Z)


@pytest.mark.parametrize("tau", [0, 0.1, 1.0])
def test_an_output_leads_back_to_its_input(tau):
    units = JumpReLU(tau).at({"t_enc": np.array([0.5, -2.0])})
    Z = np.geomspace(0.51, 50, 200)[:, None] * [1, 4]  # above both thresholds
    A = units.value(Z)
    np.testing.assert_allclose(units.inverse(A), Z, rtol=1e-9)
    assert (units.inverse(np.zeros((3, 2))) == 0).all()


@pytest.mark.parametrize(("n_units", "k"), [(1, 1), (9, 1), (10, 1), (11, 2), (60, 6), (101, 11)])
def test_unless_it_is_told_a_tenth_of_units_is_active_rounded_up(n_units, k):
    assert TopK().n_active_among(n_units) == k
    assert BatchTopK().n_active_among(n_units) == pytest.approx(n_units / 10)  # on average


@pytest.mark.parametrize("is_known", [False, True])
def test_a_unit_that_passes_anything_on_has_an_open_gate(is_known):
    """Also where the step of these inputs was computed before."""
    Z = np.linspace(-3, 3, 1001)
    units = JumpReLU(0.7).on(Z) if is_known else JumpReLU(0.7)
    gate, _ = units.gate(Z)
    assert (gate[units.value(Z) > 0] == 1).all()
    assert (gate[Z < 0.3 - 1e-9] == 0).all()
    assert gate.min() == 0
    assert (np.diff(gate) >= 0).all()


@pytest.mark.parametrize("scale", [1e-3, 40.0])
def test_units_on_another_scale_do_the_same_on_that_scale(scale, rng):
    Z, t = rng.normal(size=(50, 4)), np.array([0.3, 0.7, 1.0, 1.5])
    plain, scaled = JumpReLU().at({"t_enc": t}), JumpReLU().at({"t_enc": scale * t})
    np.testing.assert_allclose(scaled.value(scale * Z), scale * plain.value(Z), rtol=1e-9)
    np.testing.assert_allclose(scaled.gate(scale * Z)[0], plain.gate(Z)[0], atol=1e-12)


def test_l0_is_at_least_the_number_of_active_units(rng):
    model = SparseAutoencoder(
        9, activation="jumprelu", sparsity_penalty=L0Sparsity(0.02), max_iter=20, random_state=0
    ).fit(rng.laplace(size=(300, 6)))
    active = np.count_nonzero(model.transform(rng.laplace(size=(300, 6))), axis=1)
    assert 0 < active.mean() < 9
    assert (model.average_activation_ <= 1).all()
    assert model.thresholds_.shape == (9,)
    assert (model.thresholds_ > 0).all()


@pytest.mark.parametrize("weighted", [False, True])
def test_a_penalty_whose_slope_follows_the_average_moves_thresholds_too(weighted):
    """None of the package's own goes with these units; users may have one."""

    class Squared(L0Sparsity):
        """weight / 2 sum_j average_j^2, of activations."""

        sees_gates = False
        fixed_slope = None

        def on_average(self, average, activation):
            return self.weight / 2 * float(average @ average), self.weight * average

    case = make_case("jumprelu", "linear", "l1")
    objective = SparseObjective(4, 3, activation="jumprelu", penalty=Squared(0.7))
    weight = case.sample_weight if weighted else None
    assert check_gradient(objective, case.theta, case.X, weight, step=1e-5).ratio < 1e-7


# What makes no sense is refused.


@pytest.mark.parametrize("n_active", [0, -1, 4.5, "2", True, np.inf, np.nan])
def test_an_average_number_of_active_units_that_cannot_be_is_refused(n_active):
    with pytest.raises((ValueError, TypeError), match="BatchTopK n_active"):
        SparseObjective(3, 4, activation=BatchTopK(n_active), penalty="none")


@pytest.mark.parametrize("tau", [-0.1, 1.1, "1", np.nan])
def test_a_width_that_cannot_be_is_refused(tau):
    with pytest.raises((ValueError, TypeError), match="JumpReLU tau"):
        SparseObjective(3, 4, activation=JumpReLU(tau), penalty="l0")


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_units_that_jump_at_thresholds_compute_and_are_not_trained(method, rng):
    X = rng.laplace(size=(60, 5))
    model = SparseAutoencoder(4, activation=JumpReLU(), sparsity_penalty="l0", max_iter=3).fit(X)
    expected = model.transform(X)
    model.set_params(activation__tau=0)
    A = model.transform(X)
    np.testing.assert_array_equal(A > 0, expected > 0)
    with pytest.raises(
        ValueError, match=r"not the gradient of any objective.* use activation=JumpReLU"
    ):
        getattr(model, method)(X)


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "topk", "batchtopk"])
def test_gates_of_units_that_have_none_are_refused(activation):
    with pytest.raises(ValueError, match="Use activation='jumprelu', or sparsity_penalty="):
        SparseObjective(3, 4, activation=activation, penalty="l0")


def test_a_stream_does_not_tell_the_threshold_of_all_rows(rng):
    model = SparseAutoencoder(4, activation="batchtopk", sparsity_penalty="none")
    with pytest.raises(ValueError, match="use fit, or activation='topk'"):
        model.partial_fit(rng.normal(size=(30, 5)))


def test_a_stream_teaches_thresholds(rng):
    model = SparseAutoencoder(4, activation="jumprelu", sparsity_penalty="l0", random_state=0)
    X = rng.laplace(size=(500, 5))
    before = model.partial_fit(X[:250]).thresholds_
    assert (model.partial_fit(X[250:]).thresholds_ != before).all()


@pytest.mark.parametrize("activation", ["jumprelu", "batchtopk"])
def test_networks_have_no_thresholds(activation, rng):
    classifier = StackedAutoencoderClassifier(
        SparseAutoencoder(4, activation=activation, sparsity_penalty="none", max_iter=2)
    )
    with pytest.raises(ValueError, match="Use activation='topk' or 'relu'"):
        classifier.fit(rng.normal(size=(30, 5)), np.arange(30) % 2)


def test_weights_of_units_with_other_thresholds_are_not_gone_on_with(rng):
    X = rng.normal(size=(40, 5))
    model = SparseAutoencoder(
        4, activation="batchtopk", sparsity_penalty="none", max_iter=2, warm_start=True
    ).fit(X)
    assert model.thresholds_.shape == (1,)
    model.fit(X)
    model.set_params(activation="jumprelu")
    with pytest.raises(ValueError, match="has no thresholds for jumprelu units"):
        model.fit(X)


# Wherever rows lie.

ROWS = ["batchtopk", "jumprelu"]


def made(activation, **settings):
    penalty = ACTIVATIONS[activation].usual_penalty
    return SparseAutoencoder(
        *(12,), activation=activation, sparsity_penalty=penalty, random_state=3, **settings
    )


def assert_same(model, expected):
    for name in ("encoder_weights_", "thresholds_", "decoder_weights_", "loss_curve_"):
        np.testing.assert_array_equal(getattr(model, name), getattr(expected, name))


@pytest.fixture
def data():
    return sparse_data(2500, 9, dtype=np.float32)


@pytest.mark.parametrize("decoder", ["linear", "tied", "sigmoid"])
@pytest.mark.parametrize("activation", ROWS)
def test_memory_files_and_threads_give_the_same_bits(activation, decoder, data, tmp_path):
    path = tmp_path / "rows.npy"
    np.save(path, data)
    settings = {"max_iter": 6, "decoder": decoder, "chunk_size": 512, "block_size": 256}
    expected = made(activation, n_jobs=1, **settings).fit(data)
    assert_same(made(activation, n_jobs=2, **settings).fit(path), expected)


@pytest.mark.slow
@pytest.mark.parametrize("activation", ROWS)
def test_workers_give_the_bits_of_threads(activation, data, tmp_path):
    path = tmp_path / "rows.npy"
    np.save(path, data)
    settings = {"max_iter": 6, "chunk_size": 512, "block_size": 256}
    engine = DaskEngine(n_jobs=2)
    model = made(activation, engine=engine, **settings).fit(path)
    assert_same(model, made(activation, **settings).fit(data))


@pytest.mark.parametrize("activation", ROWS)
def test_a_run_that_was_cut_off_goes_on_to_the_same_bits(activation, data, tmp_path):
    expected = made(activation, max_iter=9).fit(data)
    cut_off = made(activation, max_iter=9, checkpoint=tmp_path)
    cut_off.set_params(callback=lambda progress: progress.n_iter == 4).fit(data)
    model = cut_off.set_params(callback=None, resume=True).fit(data)
    assert model.n_iter_ == expected.n_iter_
    np.testing.assert_array_equal(model.thresholds_, expected.thresholds_)
    np.testing.assert_array_equal(model.encoder_weights_, expected.encoder_weights_)


@pytest.mark.parametrize("activation", ROWS)
def test_new_rows_are_encoded_with_the_threshold_that_fit_has_left(activation, data):
    model = made(activation, max_iter=6).fit(data)
    A = model.transform(data)
    np.testing.assert_allclose(model.transform(data[:50]), A[:50], rtol=1e-4, atol=1e-5)
    if activation == "batchtopk":
        assert np.count_nonzero(A) == pytest.approx(len(data) * 1.2, abs=3)
    assert model.loss_terms_.reconstruction == pytest.approx(-model.score(data), rel=1e-5)
    held_out = made(activation, max_iter=6).fit(data, X_val=data)
    assert held_out.validation_terms_curve_[-1].sum() == pytest.approx(held_out.loss_, rel=1e-5)


def test_parameters_are_those_of_scikit_learn():
    model = SparseAutoencoder(activation=JumpReLU(0.2), sparsity_penalty="l0")
    other = clone(model).set_params(activation__tau=0.4)
    assert model.activation == JumpReLU(0.2) != other.activation
    assert repr(other.activation) == "JumpReLU(0.4)"
    assert repr(BatchTopK()) == "BatchTopK()"
    with pytest.raises(ValueError, match="has only the parameter tau"):
        JumpReLU().set_params(width=3)
