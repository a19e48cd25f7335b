"""Sums over blocks: the same however many activations are kept between two sweeps."""

import pickle

import numpy as np
import pytest

from rhohat import SparseAutoencoder, SparseObjective
from rhohat.objective.decoders import DECODERS
from rhohat.rows.engines import ThreadEngine
from rhohat.rows.feature_sums import FeatureSums
from rhohat.rows.partition import Partition
from rhohat.rows.sources import Rows, in_memory
from rhohat.training.blocks import KeptActivations
from rhohat.training.change_of_variables import StandardizedVariables
from rhohat.training.evaluation import SparseEvaluation
from support.cases import COVERING, make_case, oracle_loss_grad, relative
from support.fits import bits

every_combination = pytest.mark.parametrize(("activation", "decoder", "penalty"), COVERING)


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
        variables = StandardizedVariables.for_sums(
            case.objective, FeatureSums.over(source, engine, partition)
        )
        sweep = SparseEvaluation(case.objective, variables, engine, partition, source)
        loss, grad = sweep(variables.from_theta(case.theta))
    loss_oracle, grad_oracle = oracle_loss_grad(case.objective, case.theta, case.X, weight)
    assert loss == pytest.approx(loss_oracle, rel=1e-12)
    assert relative(grad, variables.gradient(grad_oracle)) < 1e-12


@pytest.mark.parametrize("decoder", DECODERS)
def test_wide_data_give_the_same_bits_for_any_number_of_threads(decoder, rng):
    X = rng.uniform(size=(5200, 130)).astype(np.float32)
    models = [
        SparseAutoencoder(6, decoder=decoder, max_iter=6, n_jobs=n_jobs, random_state=0).fit(X)
        for n_jobs in (1, 2, 4)
    ]
    assert bits(models[0]) == bits(models[1]) == bits(models[2])


def test_room_is_for_the_first_rows_in_whole_chunks_and_stays_in_its_process(monkeypatch):
    objective, partition = SparseObjective(5, 4), Partition(3, 6)
    source = in_memory(np.zeros((23, 5)))
    for fitting, expected in ((0, 0), (5, 0), (6, 6), (17, 12), (22, 18), (23, 23), (99, 23)):
        monkeypatch.setattr("rhohat.training.blocks.KEPT_BYTES", fitting * 4 * 8)
        kept = KeptActivations(objective, source, partition)
        assert kept.n_rows == expected
        assert kept.array.shape == (expected, 4)
    there = pickle.loads(pickle.dumps(kept))
    assert there.array is None
    rows, theta = Rows(np.ones((3, 5)), start=6), np.linspace(-1, 1, objective.n_parameters)
    A = objective.encode(rows.X, objective.unpack(theta))
    kept.room_for(rows, 4)[...] = A
    np.testing.assert_array_equal(kept.array[6:9], A)
    np.testing.assert_array_equal(kept.of(rows, objective, theta), A)
    np.testing.assert_array_equal(there.of(rows, objective, theta), A)
