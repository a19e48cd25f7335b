"""netCDF: variables of versions 3 and 4, unpacked."""

import h5py
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rhohat import DataFileError, load_images, load_rows
from rhohat.files.formats import FORMATS
from rhohat.rows.file_format import ANY
from rhohat.rows.netcdf import _HEADER_BYTES, _Bounded
from rhohat.rows.opening import open_file
from rhohat.rows.stores import is_stored
from support.written import ROWS, write_netcdf3

GRIDS = np.random.RandomState(0).uniform(size=(5, 8, 9)).astype("f4")


def write_netcdf4(path, variables, attributes=None):
    with h5py.File(path, "w") as file:
        for name, value in variables.items():
            file[name] = value
            file[name].attrs.update(attributes or {})


WRITERS = {"3": write_netcdf3, "4": write_netcdf4}
every_version = pytest.mark.parametrize("version", WRITERS)


@every_version
@pytest.mark.parametrize("dtype", ["i2", "i4", "f4", "f8"])
def test_the_variable_that_is_no_coordinate_is_read(version, dtype, tmp_path):
    X = (100 * ROWS).astype(dtype)
    path = tmp_path / "x.nc"
    WRITERS[version](path, {"time": np.arange(40.0), "x": X, "time_bnds": np.ones((40, 2))})
    content, read = FORMATS["netcdf"].look(path, ANY), FORMATS["netcdf"].read(path, ANY)
    assert_array_equal(read, X)
    assert (content.array, content.shape) == ("x", (40, 6))
    assert content.dtype == read.dtype == dtype
    source = open_file(path)
    assert source.dtype == load_rows(path).dtype
    assert_array_equal(source.read(1, 40).X, X[1:])
    assert is_stored(source) == (version == "4")


@every_version
def test_grids_over_time_are_images(version, tmp_path):
    WRITERS[version](tmp_path / "x.nc", {"t2m": GRIDS, "lat": np.arange(8.0)})
    assert_array_equal(np.stack(load_images(tmp_path / "x.nc").images), GRIDS)


@every_version
@pytest.mark.parametrize(
    ("attributes", "scale", "offset"),
    [({"scale_factor": 0.5}, 0.5, 0), ({"add_offset": 10.0}, 1, 10)],
    ids=["scale", "offset"],
)
def test_numbers_may_be_packed_by_one_attribute_alone(version, attributes, scale, offset, tmp_path):
    packed = np.arange(12).astype("i2").reshape(3, 4)
    WRITERS[version](tmp_path / "x.nc", {"x": packed}, attributes)
    assert_array_equal(load_rows(tmp_path / "x.nc"), packed * scale + offset)


@every_version
def test_packed_numbers_are_unpacked_and_missing_ones_are_told(version, tmp_path):
    packed = np.arange(12).astype("i2").reshape(3, 4)
    attributes = {"scale_factor": 0.5, "add_offset": 10.0, "_FillValue": np.int16(-9)}
    WRITERS[version](tmp_path / "x.nc", {"x": packed}, attributes)
    assert_array_equal(load_rows(tmp_path / "x.nc"), packed * 0.5 + 10)
    assert_array_equal(open_file(tmp_path / "x.nc").read(0, 3).X, packed * 0.5 + 10)
    packed[1, 2] = -9
    WRITERS[version](tmp_path / "x.nc", {"x": packed}, attributes)
    with pytest.raises(DataFileError, match=r"NaN or infinity in 1 place, the first at \(1, 2\)"):
        load_rows(tmp_path / "x.nc")
    WRITERS[version](tmp_path / "x.nc", {"x": packed}, {"_FillValue": np.int16(-9)})
    with pytest.raises(DataFileError, match=r"NaN or infinity in 1 place, the first at \(1, 2\)"):
        load_rows(tmp_path / "x.nc")


def test_a_file_of_version_3_that_announces_more_than_it_holds_is_refused(tmp_path):
    write_netcdf3(tmp_path / "x.nc", {"x": ROWS})
    content = (tmp_path / "x.nc").read_bytes()
    old = (40).to_bytes(4, "big")
    for wrong in (2**31 - 1, 2**32 - 4, 41):
        (tmp_path / "x.nc").write_bytes(content.replace(old, wrong.to_bytes(4, "big")))
        with pytest.raises(DataFileError, match=r"x\.nc "):
            load_rows(tmp_path / "x.nc")


def test_no_more_is_read_than_twice_the_file_and_a_header(tmp_path):
    path = tmp_path / "x.nc"
    path.write_bytes(b"x" * 1000)
    with _Bounded(path) as stream:
        for _ in range((2 * 1000 + _HEADER_BYTES) // 100):
            stream.seek(0)
            assert len(stream.read(100)) == 100
        with pytest.raises(DataFileError, match="claims more than the 1,000 bytes"):
            stream.read(_HEADER_BYTES % 100 + 1)
    with _Bounded(path) as stream, pytest.raises(DataFileError, match="claims more"):
        stream.read(1001)
