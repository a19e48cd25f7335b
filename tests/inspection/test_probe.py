"""How good features are for telling classes apart."""

import numpy as np
import pytest

from rhohat.inspection.probe import Score, measured, neighbors_are_alike, probe, reading_of


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
    few = probe(X[:12], X[:12], y[:12], folds=2)  # no more components than rows vary in
    assert few["pca"].columns == 5


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.arange(60) / 7, "there are fractions"),
        (np.zeros(60, dtype=int), "all labels are 0: expected at least two classes"),
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


def test_components_that_do_not_vary_are_left_out(rng):
    """Their rounding noise, standardized, would drown out the others."""
    y = np.repeat([0, 1], 10)
    X = rng.normal(size=(20, 400)).astype(np.float32)
    X[y == 1, :60] += 2
    scores = probe(X[:, :30], X, y)
    assert np.mean(scores["pca"].accuracy) > 0.9
    assert scores["pca"].columns == 15
    flat = np.repeat(X[:, :60].mean(axis=1, keepdims=True), 40, axis=1)
    assert probe(X[:, :30], flat, y)["pca"].columns == 1


def test_no_group_is_on_both_sides(rng):
    """Rows that are copies of their group's are known again, unless the group is held out."""
    groups = np.repeat(np.arange(20), 6)
    y = rng.permutation(np.arange(20) % 2)[groups]
    X = rng.randn(20, 30)[groups] + 0.01 * rng.randn(120, 30)
    by_row, by_group = probe(X, None, y), probe(X, None, y, groups=groups)
    assert np.mean(by_row["features"].accuracy) == 1
    assert np.mean(by_group["features"].accuracy) < 0.8
    assert neighbors_are_alike(X, y)
    assert not neighbors_are_alike(rng.randn(120, 30), y)
    with pytest.raises(
        ValueError, match="there are only 2 groups, fewer than 5 folds: use --folds 2"
    ):
        probe(X, None, y, groups=groups % 2)
    with pytest.raises(ValueError, match="all examples are in one group"):
        probe(X, None, y, groups=np.zeros(120))


def test_measures_are_those_of_scikit_learn(rng):
    from sklearn import metrics

    y, answers = rng.randint(0, 3, 90), rng.randint(0, 3, 90)
    chances = rng.dirichlet(np.ones(3), 90)
    found = measured(y, answers, chances, np.arange(3))
    expected = (
        metrics.accuracy_score(y, answers),
        metrics.balanced_accuracy_score(y, answers),
        metrics.f1_score(y, answers, average="macro"),
        metrics.cohen_kappa_score(y, answers),
        metrics.roc_auc_score(y, chances, multi_class="ovr"),
    )
    np.testing.assert_allclose(found, expected)


def test_accuracy_rises_with_the_number_of_labels(classes):
    X, y = classes
    curve = probe(X + 0.0, None, y)["features"].by_labels
    assert list(curve) == [1, 3, 10]
    assert curve[10] >= curve[1]


@pytest.mark.parametrize(
    ("features", "raw", "told"),
    [
        ([0.9, 0.92], [0.7, 0.72], "The features help: they are 20.0 points ahead of raw values."),
        ([0.7, 0.72], [0.9, 0.92], "do not help here: raw values do better by 20.0 points."),
        ([0.7, 0.9], [0.75, 0.9], "The features do about as well as raw values"),
        ([0.5, 0.9], [0.4, 0.8], "The features help: they are 10.0 points ahead of raw values."),
        ([0.4, 0.8], [0.5, 0.9], "do not help here: raw values do better by 10.0 points."),
        ([0.9], [0.7], "The features do about as well as raw values"),
        ([0.7, 0.9], None, "Always guessing the most common class would be right for 75.0%."),
    ],
)
def test_the_scores_are_put_into_words(features, raw, told):
    scores = {"features": Score(3, features)}
    if raw is not None:
        scores |= {"raw": Score(5, raw), "pca": Score(3, [0.1, 0.1])}
    assert told in reading_of(scores, np.array(["a", "b", "a", "a"]))
