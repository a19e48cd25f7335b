"""Evaluations: loss and gradient over all rows, in the variables of the solver."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from rhohat import KLSparsity, SparseObjective
from rhohat.objective.decoders import DECODERS
from rhohat.rows.engines import ThreadEngine
from rhohat.rows.feature_sums import FeatureSums
from rhohat.rows.partition import Partition
from rhohat.rows.sources import in_memory
from rhohat.training.change_of_variables import CenteredVariables, StandardizedVariables
from rhohat.training.evaluation import NetworkEvaluation, ProjectedEvaluation, SparseEvaluation
from support.cases import (
    SOLVABLE,
    covering,
    five_point,
    make_case,
    oracle_loss_grad,
    relative,
    settled,
    sparse_data,
)
from support.fits import Run
from support.networks import every_network, network

every_encoder = pytest.mark.parametrize(("activation", "penalty"), SOLVABLE)
weighted_or_not = pytest.mark.parametrize("weighted", [False, True])


def projected(objective, X, weight=None, *, engine, partition):
    """The evaluation whose decoder is solved for."""
    source = in_memory(X, weight)
    variables = StandardizedVariables.for_sums(
        objective, FeatureSums.over(source, engine, partition)
    )
    return ProjectedEvaluation(objective, variables, engine, partition, source)


@every_network
def test_the_solvers_variables_are_theta_in_other_words(activation, penalty, depth):
    objective, theta, rows, labels, weight = network(activation, penalty, depth)
    source, engine = in_memory(rows * 7 - 2, weight, labels), ThreadEngine(1)
    partition = Partition(4, 4)
    with engine.running():
        variables = CenteredVariables.at(theta, objective, source, engine, partition)
        evaluate = NetworkEvaluation(objective, variables, engine, partition, source)
        q = variables.from_theta(theta)
        assert_allclose(variables.to_theta(q), theta, rtol=1e-12)
        loss, grad = evaluate(q)
        expected, expected_grad = objective.loss_grad(theta, rows * 7 - 2, labels, weight)
        assert loss == pytest.approx(expected, rel=1e-12)
        step = np.random.RandomState(0).normal(size=len(q))
        moved = variables.to_theta(q + step) - theta
    assert grad @ step == pytest.approx(expected_grad @ moved, rel=1e-9)


# Another weight of the penalty.


@pytest.mark.parametrize("decoder", DECODERS)
def test_with_another_weight_it_is_the_evaluation_and_metric_of_that_objective(decoder):
    X = sparse_data(90, 6)
    penalties = [KLSparsity(0.1, weight) for weight in (0.5, 7.0)]
    runs = [Run(SparseObjective(6, 4, decoder=decoder, penalty=p), X) for p in penalties]
    (here, q, *_), (expected, *_) = (run.begin() for run in runs)
    with runs[0].engine.running(), runs[1].engine.running():
        loss = here(q)[0]
        weighed = here.weighed(7.0)
        assert type(weighed) is type(here)
        assert weighed(q)[0] == expected(q)[0] != loss
        assert_allclose(weighed(q)[1], expected(q)[1], rtol=1e-12)
        assert weighed.metric.objective is weighed.objective
        assert weighed.metric.sample is here.metric.sample
        grad = weighed(q)[1]
        steps = [evaluation.metric.at(q)(grad) for evaluation in (here, weighed, expected)]
        assert_allclose(steps[1], steps[2], rtol=1e-9)
        assert relative(steps[0], steps[1]) > 1e-3
        assert here(q)[0] == loss


def test_the_evaluation_of_a_network_has_one_weight():
    objective, theta, rows, labels, weight = network("sigmoid", "kl", (4,))
    source, engine = in_memory(rows, weight, labels), ThreadEngine(1)
    with engine.running():
        variables = CenteredVariables.at(theta, objective, source, engine, Partition(4, 4))
    evaluation = NetworkEvaluation(objective, variables, engine, Partition(4, 4), source)
    with pytest.raises(
        NotImplementedError, match="a weight can only be found for a sparse autoencoder"
    ):
        evaluation.weighed(1.0)


# Decoders that are solved for.


@pytest.mark.parametrize(
    ("activation", "penalty", "sizes", "kept", "weighted"),
    covering(
        (*names, sizes, kept, weighted)
        for names in SOLVABLE
        for sizes in ((3, 6), (4, 4), (64, 64))
        for kept in (0, 12, 23)  # none, some, all
        for weighted in (False, True)
    ),
)
def test_what_the_solver_sees_is_the_loss_with_the_best_decoder(
    activation, penalty, sizes, kept, weighted, monkeypatch
):
    """However many activations are kept, its gradient is that of the loss in the encoder alone."""
    monkeypatch.setattr("rhohat.training.blocks.KEPT_BYTES", kept * 4 * 8)
    case = make_case(activation, "linear", penalty, shape=(23, 5, 4))
    objective, weight = case.objective, case.sample_weight if weighted else None
    size = objective.n_encoder_parameters
    with ThreadEngine(2).running() as engine:
        evaluate = projected(objective, case.X, weight, engine=engine, partition=Partition(*sizes))
        q = evaluate.variables.from_theta(case.theta[:size])
        loss, grad = evaluate(q)
        theta, terms, average = evaluate.at(q)
        e = 1e-4 * min(1.0, evaluate.variables.scale)
        numerical = five_point(lambda q: evaluate(q)[0], q, e=e)
    assert relative(numerical, grad) < 1e-7
    assert loss == terms.total
    given = settled(objective, case.theta, case.X, weight)
    assert_allclose(theta[:size], given[:size], rtol=1e-10, atol=1e-12)
    whole, whole_grad = objective.loss_grad(theta, case.X, weight)
    assert loss == pytest.approx(whole, rel=1e-12)
    assert relative(grad, evaluate.variables.gradient(whole_grad[:size])) < 1e-9
    assert np.abs(whole_grad[size:]).max() < 1e-12
    h = objective.units(case.X, objective.unpack(theta)).averaged(objective.penalty)[0]
    assert_allclose(average, np.average(h, axis=0, weights=weight), rtol=1e-10)


@every_encoder
def test_no_other_decoder_is_better(activation, penalty):
    case = make_case(activation, "linear", penalty, shape=(23, 5, 4))
    objective, random = case.objective, np.random.RandomState(0)
    size = objective.n_encoder_parameters
    with ThreadEngine(1).running() as engine:
        evaluate = projected(
            objective, case.X, case.sample_weight, engine=engine, partition=Partition(8, 8)
        )
        q = evaluate.variables.from_theta(case.theta[:size])
        loss, _ = evaluate(q)
        theta, _, _ = evaluate.at(q)
    oracle, _ = oracle_loss_grad(objective, theta, case.X, case.sample_weight)
    assert loss == pytest.approx(oracle, rel=1e-12)
    for length in (1e-3, 0.1, 1.0):
        other = theta.copy()
        other[size:] += length * random.normal(size=len(theta) - size)
        assert case.loss(other) > loss


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["relu", "identity"])
def test_overflow_of_what_tells_the_decoder_is_an_infinite_loss(activation, dtype, rng):
    objective = SparseObjective(4, 3, activation=activation, penalty="none")
    X = rng.normal(size=(20, 4)).astype(dtype)
    with ThreadEngine(1).running() as engine:
        evaluate = projected(objective, X, engine=engine, partition=Partition(8, 8))
        q = np.finfo(dtype).max ** 0.6 * rng.normal(size=objective.n_encoder_parameters)
        loss, grad = evaluate(q)
        assert loss == np.inf
        assert grad.shape == q.shape
        assert np.isfinite(evaluate(q / np.abs(q).max())[0])


def test_not_a_number_among_the_activations_is_no_infinite_loss(rng):
    objective = SparseObjective(4, 3, penalty="none")
    with ThreadEngine(1).running() as engine:
        evaluate = projected(
            objective, rng.normal(size=(20, 4)), engine=engine, partition=Partition(8, 8)
        )
        loss, _ = evaluate(np.full(objective.n_encoder_parameters, np.nan))
    assert np.isnan(loss)
    assert evaluate.nan_in.startswith("reconstruction")


# What rounding hides.


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [SparseEvaluation, ProjectedEvaluation])
def test_what_rounding_hides_is_less_than_what_can_be_told_apart(kind, dtype, rng):
    """A precision finer than that of the rows, as errors average out; and not 0 where J is 0."""
    objective = SparseObjective(4, 3)
    source, partition = in_memory(rng.uniform(size=(500, 4)).astype(dtype)), Partition(64, 64)
    with ThreadEngine(1).running() as engine:
        variables = StandardizedVariables.for_sums(
            objective, FeatureSums.over(source, engine, partition)
        )
        evaluate = kind(objective, variables, engine, partition, source)
        q = 0.5 * rng.normal(size=objective.n_parameters)
        if kind is ProjectedEvaluation:
            q = q[: objective.n_encoder_parameters]
        loss, _ = evaluate(q)
        moved = [evaluate(q * (1 + factor * np.finfo(dtype).eps))[0] for factor in (-1, 1)]
    eps = np.finfo(dtype).eps
    assert np.spacing(loss) <= evaluate.hidden(loss) <= 2 * eps * loss
    assert evaluate.hidden(2 * loss) > evaluate.hidden(loss)
    assert 0 < evaluate.hidden(0.0) < 1e-10 * loss
    assert np.abs(np.array(moved) - loss).max() < 1e3 * evaluate.hidden(loss)
