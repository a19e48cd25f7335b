"""A card about the model is one row of SECTIONS, and nothing else."""

import json
import re
from dataclasses import dataclass

import numpy as np
import pytest

from rhohat import SparseAutoencoder, StackedAutoencoder, report
from rhohat.inspection.report.charts import Axis, Chart, Plot
from rhohat.inspection.report.sections import SECTIONS, Section
from support.pages import in_browser


@dataclass(frozen=True)
class Biases:
    """A toy: the units' biases, sorted."""

    greatest: float
    curve: Chart


def find_biases(subject):
    biases = np.sort(subject.layer.encoders[-1].bias)
    axes = Axis("unit"), Axis("bias")
    return Biases(biases[-1], Chart(*axes, np.arange(len(biases)), "All biases.", dots=biases))


BIASES = '<p>{{ "%.3f" % found.greatest }} & less.</p><div data-chart="curve"></div>'


@pytest.fixture
def biases(monkeypatch):
    monkeypatch.setitem(SECTIONS, "biases", Section(find_biases, "Biases", BIASES))


def test_its_row_makes_a_card_of_each_layer(rng, biases):
    model = StackedAutoencoder((5, 3), estimator=SparseAutoencoder(max_iter=3), random_state=0)
    html = report(model.fit(rng.rand(40, 6))).html
    for number, layer in enumerate(model.layers_):
        card = re.search(rf'<article[^>]*id="biases-{number}".*?</article>', html, re.DOTALL)
        assert f"<p>{layer.encoder_bias_.max():.3f} & less.</p>" in card.group()
        data = json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL).group(1))
        dots = data["drawings"][f"biases-{number}"]["curve"]["dots"]
        np.testing.assert_allclose(dots, np.sort(layer.encoder_bias_), rtol=1e-5)


@pytest.mark.parametrize(("told_of", "number"), [("first layer", 0), ("last layer", 1)])
def test_it_may_be_told_of_one_layer(rng, monkeypatch, told_of, number):
    model = StackedAutoencoder((5, 3), estimator=SparseAutoencoder(max_iter=3), random_state=0)
    monkeypatch.setitem(SECTIONS, "biases", Section(find_biases, "Biases", BIASES, told_of=told_of))
    html = report(model.fit(rng.rand(40, 6))).html
    assert html.count("<h3>Biases</h3>") == 1
    greatest = model.layers_[number].encoder_bias_.max()
    assert f"<p>{greatest:.3f} & less.</p>" in html


def test_a_chart_and_what_it_shows_need_no_template(rng, monkeypatch):
    def find_plot(subject):
        return Plot("What <all> units have.", find_biases(subject).curve)

    monkeypatch.setitem(SECTIONS, "biases", Section(find_plot, "Biases"))
    model = SparseAutoencoder(4, max_iter=3, random_state=0).fit(rng.rand(40, 6))
    html = report(model).html
    told = "<h3>Biases</h3>\n<p>What &lt;all&gt; units have.</p>\n<div data-chart"
    assert told in html
    drawn = json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL).group(1))["drawings"]
    np.testing.assert_allclose(
        drawn["biases-0"]["chart"]["dots"], np.sort(model.encoder_bias_), rtol=1e-5
    )


def test_it_may_have_nothing_to_tell(rng, monkeypatch):
    monkeypatch.setitem(SECTIONS, "biases", Section(lambda subject: None, "Biases", BIASES))
    model = SparseAutoencoder(4, max_iter=3, random_state=0).fit(rng.rand(40, 6))
    assert "Biases" not in report(model).html


@in_browser
def test_the_script_draws_its_chart(rng, biases, tmp_path, opened):
    from playwright.sync_api import expect

    model = SparseAutoencoder(7, max_iter=3, random_state=0).fit(rng.rand(40, 6))
    report(model).save(tmp_path / "page.html")
    seen = opened(tmp_path / "page.html")
    seen.page.goto(seen.url + "#model")
    seen.expect("#biases-0 h3").to_be_visible()
    expect(seen.page.locator("#biases-0 svg .dot")).to_have_count(7)
    assert seen.errors == []
