"""Pictures of several pages, of rarer formats, of many bands and of many pixels."""

import sys

import numpy as np
import pytest
import tifffile
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from pillow_heif import register_heif_opener

from rhohat import DataFileError, load_images
from rhohat.files.photographs import PHOTOGRAPH, TIFF
from rhohat.rows import claims
from rhohat.rows.file_format import Selection
from support.command import run

STACK = np.random.RandomState(0).randint(0, 65_536, (7, 24, 30)).astype("u2")
SMOOTH = np.add.outer(np.arange(24), np.arange(30)).astype("u1") * 4
COLOR = np.stack([SMOOTH, SMOOTH[::-1], SMOOTH[:, ::-1]], axis=-1)


def write_frames(path):
    frames = [Image.fromarray(np.roll(SMOOTH, 3 * number, axis=0)) for number in range(4)]
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "f4"])
def test_every_page_of_a_tiff_is_an_image(dtype, tmp_path):
    stack = (STACK >> 8).astype("u1") if dtype == "u1" else STACK.astype(dtype)
    tifffile.imwrite(tmp_path / "x.tif", stack, photometric="minisblack")
    content = TIFF.look(tmp_path / "x.tif", Selection())
    assert content.shape == stack.shape
    assert content.note == "holds 7 pages, each of which is an image"
    assert_array_equal(TIFF.read(tmp_path / "x.tif", Selection()), stack)
    loaded = load_images(tmp_path / "x.tif")
    assert [name[-3:] for name in loaded.names] == [f"[{number}]" for number in range(7)]
    for image, page in zip(loaded.images, stack, strict=True):
        assert np.corrcoef(image.ravel(), page.ravel())[0, 1] > 0.9999
        assert image.std() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_deep_pages_in_color_are_images(compression, tmp_path):
    stack = np.stack([STACK[:3]] * 3, axis=-1)
    tifffile.imwrite(tmp_path / "x.tif", stack, photometric="rgb", compression=compression)
    assert_array_equal(TIFF.read(tmp_path / "x.tif", Selection()), stack)


def test_pages_of_other_sizes_are_left_out_and_told(tmp_path):
    with tifffile.TiffWriter(tmp_path / "x.tif") as file:
        for page in (SMOOTH, SMOOTH[::2, ::2], SMOOTH[::-1]):
            file.write(page, photometric="minisblack")
    content = TIFF.look(tmp_path / "x.tif", Selection())
    assert content.note.endswith("1 that differ from the first in size or colors are left out")
    found = TIFF.read(tmp_path / "x.tif", Selection())
    assert_array_equal(found, [SMOOTH, SMOOTH[::-1]])


@pytest.mark.parametrize("ending", ["gif", "png", "apng", "webp"])
def test_every_picture_of_an_animation_is_an_image(ending, tmp_path):
    path = tmp_path / f"x.{ending}"
    write_frames(path)
    content = PHOTOGRAPH.look(path, Selection())
    found = PHOTOGRAPH.read(path, Selection())
    assert content.note == "holds 4 pictures, each of which is an image"
    assert content.shape == (4, 24, 30) == found.shape[:3]
    gray = found if found.ndim == 3 else found[..., 0]
    for number in range(4):
        assert_allclose(gray[number].astype(float), np.roll(SMOOTH, 3 * number, axis=0), atol=4)


def test_the_command_tells_of_pages(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", STACK, photometric="minisblack")
    result = run("learn", "x.tif", "--dry-run", cwd=tmp_path)
    assert "note: x.tif holds 7 pages, each of which is an image" in result.stderr
    assert "7 images" in result.stdout


@pytest.mark.parametrize("bands", [5, 8])
def test_a_tiff_of_many_bands_is_refused_with_their_number(bands, tmp_path):
    tifffile.imwrite(
        tmp_path / "x.tif",
        np.zeros((24, 30, bands), "u1"),
        photometric="minisblack",
        planarconfig="contig",
    )
    with pytest.raises(DataFileError, match=f"has {bands} channels, expected 1, 3 or 4"):
        load_images(tmp_path / "x.tif")


#: Pillow reads AVIF from 11.3 on.
AVIF = [("avif", COLOR, 20)] if ".avif" in Image.registered_extensions() else []
WRITTEN = {"heic", "jp2", "tga", "tif", "gif", "pfm", *(row[0] for row in AVIF)}


@pytest.mark.parametrize(
    ("ending", "picture", "error"),
    [
        ("jpe", COLOR, 20),
        ("jfif", COLOR, 20),
        ("tga", COLOR, 0),
        ("pbm", SMOOTH > 60, 0),
        ("pnm", SMOOTH, 0),
        ("pfm", SMOOTH.astype("f4"), 0),
        ("jp2", COLOR, 0),
        *AVIF,
        ("heic", COLOR, 20),
    ],
)
def test_rarer_formats_are_read(ending, picture, error, tmp_path):
    path = tmp_path / f"x.{ending}"
    if ending == "heic":
        register_heif_opener()
    form = {"jpe": "JPEG", "jfif": "JPEG", "pbm": "PPM", "pnm": "PPM", "pfm": "PPM"}.get(ending)
    Image.fromarray(picture).save(path, format=form or {"heic": "HEIF"}.get(ending))
    found = PHOTOGRAPH.read(path, Selection())[0]
    expected = picture * 255 if picture.dtype == bool else picture
    assert_allclose(found.astype(float), expected.astype(float), atol=error)
    assert PHOTOGRAPH.look(path, Selection()).shape == (1, *expected.shape[:2])
    load_images(path)


def test_heic_without_its_library_tells_the_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "x.heic").write_bytes(b"x" * 100)
    with pytest.raises(DataFileError, match=r"pip install 'rhohat\[heif\]'"):
        load_images(tmp_path / "x.heic")


@pytest.mark.parametrize(
    "ending",
    [ending for ending in ("heic", "avif", "jp2", "tga", "tif", "gif", "pfm") if ending in WRITTEN],
)
@pytest.mark.parametrize("share", np.linspace(0, 0.9, 7))
def test_a_picture_that_was_cut_is_refused_or_read(ending, share, tmp_path):
    path = tmp_path / f"x.{ending}"
    form = {"heic": "HEIF", "pfm": "PPM"}.get(ending)
    if ending == "heic":
        register_heif_opener()
    picture = SMOOTH.astype("f4") if ending == "pfm" else COLOR
    Image.fromarray(picture).save(path, format=form)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    try:
        loaded = load_images(path)
    except DataFileError as error:
        assert f"x.{ending}" in str(error)  # noqa: PT017
    else:
        assert loaded.images[0].shape == (24, 30)


def test_more_pixels_are_allowed_where_they_are_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "PIXEL_LIMIT", 100)
    Image.fromarray(SMOOTH).save(tmp_path / "x.png")
    tifffile.imwrite(tmp_path / "x.tif", STACK[0])
    for name in ("x.png", "x.tif"):
        limit = Selection(max_pixels=719)
        form = TIFF if name == "x.tif" else PHOTOGRAPH
        with pytest.raises(DataFileError, match=r"pixels, more than 719.*--max-pixels 720"):
            form.look(tmp_path / name, limit)
        assert load_images(tmp_path / name, max_pixels=720).images[0].shape == (24, 30)


def test_pillow_s_own_limit_is_raised_for_a_picture_and_comes_back(tmp_path, monkeypatch):
    monkeypatch.setattr("rhohat.files.photographs.PIXEL_LIMIT", 100)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    Image.fromarray(SMOOTH).save(tmp_path / "x.png")
    with pytest.raises(DataFileError, match="--max-pixels 1000000000"):
        load_images(tmp_path / "x.png", max_pixels=100)
    assert load_images(tmp_path / "x.png", max_pixels=720).images[0].shape == (24, 30)
    assert Image.MAX_IMAGE_PIXELS == 100
