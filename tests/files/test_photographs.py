"""Photographs of every kind become brightness of unit contrast."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image, ImageOps
from skimage.color import rgb2gray

from rhohat import DataFileError, load_images
from support.photographs import COLOR, GRAY, png_chunk, save, tiff

DARK = np.median(GRAY)
#: JPEG and palettes change values a little.
LOSSY = {"rtol": 0, "atol": 0.2}


def unit(image):
    """A photograph as it is read: brightness divided by its standard deviation."""
    image = np.asarray(image, dtype=np.float64)
    return image / image.std()


def rgba(color, alpha):
    return np.dstack([color, np.full(color.shape[:2], alpha, np.uint8)])


def keyed16(path):
    """A 16-bit gray PNG that names black as its transparent color."""
    content = save(GRAY.astype("u2") * 200, "PNG")
    path.write_bytes(content[:33] + png_chunk(b"tRNS", b"\0\0") + content[33:])


def turned16(path):
    import tifffile

    tag = (274, "H", 1, 6, True)
    tifffile.imwrite(path, COLOR.astype("u2") * 200, photometric="rgb", extratags=[tag])


def rotated(path):
    exif = Image.Exif()
    exif[274] = 6  # the camera was turned: the picture needs a quarter turn clockwise
    Image.fromarray(COLOR).save(path, exif=exif, quality=95)


PHOTOGRAPHS = {
    "gray.png": (lambda p: Image.fromarray(GRAY).save(p), GRAY, {"rtol": 1e-5}),
    "color.png": (lambda p: Image.fromarray(COLOR).save(p), rgb2gray(COLOR), {"rtol": 1e-4}),
    "color.jpg": (lambda p: Image.fromarray(COLOR).save(p, quality=95), rgb2gray(COLOR), LOSSY),
    "cmyk.jpg": (lambda p: Image.fromarray(COLOR).convert("CMYK").save(p), rgb2gray(COLOR), LOSSY),
    "palette.png": (lambda p: Image.fromarray(COLOR).quantize(256).save(p), rgb2gray(COLOR), LOSSY),
    "two-tone.png": (lambda p: Image.fromarray(GRAY > DARK).save(p), GRAY > DARK, {"rtol": 1e-5}),
    "gray16.tif": (lambda p: tiff(p, GRAY.astype("u2") * 200), GRAY, {"rtol": 1e-5}),
    "gray16.png": (
        lambda p: Image.fromarray(GRAY.astype("u2") * 200).save(p),
        GRAY,
        {"rtol": 1e-5},
    ),
    "color16.tiff": (lambda p: tiff(p, COLOR.astype("u2") * 200), rgb2gray(COLOR), {"rtol": 1e-4}),
    "color8.tif": (lambda p: tiff(p, COLOR), rgb2gray(COLOR), {"rtol": 1e-4}),
    "planes.tif": (
        lambda p: tiff(p, np.moveaxis(COLOR.astype("f8"), -1, 0)),
        rgb2gray(COLOR),
        {"rtol": 1e-4},
    ),
    "cmyk.tif": (lambda p: Image.fromarray(COLOR).convert("CMYK").save(p), rgb2gray(COLOR), LOSSY),
    "packed.tif": (
        lambda p: Image.fromarray(COLOR).save(p, compression="tiff_lzw"),
        rgb2gray(COLOR),
        {"rtol": 1e-4},
    ),
    "packed16.tif": (
        lambda p: Image.fromarray(GRAY.astype("u2") * 200).save(p, compression="tiff_lzw"),
        GRAY,
        {"rtol": 1e-5},
    ),
    "float.tif": (lambda p: tiff(p, GRAY.astype("f4")), GRAY, {"rtol": 1e-5}),
    "rotated.jpg": (rotated, rgb2gray(np.rot90(COLOR, -1)), LOSSY),
    "rotated16.tif": (turned16, rgb2gray(np.rot90(COLOR, -1)), {"rtol": 1e-4}),
    "deep.tif": (lambda p: tiff(p, GRAY.astype("u4") << 24), GRAY, {"rtol": 1e-4}),
    "keyed16.png": (keyed16, GRAY, {"rtol": 1e-5}),
    "opaque.png": (
        lambda p: Image.fromarray(rgba(COLOR, 255)).save(p),
        rgb2gray(COLOR),
        {"rtol": 1e-4},
    ),
    "half.png": (
        lambda p: Image.fromarray(rgba(COLOR, 128)).save(p),
        rgb2gray(COLOR) * 128 / 255 + 127 / 255,
        {"rtol": 0, "atol": 0.05},
    ),
    "gray.webp": (lambda p: Image.fromarray(GRAY).save(p, lossless=True), GRAY, LOSSY),
    "gray.PNG": (lambda p: Image.fromarray(GRAY).save(p), GRAY, {"rtol": 1e-5}),
}


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_of_every_kind_become_brightness_of_unit_contrast(name, tmp_path):
    write, expected, tolerance = PHOTOGRAPHS[name]
    write(tmp_path / name)
    loaded = load_images(tmp_path / name)
    (image,) = loaded.images
    assert image.dtype == np.float32
    assert image.std() == pytest.approx(1, rel=1e-5)
    assert_allclose(image, unit(expected), **tolerance)
    assert loaded.names == [str(tmp_path / name)]


def test_in_color_gray_photographs_have_three_equal_channels(tmp_path):
    Image.fromarray(GRAY).save(tmp_path / "a.png")
    Image.fromarray(COLOR).save(tmp_path / "b.png")
    gray, color = load_images(tmp_path, color=True).images
    assert_array_equal(gray[..., 0], gray[..., 2])
    assert_allclose(color, unit(COLOR), rtol=1e-4)


def test_photograph_without_contrast_stays_finite(tmp_path):
    Image.fromarray(np.full((20, 20), 7, np.uint8)).save(tmp_path / "flat.png")
    assert_allclose(load_images(tmp_path).images[0], 7 / 255, rtol=1e-6)


@pytest.mark.parametrize("orientation", range(11))
def test_a_picture_is_turned_upright_as_pillow_turns_it(orientation, tmp_path):
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(GRAY).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as stored:
        upright = np.asarray(ImageOps.exif_transpose(stored))
    (image,) = load_images(tmp_path / "a.png").images
    assert_allclose(image, unit(upright), rtol=1e-5)


@pytest.mark.parametrize("ending", ["jpg", "webp"])
@pytest.mark.parametrize("damage", [slice(6, 8), slice(6, 14), slice(10, 14)])
def test_a_picture_whose_orientation_is_damaged_is_left_as_it_is(damage, ending, tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    content = bytearray(exif.tobytes())
    content[damage] = b"\xff" * (damage.stop - damage.start)
    settings = {"dpi": (72, 72), "lossless": True}  # without dpi, Pillow seeks it in the EXIF data
    Image.fromarray(GRAY).save(tmp_path / f"a.{ending}", exif=bytes(content), **settings)
    Image.fromarray(GRAY).save(tmp_path / f"b.{ending}", **settings)
    damaged, plain = load_images(tmp_path).images
    assert_array_equal(damaged, plain)


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize(("shape", "dtype"), [((), "u1"), ((3,), "u1"), ((), "u2")])
def test_a_picture_much_larger_than_its_file_is_refused_with_its_bytes(
    shape, dtype, ending, tmp_path, monkeypatch
):
    import tifffile

    monkeypatch.setattr("rhohat.rows.claims.BYTES_LIMIT", 1000)
    picture = np.zeros((700, 600, *shape), dtype)
    path = tmp_path / f"flat.{ending}"
    if ending == "png":
        Image.fromarray(picture).save(path)
    else:
        tifffile.imwrite(path, picture, compression="zlib")
    with pytest.raises(DataFileError, match=f"of {picture.nbytes:,} bytes, compressed to"):
        load_images(path)
