"""A solver is one class and one row: it trains, is resumed with its memory, saved and loaded."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from rhohat import KLSparsity, SparseAutoencoder, StackedAutoencoderClassifier, load, save
from rhohat.common.tensorfiles import unpack
from rhohat.objective.decoders import DECODERS
from rhohat.training.checkpoints import FILE
from rhohat.training.metric import SparseMetric
from rhohat.training.solvers import AT, SOLVERS, SolverResult, SolverState, StopReason
from support.cases import sparse_data
from support.fits import N_ITER, STAGE_ENDS

X = sparse_data(6000, 6)
pytestmark = pytest.mark.usefixtures("early_growth")


class Killed(BaseException):
    """Stands for the end of the process: nothing may catch it."""


class HeavyBall(BaseEstimator):
    """Gradient descent with momentum, and a step that halves when the loss rises.

    Its memory has parts of all shapes that a memory may have, under names that the state has too.
    """

    def __init__(self, momentum=0.9):
        self.momentum = momentum

    def minimize(self, loss_grad, theta0, *, max_iter, tol, callback=None, state=None):
        if state is None:
            loss, grad = loss_grad(theta0)
            state = SolverState(theta0, loss, grad)
        while state.n_iter < max_iter:
            memory = state.memory or {
                "theta": np.zeros_like(state.theta),
                "lengths": (0.05,),
                "last two": (state.theta, state.theta),
                "never": (),
            }
            velocity = self.momentum * memory["theta"] - memory["lengths"][-1] * state.grad
            theta = state.theta + velocity
            loss, grad = loss_grad(theta)
            length = memory["lengths"][-1] * (0.5 if loss > state.loss else 1.0)
            state = SolverState(
                theta,
                loss,
                grad,
                state.n_iter + 1,
                state.n_evaluations + 1,
                memory={
                    "theta": velocity,
                    "lengths": (*memory["lengths"], length),
                    "last two": (memory["last two"][1], theta),
                    "never": (),
                },
            )
            reason = callback(state)
            if reason is not None:
                return SolverResult(state, reason)
        return SolverResult(state, StopReason.MAX_ITER)


@pytest.fixture(autouse=True)
def heavy_ball(monkeypatch):
    """The one row; and the state is written after every iteration."""
    monkeypatch.setitem(SOLVERS, "heavy-ball", HeavyBall)
    monkeypatch.setattr("rhohat.training.checkpoints.SPACING", 0)


def autoencoder(folder=None, **changes):
    settings = {"n_components": 5, "sparsity_penalty": KLSparsity(0.1, 0.5), "max_iter": N_ITER}
    return SparseAutoencoder(
        **settings | {"solver": "heavy-ball", "random_state": 0, "checkpoint": folder} | changes
    )


def bits(model):
    return [model.encoder_weights_.tobytes(), model.loss_curve_.tobytes()]


def test_it_trains_by_its_name_and_by_itself():
    model = autoencoder().fit(X)
    assert np.all(np.diff(model.loss_curve_[: STAGE_ENDS[0] + 1]) < 0)
    assert model.loss_ < 0.9 * model.loss_curve_[0]
    assert bits(autoencoder(solver=HeavyBall()).fit(X)) == bits(model)
    assert bits(autoencoder(solver=HeavyBall(momentum=0.5)).fit(X)) != bits(model)


@pytest.mark.parametrize("decoder", DECODERS)
def test_it_needs_to_know_of_no_metric(decoder, monkeypatch):
    """A metric is made where a solver asks for it, and nowhere else."""
    expected = bits(autoencoder(decoder=decoder).fit(X))

    def refuse(self, q):
        raise AssertionError("nobody has asked for a metric")

    monkeypatch.setattr(SparseMetric, "at", refuse)
    assert bits(autoencoder(decoder=decoder).fit(X)) == expected
    with pytest.raises(AssertionError, match="nobody"):
        autoencoder(decoder=decoder, solver="lbfgs").fit(X)


@pytest.mark.parametrize("iteration", [1, 2, *STAGE_ENDS, STAGE_ENDS[0] + 1, N_ITER - 1])
def test_a_run_that_was_cut_off_goes_on_with_its_memory_to_the_same_bits(iteration, tmp_path):
    undisturbed = bits(autoencoder().fit(X))

    def cut(progress):
        if progress.n_iter == iteration:
            raise Killed

    with pytest.raises(Killed):
        autoencoder(tmp_path, callback=cut).fit(X)
    assert bits(autoencoder(tmp_path, resume=True).fit(X)) == undisturbed


def test_its_memory_is_in_the_checkpoint_under_names_that_clash_with_none(tmp_path):
    autoencoder(tmp_path).fit(X)
    file = tmp_path / FILE
    with file.open("rb") as stream:
        _, arrays = unpack(stream, file.stat().st_size)
    assert {"memory.theta", "memory.lengths", "memory.last two"} <= arrays.keys()
    assert arrays["memory.last two"].shape == (2, len(arrays["theta"]))
    assert not np.array_equal(arrays["memory.theta"], arrays["theta"])
    assert f"memory.{AT}" not in arrays


@pytest.mark.parametrize("solver", ["heavy-ball", HeavyBall(momentum=0.7)])
def test_it_is_saved_and_loaded_with_the_model(solver, tmp_path):
    model = autoencoder(solver=solver, max_iter=3).fit(X)
    save(model, tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors")
    assert str(again.solver) == str(model.solver)
    assert bits(again.fit(X)) == bits(model)


def test_it_fine_tunes_a_classifier():
    y = (X[:, 0] > 0.5).astype(int)
    model = StackedAutoencoderClassifier(
        autoencoder(max_iter=3), solver="heavy-ball", max_iter=N_ITER, random_state=0
    ).fit(X, y)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
