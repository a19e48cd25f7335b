"""Arrays of other libraries that hold no rows."""

import dask.array
import h5py
import pytest
import zarr

from rhohat.rows.opening import open_store

ARRAYS = {
    "dask": lambda folder, shape: dask.array.zeros(shape),
    "zarr": lambda folder, shape: zarr.create_array(folder / "x.zarr", shape=shape, dtype="f4"),
    "hdf5": lambda folder, shape: h5py.File(folder / "x.h5", "w").create_dataset("x", shape, "f4"),
}


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (), (5,)])
@pytest.mark.parametrize("library", ARRAYS)
def test_an_array_without_rows_or_columns_is_refused_with_its_shape(library, shape, tmp_path):
    array = ARRAYS[library](tmp_path, shape)
    with pytest.raises(ValueError, match=r"has shape \(.*\), expected \(rows, columns\)"):
        open_store(array)
