"""Small fits that several test files make: data, models, the bits that they leave, true reports."""

from __future__ import annotations

import numpy as np
import pytest

from rhohat import KLSparsity, SparseAutoencoder, SparseObjective
from rhohat.rows.engines import ThreadEngine
from rhohat.rows.partition import Partition
from rhohat.rows.sources import in_memory
from rhohat.training.change_of_variables import StandardizedVariables
from rhohat.training.evaluation import SparseEvaluation
from rhohat.training.run import Training
from rhohat.training.solvers import SOLVERS
from rhohat.training.stages import growth_stages
from support.cases import sparse_data

#: Rows on which training grows, and the same few columns as elsewhere.
GROWING = sparse_data(6000, 8)
SMALL = sparse_data(200, 8)
#: Last iterations of the first two of three stages, where a growing fit has 16 in all.
STAGE_ENDS = np.cumsum([stage.max_iter for stage in growth_stages(6000, 16)])[:2].tolist()

WEIGHTS = ("encoder_weights_", "encoder_bias_", "decoder_weights_", "decoder_bias_")


def make_model(**changes):
    settings = {
        "n_components": 5,
        "sparsity_penalty": KLSparsity(0.1, 0.5),
        "weight_decay": 1e-3,
        "max_iter": 16,
        "tol": 0.0,
        "n_jobs": 1,
        "random_state": 0,
    }
    return SparseAutoencoder(**(settings | changes))


def objective_of(model):
    return SparseObjective(
        model.n_features_in_,
        model.n_components,
        activation=model.activation,
        decoder=model.decoder,
        penalty=model.sparsity_penalty,
        weight_decay=model.weight_decay,
    )


def loss_at(model, X, sample_weight=None):
    """J at the fitted weights, computed anew on all rows in double precision."""
    objective = objective_of(model)
    parts = {
        "W_enc": model.encoder_weights_,
        "b_enc": model.encoder_bias_,
        "W_dec": model.decoder_weights_,
        "b_dec": model.decoder_bias_,
    }
    theta = objective.pack({name: parts[name] for name in objective.shapes})
    return objective.loss_grad(theta, np.asarray(X, dtype=np.float64), sample_weight)[0]


def bits(model):
    """Everything that a fit leaves, as bytes."""
    names = (*WEIGHTS, "average_activation_", "loss_terms_curve_", "stage_rows_")
    return {name: np.ascontiguousarray(getattr(model, name)).tobytes() for name in names} | {
        name: getattr(model, name)
        for name in ("loss_", "loss_terms_", "n_iter_", "n_evaluations_", "stop_reason_", "n_dead_")
    }


def assert_report_is_true(model, X, sample_weight=None):
    """The loss and the averages that `model` reports are those of its weights on all rows."""
    tolerance = 1e-12 if X.dtype == np.float64 else 2e-5
    assert model.loss_ == pytest.approx(loss_at(model, X, sample_weight), rel=tolerance)
    assert sum(model.loss_terms_) == pytest.approx(model.loss_, rel=1e-15)
    h, _ = objective_of(model).penalty.pointwise(model.transform(X))
    average = np.average(h.astype(np.float64), axis=0, weights=sample_weight)
    np.testing.assert_allclose(model.average_activation_, average, rtol=tolerance, atol=tolerance)


def assert_weights_are_finite(model):
    for name in WEIGHTS:
        assert np.isfinite(getattr(model, name)).all()


class Killed(BaseException):
    """Stands for the end of the process: nothing may catch it."""


def killed_after(n_iter):
    def callback(progress):
        if progress.n_iter == n_iter:
            raise Killed

    return callback


class Run:
    """Everything `Training` needs for one small problem, to be changed where a test needs it."""

    def __init__(self, objective, X, *, sample_weight=None, n_jobs=1):
        self.objective = objective
        self.source = in_memory(X, sample_weight)
        self.engine = ThreadEngine(n_jobs)
        self.partition = Partition.for_shape(X.shape[1], objective.n_components, X.dtype)

    def train(self, *, max_iter=10, solver=None, **options):
        with self.engine.running():
            variables = StandardizedVariables.for_data(
                self.objective, self.source, self.engine, self.partition
            )
            training = Training(
                SparseEvaluation(
                    self.objective, variables, self.engine, self.partition, self.source
                ),
                growth_stages(self.source.shape[0], max_iter),
                solver or SOLVERS["lbfgs"](),
                tol=0.0,
                **options,
            )
            return training.run(variables.initial(np.random.RandomState(0)), seed=0)
