"""Average activations on the page."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rhohat import KLSparsity, SparseAutoencoder, report
from rhohat.inspection.report.averages import find_averages
from rhohat.inspection.report.subject import subjects_of


def fitted(X, **settings):
    return SparseAutoencoder(6, max_iter=4, random_state=0, **settings).fit(X)


@pytest.mark.parametrize(("activation", "target"), [("sigmoid", 0.1), ("tanh", -0.8)])
def test_averages_and_the_target_are_activations(digits, activation, target):
    model = fitted(digits, activation=activation, sparsity_penalty=KLSparsity(target=0.1))
    found = find_averages(*subjects_of(model))
    assert_array_equal(found.chart.dots, np.sort(model.average_activation_))
    (mark,) = found.chart.marks
    assert mark.y == pytest.approx(target)
    assert found.text.endswith(f"sorted. The dashed line is the target, {target:g}.")
    average = f"average activation {model.average_activation_.mean():.4f} (target {target:g})"
    assert average in report(model).html


def test_without_a_target_there_is_no_line(digits):
    found = find_averages(*subjects_of(fitted(digits, activation="relu", sparsity_penalty="l1")))
    assert found.chart.marks == []
    assert found.text.endswith("over all training rows, sorted.")


def test_the_axis_is_logarithmic_if_averages_are_far_apart(digits):
    model = fitted(digits)
    for factor, log in ((1, False), (1000, True)):
        model.average_activation_[0] /= factor
        assert find_averages(*subjects_of(model)).chart.y.log is log


def test_there_are_none_of_training_step_by_step(digits):
    model = SparseAutoencoder(4, random_state=0).partial_fit(digits)
    assert find_averages(*subjects_of(model)) is None
