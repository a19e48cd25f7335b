"""Outcomes: every fitted attribute is named once, and a fit leaves no other behind."""

import pytest

from rhohat.estimators.autoencoder import EXACT, RUNNING
from rhohat.estimators.fitted_attributes import OUTCOME, fields_of
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


def test_a_fit_takes_the_place_of_a_stream_and_a_stream_that_of_a_fit():
    model = make_model(max_iter=2).partial_fit(SMALL)
    assert RUNNING.keys() <= vars(model).keys()
    assert not EXACT.keys() & vars(model).keys()
    model.fit(SMALL)
    assert EXACT.keys() <= vars(model).keys()
    assert not RUNNING.keys() & vars(model).keys()
    model.partial_fit(SMALL)
    assert not EXACT.keys() & vars(model).keys()
