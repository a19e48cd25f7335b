"""SparseAutoencoder: its parameters, what a fit leaves, and what it learns."""

from functools import reduce
from operator import add

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from rhohat import (
    KLSparsity,
    L1Sparsity,
    SparseAutoencoder,
    SparseObjective,
    Whitening,
)
from support.fits import STAGE_ROWS


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_components": 0}, ValueError, "n_components must be at least 1"),
        ({"n_components": 2.5}, TypeError, "n_components must be an integer"),
        ({"n_components": True}, TypeError, "n_components must be an integer"),
        ({"activation": "softmax"}, ValueError, "activation must be one of 'sigmoid'"),
        ({"decoder": "logistic"}, ValueError, "decoder must be one of 'linear'"),
        ({"sparsity_penalty": "kullback"}, ValueError, "sparsity_penalty must be one of 'kl'"),
        ({"sparsity_penalty": KLSparsity(target=0.0)}, ValueError, r"target must lie in \(0, 1\)"),
        ({"sparsity_penalty": KLSparsity(weight=-1)}, ValueError, "weight must lie in"),
        (
            {"sparsity_penalty": KLSparsity(weight="atuo")},
            TypeError,
            "or 'auto', got 'atuo'",
        ),
        (
            {"sparsity_penalty": KLSparsity(tolerance=1)},
            ValueError,
            "tolerance must lie in",
        ),
        ({"sparsity_penalty": L1Sparsity(weight="auto")}, TypeError, "weight must be a number"),
        ({"activation": "relu"}, ValueError, "KLSparsity needs an activation with a bounded range"),
        ({"weight_decay": -1e-3}, ValueError, "weight_decay must lie in"),
        ({"weight_decay": "small"}, TypeError, "weight_decay must be a number"),
        ({"weight_decay": float("nan")}, ValueError, "weight_decay must lie in"),
        ({"solver": "adam"}, ValueError, "solver must be one of 'lbfgs'"),
        ({"max_iter": 0}, ValueError, "max_iter must be at least 1"),
        ({"tol": -1}, ValueError, "tol must lie in"),
        ({"n_jobs": 0}, ValueError, "n_jobs must be at least 1"),
    ],
)
def test_wrong_parameter_is_named_with_what_was_expected(parameters, error, message, digits):
    with pytest.raises(error, match=message):
        SparseAutoencoder(**parameters).fit(digits[:20])


def test_more_weights_than_memory_are_refused_before_allocation():
    with pytest.raises(MemoryError, match="GiB"):
        SparseAutoencoder(10**7).fit(np.ones((2, 10**4)))


def test_sigmoid_decoder_warns_of_data_that_it_cannot_reach(digits):
    model = SparseAutoencoder(3, decoder="sigmoid", max_iter=2)
    with pytest.warns(UserWarning, match=r"values in \(0, 1\), but.*PatchNormalizer"):
        model.fit(digits * 2)


@pytest.mark.parametrize("bad", [[-1.0] + [1.0] * 19, [0.0] * 20, [1.0] * 19])
def test_weights_of_examples_are_checked(bad, digits):
    with pytest.raises(ValueError, match=r"(?i)weight"):
        SparseAutoencoder(3, max_iter=2).fit(digits[:20], sample_weight=bad)


def test_grid_search_reaches_the_penalty_inside(digits):
    search = GridSearchCV(
        SparseAutoencoder(5, sparsity_penalty=KLSparsity(), max_iter=30, random_state=0),
        {"sparsity_penalty__target": [0.01, 0.2]},
        cv=3,
    ).fit(digits[:300])
    # Units that may be active more reconstruct better.
    assert search.best_params_ == {"sparsity_penalty__target": 0.2}


def test_grid_search_compares_weights_with_one_that_is_found(digits):
    model = SparseAutoencoder(5, sparsity_penalty=KLSparsity(0.2), max_iter=40, random_state=0)
    search = GridSearchCV(model, {"sparsity_penalty__weight": [1e4, "auto"]}, cv=3)
    search.fit(digits[:300])
    # The least weight that will do costs the least reconstruction.
    assert search.best_params_ == {"sparsity_penalty__weight": "auto"}
    best = search.best_estimator_
    assert best.sparsity_weight_ < 1e4
    assert clone(best).get_params()["sparsity_penalty__weight"] == "auto"
    assert not hasattr(clone(best), "sparsity_weight_")
    assert model.sparsity_penalty.weight == 3.0


@pytest.mark.parametrize(
    ("penalty", "weight"), [("kl", 3.0), (KLSparsity(weight=2), 2.0), (L1Sparsity(0.5), 0.5)]
)
def test_a_weight_that_was_given_is_told_as_it_was_given(penalty, weight, digits):
    model = SparseAutoencoder(3, sparsity_penalty=penalty, max_iter=2).fit(digits)
    assert type(model.sparsity_weight_) is float
    assert model.sparsity_weight_ == weight
    assert model.partial_fit(digits).sparsity_weight_ == weight
    assert not hasattr(model.set_params(sparsity_penalty="none").fit(digits), "sparsity_weight_")


def test_pipeline_with_whitening_and_classifier_recognizes_digits(digits):
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    X, X_test, y, y_test = train_test_split(digits, load_digits().target, random_state=0)
    pipeline = make_pipeline(
        Whitening(epsilon=0.1),
        SparseAutoencoder(
            100, sparsity_penalty=KLSparsity(0.05), weight_decay=3e-3, random_state=0
        ),
        LogisticRegression(C=10, max_iter=1000),
    )
    assert pipeline.fit(X, y).score(X_test, y_test) > 0.95


def test_score_is_minus_the_reconstruction_term(digits):
    model = SparseAutoencoder(10, max_iter=20, random_state=0).fit(digits)
    scores = model.score_samples(digits)
    X_hat = model.inverse_transform(model.transform(digits))
    assert_allclose(scores, -0.5 * np.sum((X_hat - digits) ** 2, axis=1))
    assert_allclose(model.score(digits), -model.loss_terms_.reconstruction)
    weight = np.arange(len(digits))
    assert_allclose(model.score(digits, sample_weight=weight), np.average(scores, weights=weight))


def test_fitted_attributes_have_their_documented_shapes(digits):
    model = SparseAutoencoder(7, max_iter=4, random_state=0).fit(digits)
    assert model.encoder_weights_.shape == model.decoder_weights_.shape == (7, 64)
    assert model.components_ is model.encoder_weights_
    assert model.encoder_bias_.shape == model.average_activation_.shape == (7,)
    assert model.decoder_bias_.shape == (64,)
    assert model.loss_curve_.shape == (model.n_iter_ + 1,)
    assert model.loss_curve_[-1] == pytest.approx(model.loss_)
    assert reduce(add, model.loss_terms_) == model.loss_


def test_tied_decoder_has_the_encoder_weights(digits):
    model = SparseAutoencoder(7, decoder="tied", max_iter=4).fit(digits)
    assert_array_equal(model.decoder_weights_, model.encoder_weights_)


def test_undercomplete_linear_autoencoder_spans_the_principal_subspace(digits):
    model = SparseAutoencoder(
        5,
        activation="identity",
        sparsity_penalty="none",
        weight_decay=0,
        max_iter=1000,
        tol=1e-10,
        random_state=0,
    ).fit(digits)
    components = Whitening("pca", n_components=5).fit(digits).components_
    basis = np.linalg.qr(model.decoder_weights_.T)[0]
    cosines = np.linalg.svd(components @ basis, compute_uv=False)
    assert_allclose(cosines, 1, atol=1e-4)


def test_overcomplete_autoencoder_keeps_its_units_sparse(digits):
    model = SparseAutoencoder(
        130, sparsity_penalty=KLSparsity(0.02), max_iter=200, random_state=0
    ).fit(digits)
    assert abs(model.average_activation_.mean() - 0.02) < 0.005
    assert model.score(digits) > -0.5 * digits.var(axis=0).sum() / 4


@pytest.mark.parametrize("decoder", ["linear", "tied"])
@pytest.mark.parametrize("offset", [100.0, 1e4, 1e6])
def test_an_offset_of_the_data_costs_nothing(decoder, offset, digits):
    def fit(X):
        model = SparseAutoencoder(
            10, decoder=decoder, sparsity_penalty=KLSparsity(0.1), max_iter=60, random_state=0
        )
        return model.fit(X).loss_

    assert fit(digits + offset) == pytest.approx(fit(digits), rel=0.02)


def model(**options):
    options = {"max_iter": 12, "tol": 0, "random_state": 0, **options}
    return SparseAutoencoder(9, sparsity_penalty=KLSparsity(target=0.1), **options)


@pytest.mark.parametrize("decoder", ["linear", "tied"])
def test_warm_start_goes_on_where_the_last_fit_ended(digits, decoder):
    warm = model(warm_start=True, decoder=decoder).fit(digits)
    ended = warm.loss_
    warm.fit(digits)
    assert warm.loss_curve_[0] == pytest.approx(ended, rel=1e-12)
    assert warm.loss_ < ended
    cold = model(decoder=decoder).fit(digits).fit(digits)
    assert cold.loss_ == ended


def test_warm_start_runs_on_all_rows_at_once(digits, early_growth):
    X = np.tile(digits, (3, 1))
    warm = model(warm_start=True).fit(X)
    assert set(warm.stage_rows_) == {*STAGE_ROWS[:2], len(X)}
    assert set(warm.fit(X).stage_rows_) == {len(X)}


def test_warm_start_refuses_weights_of_another_shape(digits):
    warm = model(warm_start=True).fit(digits)
    with pytest.raises(ValueError, match=r"\(9, 64\).*\(10, 64\)"):
        warm.set_params(n_components=10).fit(digits)
    with pytest.raises(ValueError, match="expecting 64 features"):
        warm.fit(digits[:, 1:])
    warm.set_params(n_components=9).transform(digits)


def test_callback_is_told_the_parameters_that_the_loss_belongs_to(digits):
    told = []
    fitted = model(callback=told.append).fit(digits)
    objective = SparseObjective(64, 9, penalty=KLSparsity(target=0.1))
    for progress in (told[0], told[-1]):
        loss, _ = objective.loss_grad(progress.theta, digits)
        assert loss == pytest.approx(progress.loss.total, rel=1e-12)
    assert_array_equal(objective.unpack(told[-1].theta)["W_enc"], fitted.encoder_weights_)
    assert_array_equal(told[-1].average_activation, fitted.average_activation_)
