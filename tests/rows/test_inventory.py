"""What a file holds: which array is meant, and what is told where this is not clear."""

import re
from fnmatch import fnmatchcase

import numpy as np
import pytest

from rhohat import DataFileError
from rhohat.rows.claims import BYTES_LIMIT
from rhohat.rows.inventory import LISTED, Entry, choose

F8 = np.dtype(float)


def chosen(key=None, **shapes):
    """What is chosen of arrays of these shapes; a text is why one cannot be read."""
    entries = {
        name: Entry(name, reason=value) if isinstance(value, str) else Entry(name, value, F8)
        for name, value in shapes.items()
    }
    return choose(entries, entries.__getitem__, key)


#: Files in which one array alone can be meant, and its name.
CLEAR = {
    "one array": ({"x": (5, 3)}, "x"),
    "one array, whatever it is called": ({"labels": (5, 3)}, "labels"),
    "one series": ({"DE": (4000, 1)}, "DE"),
    "labels of one dimension": ({"labels": (50,), "data": (50, 8)}, "data"),
    "a scalar of MATLAB": ({"bands": (1, 1), "data": (50, 8)}, "data"),
    "a column of labels": ({"X": (50, 8), "gt": (50, 1)}, "X"),
    "labels as a matrix": ({"y_train": (50, 10), "x_train": (50, 8)}, "x_train"),
    "labels as an image": ({"cube": (9, 9, 30), "classLabels": (9, 9)}, "cube"),
    "Y as data": ({"Y": (198, 1000), "nBand": (1, 1), "maxValue": (1, 1)}, "Y"),
    "bounds of netCDF": ({"t2m": (9, 8, 7), "time": (9,), "time_bnds": (9, 2)}, "t2m"),
    "fields of a structure": ({"S.X": (30, 4), "S.y": (30, 1), "S.name": "text"}, "S.X"),
}
#: Files in which it is not clear, and what is proposed.
UNCLEAR = {
    "training and test": ({"x_test": (10, 8), "x_train": (60, 8)}, "x_train"),
    "labels and a series": ({"labels": (5, 2), "DE": (4000, 1), "RPM": (1, 1)}, "DE"),
    "what cannot be read, and labels": ({"images": "a cell array", "labels": (5, 2)}, "labels"),
}


@pytest.mark.parametrize("file", CLEAR)
def test_the_array_that_alone_can_be_meant_is_taken(file):
    shapes, name = CLEAR[file]
    entry, facts = chosen(**shapes)
    assert entry.name == name
    assert facts["array"] == ("" if len(shapes) == 1 else name)


@pytest.mark.parametrize("file", UNCLEAR)
def test_where_it_is_not_clear_all_are_named_and_the_most_plausible_is_proposed(file):
    shapes, name = UNCLEAR[file]
    with pytest.raises(DataFileError, match=rf"--key {name} on the command line") as caught:
        chosen(**shapes)
    assert all(other in str(caught.value) for other in shapes)
    assert chosen(name, **shapes).entry.name == name


@pytest.mark.parametrize(("names", "pattern"), [("xy", "*"), (("run1", "run2"), "run*")])
def test_a_pattern_is_proposed_that_takes_all_that_can_be_read(names, pattern):
    with pytest.raises(
        DataFileError, match=rf"several with a pattern, --key '{re.escape(pattern)}'"
    ):
        chosen("z", **dict.fromkeys(names, (5, 2)))
    assert all(fnmatchcase(name, pattern) for name in names)


def test_no_pattern_is_proposed_where_one_can_be_read():
    with pytest.raises(DataFileError, match=r"'path::x' in fit$"):
        chosen("z", x=(5, 2), y="text")


RUNS = {"run1/x": (400,), "run2/x": (300, 1), "run3/x": "text", "run1/rate": (), "t": (400,)}


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("run*/x", ["run1/x", "run2/x"]),
        ("*", ["run1/x", "run2/x", "t"]),
        ("run[2-9]*", []),
        ("?", []),
    ],
)
def test_a_pattern_takes_all_that_fit_but_scalars(key, names):
    entry, facts = chosen(key, **RUNS)
    assert facts["matches"] == names
    assert entry.name == facts["array"] == {"run[2-9]*": "run2/x", "?": "t"}.get(key, "run1/x")
    assert ("run3/x (text)" in facts.get("note", "")) == (key != "?")


def test_an_array_that_is_called_like_a_pattern_is_that_array():
    assert chosen("x[1]", **{"x[1]": (5, 3), "x1": (5, 3)}).entry.name == "x[1]"


def test_a_pattern_that_nothing_fits_is_refused_with_what_there_is():
    with pytest.raises(DataFileError, match=r"no array 'z\*', but run1/x \(400,\)"):
        chosen("z*", **RUNS)


def test_what_cannot_be_read_is_told_beside_what_is_taken():
    assert "images (a cell array)" in chosen(images="a cell array", T=(50, 9)).facts["note"]


def test_what_holds_nothing_to_read_tells_what_it_holds():
    with pytest.raises(DataFileError, match=r"^holds no array of numbers, but S \(text\)$"):
        chosen(S="text")
    with pytest.raises(DataFileError, match=r"^holds no array of numbers$"):
        chosen()
    with pytest.raises(DataFileError, match=r"'S', which cannot be read: text"):
        chosen("S", S="text", x=(5, 3))
    with pytest.raises(DataFileError, match=r"^holds no array 'z', but x \(5, 3\)\. Choose one"):
        chosen("z", x=(5, 3))


def test_long_lists_and_names_are_cut():
    with pytest.raises(DataFileError, match=r"and 90 more\.") as caught:
        chosen(**{f"{'x' * 200}{i}": (5, 3) for i in range(100)})
    assert len(str(caught.value)) < 100 * (LISTED + 4)


def test_a_named_array_is_described_alone():
    asked = []

    def describe(name):
        asked.append(name)
        return Entry(name, (BYTES_LIMIT, 2), F8)

    choose(map(str, range(1000)), describe, "7")
    assert asked == ["7"]
