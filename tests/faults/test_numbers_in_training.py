"""F1, F2, F9, F11: overflow, NaN, data that do not vary, and too many numbers, in training."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from rhohat import SparseAutoencoder, StackedAutoencoder, StackedAutoencoderClassifier, load, save
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.decoders import DECODERS
from rhohat.rows.sampling import sample_rows
from rhohat.training.solvers import LBFGS, SOLVERS, SolverState, StopReason
from support.cases import COVERING
from support.fits import (
    GROWING,
    STAGE_ENDS,
    STAGE_ROWS,
    assert_weights_are_finite,
    make_model,
)
from support.poisons import FaultyEngine, Poison, poisoned
from support.stacks import X, Y, classifier, layer

pytestmark = pytest.mark.slow

growing = pytest.mark.usefixtures("early_growth")


def assert_is_whole(model, tmp_path):
    """Every fitted attribute is finite, and the model can be saved and loaded."""
    assert_weights_are_finite(model)
    assert np.isfinite([model.loss_, *model.loss_terms_]).all()
    assert np.isfinite(model.average_activation_).all()
    save(model, tmp_path / "model.safetensors")
    load(tmp_path / "model.safetensors")


# F1: overflow.


@growing
@pytest.mark.parametrize("spoiled", [{"value": np.inf}, {"value": np.inf, "slope": np.nan}])
@pytest.mark.parametrize("end", STAGE_ENDS)
def test_f1_overflow_as_a_growth_stage_begins_keeps_the_model_before_and_says_so(
    spoiled, end, tmp_path
):
    poison = Poison(end)
    model = make_model(sparsity_penalty=poisoned(poison, **spoiled), callback=poison)
    with pytest.warns(ConvergenceWarning, match=rf"kept: the loss .*overflows over .* {end}\. Sc"):
        model.fit(GROWING)
    undisturbed = make_model(sparsity_penalty=poisoned(None), callback=lambda p: p.n_iter == end)
    undisturbed.fit(GROWING)
    assert model.encoder_weights_.tobytes() == undisturbed.encoder_weights_.tobytes()
    assert model.stop_reason_ == StopReason.OVERFLOW.value
    assert not model.converged_
    assert model.n_iter_ == end
    assert model.loss_ == model.loss_curve_[-1]
    model.set_params(sparsity_penalty="kl", callback=None)
    assert_is_whole(model, tmp_path)


@growing
def test_f1_one_row_too_large_for_float32_leaves_the_model_of_the_rows_before():
    rows = GROWING.astype(np.float32)
    drawn = sample_rows(len(rows), STAGE_ROWS[1], int(np.random.RandomState(0).randint(2**31)))
    last = np.setdiff1d(np.arange(len(rows)), drawn)[0]
    rows[last, 3] = 1e19
    model = make_model()
    with pytest.warns(ConvergenceWarning, match="Scale the data"):
        model.fit(rows)
    assert model.stop_reason_ == StopReason.OVERFLOW.value
    assert_weights_are_finite(model)
    assert np.isfinite(model.loss_)


@growing
def test_f1_a_run_that_overflowed_is_resumed_as_ended(tmp_path):
    poison = Poison(STAGE_ENDS[0])
    options = {"sparsity_penalty": poisoned(poison, np.inf), "checkpoint": tmp_path}
    with pytest.warns(ConvergenceWarning, match="overflows"):
        ended = make_model(**options, callback=poison).fit(GROWING)
    with pytest.warns(ConvergenceWarning, match="overflows"):
        resumed = make_model(**options, resume=True).fit(GROWING)
    assert resumed.encoder_weights_.tobytes() == ended.encoder_weights_.tobytes()


def test_f1_overflow_at_the_very_start_is_refused_with_advice():
    poison = Poison(0)
    poison.released = True
    with pytest.raises(ValueError, match=r"overflows at the start of training.*Scale the data"):
        make_model(sparsity_penalty=poisoned(poison, np.inf)).fit(GROWING[:200])


# F2: NaN.


@growing
@pytest.mark.parametrize("term", ["sparsity", "the gradient"])
@pytest.mark.parametrize("iteration", [1, *STAGE_ENDS])
def test_f2_lasting_nan_leaves_nothing_that_is_not_finite(iteration, term, tmp_path):
    poison = Poison(iteration)
    spoiled = {"value": np.nan} if term == "sparsity" else {"slope": np.nan}
    model = make_model(sparsity_penalty=poisoned(poison, **spoiled), callback=poison)
    with pytest.raises(FloatingPointError, match=f"NaN in {term} in iteration {iteration + 1}"):
        model.fit(GROWING)
    model.set_params(sparsity_penalty="kl", callback=None)
    assert_is_whole(model, tmp_path)


def test_f2_nan_in_the_first_gradient_is_not_called_a_large_loss():
    poison = Poison(0)
    poison.released = True
    with pytest.raises(ValueError, match="NaN in the gradient at the start of training"):
        make_model(sparsity_penalty=poisoned(poison, slope=np.nan)).fit(GROWING[:200])


@pytest.mark.parametrize("with_hidden", [False, True])
@pytest.mark.parametrize("k", [2, 3, 6])
def test_f2_classifier_keeps_the_last_finite_network(k, with_hidden, tmp_path):
    engine = FaultyEngine(k, with_hidden=with_hidden)
    model = classifier(StackedAutoencoder((4,), estimator=layer(max_iter=3)), engine=engine)
    with pytest.raises(FloatingPointError, match=r"is kept: NaN in .* in iteration \d+"):
        model.fit(X[:300], Y[:300])
    assert np.isfinite(model.theta_).all()
    assert np.isfinite(model.loss_)
    assert model.predict(X[:300]).shape == (300,)
    save(model, tmp_path / "model.safetensors")
    load(tmp_path / "model.safetensors")


@pytest.mark.parametrize("value", [np.inf, 1e308])
def test_f1_classifier_survives_overflow_at_any_evaluation(value):
    for k in (2, 4, 7):
        engine = FaultyEngine(k, value=value)
        model = classifier(StackedAutoencoder((4,), estimator=layer(max_iter=3)), engine=engine)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X[:300], Y[:300])
        assert np.isfinite(model.theta_).all()
        assert not model.converged_


@pytest.mark.parametrize("number", [1, 2])
def test_f2_stack_keeps_the_layers_up_to_the_one_that_met_nan(number):
    layers = [layer(5), layer(4)]
    poison = Poison(2)
    layers[number - 1].set_params(sparsity_penalty=poisoned(poison, np.nan), callback=poison)
    model = StackedAutoencoder(layers, random_state=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rhohat.estimators.layerwise.clone", lambda estimator: estimator)
        with pytest.raises(FloatingPointError, match=f"layer {number} of 2: .*kept: NaN in spars"):
            model.fit(X[:300])
    assert len(model.layers_) == number
    assert np.isfinite(model.transform(X[:300])).all()


def test_f2_classifier_does_not_claim_a_model_where_its_layers_met_nan():
    poison = Poison(2)
    part = layer(5, sparsity_penalty=poisoned(poison, np.nan), callback=poison)
    model = StackedAutoencoderClassifier(part, max_iter=5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rhohat.estimators.layerwise.clone", lambda estimator: estimator)
        with pytest.raises(FloatingPointError, match=r"the layers, .*: NaN in sparsity") as found:
            model.fit(X[:300], Y[:300])
    assert "kept" not in str(found.value)
    assert not hasattr(model, "theta_")


# F9: data that do not vary.

CONSTANT = [
    np.zeros((30, 4)),
    np.ones((30, 4), "f4"),
    np.full((50, 3), 7.0),
    np.full((20, 2), -1e-3),
]


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_f9_constant_data_are_learned_with_every_activation_and_decoder(activation, decoder):
    """They may end where rounding hides every descent, which is told."""
    penalties = [p for a, d, p in COVERING if (a, d) == (activation, decoder)]
    for rows, units in zip(CONSTANT, (4, 1, 4, 1), strict=True):
        for penalty in penalties:
            model = SparseAutoencoder(
                units,
                activation=activation,
                decoder=decoder,
                sparsity_penalty=penalty,
                max_iter=30,
                random_state=0,
                n_jobs=1,
            )
            with warnings.catch_warnings():
                warnings.filterwarnings(
                    "ignore", message="decoder='sigmoid' can only produce values"
                )
                warnings.filterwarnings("ignore", message="Training stopped: no step along")
                model.fit(rows)
            assert_weights_are_finite(model)
            assert model.loss_ <= model.loss_curve_[0]


@pytest.mark.parametrize("solver", SOLVERS)
def test_f9_constant_data_are_learned_by_every_solver_and_by_a_classifier(solver):
    labels = np.arange(30) % 2
    for rows in CONSTANT[:2]:
        model = SparseAutoencoder(
            3, activation="relu", sparsity_penalty="l1", solver=solver, random_state=0
        )
        assert_weights_are_finite(model.fit(rows))
        network = StackedAutoencoderClassifier(
            SparseAutoencoder(3, activation="relu", sparsity_penalty="l1", random_state=0),
            solver=solver,
        )
        assert np.isfinite(network.fit(rows, labels).theta_).all()


@pytest.mark.parametrize("size", [1e-100, 1e-160, 1e-200, 1e-300])
def test_f9_lbfgs_goes_on_where_products_of_vectors_underflow(size):
    """The step is of ordinary length, and the change of the gradient is too small to be squared."""
    solver = LBFGS()
    before = SolverState(np.zeros(2), 1.0, np.array([-2 * size, 0.0]))
    after = SolverState(np.ones(2), 0.9, np.array([-size, 0.0]))
    state = solver.remember(before, after)
    with np.errstate(all="raise", under="ignore"):
        direction = solver.direction(state, np.copy)
    assert np.isfinite(direction).all()
    assert state.grad @ direction <= 0


# F11: more numbers than there is memory for.


@pytest.mark.parametrize("gib", [1, 20])
def test_f11_memory_that_is_free_decides_and_not_all_that_the_machine_has(gib, monkeypatch):
    monkeypatch.setattr("rhohat.common.memory.free_memory", lambda: gib << 30)
    with pytest.raises(MemoryError, match=rf"GiB of memory, but only {gib}\.0 GiB are free"):
        SparseAutoencoder(10**5).fit(np.ones((2, 1000)))
