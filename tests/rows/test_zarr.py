"""Arrays of zarr: folders that are read a chunk at a time."""

import numpy as np
import pytest
import zarr

from rhohat import DataFileError
from rhohat.rows.file_format import Selection
from rhohat.rows.zarr import ZARR, ZarrArray
from support.stored import X, as_zarr


@pytest.mark.parametrize("rows", [1, 700, 5300])
def test_runs_are_those_of_the_array_however_it_is_cut(rows, tmp_path):
    source = ZarrArray(as_zarr(tmp_path, X[:900], rows))
    for start, stop in ((0, 1), (699, 701), (3, 900)):
        np.testing.assert_array_equal(source.read(start, stop).X, X[start:stop])


def test_one_of_several_arrays_in_a_group_is_chosen_by_its_name(tmp_path):
    group = zarr.open_group(tmp_path / "x.zarr", mode="w")
    for name, array in (("deep/a", X[:9]), ("b", X[:5])):
        group.create_array(name, shape=array.shape, dtype=array.dtype)[:] = array
    assert ZARR.look(tmp_path / "x.zarr", Selection(key="deep/a")).shape == (9, 8)
    np.testing.assert_array_equal(ZARR.read(tmp_path / "x.zarr", Selection(key="b")), X[:5])
    with pytest.raises(DataFileError, match="holds several arrays"):
        ZARR.look(tmp_path / "x.zarr", Selection())


@pytest.mark.parametrize(
    ("content", "message"), [("{", "cannot be decoded"), ("{}", "holds no array of numbers")]
)
def test_a_folder_of_something_else_is_refused(content, message, tmp_path):
    (tmp_path / "x.zarr").mkdir()
    (tmp_path / "x.zarr" / "zarr.json").write_text(content)
    with pytest.raises(DataFileError, match=message):
        ZARR.look(tmp_path / "x.zarr", Selection())
