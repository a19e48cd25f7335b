"""The loss on the page: its terms, its stages, and the rows held out."""

import numpy as np
from numpy.testing import assert_array_equal

from rhohat import SparseAutoencoder, report
from rhohat.inspection.report.subject import subjects_of
from rhohat.inspection.report.training import find_training
from support.fits import GROWING, STAGE_ENDS, STAGE_ROWS


def test_lines_are_the_loss_and_its_terms(digits):
    model = SparseAutoencoder(4, max_iter=5, random_state=0).fit(digits)
    (subject,) = subjects_of(model)
    chart = find_training(subject).chart
    loss, *terms = chart.lines
    assert_array_equal(loss.y, model.loss_curve_)
    np.testing.assert_allclose(sum(term.y for term in terms), loss.y, rtol=1e-6)
    assert [term.name for term in terms] == ["reconstruction", "weight decay", "sparsity"]
    assert chart.marks == []
    assert f"At the end\n<b>{model.loss_:.4f}</b> = " in report(model).html


def test_stages_and_rows_held_out_are_marked_where_they_are(early_growth):
    model = SparseAutoencoder(4, max_iter=24, random_state=0).fit(GROWING, X_val=GROWING[:50])
    (subject,) = subjects_of(model)
    chart = find_training(subject).chart
    assert [mark.label for mark in chart.marks] == [f"{n:,} rows" for n in STAGE_ROWS]
    assert chart.marks[0].x == 0
    changes = np.flatnonzero(np.diff(model.stage_rows_))
    assert [mark.x for mark in chart.marks[1:]] == (changes + 0.5).tolist()
    assert all(change <= end for change, end in zip(changes, STAGE_ENDS, strict=True))
    held_out = chart.lines[-1]
    assert held_out.name == "loss on held-out rows"
    validated = np.unique(model.validation_iterations_)
    assert_array_equal(np.flatnonzero(np.isfinite(held_out.y)), validated)


def test_each_layer_of_a_stack_is_told_of_and_a_classifier_once(stack, classifier):
    assert all(find_training(subject) for subject in subjects_of(stack))
    assert "<h3>Loss and its terms of layer 2</h3>" in report(stack).html
    first, *others = map(find_training, subjects_of(classifier))
    assert (first.error, others) == ("cross-entropy", [None])
    assert "<h3>Loss and its terms, of the whole network</h3>" in report(classifier).html


def test_nothing_is_known_of_training_step_by_step(digits):
    model = SparseAutoencoder(4, random_state=0).partial_fit(digits)
    assert find_training(*subjects_of(model)) is None
