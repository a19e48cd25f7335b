"""The page, looked at in a browser as a person does."""

import base64
import re
from io import BytesIO

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from rhohat import (
    LoadedImages,
    SparseAutoencoder,
    load_photographs,
    report,
)
from rhohat.recipes.pipelines import complete, make_pipeline
from rhohat.recipes.settings import Settings
from support.pages import in_browser, payload

pytestmark = pytest.mark.slow  # a browser, and no other library, is what it depends on


@pytest.mark.slow
@in_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("part", ["", "#unit-7", "#model", "#try"])
def test_nothing_keeps_people_out(default, opened, scheme, part):
    from axe_playwright_python.sync_playwright import Axe

    seen = opened(default[1], color_scheme=scheme)
    seen.page.goto(seen.url + part)
    found = Axe().run(seen.page).response["violations"]
    serious = [v for v in found if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [n["html"] for n in v["nodes"]][:3]) for v in serious] == []


@in_browser
def test_tile_on_the_page_is_the_units_weights_pixel_for_pixel(default, opened):
    pipeline, path = default
    seen = opened(path)
    tile = seen.page.locator('#gallery .tile[href="#unit-7"] canvas')
    tile.scroll_into_view_if_needed()
    seen.page.wait_for_timeout(100)
    uri = tile.evaluate("canvas => canvas.toDataURL()")
    pixels = np.asarray(Image.open(BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGB"))
    weights = pipeline[-1].encoder_weights_[7].astype(float).reshape(10, 10)
    levels = np.rint(127 * weights / np.abs(weights).max())
    expected = np.floor(127.5 * (levels / 127 + 1) + 0.5)
    assert_array_equal(pixels, np.repeat(expected[..., None], 3, axis=2))


@in_browser
def test_numbers_on_the_page_are_the_models(default, opened):
    pipeline, path = default
    model = pipeline[-1]
    X = pipeline[:-1].transform(load_photographs().images)
    A = model.transform(X)
    seen = opened(path)
    seen.page.goto(seen.url + "#unit-7")
    text = seen.page.locator("#unit-part").inner_text()
    assert f"average in training, ρ̂\n{model.average_activation_[7]:.3g}" in text
    assert f"average on these examples\n{A[:, 7].mean():.3g}" in text
    best = np.argsort(-A[:, 7], kind="stable")[:16]
    captions = seen.page.locator(".examples").first.locator("figcaption").all_inner_texts()
    assert [float(c.split()[1]) for c in captions] == [float(f"{a:.3g}") for a in A[best, 7]]
    seen.page.goto(seen.url + "#model")
    assert f"At the end {model.loss_:.4f}" in seen.page.locator("#training-0").inner_text()
    assert "rhohat learn" in seen.page.locator("#again").inner_text()


@in_browser
def test_a_person_sorts_filters_and_searches(default, opened):
    _, path = default
    seen = opened(path)
    order = seen.order
    assert order() == list(range(100))
    seen.page.select_option("[name=sort]", "average")
    mean = np.array(payload(path)["activity"]["mean"])
    assert_array_equal(mean[order()], np.sort(mean)[::-1])
    seen.page.click("[name=direction]")
    assert_array_equal(mean[order()], np.sort(mean))
    seen.page.select_option("[name=sort]", "edge")
    r2 = np.array(payload(path)["gabor"]["r2"])
    assert_array_equal(r2[order()], np.sort(r2)[::-1])
    seen.page.select_option("[name=filter]", "others")
    assert sorted(order()) == np.flatnonzero(r2 < 0.7).tolist()
    seen.page.select_option("[name=filter]", "all")
    seen.page.fill("[name=search]", "7, 20-22")
    assert sorted(order()) == [7, 20, 21, 22]
    assert seen.page.locator("#count").inner_text() == "4 of 100 units"
    seen.page.fill("[name=search]", "nothing of the kind")
    assert seen.page.locator("#none").is_visible()
    seen.page.fill("[name=search]", "GRAVEL")
    assert 0 < len(order()) < 100
    assert seen.errors == []


@in_browser
def test_a_unit_is_opened_by_mouse_its_partner_followed_and_back(default, opened):
    seen = opened(default[1])
    seen.page.click('#gallery .tile[href="#unit-12"]')
    seen.expect("#unit-heading").to_have_text("Unit 12")
    partner = seen.page.locator("h3:has-text('Fires together') ~ .tiles .tile").first
    number = partner.get_attribute("href").removeprefix("#unit-")
    partner.click()
    seen.expect("#unit-heading").to_have_text(f"Unit {number}")
    seen.page.go_back()
    seen.expect("#unit-heading").to_have_text("Unit 12")
    seen.page.go_back()
    seen.expect("#gallery").to_be_visible()
    seen.expect("#unit-heading").not_to_be_visible()


@in_browser
def test_everything_is_reached_without_a_mouse(default, opened):
    seen = opened(default[1])
    press = seen.page.keyboard.press
    focused = "() => document.activeElement.hash"
    press("/")
    seen.expect("[name=search]").to_be_focused()
    seen.page.locator("#gallery .tile").first.focus()
    press("ArrowRight")
    press("ArrowRight")
    press("ArrowLeft")
    assert seen.page.evaluate(focused) == "#unit-1"
    press("ArrowDown")
    below = int(seen.page.evaluate(focused).removeprefix("#unit-"))
    tile = '#gallery [href="#unit-{}"]'
    boxes = [seen.page.locator(tile.format(unit)).bounding_box() for unit in (1, below)]
    assert boxes[0]["x"] == boxes[1]["x"]
    assert boxes[0]["y"] < boxes[1]["y"]
    press("End")
    assert seen.page.evaluate(focused) == "#unit-99"
    press("Home")
    press("Enter")
    seen.expect("#unit-heading").to_have_text("Unit 0")
    press("ArrowRight")
    seen.expect("#unit-heading").to_have_text("Unit 1")
    press("Escape")
    seen.expect('#gallery [href="#unit-1"]').to_be_focused()


@in_browser
def test_theme_is_switched_and_remembered(default, opened):
    seen = opened(default[1], color_scheme="light")
    paper = "() => getComputedStyle(document.documentElement).backgroundColor"
    light = seen.page.evaluate(paper)
    seen.page.click("#theme")
    dark = seen.page.evaluate(paper)
    assert dark != light
    seen.page.reload()
    assert seen.page.evaluate(paper) == dark
    assert opened(default[1], color_scheme="dark").page.evaluate(paper) == dark


@in_browser
def test_print_has_every_tile_and_no_controls(default, opened):
    seen = opened(default[1], viewport={"width": 800, "height": 300})
    pdf = seen.page.pdf()
    assert pdf.startswith(b"%PDF")
    painted = "canvas => canvas.getContext('2d').getImageData(0, 0, 1, 1).data[3]"
    last = seen.page.locator("#gallery .tile canvas").last
    seen.page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
    assert last.evaluate(painted) == 255
    seen.page.emulate_media(media="print")
    assert not seen.page.locator("#controls").is_visible()


@in_browser
@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_sticks_out_on_a_phone(default, opened, width):
    seen = opened(default[1], viewport={"width": width, "height": 844})
    for part in ("", "#unit-7", "#model", "#try"):
        seen.page.goto(seen.url + part)
        assert seen.page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_dead_saturated_and_duplicate_units_are_told(odd):
    found = payload(odd[3])
    assert found["activity"]["dead"] == [3]
    assert found["activity"]["saturated"] == [4]
    assert [5, 6] in found["alike"]["units"]


@in_browser
def test_dead_units_come_last_unless_asked_otherwise(odd, opened):
    seen = opened(odd[3])
    assert seen.order()[-1] == 3
    seen.page.uncheck("[name=dead_last]")
    assert seen.order() == list(range(12))
    seen.page.select_option("[name=filter]", "dead")
    assert seen.order() == [3]
    seen.page.select_option("[name=filter]", "alike")
    assert {5, 6} <= set(seen.order())


@in_browser
def test_evidence_leads_to_the_unit(odd, opened):
    seen = opened(odd[3])
    seen.page.goto(seen.url + "#model")
    seen.page.locator(".evidence .tile").first.click()
    seen.expect("#unit-heading").to_have_text("Unit 3")
    assert "dead" in seen.page.locator("#unit-part .unit-top").inner_text()


@in_browser
def test_labels_of_examples_are_shown_and_found(odd, opened):
    model, X, y, path = odd
    seen = opened(path)
    A = model.transform(X)
    best = np.argsort(-A, axis=0, kind="stable")[:16]
    zero = [unit for unit in range(12) if 0 in y[best[:, unit]]]
    seen.page.fill("[name=search]", "digit 0")
    assert sorted(seen.order()) == zero
    seen.page.fill("[name=search]", "label digit 0")
    assert sorted(seen.order()) == zero
    seen.page.fill("[name=search]", "label digit")
    assert seen.order() == []


@in_browser
@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["/photos/a.png", "mine/b.png"], ["a.png", "mine/b.png"]),
        (["/photos/a.png", "/own/b.png"], ["photos/a.png", "own/b.png"]),
        (["in/x/a.png", "in/y/b.png"], ["x/a.png", "y/b.png"]),
        (["a.png", "b.png"], ["a.png", "b.png"]),
    ],
)
def test_folders_that_all_images_lie_in_are_left_out(names, shown, tmp_path, opened, rng):
    images = [rng.rand(20, 20) for _ in names]
    pipeline = make_pipeline(
        complete(Settings(units=4, patch_size=8, patches=100, iterations=5), "images"), "images"
    ).fit(images)
    path = tmp_path / "page.html"
    report(pipeline, LoadedImages(images, names, []), n_examples=60).save(path)
    seen = opened(path)
    seen.page.goto(seen.url + "#unit-0")
    captions = seen.page.locator("figcaption").all_text_contents()
    for name in shown:
        assert any(text.startswith(f"{name}:") for text in captions)


def test_same_model_makes_the_same_page(default):
    pipeline, path = default
    again = report(pipeline, load_photographs(), command="rhohat learn")
    assert again.html == path.read_text()


def test_file_that_cannot_be_written_is_named(odd, tmp_path):
    with pytest.raises(OSError, match="missing"):
        report(odd[0]).save(tmp_path / "missing" / "report.html")


@in_browser
def test_page_in_a_notebook_works_in_its_frame(odd, tmp_path, opened):
    path = tmp_path / "notebook.html"
    path.write_text("<!doctype html><title>n</title>" + report(odd[0])._repr_html_())
    frame = opened(path).page.frame_locator("iframe")
    frame.locator("#gallery .tile").first.click()
    frame.locator("#unit-heading", has_text="Unit 0").wait_for()


def test_notebook_shows_the_units_of_an_estimator(odd):
    html = odd[0]._repr_mimebundle_()["text/html"]
    uri = re.search(r'src="data:image/png;base64,([^"]+)"', html).group(1)
    assert Image.open(BytesIO(base64.b64decode(uri))).size == (12 * 9 + 1, 8 + 2)
    assert "src=" not in SparseAutoencoder()._repr_mimebundle_()["text/html"]
