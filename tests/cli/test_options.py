"""Options, and the configuration file that sets them."""

import click
import pytest

from rhohat.cli.options import SETTINGS, Weight
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.decoders import DECODERS
from rhohat.objective.penalties import PENALTIES
from rhohat.preprocessing.standardization import SCALES


def test_choices_are_the_rows_of_the_tables():
    tables = {
        "penalty": PENALTIES,
        "activation": ACTIVATIONS,
        "decoder": DECODERS,
        "scale": SCALES,
    }
    for name, table in tables.items():
        assert list(SETTINGS[name].type.choices) == list(table)


@pytest.mark.parametrize(
    ("text", "weight"), [("auto", "auto"), ("0", 0.0), ("3.5", 3.5), ("1e-3", 1e-3)]
)
def test_a_weight_is_a_number_or_is_found(text, weight):
    assert Weight().convert(text, None, None) == weight


@pytest.mark.parametrize("text", ["Auto", "", "-1", "nan", "inf", "3,5"])
def test_whatever_else_is_no_weight(text):
    with pytest.raises(click.BadParameter):
        Weight().convert(text, None, None)
