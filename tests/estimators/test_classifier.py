"""Classifiers: networks fine-tuned from stacked autoencoders."""

from pathlib import Path

import distributed
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from rhohat import (
    CheckpointError,
    KLSparsity,
)
from rhohat.rows.cluster import local_cluster
from rhohat.training.checkpoints import FILE
from support.fits import Killed, killed_after
from support.stacks import X, Y, classifier, layer, stack
from support.stored import as_npy


@pytest.fixture(autouse=True)
def every_state_is_written(monkeypatch):
    monkeypatch.setattr("rhohat.training.checkpoints.SPACING", 0)


def bits(model):
    return model.theta_.tobytes(), model.loss_terms_curve_.tobytes()


@pytest.fixture(scope="module")
def undisturbed():
    return bits(classifier().fit(X, Y))


@pytest.fixture(scope="module")
def frozen():
    seed = np.random.RandomState(0).randint(2**31 - 1)  # as the classifier draws it
    return FrozenEstimator(stack(random_state=seed).fit(X))


def test_two_threads_give_the_same_bits(undisturbed):
    assert bits(classifier(n_jobs=2).fit(X, Y)) == undisturbed


@pytest.mark.slow
def test_files_and_dask_give_the_same_bits(undisturbed, tmp_path):
    path = as_npy(tmp_path, X)
    in_file = classifier().fit(path, Y)
    assert bits(in_file) == undisturbed
    assert_array_equal(in_file.predict(path), in_file.predict(X))
    with (
        local_cluster(2) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        assert bits(classifier(engine=client.scheduler.address).fit(path, Y)) == undisturbed


@pytest.mark.parametrize("n_iter", [2, 5, 12])
def test_fine_tuning_cut_off_anywhere_goes_on_to_the_same_bits(n_iter, undisturbed, tmp_path):
    with pytest.raises(Killed):
        classifier(checkpoint=tmp_path, callback=killed_after(n_iter)).fit(X, Y)
    with pytest.raises(CheckpointError, match="holds an unfinished run"):
        classifier(checkpoint=tmp_path).fit(X, Y)
    with pytest.raises(CheckpointError, match="its labels"):
        classifier(checkpoint=tmp_path, resume=True).fit(X, Y[::-1])
    assert bits(classifier(checkpoint=tmp_path, resume=True).fit(X, Y)) == undisturbed
    folders = {str(path.parent.relative_to(tmp_path)) for path in tmp_path.rglob(FILE)}
    expected = ("layers/layer1", "layers/layer2", "softmax", "network")
    assert folders == {str(Path(folder)) for folder in expected}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"weight_decay": 1e-2}, "weight_decay"),
        ({"sparsity_penalty": "none"}, "sparsity_penalty"),
        ({"tol": 1e-3}, "tol"),
    ],
)
def test_the_checkpoint_of_other_settings_is_refused(changes, named, frozen, tmp_path):
    with pytest.raises(Killed):
        classifier(frozen, checkpoint=tmp_path, callback=killed_after(3)).fit(X, Y)
    with pytest.raises(CheckpointError, match=f"its {named}"):
        classifier(frozen, checkpoint=tmp_path, resume=True, **changes).fit(X, Y)


def test_more_iterations_than_the_checkpoint_s_are_those_of_a_whole_run(tmp_path):
    with pytest.raises(Killed):
        classifier(checkpoint=tmp_path, callback=killed_after(3)).fit(X, Y)
    longer = classifier(checkpoint=tmp_path, resume=True, max_iter=13).fit(X, Y)
    assert bits(longer) == bits(classifier(max_iter=13).fit(X, Y))


def test_one_that_is_fitted_is_started_from_as_it_is(undisturbed, frozen):
    assert bits(classifier(frozen).fit(X, Y)) == undisturbed
    single = FrozenEstimator(layer(random_state=0).fit(X))
    assert [W.shape for W in classifier(single).fit(X, Y).weights_] == [(5, 8), (3, 5)]
    with pytest.raises(NotFittedError):
        classifier(FrozenEstimator(stack())).fit(X, Y)


@pytest.mark.parametrize("wrong", [LogisticRegression(), "stack"])
def test_what_is_no_autoencoder_is_refused(wrong):
    with pytest.raises(TypeError, match="StackedAutoencoder"):
        classifier(wrong).fit(X, Y)


def test_a_weight_that_is_to_be_found_is_refused_of_the_network_and_not_of_its_layers():
    found = layer(sparsity_penalty=KLSparsity(0.1, "auto", 0.5), max_iter=30)
    model = classifier(stack(estimator=found))
    with pytest.raises(ValueError, match="network's penalty needs a weight that is a number"):
        clone(model).set_params(sparsity_penalty=KLSparsity(0.1, "auto")).fit(X, Y)
    assert len(model.fit(X, Y).weights_) == 3


def test_without_fine_tuning_it_is_softmax_regression_on_the_top_layer(frozen):
    model = classifier(frozen, max_iter=0, softmax_max_iter=2000, weight_decay=1e-3, tol=1e-12)
    model.fit(X.astype(float), Y)
    A = frozen.transform(X.astype(float))
    assert_allclose(model.weights_[0], frozen.layers_[0].encoder_weights_, rtol=1e-12)
    reference = LogisticRegression(C=1 / (len(X) * 1e-3), tol=1e-10, max_iter=5000).fit(A, Y)
    assert_allclose(model.predict_proba(X), reference.predict_proba(A), atol=1e-3)
    assert model.n_iter_ == 0
    assert model.loss_curve_.shape == (1,)


def test_fine_tuning_lowers_the_loss_and_raises_accuracy(frozen):
    before = classifier(frozen, max_iter=0, sparsity_penalty="none").fit(X, Y)
    after = classifier(frozen, max_iter=100, sparsity_penalty="none").fit(X, Y)
    assert (np.diff(after.loss_curve_) <= 0).all()
    assert after.loss_curve_[0] == before.loss_
    assert after.score(X, Y) > before.score(X, Y)


def test_the_reported_loss_and_averages_are_those_of_the_model(frozen):
    model = classifier(frozen).fit(X.astype(float), Y)
    objective = model.objective()
    numbers = np.searchsorted(model.classes_, Y)
    assert model.loss_ == pytest.approx(objective.loss_grad(model.theta_, X, numbers)[0], rel=1e-5)
    A = objective.activate(X.astype(float), model.theta_)[1:]
    averages = np.concatenate([layer.mean(axis=0) for layer in A])
    assert_allclose(model.average_activation_, averages, rtol=1e-9)
    chosen = model.predict_proba(X)[np.arange(len(X)), numbers]
    assert_allclose(model.loss_terms_.reconstruction, -np.log(chosen).mean(), rtol=1e-5)
    assert model.coef_.shape == (3, 4)
    assert model.intercept_.shape == (3,)


@pytest.mark.parametrize("stored", [False, True])
def test_a_weight_of_two_is_a_row_twice(stored, frozen, tmp_path):
    rows = X.astype(float)[:300]
    weight = np.random.RandomState(0).randint(1, 4, 300)
    settings = {"max_iter": 5, "softmax_max_iter": 5}
    given = as_npy(tmp_path, rows) if stored else rows
    weighted = classifier(frozen, **settings).fit(given, Y[:300], sample_weight=weight)
    repeated = classifier(frozen, **settings).fit(
        np.repeat(rows, weight, axis=0), np.repeat(Y[:300], weight)
    )
    assert_allclose(weighted.theta_, repeated.theta_, rtol=1e-6)


@pytest.mark.parametrize(
    "labels", [[False, True], [3, 7, 9], [0.5, 1.5], ["yes", "no", "perhaps", "never"]]
)
def test_labels_of_any_kind_come_back(labels, frozen):
    y = np.array(labels)[np.arange(len(X)) % len(labels)]
    if y.dtype == float:
        y = y * 2  # fractions are regression's
    model = classifier(frozen, max_iter=2).fit(X, y)
    assert model.predict(X).dtype == y.dtype
    assert set(model.classes_) == set(y)
    scores, P = model.decision_function(X), model.predict_proba(X)
    assert scores.shape == ((len(X),) if len(labels) == 2 else (len(X), len(labels)))
    assert_allclose(P.sum(axis=1), 1, rtol=1e-5)
    assert P.dtype == X.dtype


def test_labels_that_do_not_fit_are_refused(frozen):
    with pytest.raises(ValueError, match="each row needs one"):
        classifier(frozen).fit(X, Y[:-1])
    with pytest.raises(ValueError, match="at least two classes"):
        classifier(frozen).fit(X, Y == "none of these")


def test_grid_search_reaches_the_layers():
    search = GridSearchCV(
        classifier(max_iter=3), {"estimator__estimator__weight_decay": [1e-4, 1.0]}, cv=2
    )
    assert search.fit(X[:500], Y[:500]).best_params_ is not None


def test_a_fit_that_fails_leaves_the_model_as_it_was(frozen):
    model = classifier(frozen).fit(X, Y)
    before = bits(model), model.predict(X)
    with pytest.raises(ValueError, match="sparsity_penalty"):
        model.set_params(sparsity_penalty="bogus").fit(X, np.where(Y == "low", "z", "a"))
    model.set_params(sparsity_penalty=KLSparsity(0.1, 0.01))
    assert bits(model) == before[0]
    assert_array_equal(model.predict(X), before[1])


def test_rows_in_files_are_checked_before_they_are_classified(frozen, tmp_path):
    rows = X.copy()
    rows[1500, 3] = np.nan
    with pytest.raises(ValueError, match="holds nan in row 1500, column 3"):
        classifier(frozen).fit(X, Y).predict(as_npy(tmp_path, rows))


def test_output_as_tables_stays_outside():
    with config_context(transform_output="pandas"):
        model = classifier(stack()).fit(X, Y)
        table = stack().fit(X).transform(X)
    assert bits(model) == bits(classifier(stack()).fit(X, Y))
    assert_array_equal(table.to_numpy(), stack().fit(X).transform(X))
