"""How to make the model again, on the page."""

import pytest

from rhohat.inspection.report.again import find_again
from rhohat.inspection.report.page import report_of
from rhohat.inspection.report.provenance import code_of
from rhohat.inspection.report.subject import Making, subjects_of
from support.pages import lines_to_copy


def test_the_code_and_the_fingerprint_are_those_of_the_model(odd):
    model = odd[0]
    making = Making(reading="rhohat.load_rows('digits.npy')")
    (subject,) = subjects_of(model, making=making)
    found = find_again(subject)
    assert found.code == code_of(model, making.reading)
    assert "digits.npy" in found.code
    assert found.fingerprint == model.data_fingerprint_
    html = report_of([subject]).html
    assert lines_to_copy(html, "Python") == found.code
    assert f'<code title="{found.fingerprint}">{found.fingerprint[:12]}</code>' in html


@pytest.mark.parametrize("folder", ['"$DIR"', "digits.npy"])
def test_a_command_is_shown_as_it_was_given(odd, folder):
    (subject,) = subjects_of(odd[0], making=Making(f"rhohat learn {folder} --units 12"))
    html = report_of([subject]).html
    assert lines_to_copy(html, "Command") == subject.making.command
    assert ("DIR is the folder of the data." in html) is ("DIR" in folder)


def test_without_a_command_there_is_the_code_alone(odd):
    assert "On the command line:" not in report_of(subjects_of(odd[0])).html
