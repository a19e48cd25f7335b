"""How good features are for telling classes apart."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rhohat.inspection.probe import probe, read_labels


@pytest.fixture
def classes(rng):
    """Two classes that the first of ten columns tells apart, and labels."""
    y = np.arange(60) % 2
    X = rng.randn(60, 10)
    X[:, 0] += 20 * y
    return X, y


def test_features_that_tell_classes_apart_score_highest(classes, rng):
    X, y = classes
    good, useless = (probe(features, None, y) for features in (X[:, :1], rng.randn(60, 1)))
    assert good["features"].accuracy == [1.0] * 5
    assert np.mean(useless["features"].accuracy) < 0.8


def test_the_input_competes_with_as_many_components_as_there_are_features(classes):
    X, y = classes
    for width, components in ((3, 3), (10, 10), (40, 10)):
        scores = probe(np.tile(X, (1, 4))[:, :width], X, y, folds=3)
        assert list(scores) == ["features", "raw", "pca"]
        assert [score.columns for score in scores.values()] == [width, 10, components]
        assert all(len(score.accuracy) == 3 for score in scores.values())
    few = probe(X[:12], X[:12], y[:12], folds=2)  # no more components than rows to train on
    assert few["pca"].columns == 6


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.arange(60) / 7, "there are fractions"),
        (np.zeros(60, dtype=int), "all labels are alike, 0"),
        (np.arange(60) < 1, "class True has 1 example, fewer than 5 folds"),
        (np.arange(60) < 2, "class True has 2 examples, fewer than 5 folds"),
    ],
)
def test_labels_that_are_no_classes_are_refused(y, message, classes):
    with pytest.raises(ValueError, match=message):
        probe(classes[0], None, y)


def test_whole_numbers_and_texts_are_classes(classes):
    X, y = classes
    expected = probe(X, None, y)
    assert probe(X, None, y.astype(float)) == expected
    assert probe(X, None, np.array(["no", "yes"])[y]) == expected


def test_labels_are_read_from_files_archives_and_folders(tmp_path):
    y = np.array([3, 1, 2])
    np.save(tmp_path / "y.npy", y[:, None])
    (tmp_path / "y.txt").write_text("3\n1\n2\n\n")
    np.savez(tmp_path / "data.npz", x=np.eye(3), y=y)
    inputs = [tmp_path / "data.npz"]
    assert_array_equal(read_labels(str(tmp_path / "y.npy"), inputs, []), y)
    assert_array_equal(read_labels(str(tmp_path / "y.txt"), inputs, []), ["3", "1", "2"])
    assert_array_equal(read_labels("y", inputs, []), y)
    names = ["a/one.png", "b/two.png", "b/three.png"]
    assert_array_equal(read_labels("folders", inputs, names), ["a", "b", "b"])


def test_labels_that_are_not_there_are_said(tmp_path):
    np.savez(tmp_path / "data.npz", x=np.eye(3))
    inputs = [tmp_path / "data.npz"]
    for labels, message in (
        ("folders", "goes by files"),
        ("z", "holds no array 'z', only x"),
    ):
        with pytest.raises(ValueError, match=message):
            read_labels(labels, inputs, [])
    with pytest.raises(ValueError, match="no such file"):
        read_labels("z", [tmp_path / "rows.npy"], [])
