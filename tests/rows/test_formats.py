"""The table of formats: each file has the row of its ending."""

from pathlib import Path

import numpy as np
import pytest

from rhohat import DataFileError
from rhohat.rows.file_format import FileFormat
from rhohat.rows.formats import FORMATS, endings, format_named, format_of, is_folder_format


def test_every_ending_leads_to_its_row():
    for row in FORMATS.values():
        assert all(format_named(Path(f"x{suffix}")) is row for suffix in row.suffixes)


def test_endings_of_all_files_and_of_those_that_are_read_a_run_at_a_time_are_listed():
    assert {".npy", ".csv", ".png", ".fits"} <= set(endings())
    assert {".npy", ".parquet"} <= set(endings(opened=True))
    assert not {".png", ".jpg"} & set(endings(opened=True))
    assert set(endings(opened=True)) < set(endings())


def test_the_longest_ending_tells_the_format(monkeypatch):
    toy = FileFormat((".npy.gz", "-toy"), FORMATS["npy"].look, FORMATS["npy"].read)
    monkeypatch.setitem(FORMATS, "toy", toy)
    assert format_named(Path("x.NPY.gz")) is toy
    assert format_named(Path("folder.npy/x-toy")) is toy
    assert format_named(Path("x.npy")) is FORMATS["npy"]
    assert format_named(Path("toy")) is None


def test_a_folder_in_a_folder_of_a_format_is_of_this_format(tmp_path):
    (tmp_path / "x.zarr" / "group" / "b").mkdir(parents=True)
    assert is_folder_format(tmp_path / "x.zarr" / "group" / "b")
    (tmp_path / "x.zarr" / "file").touch()
    assert format_named(tmp_path / "x.zarr" / "file") is None


def test_endings_may_be_in_capitals(tmp_path):
    np.save(tmp_path / "x.npy", np.eye(2))
    (tmp_path / "x.npy").rename(tmp_path / "X.NPY")
    assert format_of(tmp_path / "X.NPY") is FORMATS["npy"]


def test_the_longest_ending_counts(tmp_path):
    assert format_named(tmp_path / "x.CSV.gz") is FORMATS["text table"]
    assert format_named(tmp_path / "x.csv.npy") is FORMATS["npy"]
    assert format_named(tmp_path / "x.gz") is None


def test_folders_are_data_where_their_format_is_one_of_folders(tmp_path):
    assert is_folder_format(tmp_path / "x.zarr")
    assert not is_folder_format(tmp_path / "x.npy")
    assert not is_folder_format(tmp_path / "folder")


def test_what_has_no_row_or_is_no_such_file_is_refused(tmp_path):
    (tmp_path / "x.zarr").touch()
    (tmp_path / "folder.npy").mkdir()
    for name, message in (
        ("x.doc", r"must end in one of .*\.npy"),
        ("missing.npy", "does not exist"),
        ("x.zarr", "is not a file"),
        ("folder.npy", "is not a file"),
    ):
        with pytest.raises(DataFileError, match=message):
            format_of(tmp_path / name)
