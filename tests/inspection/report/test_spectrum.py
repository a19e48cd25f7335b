"""Spectra on the page: those of the step that whitens."""

import pytest
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline

from rhohat import OneOverFWhitening, PatchExtractor, SparseAutoencoder, Whitening
from rhohat.inspection.report.spectrum import find_spectrum
from rhohat.inspection.report.subject import subjects_of

UNITS = SparseAutoencoder(4, max_iter=3, random_state=0)


@pytest.mark.parametrize("kind", ["components", "frequencies"])
def test_the_chart_is_the_spectrum_of_the_step(kind, digits, rng):
    images = list(rng.rand(3, 20, 20))
    steps = {
        "components": [Whitening()],
        "frequencies": [OneOverFWhitening(), PatchExtractor(5, n_patches=90, random_state=0)],
    }[kind]
    data = digits if kind == "components" else images
    model = make_pipeline(*steps, UNITS).fit(data)
    found = find_spectrum(*subjects_of(model, data))
    spectrum = model[0].spectrum(None if kind == "components" else images)
    assert found.text == spectrum.description
    assert found.chart.y.log
    assert_array_equal(found.chart.along, spectrum.x)
    before, after = found.chart.lines
    assert_array_equal(before.y, spectrum.before)
    assert_array_equal(after.y, spectrum.after)
    assert {mark.label: mark.y for mark in found.chart.marks} == spectrum.levels


def test_nothing_is_told_where_nothing_is_whitened(digits):
    assert find_spectrum(*subjects_of(UNITS.fit(digits), digits)) is None
