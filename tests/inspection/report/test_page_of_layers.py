"""The page of a model of several layers, looked at in a browser as a person does."""

import base64
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from rhohat import (
    SparseAutoencoder,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
    report,
)
from rhohat.inspection.layers import layers_of
from rhohat.inspection.tiles import input_tiles
from rhohat.rows.sources import ArraySource
from support.pages import in_browser, payload, until

pytestmark = pytest.mark.slow  # a browser, and no other library, is what it depends on


@pytest.fixture(scope="module")
def deep(tmp_path_factory):
    """A stack of three layers and a classifier on digits, and their pages."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    small = SparseAutoencoder(max_iter=30)
    stack = StackedAutoencoder((12, 8, 5), estimator=small, random_state=0).fit(X / 16)
    classifier = StackedAutoencoderClassifier(
        StackedAutoencoder((12, 8), estimator=small), max_iter=20, random_state=0
    ).fit(X / 16, y)
    folder = tmp_path_factory.mktemp("deep")
    for name, model in (("stack", stack), ("classifier", classifier)):
        report(model, X / 16, shape=(8, 8), labels=y).save(folder / f"{name}.html")
    return stack, classifier, X / 16, folder


@in_browser
def test_a_layer_is_chosen_its_units_opened_and_followed_down(deep, opened):
    seen = opened(deep[3] / "stack.html")
    assert len(seen.order()) == 12
    seen.page.select_option("[name=layer]", "2")
    seen.expect("#count").to_have_text("5 of 5 units")
    seen.page.locator("#gallery .tile").nth(3).click()
    seen.expect("#unit-heading").to_have_text("Unit 3 of layer 3")
    seen.page.keyboard.press("ArrowRight")
    seen.expect("#unit-heading").to_have_text("Unit 4 of layer 3")
    below = seen.page.locator("h3:has-text('Made of') ~ .tiles .tile").first
    number = below.get_attribute("href").removeprefix("#layer-2-unit-")
    below.click()
    seen.expect("#unit-heading").to_have_text(f"Unit {number} of layer 2")
    seen.page.keyboard.press("Escape")
    seen.expect("#count").to_have_text("8 of 8 units")
    seen.page.go_back()
    seen.page.go_back()
    seen.expect("#unit-heading").to_have_text("Unit 4 of layer 3")
    seen.page.click("nav [data-part=model]")
    seen.expect("#training-2").to_be_visible()
    seen.page.click("nav [data-part=units]")
    seen.expect("#count").to_have_text("12 of 12 units")
    assert seen.errors == []


@in_browser
@pytest.mark.parametrize("name", ["stack", "classifier"])
def test_numbers_and_pictures_of_deeper_layers_are_the_models(deep, opened, name):
    stack, classifier, X, folder = deep
    model = {"stack": stack, "classifier": classifier}[name]
    layer = layers_of(model)[1]
    A = layer.encoded(ArraySource(X)).read(0, len(X)).X
    seen = opened(folder / f"{name}.html")
    seen.page.goto(seen.url + "#layer-2-unit-6")
    best = np.argsort(-A[:, 6], kind="stable")[:16]
    captions = seen.page.locator(".examples").first.locator("figcaption").all_inner_texts()
    assert [float(c.split()[0]) for c in captions] == [float(f"{a:.3g}") for a in A[best, 6]]
    radius = np.sqrt(np.square(X).sum(axis=1).mean())
    sought = input_tiles(layer, radius=radius).values[6].reshape(8, 8)
    canvas = seen.page.locator(".views canvas").first
    until(canvas, "node.getContext('2d').getImageData(0, 0, 1, 1).data[3] === 255")  # painted
    uri = canvas.evaluate("canvas => canvas.toDataURL()")
    pixels = np.asarray(Image.open(BytesIO(base64.b64decode(uri.split(",")[1]))).convert("L"))
    levels = np.rint(127 * sought / np.abs(sought).max())
    assert np.abs(pixels - np.floor(127.5 * (levels / 127 + 1) + 0.5)).max() <= 1
    assert seen.errors == []


def test_code_on_the_page_makes_the_model_of_layers(deep):
    stack, classifier, _, folder = deep
    for name, model in (("stack", stack), ("classifier", classifier)):
        code = payload(folder / f"{name}.html")["code"]
        names = {}
        exec(re.sub(r"model.fit\(.*\)", "", code), names)
        assert repr(names["model"]) == repr(model)
