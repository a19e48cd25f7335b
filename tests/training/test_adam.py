"""Streams: learning from rows that come once, with an average that is an estimate and says so."""

import numpy as np
import pytest
from sklearn.base import clone

from rhohat import Adam, KLSparsity, L1Sparsity, SparseAutoencoder, load, save
from rhohat.objective.decoders import DECODERS
from rhohat.objective.sparse import SparseObjective
from rhohat.rows.engines import ThreadEngine
from rhohat.rows.feature_sums import FeatureSums
from rhohat.rows.partition import Partition
from rhohat.rows.sources import Rows, in_memory
from rhohat.training.adam import ScaledVariables, StreamState
from support.cases import COVERING, five_point, make_case, oracle_loss_grad, relative
from support.fits import constant_loss


def autoencoder(**changes):
    settings = {"sparsity_penalty": KLSparsity(0.1), "random_state": 0, "n_components": 12}
    return SparseAutoencoder(**(settings | changes))


def exact_loss(model, X):
    objective = model._fitted_objective()
    theta = model._fitted_theta(objective)
    return oracle_loss_grad(objective, theta, X)[0]


def sums_of(source):
    with ThreadEngine(1).running() as engine:
        return FeatureSums.over(source, engine, Partition(64, 64))


def stream(model, X, passes, block=450):
    for _ in range(passes):
        for start in range(0, len(X), block):
            model.partial_fit(X[start : start + block])
    return model


@pytest.mark.slow
def test_a_stream_comes_close_to_the_exact_optimum(patches):
    X = patches(8, 8000)
    fitted = autoencoder(n_components=16).fit(X)
    streamed = stream(autoencoder(n_components=16), X, 30)
    exact = exact_loss(streamed, X)
    assert exact < 1.35 * fitted.loss_ < 0.6 * constant_loss(X)
    assert streamed.running_loss_ == pytest.approx(exact, rel=0.2)


def test_the_gap_is_running_minus_exact(digits):
    model = stream(autoencoder(), digits, 3)
    exact = model.transform(digits).mean(axis=0)
    np.testing.assert_allclose(
        model.activation_gap(digits), model.running_average_activation_ - exact, atol=1e-12
    )
    assert 0 < np.abs(model.activation_gap(digits)).max() < 0.1
    assert not hasattr(model, "average_activation_")
    assert np.abs(autoencoder().fit(digits).activation_gap(digits)).max() < 1e-12


def test_a_step_follows_the_exact_gradient_where_the_batch_is_all_there_is(rng):
    """With one batch, the running average is the exact one, and Adam's first step its sign."""
    objective = SparseObjective(6, 4, penalty=KLSparsity(0.1))
    X = rng.uniform(size=(50, 6))
    source = in_memory(X)
    state = StreamState.new(objective, sums_of(source), source, rng)
    variables = state.variables
    state.q += 0.1 * rng.normal(size=state.q.shape)  # from where no part of the gradient is 0
    before = state.q.copy()
    Adam(0.01, batch_size=50).learn(objective, state, Rows(X))
    _, gradient = oracle_loss_grad(objective, variables.to_theta(before), X)
    assert relative(state.mean, 0.1 * variables.gradient(gradient)) < 1e-10
    np.testing.assert_allclose(state.q - before, -0.01 * np.sign(state.mean), rtol=1e-4)


@pytest.mark.parametrize("window", [20, 1000])
def test_the_running_average_is_of_all_rows_until_the_window_is_full(window, rng):
    """Then each batch has its share of the window; steps are so small that weights stay."""
    objective = SparseObjective(6, 4, penalty=KLSparsity(0.1))
    X = rng.uniform(size=(50, 6))
    source = in_memory(X)
    state = StreamState.new(objective, sums_of(source), source, rng)
    A = objective.encode(X, objective.unpack(state.variables.to_theta(state.q)))
    Adam(1e-15, batch_size=10, window=window).learn(objective, state, Rows(X))
    batches, expected = A.reshape(5, 10, 4).mean(axis=1), 0
    for number, average in enumerate(batches, 1):
        expected += max(1 / number, 10 / window) * (average - expected)
    np.testing.assert_allclose(state.average, expected, rtol=1e-9)
    assert (window == 20) == (relative(state.average, A.mean(axis=0)) > 1e-6)


def test_blocks_are_learned_in_order_however_they_are_cut(digits):
    whole = autoencoder(solver=Adam(batch_size=100)).partial_fit(digits[:1000])
    cut = autoencoder(solver=Adam(batch_size=100)).partial_fit(digits[:1000])
    whole.partial_fit(digits[1000:1600])
    cut.partial_fit(digits[1000:1200]).partial_fit(digits[1200:1600])
    np.testing.assert_array_equal(whole.encoder_weights_, cut.encoder_weights_)
    assert whole.n_rows_seen_ == cut.n_rows_seen_ == 1600


def test_rows_count_as_often_as_they_weigh(digits):
    twice = autoencoder(solver=Adam(batch_size=800)).partial_fit(np.repeat(digits[:400], 2, axis=0))
    weighted = autoencoder(solver=Adam(batch_size=400)).partial_fit(
        digits[:400], sample_weight=np.full(400, 2.0)
    )
    assert relative(weighted.encoder_weights_, twice.encoder_weights_) < 1e-10


def test_it_goes_on_from_a_fit_and_a_fit_forgets_it(digits):
    model = autoencoder().fit(digits[:900])
    before = model.encoder_weights_.copy()
    model.partial_fit(digits[900:1400])
    assert 0 < relative(model.encoder_weights_, before) < 0.5
    assert not hasattr(model, "loss_")
    model.fit(digits[:900])
    np.testing.assert_array_equal(model.encoder_weights_, before)
    assert not hasattr(model, "running_average_activation_")


def test_a_streamed_model_is_saved_and_goes_on(digits, tmp_path):
    model = autoencoder().partial_fit(digits)
    save(model, tmp_path / "model")
    loaded = load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.transform(digits), model.transform(digits))
    np.testing.assert_array_equal(
        loaded.running_average_activation_, model.running_average_activation_
    )
    loaded.partial_fit(digits)
    assert loaded.n_rows_seen_ == 2 * len(digits)


# The variables that steps are taken in.


@pytest.mark.parametrize("decoder", DECODERS)
def test_steps_are_taken_where_weights_of_encoder_and_decoder_are_of_one_size(decoder, rng):
    objective = SparseObjective(5, 4, decoder=decoder)
    source = in_memory(rng.normal([1, -20, 0, 3, 3], 5, (60, 5)))
    theta = rng.normal(size=objective.n_parameters)
    objective.unpack(theta)[objective.decoder_weights][...] *= 300
    variables = ScaledVariables.fitting(objective, sums_of(source), theta)
    q = objective.unpack(variables.from_theta(theta))
    decoder_size = np.linalg.norm(q[objective.decoder_weights])
    assert decoder_size == pytest.approx(np.linalg.norm(q["W_enc"]), rel=1e-12)


@pytest.mark.parametrize("part", ["W_enc", "W_dec"])
def test_weights_that_are_all_zero_have_no_size_to_be_compared(part, rng):
    objective = SparseObjective(5, 4)
    theta = rng.normal(size=objective.n_parameters)
    objective.unpack(theta)[part][...] = 0
    variables = ScaledVariables.fitting(
        objective, sums_of(in_memory(rng.normal(size=(9, 5)))), theta
    )
    assert variables.decoder_scale == variables.scale


@pytest.mark.parametrize(("activation", "decoder", "penalty"), COVERING)
def test_the_scaled_variables_are_the_same_objective_in_other_words(activation, decoder, penalty):
    case = make_case(activation, decoder, penalty)
    source = in_memory(case.X, case.sample_weight)
    variables = ScaledVariables.fitting(case.objective, sums_of(source), 3 * case.theta)
    q = variables.from_theta(case.theta)
    np.testing.assert_allclose(variables.to_theta(q), case.theta, rtol=1e-12, atol=1e-13)
    grad = variables.gradient(case.grad())
    e = 1e-3 * min(1.0, variables.scale, 1 / variables.decoder_scale)
    numerical = five_point(lambda q: case.loss(variables.to_theta(q)), q, e=e)
    assert relative(numerical, grad) < 1e-7


def test_a_stream_starts_as_a_fit_does(digits):
    """Below the loss of the best constant, where the first rows are the data."""
    objective = SparseObjective(64, 12, penalty=KLSparsity(0.1))
    source = in_memory(digits)
    state = StreamState.new(objective, sums_of(source), source, np.random.RandomState(0))
    loss, _ = objective.loss_grad(state.variables.to_theta(state.q), digits)
    assert loss < 1.05 * constant_loss(digits)


# A weight that is sought.


def test_without_a_fit_before_it_a_weight_that_is_sought_is_refused(digits):
    model = autoencoder(sparsity_penalty=KLSparsity(0.1, "auto"))
    with pytest.raises(ValueError, match=r"cannot find the penalty's weight: give a number .* fit"):
        model.partial_fit(digits)
    assert not hasattr(model, "encoder_weights_")


def test_after_a_fit_a_stream_goes_on_with_the_weight_that_was_found(digits, tmp_path):
    model = autoencoder(sparsity_penalty=KLSparsity(0.1, "auto")).fit(digits)
    weight = model.sparsity_weight_
    save(model, tmp_path / "model")
    loaded = load(tmp_path / "model")
    given = clone(model).set_params(sparsity_penalty=KLSparsity(0.1, weight))
    vars(given).update({name: vars(model)[name] for name in vars(model) if name.endswith("_")})
    for each in (model, loaded, given):
        stream(each, digits, 2)
        assert each.sparsity_weight_ == weight
        assert not hasattr(each, "average_activation_")
        np.testing.assert_array_equal(each.encoder_weights_, model.encoder_weights_)
        assert each.running_loss_ == model.running_loss_
    assert model.sparsity_penalty.weight == "auto"


# Precision, penalties and refusals.


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("penalty", [KLSparsity(0.1), L1Sparsity(0.1), "none"])
def test_precision_and_penalties(dtype, penalty, digits):
    model = autoencoder(sparsity_penalty=penalty).partial_fit(digits.astype(dtype))
    assert model.encoder_weights_.dtype == dtype
    assert np.isfinite(model.running_loss_)


def test_steps_too_large_are_an_error_that_keeps_the_weights(digits):
    model = autoencoder(solver=Adam(1e200)).partial_fit(digits[:1])
    with pytest.raises(FloatingPointError, match="learning_rate"):
        stream(model, digits, 3)
    assert not np.isnan(model.encoder_weights_).any()


def test_adam_is_for_streams_only(digits):
    with pytest.raises(TypeError, match="partial_fit"):
        autoencoder(solver=Adam()).fit(digits)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": 0}, "learning_rate"),
        ({"batch_size": 0}, "batch_size"),
        ({"window": 0}, "window"),
        ({"cooling": 0}, "cooling"),
        ({"decay_mean": 1.5}, "decay_mean"),
        ({"decay_square": -1}, "decay_square"),
    ],
)
def test_settings_out_of_range_are_named(settings, message, digits):
    with pytest.raises(ValueError, match=message):
        autoencoder(solver=Adam(**settings)).partial_fit(digits)


@pytest.mark.parametrize(
    ("name", "allowed", "refused"),
    [
        ("learning_rate", [1e-9, 10], [0, -1e-9, np.nan, np.inf]),
        ("batch_size", [1], [0, -1]),
        ("window", [1], [0, -1]),
        ("cooling", [1], [0, -1]),
        ("decay_mean", [0, 1], [-1e-9, 1 + 1e-9, np.nan]),
        ("decay_square", [0, 1], [-1e-9, 1 + 1e-9, np.nan]),
    ],
)
def test_settings_are_refused_from_the_first_value_that_makes_no_sense(name, allowed, refused):
    for value in allowed:
        Adam(**{name: value}).check()
    for value in refused:
        with pytest.raises(ValueError, match=f"Adam {name} must"):
            Adam(**{name: value}).check()
