"""Maps and orders of units on the page: they sort as they say, and lead to the units."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rhohat import SparseAutoencoder, report
from rhohat.inspection.edges import PARAMETERS
from support.pages import in_browser, payload

pytestmark = pytest.mark.slow  # a browser, and no other library, is what it depends on


@pytest.fixture
def gabor(default):
    """Orientation in half turns, frequency, and whether a unit is an edge."""
    found = payload(default[1])["gabor"]
    orientation, frequency = (
        np.array(found["parameters"])[:, PARAMETERS.index(name)]
        for name in ("orientation", "frequency")
    )
    return orientation / np.pi % 1, frequency, np.array(found["r2"]) >= found["edge"]


@in_browser
@pytest.mark.parametrize("sort", ["orientation", "frequency"])
def test_edges_are_sorted_by_their_gabor_functions_and_others_follow(default, gabor, opened, sort):
    orientation, frequency, is_edge = gabor
    values = {"orientation": orientation, "frequency": frequency}[sort]
    seen = opened(default[1])
    seen.page.select_option("[name=sort]", sort)
    for sign in (1, -1):
        order = np.array(seen.order())
        n_edges = int(is_edge.sum())
        assert is_edge[order[:n_edges]].all()
        assert sorted(order) == list(range(100))
        assert (np.diff(sign * values[order[:n_edges]]) >= 0).all()
        seen.page.click("[name=direction]")


@in_browser
def test_units_are_sorted_by_likeness(default, opened):
    seen = opened(default[1])
    seen.page.select_option("[name=sort]", "likeness")
    order = seen.order()
    assert_array_equal(np.argsort(payload(default[1])["likeness"]), order)
    tiles = default[0][-1].encoder_weights_
    tiles = tiles / np.linalg.norm(tiles, axis=1, keepdims=True)
    cosines = (tiles[order[1:]] * tiles[order[:-1]]).sum(axis=1)
    assert cosines.mean() > (tiles[1:] * tiles[:-1]).sum(axis=1).mean() + 0.1


@in_browser
def test_units_are_sorted_by_the_class_that_they_are_most_selective_for(odd, opened):
    path = odd[3]
    classes, seen = payload(path)["classes"], opened(path)
    seen.page.uncheck("[name=dead_last]")
    seen.page.select_option("[name=sort]", "class")
    best = np.array(classes["best"])
    assert (np.diff(best[seen.order()]) >= 0).all()
    captions = seen.page.locator("#gallery .caption").all_inner_texts()
    assert captions == [f"{unit} · {classes['names'][best[unit]]}" for unit in seen.order()]


@in_browser
@pytest.mark.parametrize(("part", "unit"), [(".atlas", 37), (".polar", None)])
def test_a_click_in_a_map_opens_the_unit(default, gabor, opened, part, unit):
    unit = int(np.flatnonzero(gabor[2])[0]) if unit is None else unit
    seen = opened(default[1])
    seen.page.goto(seen.url + "#model")
    seen.page.locator(f'{part} a[href="#unit-{unit}"]').dispatch_event("click")
    seen.expect("#unit-heading").to_have_text(f"Unit {unit}")
    seen.page.go_back()
    seen.expect(part).to_be_visible()
    assert seen.errors == []


@in_browser
@pytest.mark.parametrize("part", [".atlas", ".polar"])
def test_arrow_keys_and_enter_open_a_unit(default, opened, part):
    seen = opened(default[1])
    seen.page.goto(seen.url + "#model")
    links = seen.page.locator(f"{part} a")
    assert seen.page.locator(f'{part} a[tabindex="0"]').count() == 1
    seen.page.locator(f'{part} a[tabindex="0"]').focus()
    at = "() => document.activeElement.getAttribute('href')"
    places = {
        links.nth(i).get_attribute("href"): links.nth(i).bounding_box()
        for i in range(links.count())
    }
    before = seen.page.evaluate(at)
    for key, axis, sign in (
        ("Right", "x", 1),
        ("Down", "y", 1),
        ("Left", "x", -1),
        ("Up", "y", -1),
    ):
        seen.page.keyboard.press(f"Arrow{key}")
        after = seen.page.evaluate(at)
        assert after == before or sign * (places[after][axis] - places[before][axis]) > -3
        before = after
    seen.page.keyboard.press("ArrowRight")
    unit = seen.page.evaluate(at).removeprefix("#unit-")
    seen.page.keyboard.press("Enter")
    seen.expect("#unit-heading").to_have_text(f"Unit {unit}")


@in_browser
def test_pointing_at_an_edge_shows_it(default, opened):
    seen = opened(default[1])
    seen.page.goto(seen.url + "#model")
    link = seen.page.locator(".polar a").first
    link.focus()
    unit = link.get_attribute("href").removeprefix("#unit-")
    seen.expect(".polar .preview span").to_contain_text(f"Unit {unit}: ")
    assert seen.page.locator(".polar .preview canvas").count() == 1


def test_a_few_units_have_no_maps(digits):
    model = SparseAutoencoder(3, max_iter=2, random_state=0).fit(digits)
    assert "Maps of the units" not in report(model).html
