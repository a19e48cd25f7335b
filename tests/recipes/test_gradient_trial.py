"""The gradient on trial, at points that training goes through."""

import numpy as np
import pytest

from rhohat.objective.penalties import KLSparsity
from rhohat.recipes.data import Request
from rhohat.recipes.finding import find_to_learn
from rhohat.recipes.gradient_trial import LIMIT, N_ROWS, try_gradient
from rhohat.recipes.settings import Settings


@pytest.fixture
def found(tmp_path):
    """Rows, read, and settings for them."""
    np.save(tmp_path / "rows.npy", np.random.RandomState(0).rand(2 * N_ROWS, 12))
    request = Request([tmp_path / "rows.npy"])

    def make(**chosen):
        data, settings = find_to_learn(request, Settings(units=6, **chosen))
        data.read()
        return data, settings

    return make


@pytest.mark.parametrize(
    "chosen", [{}, {"activation": "relu", "sparsity_weight": 0.01}], ids=["sigmoid", "relu"]
)
def test_the_gradient_is_right_at_the_start_and_later(chosen, found):
    trial = try_gradient(*found(**chosen), n_parameters=40)
    assert trial.is_right
    assert [point.iteration for point in trial.points] == [1, 20]
    assert all(point.ratio < LIMIT for point in trial.points)
    assert (trial.n_rows, trial.n_features, trial.n_checked) == (N_ROWS, 12, 40)
    assert trial.points[1].loss < trial.points[0].loss


def test_a_wrong_gradient_is_found(found, monkeypatch):
    right = KLSparsity.on_average

    def wrong(self, average, activation):
        value, slope = right(self, average, activation)
        return value, 0.5 * slope

    monkeypatch.setattr(KLSparsity, "on_average", wrong)
    trial = try_gradient(*found(), n_parameters=40)
    assert not trial.is_right
    assert max(point.ratio for point in trial.points) > LIMIT


def test_no_more_parameters_are_checked_than_there_are(found):
    trial = try_gradient(*found(), n_parameters=100_000)
    assert trial.n_checked == trial.n_parameters == 2 * 6 * 12 + 6 + 12
