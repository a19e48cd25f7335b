"""What files answer: one array, chosen among several, of rows or images."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from rhohat import DataFileError, load_images, load_rows
from rhohat.files.formats import FORMATS
from rhohat.rows.file_format import ANY, Selection, finite_floats, told
from rhohat.rows.stores import is_stored
from support.photographs import COLOR


def test_one_color_image_is_told_by_its_last_axis(tmp_path):
    np.save(tmp_path / "a.npy", COLOR)
    assert load_images(tmp_path / "a.npy", color=True).images[0].shape == COLOR.shape


def test_key_chooses_among_arrays_and_the_error_lists_them(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.eye(3), z=np.eye(4), labels=np.ones(3))
    assert_array_equal(load_rows(tmp_path / "a.npz", key="x"), np.eye(3))
    with pytest.raises(DataFileError, match=r"z \(4, 4\), x \(3, 3\), labels \(3,\)\. .*--key z "):
        load_rows(tmp_path / "a.npz")
    with pytest.raises(DataFileError, match="no array 'y'"):
        load_rows(tmp_path / "a.npz", key="y")


def test_an_array_beside_a_bad_one_is_read_and_the_bad_one_is_told(tmp_path):
    np.savez(tmp_path / "a.npz", bad=np.array([{}]), good=np.eye(3))
    assert_array_equal(load_rows(tmp_path / "a.npz", key="good"), np.eye(3))
    assert_array_equal(load_rows(tmp_path / "a.npz"), np.eye(3))
    content = FORMATS["npz"].look(tmp_path / "a.npz", ANY)
    assert "bad (holds Python objects" in content.note
    assert content.array == "good"
    with pytest.raises(DataFileError, match="'bad', which cannot be read: holds Python objects"):
        load_rows(tmp_path / "a.npz", key="bad")


def test_axes_are_those_that_are_given(tmp_path):
    X = np.arange(24.0).reshape(4, 6)
    np.save(tmp_path / "x.npy", X)
    assert_array_equal(load_rows(tmp_path / "x.npy", transpose=True), X.T)
    assert_array_equal(load_rows(tmp_path / "x.npy", axes="cn"), X.T)
    assert_array_equal(load_images(tmp_path / "x.npy", axes="HW").images, X[None])
    with pytest.raises(ValueError, match="axes must be one of NC, HW"):
        load_rows(tmp_path / "x.npy", axes="NX")
    with pytest.raises(DataFileError, match=r"has 2 axes, but --axes NHW names 3"):
        load_rows(tmp_path / "x.npy", axes="NHW")


def test_rows_whose_axes_are_moved_are_opened_in_memory(tmp_path):
    X = np.arange(24.0).reshape(4, 6)
    np.save(tmp_path / "x.npy", X)
    for selection, rows in ((Selection(transpose=True), X.T), (Selection(axes="NC"), X)):
        source = FORMATS["npy"].open(tmp_path / "x.npy", selection)
        assert_array_equal(source.read(0, len(rows)).X, rows)
        assert is_stored(source) == (rows is X)


def test_a_selection_is_told_as_arguments_and_as_options():
    selection = Selection("x", transpose=True, axes=None)
    assert selection.keywords() == ["key='x'", "transpose=True"]
    assert selection.options() == ["--key", "x", "--transpose"]
    assert Selection(axes="nchw").options() == ["--axes", "NCHW"]


def test_axes_of_photographs_are_known(tmp_path):
    Image.fromarray(COLOR).save(tmp_path / "a.png")
    with pytest.raises(DataFileError, match="whose axes are known: leave out --axes"):
        load_images(tmp_path / "a.png", axes="HWC")


def test_a_selection_is_written_as_it_is_typed():
    selection = Selection("x", columns="a", one_hot=["b", "c d"], missing="drop", heading=False)
    assert selection.options() == [
        *("--key", "x", "--columns", "a", "--one-hot", "b", "--one-hot", "c d"),
        *("--missing", "drop", "--no-heading"),
    ]
    assert ", ".join(selection.keywords()) == (
        "key='x', columns=['a'], one_hot=['b', 'c d'], missing='drop', heading=False"
    )
    assert Selection(like=("a", "b")).options() == []


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


def test_of_numbers_that_are_none_the_first_is_named():
    array = np.zeros((3, 4))
    array[1, 2] = array[1, 3] = array[2, 0] = np.nan
    with pytest.raises(DataFileError, match=r"NaN or infinity in 3 places, the first at \(1, 2\)"):
        finite_floats(array)
