"""What every kind of data answers, before any kind has its say."""

from pathlib import Path

import pytest

from rhohat.files.finding import DataFiles
from rhohat.recipes.data import Data, Request, Size
from rhohat.recipes.settings import RECIPES, Settings


class Plain(Data):
    """The least that a kind must tell."""

    kind, noun, described = "plain", "plain thing", "plain things"

    def read(self):
        self.content = [1, 2, 3]

    def variance(self):
        return 1.0

    loaded = property(lambda self: self.content)
    expression = property(lambda self: "[1, 2, 3]")

    def size(self, settings):
        return Size(3, 1, 8, 24)

    def raw_rows(self, model, convolution):
        return self.content


def plain():
    return Plain(Request(), DataFiles("plain", {}, [], []))


@pytest.mark.parametrize(("n_paths", "is_many"), [(0, False), (3, False), (4, True)])
def test_a_text_repeats_a_few_paths_only(n_paths, is_many):
    assert Request([Path(str(number)) for number in range(n_paths)]).has_many_paths == is_many


def test_a_kind_that_does_not_tell_how_it_is_read_cannot_be_made():
    class Unreadable(Plain):
        read = Data.read

    with pytest.raises(TypeError, match=r"abstract method '?read"):
        Unreadable(Request(), DataFiles("plain", {}, [], []))


def test_settings_are_left_as_they_are_by_a_kind_that_does_not_care():
    settings = Settings(whitening="zca")
    assert Plain.fill_in(settings, rows_are_images=False) is settings
    assert plain().fill_in_from_files(settings) is settings
    assert Plain.steps(settings) == []
    assert Plain.recipe(settings) is RECIPES["zca"]
    assert Plain.usual_whitening(settings) in RECIPES
