"""Pictures of what is on the page, as files, and on paper."""

from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from support.pages import in_browser

pytestmark = in_browser


@pytest.fixture
def unit(odd, opened):
    seen = opened(odd[3])
    seen.page.goto(seen.url + "#unit-5")
    return seen


def saved(seen, label):
    with seen.page.expect_download() as download:
        seen.page.click(f'[aria-label="Save {label}"]')
    assert seen.errors == []
    return download.value.path().read_bytes()


def test_a_chart_becomes_a_drawing_with_its_colors_and_texts(unit):
    root = ElementTree.fromstring(saved(unit, "“How active it is” as SVG"))
    parts = {element.tag.split("}")[1] for element in root.iter()}
    assert {"svg", "text", "rect", "line"} <= parts
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert {"How active it is", "activation", "average on these examples"} <= set(texts)
    bars = [element for element in root.iter() if element.get("class") == "bar"]
    assert bars
    assert "fill: rgb(91, 141, 184)" in bars[0].get("style")


def test_pictures_become_an_image_that_shows_them(unit):
    image = Image.open(BytesIO(saved(unit, "“Pictures of the unit” as PNG")))
    box = unit.page.locator(".card.pictures").bounding_box()
    assert image.size == pytest.approx((2 * (box["width"] + 20), 2 * (box["height"] + 20)), abs=4)
    canvas = unit.page.locator(".pictures canvas").first
    place = canvas.bounding_box()
    x, y = (2 * (place[axis] - box[axis] + 10 + 4) for axis in ("x", "y"))
    shown = canvas.evaluate("node => [...node.getContext('2d').getImageData(0, 0, 1, 1).data]")
    assert image.convert("RGBA").getpixel((int(x), int(y))) == tuple(shown)


def test_the_gallery_becomes_an_image_with_tiles_that_nobody_has_seen_yet(odd, opened):
    seen = opened(odd[3], viewport={"width": 700, "height": 300})
    seen.page.goto(seen.url + "#units?size=176")
    seen.page.click("#save summary")
    with seen.page.expect_download() as download:
        seen.page.click("[data-save=png]")
    pixels = np.asarray(Image.open(download.value.path()).convert("L"))
    tile = seen.page.locator('#gallery [href="#unit-11"] canvas').bounding_box()
    frame = seen.page.locator("#gallery").bounding_box()
    assert tile["y"] > 300
    top, left = (int(2 * (tile[axis] - frame[axis] + 10)) for axis in ("y", "x"))
    size = int(2 * tile["width"])
    assert pixels[top : top + size, left : left + size].std() > 10


@pytest.mark.parametrize("part", ["", "#model"])
def test_print_has_opening_gallery_and_model_whole(odd, opened, part):
    seen = opened(odd[3], viewport={"width": 500, "height": 300}, color_scheme="dark")
    seen.page.goto(seen.url + part)
    seen.page.emulate_media(media="print")
    seen.page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    for selector in (".opening", "#gallery .tile", "#model-part", "#training-0 svg", "#settings"):
        assert seen.page.locator(selector).first.is_visible(), selector
    painted = "canvas => canvas.getContext('2d').getImageData(0, 0, 1, 1).data[3]"
    canvases = seen.page.locator("#gallery canvas, #model-part canvas")
    assert all(canvas.evaluate(painted) == 255 for canvas in canvases.all())
    assert seen.page.locator("#training-0 svg").get_attribute("viewBox").startswith("0 0 640 ")
    assert not seen.page.locator("#controls").is_visible()
    seen.page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    assert seen.page.evaluate("() => document.documentElement.dataset.theme") == "dark"
    assert seen.errors == []
