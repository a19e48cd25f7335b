"""The objective of a network: its values, its gradient, what they may not depend on."""

import numpy as np
import pytest

from rhohat import KLSparsity
from rhohat.objective.network import NetworkObjective
from rhohat.objective.penalties import PENALTIES
from support import oracle
from support.cases import five_point, oracle_parameters, relative
from support.networks import NETWORKS, network

#: Penalties that see no decoder.
OF_NETWORKS = [
    name for name, row in PENALTIES.items() if not ("W_dec" in row.sees or row.sees_gates)
]
every_triple = pytest.mark.parametrize(("activation", "penalty", "depth"), NETWORKS)


@every_triple
def test_gradient_agrees_with_five_point_differences(activation, penalty, depth):
    objective, theta, rows, labels, weight = network(activation, penalty, depth)
    numerical = five_point(lambda t: objective.loss_grad(t, rows, labels, weight)[0], theta)
    assert relative(objective.loss_grad(theta, rows, labels, weight)[1], numerical) < 1e-8


def test_a_weight_that_is_to_be_found_is_refused():
    """Only `SparseAutoencoder.fit` finds one."""
    with pytest.raises(ValueError, match=r"needs a weight that is a number, got 'auto'"):
        NetworkObjective((5, 4, 3), ("sigmoid",), penalty=KLSparsity(weight="auto"))


@every_triple
def test_loss_and_gradient_are_those_of_plain_loops(activation, penalty, depth):
    objective, theta, rows, labels, weight = network(activation, penalty, depth)
    formula = oracle.PENALTIES[penalty](activation, **oracle_parameters(objective.penalty))
    loss, grads = oracle.classify(
        [(W.tolist(), b.tolist()) for W, b in objective.layers(theta)],
        rows.tolist(),
        labels.tolist(),
        weight.tolist(),
        hidden=[activation] * len(depth),
        penalties=[formula] * len(depth),
        decay=objective.weight_decay,
    )
    found_loss, found = objective.loss_grad(theta, rows, labels, weight)
    assert found_loss == pytest.approx(loss, rel=1e-12)
    assert relative(found, np.concatenate([np.ravel(part) for pair in grads for part in pair])) < (
        1e-12
    )


@pytest.mark.parametrize("penalty", OF_NETWORKS)
def test_loss_does_not_depend_on_how_rows_are_split(penalty):
    objective, theta, rows, labels, weight = network("sigmoid", penalty, (4, 3))
    whole = objective.activities(rows, theta, weight)
    slopes = objective.penalty_slopes(whole, theta)
    parts = [slice(0, 1), slice(1, 4), slice(4, 6)]
    terms = [objective.terms(rows[p], labels[p], theta, weight[p], slopes=slopes) for p in parts]
    for other in terms[1:]:
        terms[0] += other
    loss, grad = objective.finish(terms[0], theta)
    expected_loss, expected = objective.loss_grad(theta, rows, labels, weight)
    assert loss == pytest.approx(expected_loss, rel=1e-14)
    assert relative(grad, expected) < 1e-14


def test_scores_of_any_size_have_a_finite_loss():
    objective = NetworkObjective((2, 2), ())
    theta = objective.pack({"W_1": [[1e4, 0], [-1e4, 0]], "b_1": [0, 0]})
    loss, grad = objective.loss_grad(theta, np.array([[1.0, 0]]), [1])
    assert loss > 1e4
    assert np.isfinite(grad).all()


def test_layers_and_activations_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="need 1 activations"):
        NetworkObjective((5, 4, 3), ())
    with pytest.raises(ValueError, match="bounded range"):
        NetworkObjective((5, 4, 3), ("relu",), penalty="kl")


@pytest.mark.parametrize("penalty", sorted(PENALTIES.keys() - set(OF_NETWORKS)))
def test_a_penalty_of_what_networks_have_not_is_refused(penalty):
    with pytest.raises(ValueError, match=r"a network has none|have no gates\. Use"):
        NetworkObjective((5, 4, 3), ("sigmoid",), penalty=penalty)
