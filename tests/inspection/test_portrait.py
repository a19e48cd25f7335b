"""Portraits: what a summary, a figure and a page show of a layer is one and the same."""

import json
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline

from rhohat import (
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SparseAutoencoder,
    StackedAutoencoder,
    Whitening,
    edge_score,
    report,
)
from rhohat.cli.learn import learn
from rhohat.inspection import edges, portrait, tiles
from rhohat.inspection.layers import layers_of
from rhohat.inspection.portrait import Portrait, portraits_of

FEW = ["--units", "6", "--iterations", "4", "--patches", "300", "--whitening", "zca"]


@pytest.fixture
def gabor_fits(monkeypatch):
    """Shapes of all tiles that Gabor functions are fitted to."""
    shapes = []

    def counted(given, fit=edges.fit_gabors):
        shapes.append(given.shape)
        return fit(given)

    for module in (edges, portrait):
        monkeypatch.setattr(module, "fit_gabors", counted)
    return shapes


@pytest.fixture
def ascents(monkeypatch):
    """How many units each ascent was for."""
    counts = []

    def counted(encoders, radius, ascend=tiles.ascend):
        counts.append(len(encoders[-1].weights))
        return ascend(encoders, radius)

    monkeypatch.setattr(tiles, "ascend", counted)
    return counts


def data_of(html):
    found = json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL).group(1))
    return found["layers"][0]


def write(kind, folder):
    rng = np.random.RandomState(0)
    if kind == "waveform":
        soundfile = pytest.importorskip("soundfile")
        for number in range(3):
            x = np.sin(np.cumsum(rng.uniform(0.1, 2.0, 4000))) * 0.3
            soundfile.write(folder / f"{number}.wav", x, 8000)
        return folder
    shape = (12, 20, 20, 3) if kind == "color" else (12, 20, 20)
    np.save(folder / "images.npy", rng.rand(*shape))
    return folder / "images.npy"


@pytest.mark.parametrize(
    ("kind", "options", "n_fits"),
    [
        ("gray", ["--patch-size", "10"], 1),
        ("gray", ["--patch-size", "6"], 1),
        ("gray", ["--patch-size", "4"], 0),
        ("gray", ["--patch-size", "whole"], 0),
        ("color", ["--patch-size", "8", "--color"], 0),
        ("waveform", ["--sound", "waveform"], 0),
    ],
)
def test_summary_and_page_of_a_learn_show_the_same_numbers(
    tmp_path, capsys, gabor_fits, kind, options, n_fits
):
    paths = write(kind, tmp_path)
    arguments = [str(paths), *FEW, *options, "--out", str(tmp_path / "out"), "--json"]
    learn.main(arguments, standalone_mode=False)
    summary = json.loads(capsys.readouterr().out)
    found = data_of((tmp_path / "out" / "report.html").read_text())
    assert len(gabor_fits) == n_fits
    assert (summary["edges"] is not None) == (found["gabor"] is not None) == bool(n_fits)
    if n_fits:
        r2 = np.array(found["gabor"]["r2"])
        assert summary["edges"]["share"] == np.mean(r2 >= found["gabor"]["edge"])
        assert_allclose(summary["edges"]["median_r2"], np.median(r2), rtol=1e-5)
        assert summary["edges"]["pairs_alike"] == found["n_alike"]
        assert summary["edges"]["pairs_opposite"] == found["n_opposite"]
    assert (summary["bands"] is not None) == (found["bands"] is not None) == (kind == "waveform")
    if kind == "waveform":
        assert summary["bands"]["clear_share"] == np.mean(found["bands"]["is_clear"])
        assert_allclose(summary["bands"]["centre_hz"], found["bands"]["centre"], rtol=1e-5)
    assert (summary["colors"] is not None) == (kind == "color")


def pieces(size):
    return PatchExtractor(size, n_patches=200, random_state=0)


@pytest.mark.parametrize(
    ("steps", "shape", "is_judged"),
    [
        ((pieces(6), PatchNormalizer()), None, True),
        ((OneOverFWhitening(), pieces((6, 9)), PatchNormalizer()), None, True),
        ((pieces((5, 12)), PatchNormalizer()), None, False),
        ((PatchExtractor(None),), None, False),
    ],
)
def test_tiles_are_judged_as_edges_where_they_are_gray_pieces(rng, steps, shape, is_judged):
    images = rng.rand(20, 16, 16)
    model = make_pipeline(*steps, SparseAutoencoder(3, max_iter=3, random_state=0)).fit(images)
    (found,) = portraits_of(model)
    assert (found.edges is not None) == is_judged


@pytest.mark.parametrize(("shape", "is_judged"), [(None, False), ((8, 8), True), ((4, 16), False)])
def test_rows_are_judged_as_edges_where_the_user_gives_a_shape(digits, shape, is_judged):
    model = SparseAutoencoder(3, max_iter=3, random_state=0).fit(digits)
    (found,) = portraits_of(model, shape=shape)
    assert (found.edges is not None) == is_judged
    if is_judged:
        score = edge_score(found.tiles.values, shape)
        assert found.edges.edge_share == score.edge_share
        assert found.edges.n_alike == score.n_alike
        assert_array_equal(found.gabors.r2, score.fit.r2)


def test_large_pictures_are_not_judged(rng, gabor_fits):
    model = SparseAutoencoder(2, max_iter=2, random_state=0).fit(rng.rand(9, 33 * 40))
    (found,) = portraits_of(model, shape=(33, 40))
    assert found.edges is None
    assert gabor_fits == []


def test_pieces_of_images_look_for_and_all_else_stands_for(rng):
    X, images = rng.rand(60, 16), rng.rand(9, 12, 12)
    coder = SparseAutoencoder(3, max_iter=2, random_state=0)
    cases = [
        (make_pipeline(pieces(4), Whitening(), coder), images, None, "looks-for"),
        (make_pipeline(PatchExtractor(None), coder), images, None, "looks-for"),
        (make_pipeline(PatchExtractor(None), Whitening(), coder), images, None, "stands-for"),
        (coder, X, None, "stands-for"),
        (coder, X, (4, 4), "looks-for"),
        (make_pipeline(Whitening(), coder), X, (4, 4), "stands-for"),
    ]
    for model, data, shape, usual in cases:
        (found,) = portraits_of(model.fit(data), shape=shape)
        assert found.usual == found.views[0].name == usual


def test_a_deeper_unit_stands_for_what_its_decoders_add(stack, digits):
    top, model = portraits_of(stack)[-1], stack.layers_
    rest = model[-1].average_activation_
    for unit in range(3):
        on, off = rest.copy(), rest.copy()
        on[unit], off[unit] = 1, 0
        both = np.array([on, off])
        for layer in reversed(model):
            both = layer.inverse_transform(both)
        assert_allclose(top.view("stands-for").tiles.values[unit], both[0] - both[1], atol=1e-9)


def test_a_classifier_that_rebuilds_nothing_is_shown_as_what_it_looks_for(classifier):
    for found in portraits_of(classifier):
        assert [view.name for view in found.views] == ["looks-for", "encoder"]
        with pytest.raises(ValueError, match="do not reconstruct"):
            found.view("stands-for")


@pytest.fixture(scope="module")
def stack(digits):
    return StackedAutoencoder(
        (6, 4, 3), estimator=SparseAutoencoder(max_iter=4), random_state=0
    ).fit(digits)


def test_a_page_of_a_stack_climbs_once_for_each_deep_layer(stack, digits, ascents):
    html = report(stack, digits, shape=(8, 8)).html
    assert data_of(html)["views"][0]["kind"] == "image"
    assert ascents.count(3) == 1
    assert ascents.count(4) == 1


def test_parts_of_a_portrait_are_computed_once(stack, ascents, gabor_fits):
    found = Portrait(layers_of(stack)[-1], (8, 8))
    for _ in range(2):
        assert found.tiles.shape == (8, 8)
        names = ["looks-for", "stands-for", "encoder", "decoder"]
        assert [view.name for view in found.views] == names
        assert found.edges.fit is found.gabors
    assert len(ascents) == 1
    assert len(gabor_fits) == 1


def test_units_look_among_inputs_as_strong_as_examples(stack, digits):
    from rhohat.inspection.examples import examples_of

    examples = examples_of(stack, digits, (8, 8))
    top = portraits_of(stack, examples)[-1]
    norm = np.sqrt(np.square(digits).sum(axis=1).mean())
    assert top.radius == pytest.approx(norm)
    assert top.shape == (8, 8)
    assert np.linalg.norm(top.tiles.values, axis=1).max() <= norm * (1 + 1e-6)


def test_views_after_whitening_are_each_in_their_own_space(rng):
    X = rng.randn(200, 12)
    model = make_pipeline(Whitening("pca", n_components=9), SparseAutoencoder(4, max_iter=4))
    (found,) = portraits_of(model.fit(X), shape=(3, 4))
    views = {view.name: view for view in found.views}
    assert list(views) == ["stands-for", "looks-for", "input", "encoder", "decoder"]
    assert views["looks-for"].title == "Input that activates it most, before whitening"
    assert views["looks-for"].tiles.shape == views["stands-for"].tiles.shape == (3, 4)
    assert views["input"].title == "Input that activates it most, after preprocessing"
    assert views["input"].tiles.shape is None
    assert views["encoder"].tiles.values.shape == (4, 9)
