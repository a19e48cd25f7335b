"""Small fits that several test files make: data, models, the bits that they leave, true reports."""

from __future__ import annotations

import numpy as np
import pytest

from rhohat import KLSparsity, SparseAutoencoder, SparseObjective
from rhohat.rows.engines import ThreadEngine
from rhohat.rows.feature_sums import FeatureSums
from rhohat.rows.partition import Partition
from rhohat.rows.sources import in_memory
from rhohat.training.run import Training
from rhohat.training.solvers import SOLVERS
from rhohat.training.stages import growth_stages
from rhohat.training.start import sparse_start
from support.cases import sparse_data

#: Rows on which training grows under the fixture `early_growth`, and the same few columns as
#: elsewhere.
GROWING = sparse_data(6000, 8)
SMALL = sparse_data(200, 8)
#: Rows of the first stage under that fixture, and the iterations of a fit unless it says otherwise.
FEW_ROWS, N_ITER = 500, 24


def grow_early(patch):
    """Let training grow from few rows, so that small data have three stages."""
    patch.setattr("rhohat.training.stages.FIRST_ROWS", FEW_ROWS)


with pytest.MonkeyPatch.context() as _patch:
    grow_early(_patch)
    _STAGES = growth_stages(len(GROWING), N_ITER)
#: Rows of the three stages, and the last iterations of the first two.
STAGE_ROWS = [stage.n_rows for stage in _STAGES]
STAGE_ENDS = np.cumsum([stage.max_iter for stage in _STAGES])[:2].tolist()

WEIGHTS = ("encoder_weights_", "encoder_bias_", "decoder_weights_", "decoder_bias_")


def make_model(cls=SparseAutoencoder, **changes):
    settings = {
        "n_components": 5,
        "sparsity_penalty": KLSparsity(0.1, 0.5),
        "weight_decay": 1e-3,
        "max_iter": N_ITER,
        "tol": 0.0,
        "n_jobs": 1,
        "random_state": 0,
    }
    return cls(**(settings | changes))


def objective_of(model):
    """What the model minimizes, with the weight that was found if one was sought."""
    objective = SparseObjective(
        model.n_features_in_,
        model.n_components,
        activation=model.activation,
        decoder=model.decoder,
        penalty=model.sparsity_penalty,
        weight_decay=model.weight_decay,
    )
    sought = objective.penalty.weight_is_sought
    return objective.weighed(model.sparsity_weight_) if sought else objective


def theta_of(model):
    """The fitted parameters as one vector."""
    objective = objective_of(model)
    parts = {
        "W_enc": model.encoder_weights_,
        "b_enc": model.encoder_bias_,
        "t_enc": getattr(model, "thresholds_", None),
        "W_dec": model.decoder_weights_,
        "b_dec": model.decoder_bias_,
    }
    return objective.pack({name: parts[name] for name in objective.shapes})


def loss_at(model, X, sample_weight=None):
    """J at the fitted weights, computed anew on all rows in double precision."""
    X = np.asarray(X, dtype=np.float64)
    return objective_of(model).loss_grad(theta_of(model), X, sample_weight)[0]


def constant_loss(X, sample_weight=None, decoder=None):
    """J of the best model that tells no row from another: half of the variance, and no penalty.

    Once for each reconstruction that a decoder's errors are added up of.
    """
    X = np.asarray(X, dtype=np.float64)
    mean = np.average(X, axis=0, weights=sample_weight)
    loss = float(np.average(0.5 * np.sum((X - mean) ** 2, axis=1), weights=sample_weight))
    return loss if decoder is None else loss * len(decoder.prefixes(20))


def bits(model):
    """Everything that a fit leaves, as bytes."""
    names = (*WEIGHTS, "average_activation_", "loss_terms_curve_", "stage_rows_")
    return {name: np.ascontiguousarray(getattr(model, name)).tobytes() for name in names} | {
        name: getattr(model, name, None)
        for name in (
            *("loss_", "loss_terms_", "n_iter_", "n_evaluations_", "stop_reason_", "n_dead_"),
            "sparsity_weight_",  # if the penalty has one
        )
    }


def assert_report_is_true(model, X, sample_weight=None):
    """The loss and the averages that `model` reports are those of its weights on all rows."""
    tolerance = 1e-12 if X.dtype == np.float64 else 2e-5
    assert model.loss_ == pytest.approx(loss_at(model, X, sample_weight), rel=tolerance)
    assert sum(model.loss_terms_) == pytest.approx(model.loss_, rel=1e-15)
    objective = objective_of(model)
    theta = theta_of(model).astype(X.dtype)
    units = objective.units(X, objective.unpack(theta))
    np.testing.assert_allclose(model.transform(X), units.A, rtol=tolerance, atol=tolerance)
    h, _ = units.averaged(objective.penalty)
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

    def begin(self, **options):
        """The start of training, at random or as `options` say."""
        with self.engine.running():
            sums = FeatureSums.over(self.source, self.engine, self.partition)
            return sparse_start(
                self.objective,
                sums,
                self.source,
                self.engine,
                self.partition,
                np.random.RandomState(0),
                **options,
            )

    def train(self, *, max_iter=10, solver=None, start=None, **options):
        start = start or self.begin()
        training = Training(
            start.evaluation,
            growth_stages(self.source.shape[0], max_iter),
            solver or SOLVERS["lbfgs"](),
            tol=0.0,
            **options,
        )
        with self.engine.running():
            return training.run(start.q, start.seed)
