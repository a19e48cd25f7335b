"""Laws that every row of `DECODERS` keeps."""

import numpy as np
import pytest

from rhohat import SparseObjective
from rhohat.objective.decoders import DECODERS
from support.cases import make_case


@pytest.mark.parametrize("decoder", DECODERS)
def test_biases_do_not_decay_and_a_tied_matrix_decays_once(decoder):
    objective = SparseObjective(3, 2, decoder=decoder, weight_decay=0.5)
    parameters = {name: np.full(shape, 2.0) for name, shape in objective.shapes.items()}
    theta = objective.pack(parameters)
    terms = objective.loss_terms(objective.terms(np.ones((1, 3)), theta), theta)
    matrices = 1 if DECODERS[decoder].tied else 2
    assert terms.weight_decay == 0.5 / 2 * matrices * 6 * 2.0**2


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_decoder_is_solvable_where_the_loss_is_quadratic_in_it(decoder):
    """Where third differences vanish along all changes of what decodes, the encoder being fixed."""
    case = make_case("sigmoid", decoder, "kl")
    objective, random = case.objective, np.random.RandomState(0)
    thirds = []
    for _ in range(5):
        change = np.zeros_like(case.theta)
        for name in (objective.decoder_weights, "b_dec"):
            part = objective.unpack(change)[name]
            part[...] = random.normal(size=part.shape)
        losses = [case.loss(case.theta + step * change) for step in (0, 1, 2, 3)]
        thirds.append(abs(np.diff(losses, 3)[0]) / max(losses))
    assert DECODERS[decoder].is_solvable == (max(thirds) < 1e-12)
    assert min(thirds) > 1e-6 or DECODERS[decoder].is_solvable
