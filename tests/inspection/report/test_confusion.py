"""The card about a classifier's mistakes."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, confusion_matrix

from rhohat import SparseAutoencoder, report
from rhohat.inspection.report.confusion import SHADES, find_confusion
from rhohat.inspection.report.subject import subjects_of

Y = load_digits().target


def confusion(model, X, labels):
    return find_confusion(subjects_of(model, X, labels=labels)[-1])


@pytest.mark.parametrize("told", [int, float, str])
def test_accuracy_and_counts_are_those_of_scikit_learn(classifier, digits, told):
    found = confusion(classifier, digits, [told(y) for y in Y])
    predicted = classifier.predict(digits)
    assert found.accuracy == accuracy_score(Y, predicted)
    assert (found.n_rows, found.unknown) == (len(Y), [])
    expected = confusion_matrix(Y, predicted)
    assert_array_equal([[entry.n for entry in row.entries] for row in found.classes], expected)
    assert_array_equal([row.n for row in found.classes], np.bincount(Y))
    recognized = np.diag(expected) / np.bincount(Y)
    assert_array_equal([row.recognized for row in found.classes], recognized)
    shades = np.array([[entry.shade for entry in row.entries] for row in found.classes])
    assert_array_equal(shades > 0, expected > 0)
    assert shades.max() <= SHADES
    worst = found.misclassified[0]
    wrong = expected - np.diag(np.diag(expected))
    assert worst.n == wrong.max() == wrong[int(worst.true), int(worst.predicted)]


def test_missing_labels_are_left_out_and_unknown_ones_are_mistakes(classifier, digits):
    labels = [None if y == 3 else "seven" if y == 7 else str(y) for y in Y]
    found = confusion(classifier, digits, labels)
    predicted = classifier.predict(digits)
    assert found.n_rows == (Y != 3).sum()
    right = (predicted == Y) & (Y != 3) & (Y != 7)
    assert found.accuracy == right.sum() / found.n_rows
    assert found.unknown == ["seven"]
    assert found.classes[3].recognized is None
    assert "The model does not know seven." in report(classifier, digits, labels=labels).html


def test_of_many_classes_the_mistakes_are_listed(classifier, digits):
    labels = [f"{y} {n % 3}" for n, y in enumerate(Y)]
    html = report(classifier, digits, labels=labels).html
    assert "The most frequent errors." in html
    assert "Confusion matrix" not in html


def test_without_labels_or_a_classifier_there_is_no_card(classifier, digits):
    autoencoder = SparseAutoencoder(3, max_iter=2, random_state=0).fit(digits)
    for model, labels in ((classifier, None), (autoencoder, Y), (classifier, [None] * len(Y))):
        assert confusion(model, digits, labels) is None
