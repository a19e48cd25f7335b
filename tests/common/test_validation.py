"""Checks of parameters say what was expected, what came and what to do."""

from math import inf, nan

import numpy as np
import pytest

from rhohat.common.arrays import as_floats, float_dtype
from rhohat.common.validation import check_integer, check_pair, check_real, check_rows, look_up


@pytest.mark.parametrize("value", [0, 0.5, 1, np.float32(0.5), np.int64(1)])
def test_numbers_in_the_interval_are_returned_as_floats(value):
    number = check_real("share", value, low=0, high=1)
    assert type(number) is float
    assert number == value


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (-1e-9, ValueError, r"share must lie in \[0, 1\], got -1e-09"),
        (nan, ValueError, "share must lie in"),
        (inf, ValueError, "share must lie in"),
        ("0.5", TypeError, "share must be a number, got '0.5' of type str"),
        (True, TypeError, "share must be a number, got True of type bool"),
    ],
)
def test_other_numbers_are_refused_with_the_interval(value, error, message):
    with pytest.raises(error, match=message):
        check_real("share", value, low=0, high=1)


def test_open_ends_and_infinity_lie_outside():
    for value in (0, 1):
        with pytest.raises(ValueError, match=r"share must lie in \(0, 1\)"):
            check_real("share", value, low=0, high=1, open_ends=True)
    with pytest.raises(ValueError, match=r"weight must lie in \[0, inf\], got inf"):
        check_real("weight", inf, low=0)


def test_integers_are_whole_numbers_from_the_least_on():
    assert check_integer("n", np.int32(3), low=3) == 3
    with pytest.raises(ValueError, match="n must be at least 3, got 2"):
        check_integer("n", 2, low=3)
    for value in (3.0, True, "3"):
        with pytest.raises(TypeError, match="n must be an integer"):
            check_integer("n", value, low=3)


def test_one_number_stands_for_height_and_width():
    assert check_pair("size", 4) == check_pair("size", [4, 4]) == (4, 4)
    with pytest.raises(ValueError, match=r"size must be one number or \(height, width\)"):
        check_pair("size", (1, 2, 3))


def test_rows_of_a_table_are_looked_up_by_name_only():
    table = {"a": 1, "b": 2}
    assert look_up("letter", "b", table) == 2
    for value in ("c", 1, None, ["a"]):
        with pytest.raises(ValueError, match="letter must be one of 'a', 'b', got"):
            look_up("letter", value, table)


@pytest.mark.parametrize("dtype", ["bool", "i1", "u2", "f2", "i4", "u8", "f4", "f8", ">f4"])
def test_rows_of_every_type_of_numbers_keep_their_values(dtype):
    X = np.arange(6).reshape(2, 3).astype(dtype)
    rows = check_rows(X)
    assert rows.dtype == float_dtype(X.dtype)
    np.testing.assert_array_equal(rows, X)


def test_what_is_no_number_has_no_precision():
    with pytest.raises(TypeError, match="expected real numbers, got values of type complex128"):
        float_dtype(np.dtype(complex))


def test_weights_keep_their_precision_and_integers_become_floats():
    single = np.ones(3, np.float32)
    assert as_floats(single) is single
    assert as_floats([1, 2]).dtype == np.float64
