"""Settings and recipes: what is filled in is what there is."""

from dataclasses import fields
from inspect import signature

import pytest

from rhohat.objective.decoders import DECODERS
from rhohat.objective.penalties import PENALTIES
from rhohat.recipes.settings import OF_PENALTIES, RECIPES, SOUNDS, STANDARDIZED, Settings

ALL = {
    **RECIPES,
    "standardized": STANDARDIZED,
    **{name: sound.recipe for name, sound in SOUNDS.items()},
}
NAMES = {field.name for field in fields(Settings)}


@pytest.mark.parametrize("name", ALL)
def test_a_recipe_names_decoders_penalties_and_parameters_that_there_are(name):
    recipe = ALL[name]
    assert recipe.decoder in DECODERS
    for penalty, parameters in recipe.penalties.items():
        assert parameters.keys() <= signature(PENALTIES[penalty]).parameters.keys()
        assert parameters.keys() <= set(OF_PENALTIES.values())


@pytest.mark.parametrize("name", ALL)
def test_epsilon_belongs_to_what_whitens_rows(name):
    assert (ALL[name].epsilon is None) == (name in ("1/f", "none", "standardized"))


def test_what_sounds_and_penalties_are_filled_in_with_are_settings():
    assert OF_PENALTIES.keys() <= NAMES
    for sound in SOUNDS.values():
        assert sound.settings.keys() <= NAMES
