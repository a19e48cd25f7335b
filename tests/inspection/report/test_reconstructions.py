"""Reconstructions on the page: what is told of them, and how they are drawn."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline

from rhohat import (
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SparseAutoencoder,
    SparseTranscoder,
    Whitening,
    report,
)
from rhohat.inspection.report.reconstructions import find_reconstructions
from rhohat.inspection.report.subject import subjects_of
from support.pages import in_browser, until


@pytest.fixture(scope="module")
def model(digits):
    return SparseAutoencoder(9, max_iter=20, random_state=0).fit(digits)


def test_the_worst_rows_are_those_of_the_layer(model, digits):
    (subject,) = subjects_of(model, digits, shape=(8, 8))
    found, shown = subject.responses.rebuilding, find_reconstructions(subject)
    assert shown.worst.names == [f"row {row}" for row in found.worst(6)]
    assert_array_equal(shown.worst.errors, found.errors[found.worst(6)])
    assert_array_equal(shown.rows[-6:], found.worst(6))


def test_it_is_said_on_which_scale_they_are(digits, rng):
    def told(steps, X):
        units = SparseAutoencoder(4, max_iter=2, random_state=0)
        (subject,) = subjects_of(make_pipeline(*steps, units).fit(X), X)
        return find_reconstructions(subject).told

    patches = PatchExtractor(5, n_patches=90, random_state=0)
    images = [rng.rand(20, 30)]
    assert told([Whitening()], digits) == "Shown as they were given."
    assert told([OneOverFWhitening(), patches], images) == (
        "Shown after the filter of whole images, which has no inverse."
    )
    kept = "Each reconstruction has the mean of its original."
    assert told([patches, PatchNormalizer()], images).endswith(kept)


def test_rows_without_a_shape_are_curves_in_the_data(digits):
    model = make_pipeline(Whitening(), SparseAutoencoder(4, max_iter=2, random_state=0))
    (subject,) = subjects_of(model.fit(digits), digits)
    found = find_reconstructions(subject)
    assert found.are_curves
    rows, pictures = found.rows[:6], found.pairs.pictures
    assert pictures.shape == (12, 1, 64, 1)
    both = digits[rows], model.inverse_transform(model.transform(digits[rows]))
    assert_allclose(pictures.low, np.concatenate(both).min(axis=1), rtol=1e-6, atol=1e-9)
    assert_allclose(pictures.high, np.concatenate(both).max(axis=1), rtol=1e-6)


@in_browser
def test_curves_are_drawn_in_one_chart(digits, tmp_path, opened):
    model = SparseAutoencoder(4, max_iter=2, random_state=0).fit(digits)
    report(model, digits).save(tmp_path / "page.html")
    seen = opened(tmp_path / "page.html")
    seen.page.goto(seen.url + "#model")
    figure = seen.page.locator('[data-pairs="worst"] figure').first
    seen.expect('[data-pairs="worst"] figure svg').to_be_visible()
    assert figure.locator("polyline").count() == 2
    assert seen.page.locator(".scale").count() == 0
    assert seen.errors == []


@pytest.mark.slow
@in_browser
def test_scales_of_pairs_are_switched(default, opened):
    seen = opened(default[1])
    seen.page.goto(seen.url + "#model")
    grays = """canvas => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const values = Array.from(data).filter((_, i) => i % 4 === 0);
      return [Math.min(...values), Math.max(...values)];
    }"""
    figures = seen.page.locator('[data-pairs="pairs"] figure')
    figures.first.scroll_into_view_if_needed()
    until(
        figures.nth(2).locator("canvas").last,
        "node.getContext('2d').getImageData(0, 0, 1, 1).data[3] === 255",  # painted
    )

    def seen_grays():
        return [
            [figures.nth(i).locator("canvas").nth(j).evaluate(grays) for j in (0, 1)]
            for i in range(3)
        ]

    assert seen_grays() == [[[0, 255], [0, 255]]] * 3
    seen.page.check('[name=scale][value="shared"]')
    for original, rebuilt in seen_grays():
        assert min(original[0], rebuilt[0]) == 0
        assert max(original[1], rebuilt[1]) == 255
    assert [rebuilt for _, rebuilt in seen_grays()] != [[0, 255]] * 3


# Targets.


def test_a_transcoder_is_compared_with_its_targets(digits):
    targets = digits[:, ::2] ** 2
    model = SparseTranscoder(9, max_iter=20, random_state=0).fit(digits, targets)
    (subject,) = subjects_of(model, digits, shape=(8, 8), target=targets)
    found = find_reconstructions(subject)
    assert found.are_curves  # targets are no pictures of 8 x 8 pixels
    assert found.given == "Targets"
    assert "Targets and reconstructions" in report(model, digits, target=targets).html


def test_targets_of_the_same_shape_are_pictures(digits):
    model = SparseTranscoder(4, max_iter=2, random_state=0).fit(digits, digits[:, ::-1])
    (subject,) = subjects_of(model, digits, shape=(8, 8), target=digits[:, ::-1])
    assert not find_reconstructions(subject).are_curves


def test_without_targets_nothing_is_compared(digits):
    model = SparseTranscoder(4, max_iter=2, random_state=0).fit(digits, digits[:, :3])
    (subject,) = subjects_of(model, digits)
    assert find_reconstructions(subject) is None
    assert subject.diagnosis is None
    page = report(model, digits).html
    assert "Targets and reconstructions" not in page
    assert "No reconstruction is shown: the units reconstruct targets, not their input." in page


def test_targets_that_do_not_belong_are_refused(model, digits):
    with pytest.raises(
        ValueError, match="so it takes no targets: leave them out, or use a SparseTranscoder"
    ):
        report(model, digits, target=digits)
    transcoder = SparseTranscoder(4, max_iter=2, random_state=0).fit(digits, digits[:, :3])
    with pytest.raises(ValueError, match="pass the data, too"):
        report(transcoder, target=digits[:, :3])
    with pytest.raises(ValueError, match="y has 9 rows, but the array has 1,797"):
        report(transcoder, digits, target=digits[:9, :3])


def test_decoder_weights_of_a_transcoder_are_drawn_in_its_targets(digits):
    model = SparseTranscoder(4, max_iter=2, random_state=0).fit(digits, digits[:, :3])
    (subject,) = subjects_of(model, digits, shape=(8, 8))
    view = subject.portrait.view("decoder")
    assert_array_equal(view.tiles.values, model.decoder_weights_)
    assert view.title == "Decoder weights, in the targets"
    assert not any(view.name == "stands-for" for view in subject.portrait.views)
    assert "column of the targets" in report(model, digits, shape=(8, 8)).html
    square = SparseTranscoder(4, max_iter=2, random_state=0).fit(digits, digits[:, ::-1])
    (subject,) = subjects_of(square, digits, shape=(8, 8))
    assert subject.portrait.view("decoder").tiles.shape == (8, 8)
