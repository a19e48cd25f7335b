"""Laws that every row of `DECODERS` keeps."""

import numpy as np
import pytest

from rhohat import SparseObjective
from rhohat.objective.decoders import DECODERS


@pytest.mark.parametrize("decoder", DECODERS)
def test_biases_do_not_decay_and_a_tied_matrix_decays_once(decoder):
    objective = SparseObjective(3, 2, decoder=decoder, weight_decay=0.5)
    parameters = {name: np.full(shape, 2.0) for name, shape in objective.shapes.items()}
    theta = objective.pack(parameters)
    terms = objective.loss_terms(objective.terms(np.ones((1, 3)), theta), theta)
    matrices = 1 if DECODERS[decoder].tied else 2
    assert terms.weight_decay == 0.5 / 2 * matrices * 6 * 2.0**2
