"""Examples on the page: groups in words, and tiles linked to the places that they were cut from."""

import re

import numpy as np
import pytest

from rhohat import SparseAutoencoder, report
from rhohat.inspection.report.subject import subjects_of
from support.pages import found_on, in_browser, payload

pytestmark = pytest.mark.slow  # a browser is what it depends on

MARKED = re.compile(r"\bmarked\b")
TILE, PLACE = '.group li[data-example="3"]', '.places g[data-example="3"]'


def marked(seen):
    nodes = seen.page.locator(".marked")
    return [node.get_attribute("data-example") for node in nodes.all()]


@in_browser
def test_pointing_at_an_example_marks_its_place_and_the_other_way(default, opened):
    seen = opened(default[1])
    seen.page.goto(seen.url + "#unit-7")
    seen.expect(TILE).to_be_visible()
    seen.page.hover(f"{TILE} .pair")
    seen.expect(PLACE).to_have_class(MARKED)
    assert marked(seen) == ["3", "3"]
    seen.page.hover("h1")
    seen.expect(PLACE).not_to_have_class(MARKED)
    seen.page.locator(f"{PLACE} circle").last.hover()
    seen.expect(TILE).to_have_class(MARKED)
    assert marked(seen) == ["3", "3"]
    assert seen.errors == []


@in_browser
def test_keys_lead_from_an_example_to_its_place_and_back(default, opened):
    seen = opened(default[1])
    seen.page.goto(seen.url + "#unit-7")
    seen.page.locator(f"{TILE} button.pair").focus()
    seen.expect(PLACE).to_have_class(MARKED)
    seen.page.keyboard.press("Enter")
    seen.expect(PLACE).to_be_focused()
    seen.expect(PLACE).to_be_in_viewport()
    seen.page.keyboard.press(" ")
    seen.expect(f"{TILE} button.pair").to_be_focused()
    seen.expect(TILE).to_be_in_viewport()
    assert seen.errors == []


@in_browser
def test_a_tap_leads_from_an_example_to_its_place_and_back(default, opened):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    seen = opened(default[1], **phone)
    seen.page.goto(seen.url + "#unit-7")
    seen.page.locator(f"{TILE} button.pair").tap()
    seen.expect(PLACE).to_be_in_viewport()
    seen.expect(PLACE).to_have_class(MARKED)
    seen.page.locator(f"{PLACE} circle").last.tap()
    seen.expect(TILE).to_be_in_viewport()
    seen.expect(TILE).to_have_class(MARKED)
    assert seen.errors == []


@in_browser
def test_numbers_of_places_do_not_cover_each_other(default, opened):
    seen = opened(default[1])
    for unit in (7, 30, 55):
        seen.page.goto(f"{seen.url}#unit-{unit}")
        seen.expect("#unit-heading").to_have_text(f"Unit {unit}")
        boxes = [text.bounding_box() for text in seen.page.locator(".places text").all()]
        numbers = [
            node.get_attribute("data-example") for node in seen.page.locator(".places g").all()
        ]
        assert sorted(map(int, numbers)) == list(range(1, len(numbers) + 1))
        for i, a in enumerate(boxes):
            for b in boxes[:i]:
                across = abs(a["x"] - b["x"]) / min(a["width"], b["width"])
                up = abs(a["y"] - b["y"]) / a["height"]  # of which digits take about half
                assert across > 0.85 or up > 0.55


@in_browser
def test_surroundings_are_drawn_where_the_photograph_shows_them(default, opened):
    seen = opened(default[1])
    seen.page.goto(seen.url + "#unit-7")
    around = seen.page.locator(f"{TILE} canvas.around")
    around.scroll_into_view_if_needed()
    seen.page.wait_for_timeout(300)
    pixels = "node => [...node.getContext('2d').getImageData(0, 0, node.width, node.height).data]"
    drawn = np.array(around.evaluate(pixels), float).reshape(240, 240, 4)[..., 0]
    given = seen.page.locator(f"{TILE} canvas").first
    patch = np.array(given.evaluate(pixels), float).reshape(10, 10, 4)[..., 0]
    inside = drawn[90:150, 90:150].reshape(10, 6, 10, 6).mean(axis=(1, 3))  # 40 pixels around 10
    assert np.corrcoef(inside.ravel(), patch.ravel())[0, 1] > 0.9


@in_browser
def test_groups_are_told_in_words(default, opened):
    _, path = default
    seen = opened(path)
    seen.page.goto(seen.url + "#unit-7")
    groups = payload(path)["groups"]
    assert seen.page.locator(".group h4").all_inner_texts() == [
        g["name"].capitalize() for g in groups
    ]
    for group, section in zip(groups, seen.page.locator(".group").all(), strict=True):
        shown = [example for example in group["examples"][7] if example >= 0]
        assert section.locator("li").count() == len(shown)
        text = section.locator("p").first.inner_text()
        assert group["told"] in text
        if group["name"] not in ("top", "random"):
            assert f"the {group['counts'][7]:,} examples" in text


def test_every_group_of_the_page_is_the_layers(odd):
    model, X, y, path = odd
    found = found_on(path.read_text())
    rows, labels = np.array(found["examples"]["rows"]), found["examples"]["labels"]
    assert labels == [f"digit {y[row]}" for row in rows]
    subject = subjects_of(model, X, shape=(8, 8))[0]
    for group, told in zip(subject.responses.groups, found["groups"], strict=True):
        numbers = np.array(told["examples"])
        np.testing.assert_array_equal(np.where(numbers < 0, -1, rows[numbers]), group.rows)
        np.testing.assert_array_equal(told["counts"], group.counts)


@pytest.mark.parametrize("n_rows", [1, 3, 20])
def test_few_rows_make_a_page(rng, n_rows, opened_if_possible):
    X = rng.rand(n_rows, 6)
    opened_if_possible(report(SparseAutoencoder(3, max_iter=2, random_state=0).fit(X), X))
