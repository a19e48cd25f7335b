"""What files answer: one array, chosen among several, of rows or images."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rhohat import DataFileError, load_images, load_rows
from rhohat.rows.file_format import told
from support.photographs import COLOR


def test_one_color_image_is_told_by_its_last_axis(tmp_path):
    np.save(tmp_path / "a.npy", COLOR)
    assert load_images(tmp_path / "a.npy", color=True).images[0].shape == COLOR.shape


def test_key_chooses_among_arrays_and_the_error_lists_them(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.eye(3), y=np.ones(3))
    assert_array_equal(load_rows(tmp_path / "a.npz", key="x"), np.eye(3))
    with pytest.raises(DataFileError, match=r"x \(3, 3\), y \(3,\)"):
        load_rows(tmp_path / "a.npz")
    with pytest.raises(DataFileError, match="no array 'z'"):
        load_rows(tmp_path / "a.npz", key="z")


def test_a_key_saves_an_array_beside_a_bad_one(tmp_path):
    np.savez(tmp_path / "a.npz", bad=np.array([{}]), good=np.eye(3))
    assert_array_equal(load_rows(tmp_path / "a.npz", key="good"), np.eye(3))
    with pytest.raises(DataFileError, match=r"bad \(holds Python objects.*good \(3, 3\)"):
        load_rows(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\ntwo", "one"),
        ("", "ValueError"),
        ("  \n x", "x"),
        ("a" * 300, "a" * 300),
        ("a" * 301 + "\nb", "a" * 297 + "..."),
    ],
)
def test_errors_of_libraries_are_told_in_one_short_line(text, expected):
    assert told(ValueError(text)) == expected
