"""Anomalies: planted ones are found, and the right column is blamed."""

from copy import copy

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from rhohat import (
    AnomalyDetector,
    SparseAutoencoder,
    SparseTranscoder,
    Standardization,
    Whitening,
    load,
    save,
)
from rhohat.estimators.anomalies import scored
from support.cases import sparse_data

N_PLANTED = 20


@pytest.fixture(scope="module")
def planted():
    """400 rows of 8 columns that follow from 2 numbers; in 20, one column does not."""
    rng = np.random.RandomState(0)
    X = rng.randn(400, 2) @ rng.randn(2, 8) + 0.1 * rng.randn(400, 8)
    columns = rng.randint(0, 8, N_PLANTED)
    X[np.arange(N_PLANTED), columns] += 3 * np.sign(rng.randn(N_PLANTED))
    return 10.0 ** np.arange(-3, 5) * X, columns  # in unlike units


@pytest.fixture(scope="module")
def detector(planted):
    return AnomalyDetector(random_state=0).fit(planted[0])


@parametrize_with_checks(
    [AnomalyDetector(random_state=0), AnomalyDetector(contamination=0.1, random_state=0)]
)
def test_scikit_learn_check_passes(estimator, check):
    check(estimator)


def test_planted_rows_are_found(planted, detector):
    is_planted = np.arange(400) < N_PLANTED
    assert roc_auc_score(is_planted, -detector.score_samples(planted[0])) > 0.99
    assert (detector.predict(planted[0]) == -1)[is_planted].mean() > 0.7
    assert (detector.predict(planted[0]) == -1)[~is_planted].mean() < 0.05


def test_a_cluster_of_outliers_does_not_teach_the_autoencoder(planted, rng):
    X = planted[0].copy()
    X[:30] = 3 * X.std(axis=0) + 0.1 * X.std(axis=0) * rng.randn(30, 8)
    scores = AnomalyDetector(random_state=0).fit(X).score_samples(X)
    assert roc_auc_score(np.arange(400) < 30, -scores) > 0.99


def test_the_column_that_does_not_follow_is_blamed(planted, detector):
    X, columns = planted
    blame = detector.blame(X[:N_PLANTED])
    assert (blame.columns.argmax(axis=1) == columns).mean() > 0.9
    assert_allclose(blame.columns.sum(axis=1), -detector.score_samples(X[:N_PLANTED]))
    assert blame.units.shape == (N_PLANTED, 4)


def test_contamination_is_the_share_found_in_the_training_rows(planted):
    found = AnomalyDetector(contamination=0.1, random_state=0).fit_predict(planted[0])
    assert (found == -1).sum() == 40


def test_units_of_columns_do_not_matter(planted, detector):
    X = planted[0]
    other = AnomalyDetector(random_state=0).fit(X * 8.0 + 0.0)
    assert_allclose(other.score_samples(8.0 * X), detector.score_samples(X), rtol=1e-6)


def test_saving_keeps_every_score(planted, detector, tmp_path):
    save(detector, tmp_path / "d.safetensors")
    again = load(tmp_path / "d.safetensors")
    assert_array_equal(again.decision_function(planted[0]), detector.decision_function(planted[0]))


@pytest.mark.parametrize(
    ("part", "columns", "message"),
    [
        (Whitening(), 8, "a SparseAutoencoder as AnomalyDetector's autoencoder_"),
        (SparseAutoencoder(3, max_iter=2), 7, "attributes of AnomalyDetector that fit together"),
    ],
)
def test_a_file_holds_no_other_model_as_the_autoencoder(
    part, columns, message, planted, detector, tmp_path
):
    forged = copy(detector)
    forged.autoencoder_ = part.fit(planted[0][:, :columns])
    with pytest.raises(ValueError, match=message):
        save(forged, tmp_path / "d.safetensors")


def test_estimator_is_cloned_with_its_settings(planted):
    own = SparseAutoencoder(3, activation="relu", sparsity_penalty="l1", random_state=1)
    detector = AnomalyDetector(own).fit(planted[0])
    assert detector.autoencoder_.components_.shape == (3, 8)
    assert not hasattr(own, "components_")
    assert np.isfinite(detector.blame(planted[0]).units).all()


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"contamination": 0.6}, ValueError, "contamination must lie in"),
        ({"contamination": 0}, ValueError, "contamination must lie in"),
        ({"contamination": "some"}, TypeError, "contamination must be a number"),
        ({"estimator": 5}, TypeError, "estimator must be a SparseAutoencoder or None"),
    ],
)
def test_wrong_settings_are_named(settings, error, message, planted):
    with pytest.raises(error, match=message):
        AnomalyDetector(**settings).fit(planted[0])


def test_constant_columns_blame_nobody_until_they_change(planted):
    X = np.column_stack([planted[0], np.full(400, 5.0)])
    detector = AnomalyDetector(random_state=0).fit(X)
    assert detector.blame(X[50:60]).columns[:, -1].max() < 1
    X[50, -1] = 9
    assert detector.blame(X[[50]]).columns[0].argmax() == 8


@pytest.mark.parametrize("step", [Standardization("columns"), Whitening()], ids=repr)
def test_any_model_of_rows_gives_scores(step, planted):
    frame = pd.DataFrame(planted[0], columns=[f"c{n}" for n in range(8)])
    model = make_pipeline(step, SparseAutoencoder(4, max_iter=20, random_state=0)).fit(frame)
    found = scored(model, frame)
    rows = step.transform(frame)
    assert_allclose(found.score, -model[-1].score_samples(np.asarray(rows)), rtol=1e-6)
    assert found.names[0] == "c0"
    assert found.is_outlier is None
    assert_array_equal(np.argsort(found.rank), np.argsort(-found.score, kind="stable"))


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([Whitening("pca"), SparseAutoencoder(4, max_iter=2)], "PCA whitening mixes the columns"),
        (
            [SparseAutoencoder(4, max_iter=2), SparseAutoencoder(3, max_iter=2)],
            "a single SparseAutoencoder",
        ),
        ([Whitening()], "a single SparseAutoencoder"),
    ],
)
def test_models_whose_rows_have_no_columns_to_blame_are_refused(steps, message, planted):
    model = make_pipeline(*steps).fit(planted[0])
    with pytest.raises(ValueError, match=message):
        scored(model, planted[0])


def test_a_transcoder_is_scored_by_its_targets():
    X, Y = sparse_data(200, 6), sparse_data(200, 3, seed=1)
    model = SparseTranscoder(4, max_iter=5, random_state=0).fit(X, Y)
    found = scored(model, X, Y)
    assert_allclose(found.score, -model.score_samples(X, Y), rtol=1e-10)
    assert found.columns.shape == Y.shape
    assert found.names == ["0", "1", "2"]
    with pytest.raises(ValueError, match="scored on its targets: give them"):
        scored(model, X)
    with pytest.raises(ValueError, match="only a SparseTranscoder takes targets"):
        scored(SparseAutoencoder(4, max_iter=2, random_state=0).fit(X), X, Y)
