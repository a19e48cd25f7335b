"""Metrics as matrices: what an operator says, column by column."""

from __future__ import annotations

import numpy as np

from rhohat.common.devices import PROCESSOR
from rhohat.rows.engines import ThreadEngine
from rhohat.rows.feature_sums import FeatureSums
from rhohat.rows.partition import Partition
from rhohat.rows.sources import in_memory
from rhohat.training.change_of_variables import CenteredVariables, StandardizedVariables
from rhohat.training.metric import NetworkMetric, SparseMetric
from rhohat.training.start import draw_sample


def dense(operator, size):
    """The matrix of an operator."""
    return np.array([operator(column) for column in np.eye(size)]).T


def blocks_as_matrix(blocks, shape):
    """The matrix of blocks for parts of a shape, (units, inputs + 1), each unit's in a row."""
    return dense(lambda g: blocks.solve(g.reshape(shape)).ravel(), shape[0] * shape[1])


def assert_positive_definite(H):
    """Symmetric, and positive definite in units that make its diagonal one.

    Whether a matrix is positive definite does not depend on units; whether rounding hides it does.
    """
    assert np.isfinite(H).all()
    size = np.diagonal(H)
    assert (size > 0).all()
    scaled = H / np.sqrt(np.outer(size, size))
    np.testing.assert_allclose(scaled, scaled.T, atol=1e-8)
    assert np.linalg.eigvalsh((scaled + scaled.T) / 2).min() > 0


def sparse_metric(objective, X, sample_weight=None, *, projected=None, seed=0, device=PROCESSOR):
    """The metric of an autoencoder, its rows drawn and standardized as for a fit."""
    source, partition = in_memory(X, sample_weight), Partition(64, 64)
    engine = ThreadEngine(1, device)
    with engine.running():
        variables = StandardizedVariables.for_sums(
            objective, FeatureSums.over(source, engine, partition)
        )
    sample = draw_sample(source, variables.mean, variables.scale, seed)
    if projected is None:
        projected = objective.is_solvable
    return SparseMetric(objective, variables.scale, sample, engine, partition, projected)


def size_of(metric):
    """Length of the vector that the solver sees."""
    objective = metric.objective
    return objective.n_encoder_parameters if metric.projected else objective.n_parameters


def metric_at(metric, q):
    """H at q, as a matrix."""
    with metric.engine.running():
        operator = metric.at(q)
    return dense(operator, len(q))


def network_metric(objective, theta, X, labels, sample_weight=None, *, device=PROCESSOR):
    """The metric of a network and the point, in the solver's variables."""
    source, engine = in_memory(X, sample_weight, labels), ThreadEngine(1, device)
    partition = Partition(64, 64)
    with engine.running():
        variables = CenteredVariables.at(theta, objective, source, engine, partition)
    sample = draw_sample(source, variables.means[0], variables.scale, seed=0)
    means = list(variables.means[1 : len(objective.activations) + 1])
    metric = NetworkMetric(objective, means, variables.scale, sample, engine, partition)
    return metric, variables.from_theta(theta)
