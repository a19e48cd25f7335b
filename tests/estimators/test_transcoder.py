"""Transcoders: how users say what the target is, and what is refused.

What they share with denoising autoencoders is in test_autoencoder_of_pairs.
"""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from rhohat import SparseTranscoder, Whitening, save
from support.command import run
from support.fits import GROWING, SMALL
from support.pairs import TARGETS, make, pairs, saved


def test_predictions_are_what_activations_are_decoded_to():
    X, Y = pairs("transcoder", 300)
    model = SparseTranscoder(6, max_iter=5, random_state=0).fit(X, Y)
    predicted = model.predict(X)
    np.testing.assert_array_equal(predicted, model.inverse_transform(model.transform(X)))
    assert predicted.shape == Y.shape
    assert model.predict(X.astype(np.float32)).dtype == np.float32
    assert model.decoder_weights_.shape == (6, 4)
    assert model.get_feature_names_out().tolist() == [f"sparsetranscoder{n}" for n in range(6)]


def test_pipelines_and_searches_hand_targets_on():
    X, Y = pairs("transcoder", 400)
    pipeline = make_pipeline(Whitening(), make("transcoder", max_iter=10))
    predicted = pipeline.fit(X, Y).predict(X)
    assert predicted.shape == Y.shape
    assert pipeline.score(X, Y) == pytest.approx(-np.square(predicted - Y).sum(axis=1).mean() / 2)
    search = GridSearchCV(pipeline, {"sparsetranscoder__n_components": [2, 8]}, cv=2).fit(X, Y)
    assert search.best_params_ == {"sparsetranscoder__n_components": 8}


def test_steps_before_it_may_read_files(tmp_path):
    arrays = pairs("transcoder", 3000)
    pipeline = make_pipeline(Whitening(), make("denoising transcoder", max_iter=5))
    paths = saved(tmp_path, arrays)
    stored = pipeline.fit(*paths)[-1]
    predicted = pipeline.predict(arrays[0])
    assert predicted.shape == arrays[1].shape
    assert stored.data_fingerprint_ == pipeline.fit(*paths)[-1].data_fingerprint_


def test_labels_are_ignored_by_the_autoencoder_and_refused_by_the_transcoder():
    labels = np.arange(len(SMALL)) % 3
    make("gaussian", max_iter=2).fit(SMALL, labels)
    for y in (labels, labels.tolist(), ["a", "b"] * 100):
        with pytest.raises((ValueError, FileNotFoundError)):
            make("transcoder").fit(SMALL, y)
    with pytest.raises(ValueError, match=r"not labels.*y\.reshape\(-1, 1\).*ignores y"):
        make("transcoder").fit(SMALL, labels)
    with pytest.raises(ValueError, match=r"the target y is None: pass the rows.*SparseAutoencoder"):
        make("transcoder").fit(SMALL)
    with pytest.raises(ValueError, match="the target y_val is None"):
        make("transcoder").fit(SMALL, SMALL, X_val=SMALL)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros((199, 2)), "199 rows, but the array has 200: the target needs one row"),
        (np.full((200, 2), np.nan), "NaN"),
        (np.full((200, 2), "x"), "could not convert|dtype"),
        (np.zeros((200, 2, 2)), r"has shape \(200, 2, 2\), expected \(rows, columns\)"),
    ],
)
def test_targets_that_are_no_rows_beside_those_of_x_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        make("transcoder").fit(SMALL, y)


def test_a_value_of_a_file_of_targets_that_is_not_finite_is_named(tmp_path):
    spoiled = TARGETS.copy()
    spoiled[4100, 2] = np.nan
    paths = saved(tmp_path, [GROWING, spoiled])
    with pytest.raises(ValueError, match=r"1\.npy holds nan in row 4100, column 2, in the block"):
        make("transcoder").fit(*paths)


def test_a_change_of_stored_targets_is_noticed(tmp_path):
    from rhohat import DataChangedError

    paths = saved(tmp_path, [GROWING, TARGETS])

    def edit(progress):
        if progress.n_iter == 2:
            np.save(paths[1], TARGETS[::-1])

    with pytest.raises(DataChangedError, match=r"rows 0 to 1023 of .*1\.npy have changed"):
        make("transcoder", callback=edit, growth=False).fit(*paths)


def test_scores_of_targets_of_another_width_are_refused():
    X, Y = pairs("transcoder", 100)
    model = make("transcoder", max_iter=2).fit(X, Y)
    with pytest.raises(ValueError, match="y has 3 columns, but SparseTranscoder was fitted to 4"):
        model.score(X, Y[:, :3])
    model.set_params(warm_start=True)
    with pytest.raises(ValueError, match="warm_start continues from weights of shape"):
        model.fit(X, Y[:, :3])


def test_a_tied_decoder_takes_targets_of_as_many_columns_alone():
    make("transcoder", decoder="tied", max_iter=3).fit(SMALL, SMALL[:, ::-1])
    with pytest.raises(ValueError, match="input's 8 columns, but the target has 4: use decoder="):
        make("transcoder", decoder="tied").fit(*pairs("transcoder"))


def test_a_sigmoid_that_cannot_reach_the_targets_is_warned_of():
    with (
        pytest.warns(
            UserWarning, match=r"can only produce values in \(0, 1\), but y has values from"
        ),
        np.errstate(all="ignore"),
    ):
        make("transcoder", decoder="sigmoid", max_iter=2).fit(SMALL, 3 * SMALL)


@pytest.mark.filterwarnings("ignore", category=ConvergenceWarning)
def test_what_would_need_targets_and_has_none_refuses_a_transcoder():
    from rhohat import (
        AnomalyDetector,
        StackedAutoencoder,
        StackedAutoencoderClassifier,
        diagnose,
        patterns,
        pursuit_score,
        stability,
    )

    X, Y = pairs("transcoder", 200)
    model = make("transcoder", max_iter=2).fit(X, Y)
    for refusing in (
        StackedAutoencoder([model]),
        StackedAutoencoder(estimator=model),
        AnomalyDetector(model),
    ):
        with pytest.raises(ValueError, match="reconstructs other rows: use SparseAutoencoder"):
            refusing.fit(X)
    with pytest.raises(ValueError, match="reconstructs other rows: use SparseAutoencoder"):
        StackedAutoencoderClassifier(model).fit(X, np.arange(200) % 2)
    for measure in (patterns, lambda m: pursuit_score(m, X), lambda m: stability(m, X)):
        with pytest.raises(
            ValueError, match="SparseTranscoder does not end in a SparseAutoencoder"
        ):
            measure(model)
    with pytest.raises(ValueError, match="got SparseTranscoder"):
        diagnose(model, X)


def test_a_frozen_transcoder_can_be_a_layer_below_a_classifier():
    from sklearn.frozen import FrozenEstimator

    from rhohat import StackedAutoencoderClassifier

    X, Y = pairs("transcoder", 200)
    model = make("transcoder", max_iter=2).fit(X, Y)
    classifier = StackedAutoencoderClassifier(FrozenEstimator(model), max_iter=2)
    assert classifier.fit(X, np.arange(200) % 2).predict(X).shape == (200,)


def test_workers_would_have_to_be_sent_targets_in_memory(tmp_path):
    (path,) = saved(tmp_path, [GROWING])
    with pytest.raises(TypeError, match="Dask workers read their rows themselves"):
        make("transcoder", engine="dask").fit(path, TARGETS)


def test_an_offset_of_the_targets_does_not_cost_precision():
    """The decoder is solved for about their mean: in single precision, nothing cancels."""
    X, Y = (rows.astype(np.float32) for rows in pairs("transcoder", 2000))
    losses = [
        make("transcoder", max_iter=15).fit(X, (Y + offset).astype(np.float32)).loss_terms_
        for offset in (0, 1000)
    ]
    assert losses[1].reconstruction == pytest.approx(losses[0].reconstruction, rel=0.02)


def test_features_of_a_transcoder_are_evaluated_and_encoded(tmp_path):
    X, Y = pairs("transcoder", 200)
    save(make("transcoder", max_iter=3).fit(X, Y), tmp_path / "m.safetensors")
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "labels.npy", np.arange(200) % 2)
    told = run("evaluate", "m.safetensors", "x.npy", "--labels", "labels.npy", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "5 columns" in told.stdout
