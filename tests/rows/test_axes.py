"""Axes: told by a shape where one reading is plausible, and by letters."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rhohat import DataFileError
from rhohat.rows.axes import LETTERS, arrange, check_axes, matlab_axes, usual_axes

USUAL, MATLAB = usual_axes, matlab_axes
#: Shapes that are read in one way without a word: the kind, and the shape of what is read.
TOLD = [
    (USUAL, (50, 8), "rows", (50, 8)),
    (USUAL, (9, 28, 28), "images", (9, 28, 28)),
    (USUAL, (20, 30, 3), "images", (1, 20, 30, 3)),
    (USUAL, (9, 20, 30, 3), "images", (9, 20, 30, 3)),
    (USUAL, (9, 20, 30, 1), "images", (9, 20, 30, 1)),
    (USUAL, (9, 3, 20, 30), "images", (9, 20, 30, 3)),
    (USUAL, (9, 1, 20, 30), "images", (9, 20, 30, 1)),
    (USUAL, (20, 30, 3, 9), "images", (9, 20, 30, 3)),
    (MATLAB, (50, 8), "rows", (50, 8)),
    (MATLAB, (28, 28, 5000), "images", (5000, 28, 28)),
    (MATLAB, (512, 512, 10), "images", (10, 512, 512)),
    (USUAL, (32, 129, 9), "images", (32, 129, 9)),  # a scene is at most four times as long as wide
    (USUAL, (129, 32, 9), "images", (129, 32, 9)),
    (MATLAB, (20, 30, 3, 9), "images", (9, 20, 30, 3)),
    (MATLAB, (9, 3, 20, 30), "images", (9, 20, 30, 3)),
]
#: Shapes that are read, but may mean something else: an option that the note names.
NOTED = [
    (USUAL, (40, 50, 30), "HWC"),
    (USUAL, (145, 145, 200), "HWC"),
    (USUAL, (3, 20, 20), "CHW"),
    (USUAL, (32, 128, 9), "HWC"),
    (USUAL, (128, 32, 9), "HWC"),
    (MATLAB, (145, 145, 200), "HWC"),
    (MATLAB, (20, 30, 3), "HWN"),
]


@pytest.mark.parametrize(("guess", "shape", "kind", "read"), TOLD)
def test_one_plausible_reading_is_taken(guess, shape, kind, read):
    found = arrange(shape, None, False, guess)
    assert (found.kind, found.shape, found.note) == (kind, read, "")
    assert found.of(np.zeros(shape)).shape == read


@pytest.mark.parametrize(("guess", "shape", "letters"), NOTED)
def test_another_reading_is_noted_with_the_option_that_has_it(guess, shape, letters):
    found = arrange(shape, None, False, guess)
    assert f"--axes {letters}" in found.note
    assert arrange(shape, letters, False, guess).note == ""


@pytest.mark.parametrize("shape", [(4, 32, 33, 7), (9,), (1,), (), (2, 2, 2, 2, 2)])
def test_where_no_reading_is_plausible_the_user_is_asked(shape):
    with pytest.raises(DataFileError, match="--axes" if len(shape) == 4 else "expected"):
        arrange(shape, None, False, usual_axes)


def test_every_order_of_letters_gives_the_same_array():
    array = np.arange(2 * 4 * 5 * 3).reshape(2, 4, 5, 3)
    for order in itertools.permutations(range(4)):
        letters = "".join("NHWC"[axis] for axis in order)
        moved = array.transpose(order)
        assert_array_equal(arrange(moved.shape, letters, False, usual_axes).of(moved), array)


@pytest.mark.parametrize("letters", ["HWC", "CHW", "HCW"])
def test_pixels_of_a_cube_are_rows_line_by_line(letters):
    cube = np.arange(4 * 5 * 6).reshape(4, 5, 6)
    moved = cube.transpose(["HWC".index(letter) for letter in letters])
    found = arrange(moved.shape, letters, False, usual_axes)
    assert (found.kind, found.scene) == ("rows", (4, 5))
    assert_array_equal(found.of(moved), cube.reshape(20, 6))


def test_examples_in_columns_are_transposed():
    X = np.arange(12).reshape(3, 4)
    assert_array_equal(arrange(X.shape, None, True, usual_axes).of(X), X.T)
    with pytest.raises(DataFileError, match="--transpose is only for rows"):
        arrange((3, 4, 5), None, True, usual_axes)
    with pytest.raises(DataFileError, match="leave out --transpose"):
        arrange((3, 4), "CN", True, usual_axes)


def test_letters_are_those_of_rows_or_images():
    assert check_axes("nchw") == "NCHW"
    for wrong in ("", "N", "NN", "NCX", "NH", "NHC", "NCNC", "W"):
        with pytest.raises(ValueError, match="axes must be one of") as caught:
            check_axes(wrong)
        assert all(what in str(caught.value) for what in LETTERS.values())
