"""The loss over rows held out: exact, harmless, and able to end training."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from rhohat import SparseAutoencoder, load, save
from rhohat.estimators.autoencoder import HELD_OUT
from rhohat.objective.decoders import DECODERS
from rhohat.training.solvers import StopReason
from rhohat.training.validation import Point, Validated
from support.dictionaries import planted
from support.fits import Killed, bits, killed_after, make_model, objective_of, theta_of

X, _ = planted(900)
FEW, HELD_OUT_ROWS = X[:60], X[500:]
#: Settings under which few rows are learned by heart.
BY_HEART = {"n_components": 40, "weight_decay": 1e-5, "max_iter": 60}


def held_out_loss(model, rows):
    """The whole objective's J, as any user would compute it."""
    return objective_of(model).loss_grad(theta_of(model), rows.astype(np.float64))[0]


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_last_loss_is_that_of_the_whole_objective_over_the_rows_held_out(decoder, dtype):
    rows, held_out = X[:500].astype(dtype), HELD_OUT_ROWS.astype(dtype)
    if decoder == "sigmoid":
        rows, held_out = (1 / (1 + np.exp(-part)) for part in (rows, held_out))
    model = make_model(decoder=decoder).fit(rows, X_val=held_out)
    found = model.validation_terms_curve_[-1].sum()
    assert found == pytest.approx(
        held_out_loss(model, held_out), rel=1e-5 if dtype == np.float32 else 1e-10
    )


def test_looking_changes_no_bit():
    assert bits(make_model().fit(X, X_val=HELD_OUT_ROWS)) == bits(make_model().fit(X))


def test_it_is_looked_at_every_few_iterations_and_at_the_ends_of_stages(monkeypatch):
    monkeypatch.setattr("rhohat.training.stages.FIRST_ROWS", 50)
    model = make_model(max_iter=22).fit(X[:250], X_val=HELD_OUT_ROWS)
    first = int(np.flatnonzero(np.diff(model.stage_rows_))[0])
    expected = {*range(0, first + 1, 5), first, *range(first, 23, 5), 22}
    assert set(model.validation_iterations_) == expected
    assert model.validation_terms_curve_.shape == (len(model.validation_iterations_), 3)


def test_patience_ends_training_and_keeps_the_best_weights():
    patient = make_model(**BY_HEART).fit(FEW, X_val=HELD_OUT_ROWS)
    losses = patient.validation_terms_curve_.sum(axis=1)
    assert losses.argmin() < len(losses) - 4  # the rows are learned by heart
    model = make_model(**BY_HEART, patience=3).fit(FEW, X_val=HELD_OUT_ROWS)
    assert model.stop_reason_ == StopReason.VALIDATION.value
    assert not model.converged_
    least = model.validation_terms_curve_.sum(axis=1).min()
    assert held_out_loss(model, HELD_OUT_ROWS) == pytest.approx(least, rel=1e-10)
    assert (
        len(model.validation_iterations_)
        == losses[: len(model.validation_iterations_)].argmin() + 4
    )
    assert model.loss_ == pytest.approx(held_out_loss(model, FEW), rel=1e-10)


def test_patience_waits_for_the_last_stage(monkeypatch):
    monkeypatch.setattr("rhohat.training.stages.FIRST_ROWS", 15)
    model = make_model(**BY_HEART, patience=1).fit(X[:80], X_val=HELD_OUT_ROWS)
    assert model.stage_rows_[-1] == 80
    least = model.validation_terms_curve_[
        model.validation_iterations_ >= np.flatnonzero(np.diff(model.stage_rows_))[-1]
    ].sum(axis=1)
    assert held_out_loss(model, HELD_OUT_ROWS) == pytest.approx(least.min(), rel=1e-10)


@pytest.mark.parametrize("iteration", [1, 5, 12, 19])
@pytest.mark.parametrize("patience", [None, 2])
def test_a_run_that_is_cut_off_goes_on_to_the_same_bits(tmp_path, iteration, patience):
    settings = {**BY_HEART, "patience": patience}
    undisturbed = make_model(**settings).fit(FEW, X_val=HELD_OUT_ROWS)
    killed = make_model(**settings, checkpoint=tmp_path, callback=killed_after(iteration))
    with pytest.raises(Killed):
        killed.fit(FEW, X_val=HELD_OUT_ROWS)
    resumed = make_model(**settings, checkpoint=tmp_path, resume=True)
    resumed.fit(FEW, X_val=HELD_OUT_ROWS)
    assert bits(resumed) == bits(undisturbed)
    for name in HELD_OUT:
        assert_array_equal(getattr(resumed, name), getattr(undisturbed, name))


def test_rows_held_out_may_lie_in_a_file(tmp_path):
    np.save(tmp_path / "held.npy", HELD_OUT_ROWS)
    stored = make_model().fit(X, X_val=tmp_path / "held.npy")
    assert_allclose(
        stored.validation_terms_curve_,
        make_model().fit(X, X_val=HELD_OUT_ROWS).validation_terms_curve_,
        rtol=1e-12,
    )


def test_curves_are_saved_and_a_fit_without_such_rows_has_none(tmp_path):
    model = make_model().fit(X, X_val=HELD_OUT_ROWS)
    save(model, tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    for name in HELD_OUT:
        assert_array_equal(getattr(loaded, name), getattr(model, name))
    model.fit(X)
    assert not any(hasattr(model, name) for name in HELD_OUT)


@pytest.mark.parametrize(
    ("settings", "X_val", "message"),
    [
        ({"patience": 2}, None, "pass X_val to fit"),
        ({"patience": 0}, HELD_OUT_ROWS, "patience must be at least 1"),
        ({}, HELD_OUT_ROWS[:, :3], "3 features"),
        ({}, np.full((2, X.shape[1]), np.nan), "NaN"),
    ],
)
def test_what_makes_no_sense_is_refused(settings, X_val, message):
    with pytest.raises(ValueError, match=message):
        SparseAutoencoder(3, **settings).fit(X, X_val=X_val)


def test_the_best_point_is_that_of_least_loss_since_the_stage_began():
    points = [Point(np.array([float(n)]), None, None) for n in range(4)]
    found = Validated()
    for number, (loss, point) in enumerate(zip((3.0, 1.0, 2.0, 1.5), points, strict=True)):
        found = found.followed_by(number, Losses(loss), point)
    assert (found.best, found.least, found.n_worse) == (points[1], 1.0, 2)
    again = found.restarted().followed_by(4, Losses(9.0), points[3])
    assert (again.best, again.least, again.n_worse) == (points[3], 9.0, 0)
    assert again.iterations == (0, 1, 2, 3, 4)


class Losses:
    """Terms of which only the total counts."""

    def __init__(self, total):
        self.total = total
