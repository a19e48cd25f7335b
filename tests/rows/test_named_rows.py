"""Rows whose columns have names: parts know theirs, what is computed from them has none."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rhohat import SparseAutoencoder, Whitening
from rhohat.rows.named_rows import NamedRows, columns_of, with_columns

X = np.arange(12.0).reshape(4, 3)
ROWS = NamedRows(X, ["a", "b", "c"])


@pytest.mark.parametrize(
    ("part", "names"),
    [
        (lambda rows: rows[1:], ("a", "b", "c")),
        (lambda rows: rows[[3, 0]], ("a", "b", "c")),
        (lambda rows: rows[rows[:, 0] > 2], ("a", "b", "c")),
        (lambda rows: rows[:, ::-1], ("c", "b", "a")),
        (lambda rows: rows[:, [2, 0]], ("c", "a")),
        (lambda rows: rows[:2, np.array([True, False, True])], ("a", "c")),
        (lambda rows: rows[:, 1], ()),
        (lambda rows: rows[0], ()),
        (lambda rows: rows[None], ()),
        (lambda rows: rows[..., 1:], ()),
        (lambda rows: rows - rows.mean(axis=0), ()),
        (lambda rows: rows.T, ()),
        (lambda rows: rows.copy(), ()),
        (lambda rows: np.concatenate([rows, rows]), ()),
        (lambda rows: pickle.loads(pickle.dumps(rows)), ("a", "b", "c")),
    ],
)
def test_parts_know_their_names_and_results_have_none(part, names):
    found = part(ROWS)
    assert columns_of(found) == names
    assert_array_equal(found, part(X))


@pytest.mark.parametrize("columns", [(), ("a", "b", "c")])
@pytest.mark.parametrize(
    ("part", "labels"),
    [
        (lambda rows: rows, ["p", "q", "r", "s"]),
        (lambda rows: rows[1:], ["q", "r", "s"]),
        (lambda rows: rows[[3, 0], 1:], ["s", "p"]),
        (lambda rows: rows[rows[:, 0] > 2], ["q", "r", "s"]),
        (lambda rows: rows[:, 1:], ["p", "q", "r", "s"]),
        (lambda rows: pickle.loads(pickle.dumps(rows)), ["p", "q", "r", "s"]),
        (lambda rows: 2 * rows, None),
        (lambda rows: rows[0], None),
    ],
)
def test_parts_know_the_labels_of_their_rows(columns, part, labels):
    found = part(NamedRows(X, columns, np.array(["p", "q", "r", "s"])))
    assert_array_equal(found, part(X))
    kept = getattr(found, "labels", None)
    assert (None if kept is None else kept.tolist()) == labels


def test_labels_are_one_for_each_row():
    with pytest.raises(ValueError, match="3 labels do not fit"):
        NamedRows(X, (), np.arange(3))


def test_names_must_fit():
    with pytest.raises(ValueError, match=r"2 names do not fit an array of shape \(4, 3\)"):
        NamedRows(X, ["a", "b"])
    assert with_columns(X, ()) is X


def test_estimators_keep_the_names_and_compare_them():
    model = Whitening().fit(ROWS)
    assert list(model.feature_names_in_) == ["a", "b", "c"]
    model.transform(ROWS[:2])
    with pytest.raises(ValueError, match=r"not those that Whitening was fitted on: it lacks \"c\""):
        model.transform(ROWS[:, :2])
    with pytest.raises(ValueError, match="their order differs"):
        model.transform(ROWS[:, ::-1])
    assert not hasattr(Whitening().fit(X), "feature_names_in_")


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity")])
@pytest.mark.parametrize("use", ["frame", "named", "array"])
def test_what_is_not_finite_is_named_by_row_and_column(value, word, use):
    import pandas as pd

    bad = X.copy()
    bad[2, 1] = value
    given = {
        "frame": pd.DataFrame(bad, columns=["a", "b", "c"]),
        "named": NamedRows(bad, ["a", "b", "c"]),
        "array": bad,
    }[use]
    name = ', "b"' if use != "array" else ""
    for estimator in (Whitening(), SparseAutoencoder(2)):
        with pytest.raises(ValueError, match=f"X holds {word} in row 2, column 1{name}; 1 row"):
            estimator.fit(given)
    good = pd.DataFrame(X, columns=["a", "b", "c"]) if use == "frame" else X
    whitening = Whitening().fit(good)
    with pytest.raises(ValueError, match=f"X holds {word} in row 2, column 1{name}"):
        whitening.transform(given)
