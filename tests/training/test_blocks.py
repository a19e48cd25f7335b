"""Sums over blocks: the same however many activations are kept between two sweeps."""

import numpy as np
import pytest

from rhohat import SparseAutoencoder
from rhohat.rows.engines import ThreadEngine
from rhohat.rows.partition import Partition
from rhohat.rows.sources import in_memory
from rhohat.training.change_of_variables import StandardizedVariables
from rhohat.training.evaluation import SparseEvaluation
from support.cases import COMBINATIONS, make_case, oracle_loss_grad, relative
from support.fits import bits

every_combination = pytest.mark.parametrize(("activation", "decoder", "penalty"), COMBINATIONS)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kept", [0, 12, 23], ids=["six products", "some kept", "all kept"])
@every_combination
def test_sweeps_agree_with_the_oracle_however_many_activations_are_kept(
    activation, decoder, penalty, kept, weighted, monkeypatch
):
    case = make_case(activation, decoder, penalty, shape=(23, 5, 4))
    monkeypatch.setattr("rhohat.training.blocks.KEPT_FEATURES", 1)
    monkeypatch.setattr("rhohat.training.blocks.KEPT_BYTES", kept * 4 * 8)
    weight = case.sample_weight if weighted else None
    source, engine, partition = in_memory(case.X, weight), ThreadEngine(2), Partition(3, 6)
    with engine.running():
        variables = StandardizedVariables.for_data(case.objective, source, engine, partition)
        sweep = SparseEvaluation(case.objective, variables, engine, partition, source)
        loss, grad = sweep(variables.from_theta(case.theta))
    loss_oracle, grad_oracle = oracle_loss_grad(case.objective, case.theta, case.X, weight)
    assert loss == pytest.approx(loss_oracle, rel=1e-12)
    assert relative(grad, variables.gradient(grad_oracle)) < 1e-12


def test_wide_data_give_the_same_bits_for_any_number_of_threads(rng):
    X = rng.uniform(size=(5200, 130)).astype(np.float32)
    models = [
        SparseAutoencoder(6, max_iter=6, n_jobs=n_jobs, random_state=0).fit(X)
        for n_jobs in (1, 2, 4)
    ]
    assert bits(models[0]) == bits(models[1]) == bits(models[2])
