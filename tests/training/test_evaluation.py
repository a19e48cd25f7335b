"""Evaluations: loss and gradient over all rows, in the variables of the solver."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from rhohat.rows.engines import ThreadEngine
from rhohat.rows.partition import Partition
from rhohat.rows.sources import in_memory
from rhohat.training.change_of_variables import CenteredVariables
from rhohat.training.evaluation import NetworkEvaluation
from support.networks import every_network, network


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
