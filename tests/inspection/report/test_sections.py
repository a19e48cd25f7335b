"""Sections: each is told of the layers that it is about, in the order of the table."""

import re

import pytest

from rhohat import SparseAutoencoder, StackedAutoencoder
from rhohat.inspection.report.charts import Chart
from rhohat.inspection.report.maps import Atlas
from rhohat.inspection.report.page import report_of
from rhohat.inspection.report.reconstructions import Pairs
from rhohat.inspection.report.sections import SECTIONS, cards_of
from rhohat.inspection.report.subject import subjects_of


@pytest.fixture(scope="module")
def subjects(digits):
    """A stack of two layers, on digits."""
    layer = SparseAutoencoder(max_iter=4)
    stack = StackedAutoencoder((6, 4), estimator=layer, random_state=0)
    return subjects_of(stack.fit(digits), digits, shape=(8, 8))


def test_cards_stand_by_layers_and_then_in_the_order_of_the_table(subjects):
    found = [(card.number, card.section) for card in cards_of(subjects)]
    rows = list(SECTIONS.values())
    assert found == sorted(found, key=lambda card: (card[0], rows.index(card[1])))
    for section in {section for _, section in found}:
        told = [number for number, other in found if other is section]
        expected = {"each layer": [0, 1], "first layer": [0], "last layer": [1]}
        assert set(told) <= set(expected[section.told_of])


def test_each_section_is_found_in_the_module_of_its_name():
    modules = {name: section.find.__module__ for name, section in SECTIONS.items()}
    assert modules == {name: f"rhohat.inspection.report.{name}" for name in SECTIONS}


def test_a_title_names_the_layer_if_several_are_told_of(subjects):
    html, name = report_of(subjects).html, subjects[0].layer.name
    for card in cards_of(subjects):
        ends = "</(?:article|details)>"
        (content,) = re.findall(rf' id="{card.id}"[^>]*>(.*?){ends}', html, re.DOTALL)
        title = re.findall("<h3>(.*?)</h3>", content)
        names_it = [f"layer {card.number + 1}" in text for text in title]
        assert names_it == [card.section.told_of == "each layer"] * (not card.section.is_opening)
    alone = report_of(subjects_of(subjects[0].layer.estimator)).html
    assert name == "layer 1"
    assert not any("layer" in title for title in re.findall("<h3>(.*?)</h3>", alone))


def test_each_card_has_an_address_of_its_own_on_the_page(subjects):
    cards, html = cards_of(subjects), report_of(subjects).html
    addresses = [card.id for card in cards]
    assert len(set(addresses)) == len(addresses)
    opening = [card.id for card in cards if card.section.is_opening]
    others = [address for address in addresses if address not in opening]
    assert re.findall(r'<article[^>]* id="([\w-]+)"', html) == others
    assert re.findall(r'<div id="([\w-]+)" data-opening', html) == opening


def test_the_script_is_asked_to_draw_what_is_found(subjects):
    marks = {
        Chart: 'data-chart="{}"',
        Pairs: 'data-pairs="{}"',
        Atlas: 'data-atlas="{}"',
    }
    drawn = [item for card in cards_of(subjects) for item in card.drawings.items()]
    assert {type(drawing) for _, drawing in drawn} == set(marks)
    for card in cards_of(subjects):
        for name, drawing in card.drawings.items():
            assert marks[type(drawing)].format(name) in card.section.html


def test_a_section_with_nothing_to_tell_has_no_card(subjects):
    names = {card.id.partition("-")[0] for card in cards_of(subjects)}
    # Not whitened, no sound, more than one layer, no classifier, and rows that are whole.
    assert names == SECTIONS.keys() - {"spectrum", "bands", "confusion", "whole"}
