"""The table of formats: each file has the row of its ending."""

import numpy as np
import pytest

from rhohat import DataFileError
from rhohat.rows.formats import FORMATS, by_suffix, format_of, is_folder_format, row_of


def test_every_ending_leads_to_its_row():
    rows = by_suffix()
    for row in FORMATS.values():
        assert all(rows[suffix] is row for suffix in row.suffixes)


def test_endings_may_be_in_capitals(tmp_path):
    np.save(tmp_path / "x.npy", np.eye(2))
    (tmp_path / "x.npy").rename(tmp_path / "X.NPY")
    assert format_of(tmp_path / "X.NPY") is FORMATS["npy"]


def test_the_longest_ending_counts(tmp_path):
    assert row_of(tmp_path / "x.CSV.gz") is FORMATS["text table"]
    assert row_of(tmp_path / "x.csv.npy") is FORMATS["npy"]
    assert row_of(tmp_path / "x.gz") is row_of(tmp_path / ".npy") is None


def test_folders_are_data_where_their_format_is_one_of_folders(tmp_path):
    assert is_folder_format(tmp_path / "x.zarr")
    assert not is_folder_format(tmp_path / "x.npy")
    assert not is_folder_format(tmp_path / "folder")


def test_what_has_no_row_or_is_no_such_file_is_refused(tmp_path):
    (tmp_path / "x.zarr").touch()
    (tmp_path / "folder.npy").mkdir()
    for name, message in (
        ("x.doc", r"ends in none of .*\.npy"),
        ("missing.npy", "is gone"),
        ("x.zarr", "is not a file"),
        ("folder.npy", "is not a file"),
    ):
        with pytest.raises(DataFileError, match=message):
            format_of(tmp_path / name)
