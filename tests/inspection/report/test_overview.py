"""The overview that a page opens with: what was learned, whether it is good, what to do next."""

import html
import re

import numpy as np
import pytest
from sklearn.datasets import load_digits
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
from rhohat.inspection.diagnosis import ASPECTS, ROWS, Change, Check, Finding
from rhohat.inspection.report.overview import find_overview
from rhohat.inspection.report.page import report_of
from rhohat.inspection.report.sections import cards_of
from rhohat.inspection.report.subject import Making, subjects_of
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
    pattern = r'<details class="(opening[^>]*)>\s*<summary>(.*?)</summary>(.*?)</details>'
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
    assert text.startswith("12 units have learned to reconstruct 800 rows. They explain")
    assert diagnosis.facts in text
    assert content.count("<li>") == len(diagnosis.findings) > 0
    assert '<li class="mistake">sparse' in content
    for finding in diagnosis.findings:
        assert " ".join(str(finding).split()) in text
    assert "weight='auto'" in text
    assert "Next:" not in text


def test_a_page_of_a_good_model_says_so_and_how_to_go_on(good):
    ((_, headline, content),) = opening(report(good, X).html)
    assert headline == "The features look good: no problem was found."
    assert content.count('<li class="good">') == content.count("<li") == len(ASPECTS)
    next_step = "Next: look through the gallery below, then put the features to use."
    assert next_step in text_of(content)


def test_it_stands_above_units_and_model_and_is_no_card_among_them():
    page = report(spoiled(), X).html
    at = page.index('<details class="opening mistake"')
    assert page.index("<main") < at < page.index('id="units-part"') < page.index('id="model-part"')
    assert not re.search(r'<article[^>]*id="overview', page)
    assert page.count('id="overview') == 1


def test_without_data_it_says_that_data_would_tell():
    ((tag, headline, content),) = opening(report(spoiled()).html)
    assert "opening unknown" in tag
    assert headline == "No data were given, so this page cannot tell whether the features are good."
    assert text_of(content).startswith("12 units were learned.")
    assert 'class="aspects"' not in content


def test_every_layer_of_a_stack_is_judged(stack, digits):
    """Each by what it rebuilds: the layer below."""
    subjects = subjects_of(stack, digits)
    overview = find_overview(subjects[-1])
    assert [layer.name for layer in overview.layers] == [s.layer.name for s in subjects]
    X = digits
    for autoencoder, layer in zip(stack.layers_, overview.layers, strict=True):
        assert str(layer.diagnosis) == str(diagnose(autoencoder, X))
        X = autoencoder.transform(X)
    ((_, headline, content),) = opening(report(stack, digits).html)
    assert headline == overview.verdict
    for layer in overview.layers:
        assert f"<h2>{layer.name.capitalize()}</h2>" in content
        assert layer.facts in text_of(content)
    chain = make_pipeline(*stack.layers_[:2])
    told = find_overview(subjects_of(chain, digits)[-1])
    assert [str(x.diagnosis) for x in told.layers] == [
        str(x.diagnosis) for x in overview.layers[:2]
    ]


def test_of_a_classifier_it_says_what_can_be_said_without_labels(classifier, digits):
    subjects = subjects_of(classifier, digits)
    assert all(subject.diagnosis is None for subject in subjects)
    overview = find_overview(subjects[-1])
    told = overview.layers[-1].told
    assert f"have learned to distinguish {len(classifier.classes_)} classes" in told
    n_dead = len(subjects[-1].responses.dead)
    assert overview.state == ("mistake" if n_dead else "unknown")
    assert f"{n_dead} of {subjects[-1].layer.n_units} are dead" in overview.layers[-1].facts


def test_of_a_classifier_with_labels_it_says_how_often_it_is_right(classifier, digits):
    y = load_digits().target
    overview = find_overview(subjects_of(classifier, digits, labels=y)[-1])
    right = np.mean(classifier.predict(digits) == y)
    usual = np.bincount(y).max() / len(y)
    assert overview.verdict == (
        f"The classifier is right for {right:.1%} of {len(y):,} labeled examples; always guessing "
        f"the most common class would be right for {usual:.1%}."
    )
    assert overview.state == "good"
    shuffled = np.random.RandomState(0).permutation(y)
    assert find_overview(subjects_of(classifier, digits, labels=shuffled)[-1]).state == (
        "good" if np.mean(classifier.predict(digits) == shuffled) > usual else "mistake"
    )


def test_it_names_data_date_and_duration_and_lines_to_copy(monkeypatch):
    making = Making("rhohat learn x.csv", "x.csv", 12.34, {"Encode": ["rhohat encode", "y"]})
    (subject,) = subjects_of(spoiled(), X, making=making)
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    page = report_of([subject]).html
    assert "<h1>12 features of x.csv</h1>" in page
    ((_, _, content),) = opening(page)
    assert re.search(r"Learned in 12.3 s. Page made on \d{4}-\d\d-\d\d\.", text_of(content))
    assert re.search(r"<dt>Encode</dt>\s*<dd><pre[^>]*data-copied>rhohat encode\ny</pre>", content)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    ((_, _, content),) = opening(report_of([subject]).html)
    assert text_of(content).endswith("Page made on 1970-01-02.")


def test_texts_stay_texts(monkeypatch):
    def hostile(case):
        change = Change({"solver": "<img src=x onerror=alert(1)>"})
        yield Finding("hostile", "<script>alert(2)</script>", "{{ 7 * 7 }} & <i>", 1, 0, change)

    monkeypatch.setattr("rhohat.inspection.diagnosis.CHECKS", {"hostile": Check(hostile, "data")})
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


def many_rows(rng):
    """More than are looked at."""
    rows = planted(ROWS + 300)[0]
    return SparseAutoencoder(8, max_iter=5, random_state=0).fit(rows), rows


@pytest.mark.parametrize("make", [patches, windows, filtered, rows, many_rows])
def test_it_is_the_diagnosis_of_the_data_that_are_shown(make, rng):
    model, data = make(rng)
    (subject,) = subjects_of(model, data)
    assert str(subject.diagnosis) == str(diagnose(model, data))
    assert find_overview(subject).layers[0].diagnosis is subject.diagnosis


def test_it_counts_units_that_look_for_edges(photographs):
    units = SparseAutoencoder(16, sparsity_penalty=KLSparsity(0.02), max_iter=60, random_state=0)
    cut = PatchExtractor(8, n_patches=900, random_state=0)
    model = make_pipeline(OneOverFWhitening(), cut, PatchNormalizer(), units)
    (subject,) = subjects_of(model.fit(photographs.images), photographs)
    edges = round(subject.portrait.edges.edge_share * 16)
    assert find_overview(subject).layers[0].told == (
        f"16 units have learned to reconstruct 900 patches of 10 images. {edges} of them look for "
        "edges."
    )


def test_it_counts_units_that_look_for_one_band(rng):
    model, sounds = windows(rng)
    (subject,) = subjects_of(model, sounds)
    clear = int(subject.portrait.bands.is_clear.sum())
    assert find_overview(subject).layers[0].told == (
        f"6 units have learned to reconstruct 200 windows of 3 recordings. {clear} of them look "
        "for one band of frequencies."
    )


def test_only_the_overview_opens_a_page():
    (subject,) = subjects_of(spoiled(), X)
    assert [card.id for card in cards_of([subject]) if card.section.is_opening] == ["overview"]


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
