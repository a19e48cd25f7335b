"""Maps of a scene on the page: each shows where its unit is active, and all are small."""

import base64
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from sklearn.pipeline import make_pipeline

from rhohat import PatchExtractor, SparseAutoencoder, report
from rhohat.inspection.report.scene import MAP_CHARACTERS, SceneMaps
from rhohat.inspection.scene import Scene, SceneSums
from rhohat.rows.sources import Rows
from support.pages import found_on

HEIGHT, WIDTH = 40, 60


@pytest.fixture(scope="module")
def cube():
    """Two materials, left and right, and a model of their pixels."""
    rng = np.random.RandomState(0)
    amounts = np.zeros((HEIGHT, WIDTH, 2))
    amounts[:, :20, 0] = amounts[:, 40:, 1] = 1
    X = (amounts.reshape(-1, 2) @ rng.rand(2, 8) + 0.02 * rng.randn(HEIGHT * WIDTH, 8)).astype("f4")
    return X, SparseAutoencoder(4, decoder="linear", max_iter=30, random_state=0).fit(X)


def pixels(address):
    return np.asarray(Image.open(BytesIO(base64.b64decode(address.partition(",")[2]))), float)


def test_a_map_is_bright_where_its_unit_is_active(cube):
    X, model = cube
    maps = found_on(report(model, X, scene=(HEIGHT, WIDTH)).html)["maps"]
    assert (maps["height"], maps["width"]) == (HEIGHT, WIDTH)
    active = model.transform(X).T.reshape(-1, HEIGHT * WIDTH)
    for address, activation in zip(maps["pictures"], active, strict=True):
        assert np.corrcoef(pixels(address).ravel(), activation)[0, 1] > 0.95


def test_examples_are_called_by_their_places(cube):
    X, model = cube
    shown = found_on(report(model, X, scene=(HEIGHT, WIDTH)).html)["examples"]
    line, sample = divmod(shown["rows"][0], WIDTH)
    assert shown["names"][0] == f"line {line}, sample {sample}"


def test_there_is_no_map_without_a_scene_or_without_parts_of_the_data(cube):
    X, model = cube
    assert found_on(report(model, X).html)["maps"] is None
    page = report(model, X, scene=(HEIGHT, WIDTH), sources=False)
    assert found_on(page.html)["maps"] is None


def test_maps_of_mere_noise_are_small_on_the_page(rng):
    sums = SceneSums.of(Rows(rng.rand(200 * 300, 5)), Scene(200, 300))
    pictures = SceneMaps.of(sums).pictures
    assert sum(map(len, pictures)) <= 5 * MAP_CHARACTERS


def test_a_silent_unit_has_a_black_map():
    sums = SceneSums.of(Rows(np.zeros((600, 1))), Scene(20, 30))
    assert pixels(SceneMaps.of(sums).pictures[0]).max() <= 1  # JPEG


def test_pieces_of_images_have_no_scene(cube, photographs):
    X, model = cube
    with pytest.raises(ValueError, match="scene must be"):
        report(model, X, scene=(HEIGHT, WIDTH + 1))
    patches = PatchExtractor(6, n_patches=50, random_state=0)

    pipeline = make_pipeline(patches, SparseAutoencoder(4, max_iter=3)).fit(photographs.images)
    with pytest.raises(ValueError, match="cuts pieces from"):
        report(pipeline, photographs.images, scene=(HEIGHT, WIDTH))
