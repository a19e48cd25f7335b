"""How units respond to classes of examples."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import roc_auc_score

from rhohat.inspection.classes import LEAST, Labels, class_responses
from rhohat.rows.sources import ArraySource


@pytest.fixture
def labeled(rng):
    """Activations with ties, and the classes of their rows: one is rare, some have none."""
    codes = rng.choice(4, 1500, p=[0.5, 0.3, 0.15, 0.05])
    A = np.round(rng.rand(1500, 6) + 0.3 * (codes[:, None] == np.arange(6) % 4), 2)
    codes[[3, 500, 1400]] = -1
    codes[[7, 8]] = 4
    return A.astype(np.float32), codes


@pytest.mark.parametrize("max_bytes", [1 << 28, 4 * 1500 * 2, 1])
def test_means_and_selectivity_are_those_of_scikit_learn(labeled, max_bytes):
    A, codes = labeled
    found = class_responses(ArraySource(A), codes, 5, max_bytes=max_bytes)
    known = codes >= 0
    table = pd.DataFrame(A[known].astype(float)).groupby(codes[known])
    assert_array_equal(found.counts, table.size())
    assert_allclose(found.means, table.mean().T, rtol=1e-6)
    for unit in range(6):
        a = A[known, unit]
        scores = [roc_auc_score(codes[known] == c, a) for c in range(4)]  # class 4 has two rows
        assert found.best[unit] == np.argmax(scores)
        assert_allclose(found.auroc[unit], np.max(scores), rtol=1e-12)


def test_rare_classes_do_not_count(labeled):
    A, codes = labeled
    A[codes == 4] = 9
    assert (codes == 4).sum() < LEAST
    assert 4 not in class_responses(ArraySource(A), codes, 5).best


@pytest.mark.parametrize("codes", [np.zeros(40, int), np.arange(40), np.full(40, -1)])
def test_classes_that_cannot_be_told_apart_have_no_responses(rng, codes):
    assert class_responses(ArraySource(rng.rand(40, 3)), codes, 40) is None


@pytest.mark.parametrize(
    ("labels", "names", "codes"),
    [
        (["b", "a", "b"], ["a", "b"], [1, 0, 1]),
        ([10, 9, 9], ["9", "10"], [1, 0, 0]),
        ([2.0, np.nan, 11.0], ["2", "11"], [0, -1, 1]),
        ([0.5, 1, 0.5], ["0.5", "1"], [0, 1, 0]),
        ([None, "x", "y"], ["x", "y"], [-1, 0, 1]),
        (["x", 3, "x"], ["3", "x"], [1, 0, 1]),
        ([True, False, True], ["False", "True"], [1, 0, 1]),
        (pd.Series(["b", "a", "a"], index=[7, 8, 9]), ["a", "b"], [1, 0, 0]),
        ([None, None, np.nan], [], [-1, -1, -1]),
    ],
)
def test_labels_become_classes_in_order(labels, names, codes):
    found = Labels.of(labels, 3)
    assert found.names == names
    assert_array_equal(found.codes, codes)
    assert found.name_of(1) == (None if codes[1] < 0 else names[codes[1]])


@pytest.mark.parametrize(("n", "told"), [(4, "data of 4"), (None, "no data")])
def test_there_is_a_label_for_each(n, told):
    with pytest.raises(ValueError, match=f"got 3 for {told}"):
        Labels.of([1, 2, 3], n)
