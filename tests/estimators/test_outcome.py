"""Outcomes: every fitted attribute is named once, and a fit leaves no other behind."""

from types import SimpleNamespace

import pytest

from rhohat.estimators.outcome import OUTCOME, fields_of, publish
from support.fits import SMALL, make_model
from support.stacks import X, Y, classifier


@pytest.mark.parametrize(
    "fitted",
    [lambda: make_model(max_iter=2).fit(SMALL), lambda: classifier(max_iter=2).fit(X, Y)],
    ids=["autoencoder", "classifier"],
)
def test_everything_that_is_trained_has_all_of_the_outcome(fitted):
    assert OUTCOME.keys() <= vars(fitted()).keys()


def test_a_model_file_has_a_field_for_each():
    fields = fields_of(OUTCOME)
    assert fields.keys() == OUTCOME.keys()
    assert all(fields[name] is attribute.field for name, attribute in OUTCOME.items())


def test_what_is_published_takes_the_place_of_all_that_was_known():
    estimator = SimpleNamespace(parameter=1, loss_=2, n_iter_=3)
    publish(estimator, {"loss_": 4}, known=("loss_", "n_iter_", "never_there_"))
    assert vars(estimator) == {"parameter": 1, "loss_": 4}
