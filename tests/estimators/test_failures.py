"""Failures that a fit says: nothing was learned, and a target that is missed by far."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from rhohat import KLSparsity, L1Sparsity, SparseAutoencoder, Standardization
from support.command import run


@pytest.fixture
def X(rng):
    return rng.laplace(size=(400, 16)) / 4


def said_by(model, X):
    """What is warned of while a model is fitted."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X)
    assert all(warning.filename == __file__ for warning in caught)
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize(
    ("settings", "causes"),
    [
        ({"weight_decay": 3.0}, "weight_decay=3 is too strong."),
        ({"weight_decay": 0.03}, "weight_decay=0.03 is too strong or the target, 0.05, is too low"),
        ({"weight_decay": 3.0, "sparsity_penalty": "none"}, "weight_decay=3 is too strong"),
        ({"weight_decay": 3.0, "activation": "relu", "sparsity_penalty": L1Sparsity(1.0)}, "3 is"),
    ],
)
def test_collapse_is_said_with_its_causes(settings, causes, X):
    (said,) = said_by(SparseAutoencoder(8, random_state=0, **settings), X)
    assert said.startswith("Nothing was learned: all 8 units respond alike")
    assert causes in said
    assert "diagnose" in said


def test_data_of_large_scale_are_said_to_need_scaling(X):
    (said,) = said_by(SparseAutoencoder(8, random_state=0), 400 * X)
    assert "times the target of 0.05" in said
    assert "Standardization()" in said
    assert "mean variance" in said


def test_a_weak_penalty_on_scaled_data_is_said_to_be_one(X):
    weak = SparseAutoencoder(8, sparsity_penalty=KLSparsity(0.01, 1e-4), random_state=0)
    (said,) = said_by(weak, Standardization().fit_transform(X))
    assert "weight='auto'" in said


@pytest.mark.parametrize(
    "model",
    [
        SparseAutoencoder(8, sparsity_penalty=KLSparsity(0.1, "auto"), random_state=0),
        SparseAutoencoder(8, sparsity_penalty="none", random_state=0),
        SparseAutoencoder(8, weight_decay=3.0, max_iter=1, random_state=0),
    ],
    ids=["good", "no target", "too short to tell"],
)
def test_what_is_no_failure_is_not_said(model, X):
    assert said_by(model, X) == []


def test_constant_data_are_no_failure_of_the_settings():
    assert said_by(SparseAutoencoder(3, random_state=0), np.ones((20, 4))) == []


def test_the_command_says_it_in_note_headline_and_verdict(X, tmp_path):
    np.save(tmp_path / "x.npy", X)
    told = run("learn", "x.npy", "--weight-decay", 3, "--units", 8, cwd=tmp_path)
    assert told.returncode == 0
    assert "note: Nothing was learned: all 8 units respond alike" in told.stderr
    assert told.stdout.startswith("Nothing learned from 400 rows")
    assert "Weight decay is too strong" in told.stdout
    page = (tmp_path / "rhohat-out" / "report.html").read_text(encoding="utf-8")
    assert "Nothing was learned: every unit responds alike" in page


def test_it_is_a_warning_of_convergence(X):
    with pytest.warns(ConvergenceWarning, match="Nothing was learned"):
        SparseAutoencoder(3, weight_decay=3.0, random_state=0).fit(X)


def test_values_that_the_decoder_cannot_reach_are_said_where_fit_is_called(X):
    said = said_by(SparseAutoencoder(3, decoder="sigmoid", max_iter=2, random_state=0), X)
    assert "can only produce values in (0, 1), but X has values from" in said[0]
