"""Numbers in the unit that suits."""

import pytest

from rhohat.cli.text import count, duration, gibibytes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (count(1, "row"), "1 row"),
        (count(0, "row"), "0 rows"),
        (count(6000, "row"), "6,000 rows"),
        (gibibytes(2**30 - 2**20), "1023 MiB"),
        (gibibytes(3 * 2**29), "1.5 GiB"),
        (duration(0.2), "1 s"),
        (duration(89), "89 s"),
        (duration(90), "2 min"),
        (duration(5400), "1.5 h"),
    ],
)
def test_numbers_have_the_unit_that_suits(text, expected):
    assert text == expected
