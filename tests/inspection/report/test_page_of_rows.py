"""Pages of rows: what units stand for is what data are made of, and all else can be chosen."""

import base64
import json

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import LineCollection
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rhohat import KLSparsity, SparseAutoencoder, plot_features, report
from rhohat.recipes import pipelines
from rhohat.recipes.settings import Settings
from support.pages import found_on, in_browser
from support.spectra import best_correlations, mixed_spectra

pytestmark = pytest.mark.slow  # a browser, and no other library, is what it depends on


@pytest.fixture(scope="module")
def spectra(tmp_path_factory):
    """Components, a model of their mixtures as `learn` makes it, and its page."""
    wavelengths, components, X = mixed_spectra()
    settings = pipelines.complete(Settings(units=16, iterations=80), "rows")
    model = pipelines.make_pipeline(settings, "rows", variance=X.var(axis=0).mean())
    table = pd.DataFrame(X, columns=[f"{w:.1f} nm" for w in wavelengths])
    model.fit(table)
    path = tmp_path_factory.mktemp("spectra") / "report.html"
    report(model, table).save(path)
    return components, model, path


def levels(view):
    kind = np.int8 if view["signed"] else np.uint8
    return np.frombuffer(base64.b64decode(view["data"]), kind).reshape(view["shape"][0], -1)


def test_gallery_and_figure_show_the_components_that_spectra_are_mixed_of(spectra):
    components, model, path = spectra
    found = found_on(path.read_text())
    gallery = found["views"][0]
    assert gallery["name"] == "stands-for"
    assert (best_correlations(components, levels(gallery)) >= 0.9).all()
    curves = [c for c in plot_features(model).collections if type(c) is LineCollection][-1]
    plt.close("all")
    drawn = np.array([-segment[:, 1] for segment in curves.get_segments()])
    assert (best_correlations(components, drawn) >= 0.9).all()
    assert (found["columns"]["label"], found["columns"]["places"][-1]) == ("nm", 1100)


@in_browser
def test_a_unit_is_drawn_over_its_axis_and_the_picture_is_chosen(spectra, opened):
    components, _, path = spectra
    seen = opened(path)
    shown = seen.page.locator("[name=picture] option").all_inner_texts()
    assert shown == ["stands for", "looks for", "mean of its top examples", "encoder", "decoder"]
    assert "Along each curve: nm, from 400 to 1100" in seen.page.locator(".hint").inner_text()
    tile = seen.page.locator("#gallery .tile canvas").first
    before = tile.evaluate("canvas => canvas.toDataURL()")
    seen.page.select_option("[name=picture]", "looks-for")
    seen.page.wait_for_timeout(200)
    assert tile.evaluate("canvas => canvas.toDataURL()") != before
    assert "activates it most" in seen.page.locator("#gallery-title").inner_text()
    curves = []
    for unit in range(16):
        seen.page.goto(f"{seen.url}#unit-{unit}")
        line = seen.page.locator(".row-figure polyline").first
        line.wait_for(state="attached")
        points = [point.split(",") for point in line.get_attribute("points").split()]
        curves.append([-float(y) for _, y in points])
    assert (best_correlations(components, np.array(curves)) >= 0.9).all()
    texts = seen.page.locator(".row-figure").first.inner_text()
    assert "nm" in texts
    assert seen.errors == []


@in_browser
@pytest.mark.parametrize("width", [390, 1440])
def test_columns_without_order_are_bars_with_their_names(tmp_path, opened, rng, width):
    names = ["alcohol", "ash", "hue", "<b>proline</b>"]
    X = pd.DataFrame(rng.rand(60, 4), columns=names, index=[f"wine {n}" for n in range(60)])
    penalty = KLSparsity(target=0.2)
    model = make_pipeline(
        StandardScaler().set_output(transform="pandas"),
        SparseAutoencoder(5, sparsity_penalty=penalty, max_iter=9, random_state=0),
    ).fit(X)
    path = tmp_path / "report.html"
    report(model, X).save(path)
    seen = opened(path, viewport={"width": width, "height": 844})
    seen.page.goto(seen.url + "#unit-2")
    bars = seen.page.locator(".row-figure").first
    for name in names:
        assert name in bars.text_content()
    assert bars.locator("rect.bar").count() == 4
    best = int(model.transform(X)[:, 2].argmax())
    assert f"wine {best}" in seen.page.locator(".examples figcaption").first.inner_text()
    assert seen.page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert seen.errors == []


def test_wide_rows_take_little_of_a_page(rng):
    X = rng.rand(40, 5000)
    X[:, 777] += 9 * (rng.rand(40) > 0.5)
    names = [f"gene {'abc'[n % 3]}{n}" for n in range(5000)]
    model = SparseAutoencoder(3, max_iter=20, random_state=0).fit(X)
    html = report(model, X, columns=names).html
    n_examples = len(found_on(html)["examples"]["rows"])  # how many of the rows units share differs
    to_try = len(json.dumps(found_on(html)["trial"]))
    assert len(html) - to_try < 345_000 + n_examples * 7_000
    assert to_try < 2 * (3 + 1) * 5000 * 6
    view = found_on(html)["views"][0]
    greatest = np.abs(model.decoder_weights_).argmax(axis=1)
    assert [unit[0][0] for unit in view["greatest"]] == [names[column] for column in greatest]
    peaks = np.abs(levels(view).astype(int)).argmax(axis=1)
    places = np.array(found_on(html)["columns"]["places"])
    assert np.abs(places[peaks] - greatest).max() < 10
