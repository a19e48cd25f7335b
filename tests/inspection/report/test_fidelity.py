"""How much of the data reconstructions explain, on the page."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from rhohat import SparseAutoencoder, SparseTranscoder, report
from rhohat.inspection import rebuilding
from rhohat.inspection.report.fidelity import find_fidelity
from rhohat.inspection.report.subject import subjects_of


@pytest.fixture(scope="module")
def model(digits):
    return SparseAutoencoder(9, max_iter=20, random_state=0).fit(digits)


def test_shares_and_quantiles_are_those_of_the_layer(model, digits):
    (subject,) = subjects_of(model, digits, shape=(8, 8))
    found, told = subject.responses.rebuilding, find_fidelity(subject)
    assert told.shares[0].share == found.explained
    n_active = int(np.ceil(found.n_active))
    ratio = PCA().fit(digits).explained_variance_ratio_.cumsum()
    assert [row.share for row in told.shares[1:]] == pytest.approx([ratio[8], ratio[n_active - 1]])
    assert_allclose([q for _, q in told.quantiles], np.quantile(found.errors, np.arange(5) / 4))


def test_one_unit_is_one(digits):
    model = SparseAutoencoder(1, max_iter=3, random_state=0).fit(digits)
    shares = find_fidelity(*subjects_of(model, digits)).shares
    assert [row.name for row in shares] == [
        "this model, 1 unit",
        "1 principal component, as many as units",
        "1 principal component, as many as units active on average",
    ]


def test_a_note_says_which_rows_components_are_of(model, digits, monkeypatch):
    monkeypatch.setattr(rebuilding, "MOST_PRODUCTS", 1e5)
    assert "computed from 1,797 random rows" not in report(model, digits).html
    monkeypatch.setattr("rhohat.inspection.examples.SAMPLED", 500)
    assert "computed from 500 random rows" in report(model, digits).html
    monkeypatch.setattr(rebuilding, "MOST_COLUMNS", 63)
    assert "Principal components are left out" in report(model, digits).html


def test_a_transcoder_is_compared_with_its_targets(digits):
    targets = digits[:, ::2] ** 2
    model = SparseTranscoder(9, max_iter=20, random_state=0).fit(digits, targets)
    (subject,) = subjects_of(model, digits, shape=(8, 8), target=targets)
    found, told = subject.responses.rebuilding, find_fidelity(subject)
    missed = np.square(targets - model.predict(digits)).sum(axis=1)
    assert_allclose(found.distances, missed, rtol=1e-10)
    assert_allclose(found.distances / 2, -model.score_samples(digits, targets), rtol=1e-10)
    ratio = PCA().fit(targets).explained_variance_ratio_.cumsum()
    assert told.shares[1].share == pytest.approx(ratio[8])
    html = report(model, digits, target=targets).html
    assert "<h3>How well targets are reconstructed</h3>" in html
    assert "over all 1,797\ntargets." in html


def test_without_targets_nothing_is_compared(digits):
    model = SparseTranscoder(4, max_iter=2, random_state=0).fit(digits, digits[:, :3])
    assert find_fidelity(*subjects_of(model, digits)) is None
