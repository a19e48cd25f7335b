"""IDX files: as MNIST comes."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rhohat import DataFileError, load_images, load_rows
from rhohat.files.formats import FORMATS
from rhohat.rows.file_format import ANY
from rhohat.rows.opening import open_file
from support.written import IDX_TYPES, ROWS, STACK, write_idx

NAMES = ("train-images-idx3-ubyte", "t10k-images.idx3-ubyte", "x.IDX", "x-idx3-ubyte.gz")


@pytest.mark.parametrize("name", NAMES)
def test_images_are_those_that_were_written(name, tmp_path):
    write_idx(tmp_path / name, STACK)
    np.save(tmp_path / "x.npy", STACK)
    images = [np.stack(load_images(tmp_path / file).images) for file in (name, "x.npy")]
    assert_array_equal(*images)


def test_images_in_color_have_four_axes(tmp_path):
    colored = np.stack([STACK, STACK[::-1], STACK // 2], axis=3)
    write_idx(tmp_path / "x.idx", colored)
    np.save(tmp_path / "x.npy", colored)
    images = [load_images(tmp_path / file, color=True).images for file in ("x.idx", "x.npy")]
    assert images[0][0].shape == colored.shape[1:]
    assert_array_equal(*map(np.stack, images))


@pytest.mark.parametrize("dtype", IDX_TYPES)
@pytest.mark.parametrize("ending", ["idx", "idx.gz"])
def test_numbers_of_all_types_are_read_and_opened(dtype, ending, tmp_path):
    path = tmp_path / f"x.{ending}"
    X = (100 * ROWS).astype(dtype)
    write_idx(path, X)
    content, read = FORMATS["idx"].look(path, ANY), FORMATS["idx"].read(path, ANY)
    assert_array_equal(read, X)
    assert (content.dtype, read.dtype, content.shape) == (dtype, dtype, X.shape)
    source = open_file(path)
    assert source.dtype == load_rows(path).dtype
    assert_array_equal(source.read(3, 40).X, X[3:])


def test_labels_are_named_as_what_they_are(tmp_path):
    write_idx(tmp_path / "labels-idx1-ubyte", np.arange(9).astype("u1"))
    write_idx(tmp_path / "images-idx3-ubyte", STACK)
    with pytest.raises(DataFileError, match="holds labels"):
        load_images(tmp_path / "labels-idx1-ubyte")
    assert len(load_images(tmp_path).images) == len(STACK)


def test_a_packed_file_whose_checksum_is_wrong_is_refused(tmp_path):
    write_idx(tmp_path / "x.idx.gz", ROWS)
    content = bytearray((tmp_path / "x.idx.gz").read_bytes())
    content[-8] ^= 1  # of the checksum, which is before the length
    (tmp_path / "x.idx.gz").write_bytes(content)
    with pytest.raises(DataFileError, match="CRC"):
        load_rows(tmp_path / "x.idx.gz")


def test_a_file_that_is_longer_than_it_says_is_refused(tmp_path):
    for name in ("x.idx", "x.idx.gz"):
        write_idx(tmp_path / name, np.vstack([ROWS, ROWS]))
        write_idx(tmp_path / "short.idx", ROWS)
        head = (tmp_path / "short.idx").read_bytes()[:12]
        content = (tmp_path / "x.idx").read_bytes()
        (tmp_path / "x.idx").write_bytes(head + content[12:])
        with pytest.raises(DataFileError, match=r"claims 960 bytes of array \(40, 6\)"):
            load_rows(tmp_path / "x.idx")
