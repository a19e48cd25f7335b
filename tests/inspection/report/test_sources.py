"""Images that examples were cut from, and what lies around these."""

import base64
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from sklearn.pipeline import make_pipeline

from rhohat import PatchExtractor, SparseAutoencoder
from rhohat.inspection.examples import examples_of
from rhohat.inspection.report import sources
from rhohat.inspection.report.sources import AROUND, sources_of

PIECE = 6


def smooth(height, width, seed):
    """A photograph without details, which JPEG keeps."""
    rng = np.random.RandomState(seed)
    coarse = Image.fromarray((255 * rng.rand(5, 6)).astype(np.uint8))
    return np.asarray(coarse.resize((width, height), Image.BICUBIC), np.float32) / 255


def examples_in(images):
    extractor = PatchExtractor(PIECE, n_patches=60, random_state=0)
    units = SparseAutoencoder(2, max_iter=2, random_state=0)
    return examples_of(make_pipeline(extractor, units).fit(images), images)


def opened(uri):
    return np.asarray(Image.open(BytesIO(base64.b64decode(uri.split(",")[1]))), float)


def expected(image, top, left, side=AROUND * PIECE):
    """What lies around a piece, moved inwards at the borders; from 0 to 255."""
    y = min(max(top - (side - PIECE) // 2, 0), image.shape[0] - side)
    x = min(max(left - (side - PIECE) // 2, 0), image.shape[1] - side)
    return 255 * image[y : y + side, x : x + side] / image.max()


def test_a_small_image_is_there_with_all_details():
    images = [smooth(60, 80, 0)]
    found, around = sources_of(examples_in(images), np.arange(20))
    assert around is None
    assert (found[0].details, found[0].height, found[0].width) == (True, 60, 80)
    assert np.abs(opened(found[0].picture) - 255 * images[0] / images[0].max()).max() < 20


@pytest.mark.parametrize("budget", [0, 10**6])
def test_what_lies_around_examples_of_other_images_is_on_a_sheet(monkeypatch, budget):
    monkeypatch.setattr(sources, "PICTURE_BYTES", budget)
    images = [smooth(700, 300, 0), smooth(60, 80, 1)]
    examples, rows = examples_in(images), np.arange(50)
    found, around = sources_of(examples, rows)
    assert [image.picture is not None for image in found] == [budget > 0] * 2
    assert [image.details for image in found] == [False, budget > 0]
    sheet, places = opened(around.sheet), examples.places(rows)
    side = AROUND * PIECE
    assert sheet.shape == (side * around.rows, side * around.columns)
    for row, number in enumerate(around.numbers):
        image = places.image[row]
        assert (number >= 0) == (not found[image].details)
        if number >= 0:
            y, x = side * (number // around.columns), side * (number % around.columns)
            cut = expected(images[image], places.top[row], places.left[row])
            assert np.abs(sheet[y : y + side, x : x + side] - cut).mean() < 8


def test_a_sheet_holds_no_more_than_a_page_can(monkeypatch):
    monkeypatch.setattr(sources, "MOST_AROUND", 7)
    _, around = sources_of(examples_in([smooth(700, 300, 0)] * 3), np.arange(50))
    assert (around.numbers >= 0).sum() == 7


def test_pieces_that_are_whole_images_have_nothing_around_them():
    found, around = sources_of(
        examples_in([smooth(PIECE, PIECE, n) for n in range(9)]), np.arange(9)
    )
    assert around is None
    assert {image.picture for image in found} == {None}
