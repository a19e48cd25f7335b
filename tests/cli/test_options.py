"""Options, and the configuration file that sets them."""

from rhohat.cli.options import SETTINGS
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.decoders import DECODERS
from rhohat.objective.penalties import PENALTIES


def test_choices_are_the_rows_of_the_tables():
    tables = {"penalty": PENALTIES, "activation": ACTIVATIONS, "decoder": DECODERS}
    for name, table in tables.items():
        assert list(SETTINGS[name].type.choices) == list(table)
