"""What a report is about: data and labels, in whatever order and form they come."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline as pipeline_of

from rhohat import (
    SparseAutoencoder,
    Whitening,
    load_photographs,
    report,
)
from support.pages import found_on


def test_labels_are_taken_in_the_order_of_the_rows(odd):
    model, X, y, _ = odd
    order = np.random.RandomState(1).permutation(len(X))
    labels = pd.Series(y).iloc[order]
    by_name, by_place = (
        found_on(report(model, X[order], labels=some).html)["examples"]["labels"]
        for some in (labels, labels.to_numpy())
    )
    assert by_name == by_place


def test_a_table_with_numbered_columns_is_as_its_values(rng):
    table = pd.DataFrame(rng.randn(60, 6), columns=list("012345"))
    autoencoder = SparseAutoencoder(4, max_iter=8, random_state=0)
    named = pipeline_of(Whitening(), autoencoder).fit(table)
    plain = clone(named).fit(table.to_numpy())
    found, expected = (
        found_on(report(named, table).html),
        found_on(report(plain, table.to_numpy()).html),
    )
    assert found["examples"] == expected["examples"]
    assert found["units"] == expected["units"]


def test_wrong_arguments_are_said(odd):
    model, X, y, _ = odd
    with pytest.raises(ValueError, match="labels must have one entry"):
        report(model, X, labels=y[:-1])
    with pytest.raises(ValueError, match="labels must have one entry"):
        report(model, labels=y)
    with pytest.raises(ValueError, match="cannot have shape"):
        report(model, X, shape=(5, 5))
    with pytest.raises(ValueError, match="cannot have shape"):
        report(model, shape=(5, 5))
    with pytest.raises(ValueError, match="works on rows of 64 values, not on images"):
        report(model, load_photographs())
    with pytest.raises(ValueError, match="n_examples"):
        report(model, X, n_examples=0)
    with pytest.raises(ValueError, match="expected a SparseAutoencoder, a stack, or a pipeline"):
        report(Whitening().fit(X), X)
