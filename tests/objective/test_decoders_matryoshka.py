"""Errors of nested prefixes of the units: the objective, and the decoder that is best for it."""

import numpy as np
import pytest
from sklearn.base import clone

from rhohat import Matryoshka, NoSparsity, SparseAutoencoder, SparseObjective, TopK, check_gradient
from rhohat.objective.projection import best_decoder, code_sums
from support.cases import relative, sparse_data


def objective_of(sizes, k=6, **settings):
    return SparseObjective(5, k, decoder=Matryoshka(sizes), weight_decay=0.01, **settings)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_is_the_sum_of_those_of_the_first_units_alone(weighted, rng):
    objective = objective_of((1, 4), penalty="none", activation="tanh")
    theta, X = rng.normal(size=objective.n_parameters), rng.normal(size=(9, 5))
    w = rng.uniform(size=9) if weighted else np.ones(9)
    parameters = objective.unpack(theta)
    errors = 0.0
    for size in (1, 4, 6):
        plain = SparseObjective(5, size, penalty="none", activation="tanh", weight_decay=0)
        first = {name: values[:size] for name, values in parameters.items() if name != "b_dec"}
        part = plain.pack(first | {"b_dec": parameters["b_dec"]})
        errors += plain.loss_grad(part, X, w)[0]
    terms = objective.loss_terms(objective.terms(X, theta, w), theta)
    assert terms.reconstruction == pytest.approx(errors, rel=1e-12)
    assert check_gradient(objective, theta, X, w).ratio < 1e-8


@pytest.mark.parametrize("sizes", [(6,), (1, 2, 3), (2, 5, 6), None])
@pytest.mark.parametrize("weighted", [False, True])
def test_no_decoder_is_better_than_the_best(sizes, weighted, rng):
    """Its gradient is 0, and so is that of what the solver then sees but for the encoder."""
    objective = objective_of(sizes, penalty="none")
    theta, X = rng.normal(size=objective.n_parameters), rng.normal(size=(40, 5))
    w = rng.uniform(size=40) if weighted else None
    center = X.mean(axis=0)
    sums = code_sums(objective, X, theta, center, w, out=np.empty((40, 6)))
    decoder = best_decoder(sums, 0.01, center, X.dtype, objective.decoder.counts(6))
    n_encoder = objective.n_encoder_parameters
    best = np.concatenate([theta[:n_encoder], *map(np.ravel, decoder)])
    loss, grad = objective.loss_grad(best, X, w)
    assert np.abs(grad[n_encoder:]).max() < 1e-12
    for _ in range(5):
        moved = best.copy()
        moved[n_encoder:] += 1e-2 * rng.normal(size=len(best) - n_encoder)
        assert objective.loss_grad(moved, X, w)[0] > loss


def test_one_prefix_of_all_units_is_a_linear_decoder(rng):
    theta, X = rng.normal(size=6 * 11 + 5), rng.normal(size=(9, 5))
    plain = SparseObjective(5, 6, weight_decay=0.01)
    (loss, grad), (same, same_grad) = (
        objective.loss_grad(theta, X) for objective in (plain, objective_of((6,)))
    )
    assert loss == same
    np.testing.assert_array_equal(grad, same_grad)


@pytest.mark.parametrize(
    ("n_units", "expected"), [(100, (13, 25, 50, 100)), (8, (1, 2, 4, 8)), (2, (1, 2)), (1, (1,))]
)
def test_prefixes_are_an_eighth_a_quarter_half_and_all(n_units, expected):
    assert Matryoshka().prefixes(n_units) == expected
    counts = Matryoshka().counts(n_units)
    assert counts[0] == len(expected)
    assert counts[-1] == 1
    assert counts.sum() == sum(expected)


@pytest.mark.parametrize("sizes", [(), (0, 2), (3, 2), (2, 2), (3, 7), (1.5,), "12", 4])
def test_sizes_that_make_no_prefixes_are_refused(sizes):
    with pytest.raises((ValueError, TypeError), match="Matryoshka"):
        objective_of(sizes)


@pytest.mark.parametrize("solver", ["lbfgs", "gradient-descent"])
def test_first_units_explain_more_by_themselves_than_without(solver):
    X = sparse_data(800, 8)
    plain, nested = (
        SparseAutoencoder(
            *(12,),
            activation=TopK(4),
            decoder=decoder,
            sparsity_penalty=NoSparsity(),
            solver=solver,
            max_iter=40,
            random_state=0,
        ).fit(X)
        for decoder in ("linear", Matryoshka((3,)))
    )
    errors = []
    for model in (plain, nested):
        A = model.transform(X)
        A[:, 3:] = 0
        errors.append(((model.inverse_transform(A) - X) ** 2).sum())
    assert errors[1] < errors[0]
    assert nested.loss_terms_.reconstruction > -nested.score(X)


def test_files_threads_and_resumed_runs_give_the_same_bits(tmp_path):
    X = sparse_data(2000, 7, dtype=np.float32)
    np.save(tmp_path / "rows.npy", X)
    settings = {"decoder": "matryoshka", "max_iter": 8, "random_state": 0}
    expected = SparseAutoencoder(9, n_jobs=1, **settings).fit(X)
    stored = SparseAutoencoder(9, n_jobs=2, **settings).fit(tmp_path / "rows.npy")
    resumed = SparseAutoencoder(9, checkpoint=tmp_path / "run", **settings)
    resumed.set_params(callback=lambda progress: progress.n_iter == 3).fit(X)
    resumed.set_params(callback=None, resume=True).fit(X)
    for model in (stored, resumed):
        np.testing.assert_array_equal(model.decoder_weights_, expected.decoder_weights_)
        np.testing.assert_array_equal(model.loss_curve_[-1], expected.loss_curve_[-1])


def test_the_decoder_is_solved_for_also_from_many_rows():
    """What is reported at the end is the loss at the weights that are published."""
    X = sparse_data(1500, 7)
    model = SparseAutoencoder(9, decoder=Matryoshka((4,)), max_iter=15, random_state=0).fit(X)
    objective = SparseObjective(7, 9, decoder=model.decoder)
    names = {"W_enc": "encoder_weights_", "b_enc": "encoder_bias_", "W_dec": "decoder_weights_"}
    parameters = {name: getattr(model, attribute) for name, attribute in names.items()}
    theta = objective.pack(parameters | {"b_dec": model.decoder_bias_})
    loss, grad = objective.loss_grad(theta, X)
    assert loss == pytest.approx(model.loss_, rel=1e-9)
    assert relative(grad[objective.n_encoder_parameters :] + 1, np.ones(9 * 7 + 7)) < 1e-8


def test_sizes_are_parameters_of_scikit_learn():
    model = SparseAutoencoder(decoder=Matryoshka((2, 5)))
    other = clone(model).set_params(decoder__sizes=(3,))
    assert model.decoder == Matryoshka([2, 5]) != other.decoder
    assert repr(other.decoder) == "Matryoshka((3,))"
    assert {Matryoshka(), Matryoshka(None), other.decoder} == {Matryoshka(), Matryoshka((3,))}
    with pytest.raises(ValueError, match="has only the parameter sizes"):
        Matryoshka().set_params(width=3)
