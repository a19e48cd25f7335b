"""Few and wide rows: the same minimum, sought in their span."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from rhohat import KLSparsity, SparseAutoencoder, SparseObjective
from rhohat.rows.sources import in_memory
from rhohat.training.span import LEAST_WIDTH, MOST_ROWS, Span, is_spanned

K = 3


@pytest.fixture
def X(rng):
    """Fifteen rows of 90 columns, off the origin."""
    return rng.laplace(size=(15, 4)) @ rng.randn(4, 90) + 0.1 * rng.randn(15, 90) + rng.randn(90)


def objective_of(d, **settings):
    return SparseObjective(d, K, penalty=KLSparsity(0.1), weight_decay=0.01, **settings)


def span_of(X, sample_weight=None):
    source = in_memory(X, sample_weight)
    mean = np.average(X, axis=0, weights=sample_weight)
    return Span.of(objective_of(X.shape[1]), source, mean)


def test_coordinates_are_the_rows_in_an_orthonormal_basis(X):
    span = span_of(X)
    Z = span.source.read(0, len(X)).X
    assert_allclose(span.basis @ span.basis.T, np.eye(len(X)), atol=1e-12)
    assert_allclose(Z @ span.basis + span.mean, X, atol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_loss_in_the_span_is_the_loss_over_the_rows(weighted, X, rng):
    w = rng.uniform(0.5, 2, len(X)) if weighted else None
    span = span_of(X, w)
    theta = rng.randn(span.objective.n_parameters)
    inside = span.objective.loss_grad(theta, span.source.read(0, len(X)).X, w)[0]
    assert_allclose(inside, span.whole.loss_grad(span.lifted(theta), X, w)[0], rtol=1e-12)


def test_a_minimum_in_the_span_is_a_minimum_of_all_parameters(X):
    """The gradient of all parameters vanishes, too."""
    model = SparseAutoencoder(
        K,
        sparsity_penalty=KLSparsity(0.1),
        weight_decay=0.01,
        max_iter=2000,
        tol=0,
        random_state=0,
    ).fit(X)
    objective = objective_of(X.shape[1])
    names = {"W_enc": model.encoder_weights_, "b_enc": model.encoder_bias_}
    names |= {"W_dec": model.decoder_weights_, "b_dec": model.decoder_bias_}
    loss, grad = objective.loss_grad(objective.pack(names), X)
    assert_allclose(model.loss_, loss, rtol=1e-12)
    assert np.abs(grad).max() < 1e-4 * loss


def test_losses_and_averages_are_those_of_the_rows(X):
    model = SparseAutoencoder(K, max_iter=20, random_state=0).fit(X.astype(np.float32))
    A = model.transform(X.astype(np.float32))
    assert_allclose(model.average_activation_, A.mean(axis=0), rtol=1e-5)
    assert_allclose(-model.loss_terms_.reconstruction, model.score(X), rtol=1e-4)


def test_rows_in_a_file_give_the_same_bits(X, tmp_path):
    np.save(tmp_path / "X.npy", X)
    fits = [
        SparseAutoencoder(K, max_iter=5, random_state=0).fit(rows)
        for rows in (X, str(tmp_path / "X.npy"))
    ]
    assert np.array_equal(fits[0].encoder_weights_, fits[1].encoder_weights_)


def test_rows_held_out_have_all_columns(X):
    model = SparseAutoencoder(K, max_iter=10, random_state=0).fit(X, X_val=X[:6] + 0.01)
    same = model.validation_terms_curve_[-1, 1]
    assert_allclose(same, model.loss_terms_.weight_decay, rtol=1e-9)


def test_a_weight_that_is_sought_is_found_there(X):
    penalty = KLSparsity(0.1, "auto")
    model = SparseAutoencoder(K, sparsity_penalty=penalty, random_state=0).fit(X)
    assert_allclose(model.average_activation_, 0.1, atol=0.03)


def test_a_checkpoint_goes_on_to_the_same_bits(X, tmp_path):
    settings = {"random_state": 0, "max_iter": 12, "tol": 0.0}
    whole = SparseAutoencoder(K, **settings).fit(X)
    stopped = SparseAutoencoder(K, checkpoint=tmp_path, callback=interrupt, **settings)
    with pytest.raises(Stop):
        stopped.fit(X)
    resumed = SparseAutoencoder(K, checkpoint=tmp_path, resume=True, **settings).fit(X)
    assert np.array_equal(resumed.encoder_weights_, whole.encoder_weights_)


class Stop(Exception):
    """Ends a run where it is."""


def interrupt(progress):
    if progress.n_iter == 6:
        raise Stop
    return False


@pytest.mark.parametrize(
    ("n_rows", "d", "spanned"),
    [
        (15, 90, True),
        (15, 15 * LEAST_WIDTH, True),
        (15, 15 * LEAST_WIDTH - 1, False),
        (MOST_ROWS + 1, 10**6, False),
    ],
)
def test_rows_must_be_few_and_wide(n_rows, d, spanned):
    assert is_spanned(n_rows, d) == spanned


@pytest.mark.parametrize("decoder", ["sigmoid", "tied"])
def test_other_decoders_are_trained_on_all_columns(decoder, X):
    objective = SparseObjective(90, K, decoder=decoder)
    assert Span.of(objective, in_memory(X), X.mean(axis=0)) is None


def test_constant_rows_have_no_span(X):
    assert span_of(np.repeat(X[:1], 5, axis=0)) is None


def test_a_warm_start_goes_on_from_the_weights_of_before(X):
    settings = {"sparsity_penalty": KLSparsity(0.1), "weight_decay": 0.01, "max_iter": 5}
    model = SparseAutoencoder(K, random_state=0, warm_start=True, **settings).fit(X)
    before = model.loss_
    assert model.fit(X).loss_curve_[0] == pytest.approx(before)
    assert model.loss_ < before
