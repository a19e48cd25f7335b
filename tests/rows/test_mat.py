"""Files of MATLAB: images lie along the last axis."""

import numpy as np
import pytest
import scipy.io
from numpy.testing import assert_array_equal

from rhohat import DataFileError, load_images, load_rows

ARRAYS = np.random.RandomState(0).randint(0, 256, (4, 12, 9)).astype(np.uint8)


def test_olshausens_layout_has_images_along_the_last_axis(tmp_path):
    images = ARRAYS.astype(float)
    scipy.io.savemat(tmp_path / "IMAGES.mat", {"IMAGES": np.moveaxis(images, 0, -1)})
    assert_array_equal(np.stack(load_images(tmp_path / "IMAGES.mat").images), images)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_numbers_of_every_type_are_read(tmp_path, dtype, compressed):
    rows = np.arange(60).reshape(12, 5).astype(dtype)
    scipy.io.savemat(tmp_path / "x.mat", {"x": rows}, do_compression=compressed)
    assert_array_equal(load_rows(tmp_path / "x.mat"), rows)


def test_files_of_version_4_are_read(tmp_path):
    scipy.io.savemat(tmp_path / "x.mat", {"x": np.eye(5)}, format="4")
    assert_array_equal(load_rows(tmp_path / "x.mat"), np.eye(5))


@pytest.mark.parametrize("compressed", [False, True])
def test_complex_numbers_are_refused_beside_real_ones(tmp_path, compressed):
    arrays = {"wave": np.eye(3) * 1j, "rows": np.eye(3)}
    scipy.io.savemat(tmp_path / "x.mat", arrays, do_compression=compressed)
    assert_array_equal(load_rows(tmp_path / "x.mat", key="rows"), np.eye(3))
    with pytest.raises(DataFileError, match="complex128, expected real numbers"):
        load_rows(tmp_path / "x.mat", key="wave")


def test_a_file_that_announces_more_than_it_holds_is_refused(tmp_path):
    path = tmp_path / "x.mat"
    scipy.io.savemat(path, {"x": np.eye(9)})
    content = path.read_bytes()
    path.write_bytes(content[:-8])
    with pytest.raises(DataFileError, match=r"announces an element of 696 bytes, holds 688 more"):
        load_rows(path)
