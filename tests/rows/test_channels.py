"""Channels by names or numbers."""

import pytest

from rhohat import DataFileError
from rhohat.rows.channels import chosen_channels

NAMES = ("Fpz", "Pz", "1", "Pz")


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [(None, [0, 1, 2, 3]), (["Fpz"], [0]), (["3", "0"], [3, 0]), (["1"], [2]), ([], [])],
)
def test_a_name_comes_before_a_number(wanted, chosen):
    assert chosen_channels(NAMES, wanted) == chosen


@pytest.mark.parametrize(
    ("names", "wanted", "said"),
    [
        (NAMES, ["Cz"], r"has 4 channels: Fpz, Pz, 1, Pz\. 'Cz' is not one"),
        (NAMES, ["4"], "'4' is not one"),
        (NAMES, ["Pz"], "the name of several: give its number"),
        (NAMES, ["0", "Fpz"], "asked for twice"),
        ((), None, "holds no channels"),
        ([str(n) for n in range(50)], ["x"], "and 30 more"),
    ],
)
def test_what_is_not_there_is_refused(names, wanted, said):
    with pytest.raises(DataFileError, match=said):
        chosen_channels(names, wanted)
