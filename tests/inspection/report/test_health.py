"""Dead, saturated, duplicate and opposite units on the page."""

from rhohat import report
from rhohat.inspection.report.health import HealthFound, find_health
from rhohat.inspection.report.subject import subjects_of


def test_units_are_counted_on_all_examples(odd):
    model, X, *_ = odd
    (subject,) = subjects_of(model, X)
    found, alike = find_health(subject), subject.portrait.alike
    assert found == HealthFound(
        12, len(X), 1, 1, len(alike.same.cosines), len(alike.opposite.cosines)
    )
    assert found.n_duplicate >= 1
    html = report(model, X).html
    assert "<dt>dead</dt><dd>1 of 12: the activation varies by less than" in html
    assert f"between what they look for:\n{found.n_duplicate}</dd>" in html
    assert f"<dd>pairs with a cosine below -0.9: {found.n_opposite}, which is" in html


def test_without_examples_the_dead_are_those_of_training(odd):
    model = odd[0]
    found = find_health(*subjects_of(model))
    assert (found.n_rows, found.n_dead, found.n_saturated) == (None, model.n_dead_, None)
    html = report(model).html
    assert f"<dt>dead</dt><dd>{model.n_dead_} of 12 in training; a report" in html
    assert "<dt>saturated</dt>" not in html


def test_of_a_classifier_without_examples_the_dead_are_unknown(classifier):
    assert {find_health(subject).n_dead for subject in subjects_of(classifier)} == {None}
    assert "<dt>dead</dt>" not in report(classifier).html
