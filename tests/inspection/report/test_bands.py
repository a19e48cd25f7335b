"""Frequency bands on the page."""

from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline

from rhohat import (
    SparseAutoencoder,
    StackedAutoencoder,
    WaveformExtractor,
    WindowExtractor,
    report,
)
from rhohat.inspection.report.bands import find_bands
from rhohat.inspection.report.subject import subjects_of

UNITS = SparseAutoencoder(6, max_iter=3, random_state=0)


def test_each_unit_that_hears_something_is_a_dot(recordings):
    windows = WindowExtractor(40, n_windows=80, random_state=0)
    model = make_pipeline(WaveformExtractor(8000), windows, UNITS).fit(recordings)
    model[-1].encoder_weights_[2] = 0
    (subject,) = subjects_of(model)
    bands, found = subject.portrait.bands, find_bands(subject)
    heard = bands.centre > 0
    assert not heard[2]
    assert heard.any()
    assert_array_equal(found.chart.along, bands.centre[heard])
    assert_array_equal(found.chart.dots, bands.bandwidth[heard])
    assert found.text.startswith(f"{bands.is_clear.sum()} of 6 units have a clear center frequency")


def test_of_a_stack_those_of_the_first_layer_are_shown_and_it_is_named(recordings):
    windows = WindowExtractor(40, n_windows=80, random_state=0)
    stack = StackedAutoencoder((6, 4), estimator=SparseAutoencoder(max_iter=3), random_state=0)
    model = make_pipeline(WaveformExtractor(8000), windows, stack).fit(recordings)
    assert report(model).html.count("<h3>Frequency bands") == 1
    assert "<h3>Frequency bands of layer 1</h3>" in report(model).html


def test_rows_have_none(digits):
    assert find_bands(*subjects_of(UNITS.fit(digits))) is None
