"""The verdict that a page opens with: what was learned, whether it is good, what to do next."""

import html
import re

import pytest
from sklearn.pipeline import make_pipeline

from rhohat import (
    KLSparsity,
    OneOverFWhitening,
    PatchExtractor,
    PatchNormalizer,
    SparseAutoencoder,
    Standardization,
    WaveformExtractor,
    Whitening,
    WindowExtractor,
    choose,
    diagnose,
    report,
)
from rhohat.inspection.diagnosis import Change, Finding
from rhohat.inspection.report.sections import cards_of
from rhohat.inspection.report.subject import subjects_of
from rhohat.inspection.report.verdict import find_verdict
from support.dictionaries import planted
from support.pages import in_browser

X = planted(800)[0]


def spoiled():
    """A model without a penalty."""
    units = SparseAutoencoder(12, sparsity_penalty="none", weight_decay=1e-3, random_state=0)
    return make_pipeline(Standardization(), units).fit(X)


@pytest.fixture(scope="module")
def good():
    return choose(X, 16).pipeline_


def opening(page):
    """Openings of the page: the attributes of each, its headline and its content."""
    pattern = r'<details class="opening"([^>]*)>\s*<summary>(.*?)</summary>(.*?)</details>'
    found = re.findall(pattern, page, re.DOTALL)
    return [(tag, html.unescape(headline), content) for tag, headline, content in found]


def text_of(content):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", content)).split())


def test_a_page_opens_with_what_is_wrong_and_what_to_do():
    model = spoiled()
    page, diagnosis = report(model, X).html, diagnose(model, X)
    ((tag, headline, content),) = opening(page)
    assert " open" in tag
    assert headline == diagnosis.verdict
    assert headline.startswith("The features can be better. Units are not sparse")
    text = text_of(content)
    assert text.startswith("12 units have learned to rebuild 800 examples. They explain")
    assert diagnosis.facts in text
    assert content.count("<li>") == len(diagnosis.findings) > 0
    for finding in diagnosis.findings:
        assert " ".join(str(finding).split()) in text
    assert "weight='auto'" in text
    assert "Next:" not in text


def test_a_page_of_a_good_model_says_so_and_how_to_go_on(good):
    ((_, headline, content),) = opening(report(good, X).html)
    assert headline == "No mistake was found."
    assert "<li>" not in content
    assert text_of(content).endswith(
        "Next: look through the gallery, and give the features to what they are for."
    )


def test_it_stands_above_units_and_model_and_is_no_card_among_them():
    page = report(spoiled(), X).html
    at = page.index('<details class="opening"')
    assert page.index("<main") < at < page.index('id="units-part"') < page.index('id="model-part"')
    assert not re.search(r'<article[^>]*id="verdict', page)
    assert page.count('id="verdict') == 1


def test_it_tells_nothing_without_data_or_of_networks(stack, classifier, digits):
    alone = spoiled()
    for page in (report(alone), report(stack, digits), report(classifier, digits)):
        assert opening(page.html) == []
    for subject in (*subjects_of(alone), *subjects_of(stack, digits)):
        assert subject.diagnosis is None
        assert find_verdict(subject) is None
    chain = make_pipeline(*stack.layers_[:2])
    assert opening(report(chain, digits).html) == []


def test_texts_stay_texts(monkeypatch):
    def hostile(case):
        change = Change({"solver": "<img src=x onerror=alert(1)>"})
        yield Finding("hostile", "<script>alert(2)</script>", "{{ 7 * 7 }} & <i>", 1, 0, change)

    monkeypatch.setattr("rhohat.inspection.diagnosis.CHECKS", {"hostile": hostile})
    page = report(spoiled(), X).html
    ((_, headline, content),) = opening(page)
    assert headline == "The features can be better. <script>alert(2)</script>"
    for raw in ("<script>alert", "<img src=x", "<i>"):
        assert raw not in page
    assert "{{ 7 * 7 }} & <i> Change: SparseAutoencoder(solver='<img" in text_of(content)


def patches(rng):
    images = list(rng.rand(6, 12, 12))
    units = SparseAutoencoder(30, sparsity_penalty=KLSparsity(0.05, 0.1), random_state=0)
    cut = PatchExtractor(4, n_patches=150, random_state=0)
    return make_pipeline(cut, PatchNormalizer(), units).fit(images), images


def windows(rng):
    sounds = list(rng.randn(3, 3000))
    cut = WindowExtractor(20, n_windows=200, random_state=0)
    units = SparseAutoencoder(6, max_iter=10, random_state=0)
    return make_pipeline(WaveformExtractor(8000), cut, Whitening(), units).fit(sounds), sounds


def filtered(rng):
    images = list(rng.randn(4, 40, 40))
    cut = PatchExtractor(5, n_patches=200, random_state=0)
    units = SparseAutoencoder(30, max_iter=10, random_state=0)
    steps = OneOverFWhitening(), cut, PatchNormalizer(), units
    return make_pipeline(*steps).fit(images), images


def rows(rng):
    return spoiled(), X


@pytest.mark.parametrize("make", [patches, windows, filtered, rows])
def test_it_is_the_diagnosis_of_the_data_that_are_shown(make, rng):
    model, data = make(rng)
    (subject,) = subjects_of(model, data)
    assert str(subject.diagnosis) == str(diagnose(model, data))
    assert find_verdict(subject).diagnosis is subject.diagnosis


def test_it_counts_units_that_look_for_edges(photographs):
    units = SparseAutoencoder(16, sparsity_penalty=KLSparsity(0.02), max_iter=60, random_state=0)
    cut = PatchExtractor(8, n_patches=900, random_state=0)
    model = make_pipeline(OneOverFWhitening(), cut, PatchNormalizer(), units)
    (subject,) = subjects_of(model.fit(photographs.images), photographs)
    edges = round(subject.portrait.edges.edge_share * 16)
    assert find_verdict(subject).learned == (
        f"16 units have learned to rebuild 900 examples. {edges} of them look for edges."
    )


def test_it_counts_units_that_look_for_one_band(rng):
    model, sounds = windows(rng)
    (subject,) = subjects_of(model, sounds)
    clear = int(subject.portrait.bands.is_clear.sum())
    assert find_verdict(subject).learned == (
        "6 units have learned to rebuild 200 examples. "
        f"{clear} of them look for one band of frequencies."
    )


def test_only_the_verdict_opens_a_page(default):
    (subject,) = subjects_of(default[0])
    assert not any(card.section.is_opening for card in cards_of([subject]))
    (subject,) = subjects_of(spoiled(), X)
    assert [card.id for card in cards_of([subject]) if card.section.is_opening] == ["verdict"]


@pytest.mark.slow
@in_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_open_can_be_folded_away_and_keeps_nobody_out(scheme, opened, tmp_path):
    from axe_playwright_python.sync_playwright import Axe

    report(spoiled(), X).save(tmp_path / "page.html")
    seen = opened(tmp_path / "page.html", color_scheme=scheme)
    seen.expect(".opening ol li").to_be_visible()
    found = Axe().run(seen.page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
    boxes = [seen.page.locator(name).bounding_box()["y"] for name in (".opening", "#gallery")]
    assert boxes[0] < boxes[1]
    seen.page.click(".opening summary")
    seen.expect(".opening ol li").not_to_be_visible()
    assert seen.errors == []
