"""The page of a comparison, looked at as a person does."""

import json
import re

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from rhohat import SparseAutoencoder, Whitening, compare
from support.pages import has_room_and_keeps_nobody_out, in_browser


@pytest.fixture(scope="module")
def page(digits, tmp_path_factory):
    """Three models of digits, and their page."""
    models = {
        name: make_pipeline(
            Whitening(epsilon=0.1), SparseAutoencoder(9, max_iter=12, random_state=seed)
        ).fit(digits)
        for name, seed in {"seed <0>": 0, "seed <1>": 1, "as seed 0": 0}.items()
    }
    report = compare(models, digits, shape=(8, 8))
    path = tmp_path_factory.mktemp("compare") / "compare.html"
    report.save(path)
    return report, path


def test_findings_on_the_page_are_the_comparisons(page):
    report, path = page
    found = json.loads(re.search(r'id="data">(.*?)</script>', path.read_text(), re.DOTALL).group(1))
    np.testing.assert_array_equal(found["partners"], report.comparison.partners)
    np.testing.assert_allclose(found["cosines"], report.comparison.cosines, atol=1e-5)
    assert found["returns"] == report.comparison.returns.tolist()
    assert [side["view"]["shape"] for side in found["sides"]] == [[9, 8, 8, 1]] * 3
    assert str(report) == str(report.comparison)
    assert report._repr_html_().startswith("<iframe")


def test_models_without_names_are_numbered(digits):
    models = [SparseAutoencoder(4, max_iter=3, random_state=n).fit(digits) for n in (0, 1)]
    assert [m.name for m in compare(models).comparison.models] == ["model 1", "model 2"]


@in_browser
def test_a_person_sees_pairs_and_chooses_among_them(page, opened):
    report, path = page
    seen = opened(path)
    found, matches = report.comparison, seen.page.locator(".match")
    text = seen.page.locator("main").inner_text()
    assert str(found) in text
    assert "random_state" in text
    assert "epsilon" not in text  # which is the same in all
    assert matches.count() == 9
    least = np.abs(found.cosines[:, 1:]).min(axis=1)
    best = int(least.argmax())
    assert matches.first.locator("figcaption").first.inner_text() == str(best)
    seen.page.select_option("[name=sort]", "unit")
    matches.nth(4).scroll_into_view_if_needed()  # out of sight it is not laid out
    caption = matches.nth(4).locator("figcaption").nth(1).inner_text()
    partner, cosine, r = found.partners[4, 1], found.cosines[4, 1], found.correlations[4, 1]
    assert caption == f"{partner} · {cosine:.2f}\nr {r:.2f}"
    seen.page.select_option("[name=filter]", "return")
    assert seen.page.locator("#count").inner_text() == f"{found.returns.sum()} units"
    seen.page.select_option("[name=filter]", "new-0")
    assert matches.count() == len(found.new[1])
    seen.page.select_option("[name=filter]", "new-1")
    assert matches.count() == 0
    assert seen.page.locator("#none").is_visible()
    assert seen.errors == []
    assert {url for url in seen.requests if not url.startswith("data:")} == {seen.url}


@pytest.mark.slow
@in_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_people_out_or_sticks_out(page, opened, scheme):
    has_room_and_keeps_nobody_out(opened, page[1], scheme)


@in_browser
def test_without_scripts_the_table_and_the_units_are_seen(page, opened):
    seen = opened(page[1], java_script_enabled=False)
    assert seen.page.locator("table").is_visible()
    assert seen.page.locator("noscript img.strip").count() == 3
    assert seen.page.locator("noscript img.strip").first.bounding_box()["width"] > 300
