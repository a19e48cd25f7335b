"""FITS: images and cubes, scaled as their headers say."""

import gzip
import sys

import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal

from rhohat import DataFileError, load_images, load_rows
from rhohat.files.formats import FORMATS
from rhohat.rows.file_format import ANY
from support.written import ROWS, STACK, write_fits

IMAGE = np.random.RandomState(0).uniform(0, 100, (12, 9))


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "f4", "f8"])
@pytest.mark.parametrize("array", [IMAGE, np.stack([IMAGE] * 5)])
def test_numbers_are_those_that_astropy_gives(dtype, array, tmp_path):
    path = tmp_path / "x.fits"
    write_fits(path, array.astype(dtype))
    content, read = FORMATS["fits"].look(path, ANY), FORMATS["fits"].read(path, ANY)
    assert_array_equal(read.reshape(array.shape), fits.getdata(path))
    assert (content.kind, content.shape) == ("images", read.shape)
    assert content.dtype == read.dtype == dtype


def test_scaled_numbers_are_scaled(tmp_path):
    part = fits.PrimaryHDU(STACK.astype("i2"))
    part.scale("int16", bscale=0.5, bzero=3)
    part.writeto(tmp_path / "x.fits")
    read = FORMATS["fits"].read(tmp_path / "x.fits", ANY)
    assert_array_equal(read, fits.getdata(tmp_path / "x.fits"))
    assert FORMATS["fits"].look(tmp_path / "x.fits", ANY).dtype == read.dtype


def test_pixels_that_are_blank_are_no_numbers(tmp_path):
    stored = STACK[0].astype("i4")
    stored[1, 2] = -99
    part = fits.PrimaryHDU(stored)
    part.header["BLANK"] = -99
    part.writeto(tmp_path / "x.fits")
    read = FORMATS["fits"].read(tmp_path / "x.fits", ANY)
    assert np.argwhere(np.isnan(read)).tolist() == [[0, 1, 2]]
    with pytest.raises(DataFileError, match="NaN or infinity in 1 place"):
        load_images(tmp_path / "x.fits")


def test_parts_are_chosen_by_name_and_all_are_told(tmp_path):
    table = fits.BinTableHDU.from_columns([fits.Column("a", "E", array=np.ones(3))], name="T")
    science, error = (fits.ImageHDU(IMAGE, name=name) for name in ("SCI", "ERR"))
    fits.HDUList([fits.PrimaryHDU(), science, table]).writeto(tmp_path / "x.fits")
    assert_array_equal(load_images(tmp_path / "x.fits").images[0], IMAGE)
    fits.HDUList([fits.PrimaryHDU(), science, error, table]).writeto(tmp_path / "y.fits")
    assert_array_equal(load_images(tmp_path / "y.fits", key="ERR").images[0], IMAGE)
    with pytest.raises(DataFileError, match=r"SCI \(12, 9\), ERR \(12, 9\), .*T \(a table"):
        load_images(tmp_path / "y.fits")


def test_axes_are_given_where_an_array_is_rows_or_a_cube(tmp_path):
    write_fits(tmp_path / "x.fits", ROWS)
    assert_array_equal(load_rows(tmp_path / "x.fits", axes="NC"), ROWS)
    write_fits(tmp_path / "x.fits", STACK)
    assert load_rows(tmp_path / "x.fits", axes="CHW").shape == (12 * 9, 7)


def test_packed_files_are_not_unpacked_unseen(tmp_path):
    write_fits(tmp_path / "x.fits", ROWS)
    packed = gzip.compress((tmp_path / "x.fits").read_bytes())
    (tmp_path / "x.fits").write_bytes(packed)
    with pytest.raises(DataFileError, match="if it is packed, unpack it"):
        load_images(tmp_path / "x.fits")


def test_a_missing_library_is_named_with_what_brings_it(tmp_path, monkeypatch):
    write_fits(tmp_path / "x.fits", STACK)
    monkeypatch.setitem(sys.modules, "astropy.io.fits", None)
    with pytest.raises(DataFileError, match=r"cannot be read yet: .*rhohat\[fits\]"):
        load_images(tmp_path / "x.fits")
