"""Columns: names that are places on an axis, and names that are not."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rhohat.inspection.columns import MOST_BARS, Columns


@pytest.mark.parametrize(
    ("names", "label", "places"),
    [
        (["400", "401.5", "410"], "column", [400, 401.5, 410]),
        (["400 nm", "500 nm"], "nm", [400, 500]),
        (["4000cm-1", "3998cm-1"], "cm-1", [4000, 3998]),
        (["-1e-3 s", "0 s", "1e-3 s"], "s", [-1e-3, 0, 1e-3]),
        ([9.5, 8.25, 1], "column", [9.5, 8.25, 1]),
        ([f"x{n}" for n in range(MOST_BARS + 1)], "x", range(MOST_BARS + 1)),
    ],
)
def test_names_that_are_numbers_are_places_on_an_axis(names, label, places):
    columns = Columns.of(len(names), names)
    assert (columns.label, columns.names) == (label, ())
    assert_array_equal(columns.places, places)
    assert not columns.are_bars


@pytest.mark.parametrize(
    "names",
    [
        ["hue", "ash"],
        ["x1", "x2"],
        ["2", "1", "3"],
        ["1", "1"],
        ["1 nm", "2 µm"],
        ["", "a"],
        ["0_1", "0_2"],
    ],
)
def test_other_names_are_written_at_bars(names):
    columns = Columns.of(len(names), names)
    assert columns.names == tuple(names)
    assert columns.are_bars


def test_too_many_names_for_bars_are_kept():
    names = [f"gene {'abc'[n % 3]}{n}" for n in range(MOST_BARS + 1)]
    columns = Columns.of(len(names), names)
    assert columns.names == tuple(names)
    assert not columns.are_bars


@pytest.mark.parametrize("names", [None, (), ("a", "b")])
def test_columns_without_names_of_their_own_are_counted(names):
    columns = Columns.of(3, names)
    assert_array_equal(columns.places, np.arange(3))
    assert columns.names == ()


def test_what_could_control_a_terminal_is_escaped():
    assert Columns.of(2, ["a\x1b[31m", "b\n"]).names == ("a\\x1b[31m", "b\\n")
