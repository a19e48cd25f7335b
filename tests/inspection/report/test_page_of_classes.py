"""The page of labeled data, looked at in a browser as a person does."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from rhohat import report
from support.pages import in_browser, payload

pytestmark = pytest.mark.slow  # a browser, and no other library, is what it depends on


@pytest.fixture(scope="module")
def recognized(classifier, digits, tmp_path_factory):
    """The page of a classifier on the digits that it learned."""
    path = tmp_path_factory.mktemp("recognized") / "report.html"
    report(classifier, digits, shape=(8, 8), labels=load_digits().target).save(path)
    return path


@in_browser
def test_units_are_sorted_by_selectivity_and_those_of_a_class_are_shown(odd, opened):
    model, X, y, path = odd
    A = model.transform(X).astype(float)
    scores = np.array([[roc_auc_score(y == c, a) for c in range(10)] for a in A.T])
    seen = opened(path)
    seen.page.uncheck("[name=dead_last]")
    seen.page.select_option("[name=sort]", "selectivity")
    order = seen.order()
    assert (np.diff(scores.max(axis=1)[order]) < 1e-6).all()
    best = scores.argmax(axis=1)
    for number in (best[0], best[7]):
        seen.page.select_option("[name=class]", label=f"digit {number}")
        assert_array_equal(np.sort(seen.order()), np.flatnonzero(best == number))
    seen.page.select_option("[name=class]", "")
    assert len(seen.order()) == 12
    assert seen.errors == []


@in_browser
def test_a_units_page_tells_of_its_classes(odd, opened):
    _, _, _, path = odd
    seen = opened(path)
    seen.page.goto(seen.url + "#unit-5")
    found = payload(path)["classes"]
    name, auroc = found["names"][found["best"][5]], found["auroc"][5]
    top = seen.page.locator("#unit-part .unit-top").inner_text()
    assert f"selective for {name}, AUROC {auroc:.3g}" in top
    bars = seen.page.locator("h3:text-is('Classes') ~ .chart")
    widths = [float(bar.get_attribute("width")) for bar in bars.locator("rect.bar").all()]
    assert bars.locator("text").all_text_contents()[0].startswith("digit 0")
    means = np.array(found["means"][5])
    np.testing.assert_allclose(np.array(widths) / max(widths), means / means.max(), atol=0.01)


@in_browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_classes_keep_nobody_out(recognized, opened, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    seen = opened(recognized, color_scheme=scheme, viewport={"width": width, "height": 844})
    for part in ("", "#unit-3", "#model"):
        seen.page.goto(seen.url + part)
        seen.page.wait_for_timeout(100)
        found = Axe().run(seen.page).response["violations"]
        assert [(v["id"], [n["html"] for n in v["nodes"]][:3]) for v in found] == []
        assert seen.page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert seen.page.locator("table.confusion td").first.is_visible()
    assert seen.errors == []
