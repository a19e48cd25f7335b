"""Contents: the line that says which of the user's data a page shows."""

import re

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from rhohat import PatchExtractor, SparseAutoencoder, WaveformExtractor, WindowExtractor, report
from rhohat.files.images import LoadedImages
from rhohat.files.recordings import LoadedRecordings
from rhohat.inspection.examples import Examples
from rhohat.inspection.rebuilding import Rebuilding
from support.pages import found_on

SMALL = {"max_iter": 2, "random_state": 0}


def told(page):
    return re.search(r"It shows [^<]*\. This page", page.html)


@pytest.fixture(scope="module")
def photographs():
    images = [np.random.RandomState(n).rand(30, 40) for n in range(3)]
    names = [f"/home/ann/pictures/{n}.png" for n in range(3)]
    model = make_pipeline(
        PatchExtractor(6, n_patches=90, random_state=0), SparseAutoencoder(4, **SMALL)
    )
    return model.fit(images), LoadedImages(images, names, [])


def test_photographs_are_named_without_their_folder(photographs):
    page = report(*photographs)
    assert "It shows copies and parts of 3 images: 0.png, 1.png, 2.png." in page.html
    assert "/home/ann" not in page.html


def test_an_image_that_is_only_shown_as_a_whole_is_named(photographs, monkeypatch):
    model, data = photographs
    first = np.zeros(1, dtype=int)
    monkeypatch.setattr(Examples, "sample", lambda self: first)
    monkeypatch.setattr(Rebuilding, "worst", lambda self, n: first)
    names = re.search(
        r"of \d images?: ([^<]*?)\. This page is self-contained",
        report(model, data, n_examples=1).html,
    )
    assert "0.png" in names.group(1)


def test_without_sources_there_are_none(photographs):
    page = report(*photographs, sources=False)
    assert "It shows none of the data." in page.html
    assert ".png" not in page.html
    assert "Originals and reconstructions" not in page.html
    assert told(report(photographs[0])) is None


def test_rows_are_counted():
    X = np.random.RandomState(0).rand(50, 6)
    page = report(SparseAutoencoder(2, **SMALL).fit(X), X, n_examples=3)
    shown = len(found_on(page.html)["examples"]["rows"])
    assert 3 <= shown <= 2 * (3 + 3 * 5) + 5
    # Beside those of units 12 at random and the 6 of the greatest errors, some of them the same.
    told = int(re.search(r"It shows (\d+) rows of the data\.", page.html)[1])
    assert shown <= told <= min(shown + 18, 50)


def test_sounds_are_named_and_their_time_is_told():
    recordings = [np.random.RandomState(n).randn(1, 2000).astype("f4") for n in range(2)]
    model = make_pipeline(
        WaveformExtractor(1000),
        WindowExtractor(16, n_windows=80, random_state=0),
        SparseAutoencoder(3, **SMALL),
    ).fit(recordings)
    page = report(model, LoadedRecordings(recordings, ["a.wav", "b.wav"], [], 1000))
    assert re.search(
        r"parts of 2 recordings and contains \d+ s of their sound: a.wav, b.wav", page.html
    )
