"""Cubes of ENVI: each pixel is a row, with the names of its bands."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rhohat import DataFileError, load_images, load_rows
from rhohat.files.formats import FORMATS
from rhohat.rows.file_format import ANY
from rhohat.rows.opening import open_file
from rhohat.rows.stores import is_stored
from support.written import CUBE, ENVI_TYPES, INTERLEAVES, write_envi

WAVELENGTHS = "wavelength units = Nanometers\nwavelength = {\n 400.5, 500,\n 600, 700, 800, 900}\n"


@pytest.mark.parametrize("interleave", INTERLEAVES)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", ENVI_TYPES)
def test_pixels_are_rows_in_any_interleave_order_and_type(interleave, order, dtype, tmp_path):
    cube = (100 * CUBE).astype(dtype)
    write_envi(tmp_path / "x.hdr", cube, interleave, order, offset=7)
    content = FORMATS["envi"].look(tmp_path / "x.hdr", ANY)
    read = FORMATS["envi"].read(tmp_path / "x.hdr", ANY)
    assert_array_equal(read, cube.reshape(80, 6))
    assert (content.shape, content.dtype, read.dtype) == ((80, 6), dtype, dtype)
    assert content.scene == (8, 10)
    source = open_file(tmp_path / "x.hdr")
    assert source.dtype == load_rows(tmp_path / "x.hdr").dtype
    assert_array_equal(source.read(5, 80).X, cube.reshape(80, 6)[5:])
    assert is_stored(source) == (interleave == "bip")


def test_bands_have_the_names_of_their_wavelengths(tmp_path):
    write_envi(tmp_path / "x.hdr", CUBE, more=WAVELENGTHS)
    columns = ("400.5 nm", "500 nm", "600 nm", "700 nm", "800 nm", "900 nm")
    assert FORMATS["envi"].look(tmp_path / "x.hdr", ANY).columns == columns
    write_envi(tmp_path / "x.hdr", CUBE, more="band names = {a, b, c, d, e, f}\n")
    assert FORMATS["envi"].look(tmp_path / "x.hdr", ANY).columns == tuple("abcdef")
    write_envi(tmp_path / "x.hdr", CUBE, more="band names = {a, b}\n")
    assert FORMATS["envi"].look(tmp_path / "x.hdr", ANY).columns == ()


def test_one_band_is_an_image(tmp_path):
    write_envi(tmp_path / "x.hdr", CUBE[..., :1])
    assert_array_equal(load_images(tmp_path / "x.hdr").images[0], CUBE[..., 0])


def test_numbers_lie_beside_the_header_under_one_of_several_names(tmp_path):
    for name in ("x", "x.raw", "x.dat", "x.IMG"):
        write_envi(tmp_path / "x.hdr", CUBE)
        (tmp_path / "x.img").rename(tmp_path / name)
        assert load_rows(tmp_path / "x.hdr").shape == (80, 6)
        (tmp_path / name).unlink()
    with pytest.raises(
        DataFileError, match=r"no data file x beside it, without an extension or with one of \.img"
    ):
        load_rows(tmp_path / "x.hdr")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ENVI\n", "", "not an ENVI header"),
        ("lines = 8", "lines = 9", "claims 2,160 bytes, 9 x 10 pixels of 6 bands"),
        ("lines = 8", "lines = -8", "lines = '-8', expected a number"),
        ("lines = 8", "lines = 99999999999", "claims"),
        ("lines = 8", "lines = 0", "empty cube"),
        ("bands = 6", "bandes = 6", "states bands = None"),
        ("data type = 4", "data type = 6", "data type 6, expected"),
        ("interleave = bip", "interleave = tile", "interleave 'tile'"),
        ("interleave = bip\n", "", "interleave ''"),
        ("byte order", "file compression = 1\nbyte order", "compressed"),
    ],
)
def test_headers_that_are_wrong_are_refused_with_the_reason(old, new, message, tmp_path):
    write_envi(tmp_path / "x.hdr", CUBE)
    header = (tmp_path / "x.hdr").read_text()
    assert old in header
    (tmp_path / "x.hdr").write_text(header.replace(old, new))
    with pytest.raises(DataFileError, match=message):
        load_rows(tmp_path / "x.hdr")


def test_a_file_of_numbers_is_not_read_without_its_header(tmp_path):
    write_envi(tmp_path / "x.hdr", CUBE)
    with pytest.raises(DataFileError, match="Name its header"):
        load_rows(tmp_path / "x.img")
    assert np.isfinite(load_rows(tmp_path)).all()
