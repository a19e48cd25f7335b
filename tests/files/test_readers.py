"""Users' files: what is read, and how what cannot be read is said."""

import io
import os
import struct
import zipfile

import numpy as np
import pytest
import scipy.io
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from skimage import data
from skimage.color import rgb2gray

from rhohat import DataFileError, load_images, load_rows
from rhohat.files.finding import DataFiles
from rhohat.files.formats import FORMATS
from rhohat.files.images import read_images
from rhohat.files.row_files import read_rows
from support.cases import bomb, png_chunk

GRAY, COLOR = data.camera()[:60, :80], data.astronaut()[:50, :70]
DARK = np.median(GRAY)
#: JPEG and palettes change values a little.
LOSSY = {"rtol": 0, "atol": 0.2}


def unit(image):
    """A photograph as it is read: brightness divided by its standard deviation."""
    image = np.asarray(image, dtype=np.float64)
    return image / image.std()


def tiff(path, array):
    import tifffile

    photometric = "rgb" if array.ndim == 3 else "minisblack"
    planar = "separate" if array.shape[0] == 3 else None
    tifffile.imwrite(path, array, photometric=photometric, planarconfig=planar)


def rgba(color, alpha):
    return np.dstack([color, np.full(color.shape[:2], alpha, np.uint8)])


def lzw16():
    """A 16-bit color TIFF that says it is compressed by LZW."""
    stream = io.BytesIO()
    tiff(stream, COLOR.astype("u2"))
    content = stream.getvalue()
    tag = content.index(struct.pack("<HHI", 259, 3, 1)) + 8
    return content[:tag] + struct.pack("<H", 5) + content[tag + 2 :]


def keyed16(path):
    """A 16-bit gray PNG that names black as its transparent color."""
    content = save(GRAY.astype("u2") * 200, "PNG")
    path.write_bytes(content[:33] + png_chunk(b"tRNS", b"\0\0") + content[33:])


def save(image, kind):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, kind)
    return stream.getvalue()


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


ARRAYS = np.random.RandomState(0).randint(0, 256, (4, 12, 9)).astype(np.uint8)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (ARRAYS, ARRAYS / 255),
        (ARRAYS.astype(">f8"), ARRAYS),
        (np.asfortranarray(ARRAYS.astype("f4")), ARRAYS),
        (np.repeat(ARRAYS[..., None], 3, axis=3), ARRAYS / 255),
        (ARRAYS[..., None], ARRAYS / 255),
        (ARRAYS > 99, ARRAYS > 99),
    ],
    ids=["uint8", "big-endian", "fortran", "color", "one channel", "bool"],
)
def test_arrays_of_images_keep_their_values(array, expected, tmp_path):
    np.save(tmp_path / "a.npy", array)
    loaded = load_images(tmp_path / "a.npy")
    assert_allclose(np.stack(loaded.images), expected, rtol=1e-5)
    assert loaded.names[3].endswith("a.npy[3]")


def test_one_color_image_is_told_by_its_last_axis(tmp_path):
    np.save(tmp_path / "a.npy", COLOR)
    assert load_images(tmp_path / "a.npy", color=True).images[0].shape == COLOR.shape


def test_olshausens_layout_has_images_along_the_last_axis(tmp_path):
    images = ARRAYS.astype(float)
    scipy.io.savemat(tmp_path / "IMAGES.mat", {"IMAGES": np.moveaxis(images, 0, -1)})
    assert_array_equal(np.stack(load_images(tmp_path / "IMAGES.mat").images), images)


def test_rows_of_several_files_follow_each_other(tmp_path):
    np.save(tmp_path / "a.npy", np.eye(3, dtype="f4"))
    scipy.io.savemat(tmp_path / "b.mat", {"x": np.ones((2, 3))})
    np.savez(tmp_path / "c.npz", np.zeros((1, 3)))
    X = load_rows(tmp_path)
    assert_array_equal(X, np.vstack([np.eye(3), np.ones((2, 3)), np.zeros((1, 3))]))


def test_key_chooses_among_arrays_and_the_error_lists_them(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.eye(3), y=np.ones(3))
    assert_array_equal(load_rows(tmp_path / "a.npz", key="x"), np.eye(3))
    with pytest.raises(DataFileError, match=r"x \(3, 3\), y \(3,\)"):
        load_rows(tmp_path / "a.npz")
    with pytest.raises(DataFileError, match="no array 'z'"):
        load_rows(tmp_path / "a.npz", key="z")


def npy(array, **changes):
    """Bytes of a .npy file, its header changed."""
    stream = io.BytesIO()
    np.save(stream, array)
    content = stream.getvalue()
    for old, new in changes.items():
        content = content.replace(old.encode(), new.encode())
    return content


def npz_bomb():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy(np.zeros((13_000_000, 1))))
    return stream.getvalue()


def damaged_npz():
    stream = io.BytesIO()
    np.savez(stream, x=np.eye(40))
    content = bytearray(stream.getvalue())
    content[1000] ^= 1
    return bytes(content)


def savemat(**arrays):
    stream = io.BytesIO()
    scipy.io.savemat(stream, arrays)
    return stream.getvalue()


BAD = {
    "text.jpg": (b"not a picture", "not an image"),
    "empty.png": (b"", "not an image"),
    "truncated.png": (save(COLOR, "PNG")[:3000], "truncated"),
    "truncated.jpg": (save(COLOR, "JPEG")[:900], "truncated"),
    "crc.png": (save(GRAY, "PNG")[:60] + b"zz" + save(GRAY, "PNG")[62:], "cannot be decoded"),
    "bomb.png": (bomb(), "pixels"),
    "small-bomb.png": (bomb(10_000, 10_000), "10000 x 10000"),
    "lzw16.tif": (lzw16(), "pip install imagecodecs"),
    "no-page.tif": (b"II*\0\x08\0\0\0\0\0\0\0\0\0", "."),
    "text.tif": (b"not a picture", "cannot be decoded"),
    "truncated.tiff": (save(COLOR, "TIFF")[:3000], "."),
    "nothing.png": (bomb(0, 0), "."),
    "junk.npy": (b"junk", "not an array"),
    "objects.npy": (npy(np.array([[{}]])), "Python objects"),
    "complex.npy": (npy(np.eye(2) * 1j), "complex128"),
    "text.npy": (npy(np.array([["a"]])), "<U1"),
    "short.npy": (npy(np.eye(9))[:-8], "announces 648 bytes"),
    "long.npy": (npy(np.eye(9)) + b"more", "announces 648 bytes"),
    "huge.npy": (npy(np.eye(9), **{"(9, 9)": "(999999999, 999999)"}), "announces"),
    "negative.npy": (npy(np.eye(9), **{"(9, 9)": "(-9, -9)"}), "."),
    "header.npy": (
        b"\x93NUMPY\x02\x00" + (200_000).to_bytes(4, "little") + b"{" * 200_000,
        "header",
    ),
    "bools.npy": (npy(np.eye(9), **{"(9, 9)": "(True, 9)"}), "announces an array of shape"),
    "scalar.npy": (npy(np.float64(1)), "shape"),
    "none.npy": (npy(np.empty((0, 3))), "empty"),
    "nan.npy": (
        npy(np.array([[1.0, np.nan]])),
        r"NaN or infinity, 1 in all, the first at \(0, 1\)",
    ),
    "junk.npz": (b"junk", "npz"),
    "bomb.npz": (npz_bomb(), "fill the memory"),
    "damaged.npz": (damaged_npz(), "npz"),
    "others.npz": (b"PK\x05\x06" + bytes(18), "no array"),
    "junk.mat": (b"junk" * 100, "cannot be decoded"),
    "complex.mat": (savemat(x=np.eye(3) * 1j), "complex128"),
    "newer.mat": (b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(99), "7.3"),
    "text.mat": (savemat(x="text"), "no array of numbers"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_named_with_the_reason(name, tmp_path):
    content, reason = BAD[name]
    (tmp_path / name).write_bytes(content)
    load = load_images if name.endswith(("png", "jpg", "tif", "tiff")) else load_rows
    with pytest.raises(DataFileError, match=reason) as caught:
        load(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert "pickle" not in str(caught.value)


@pytest.mark.parametrize("good", ["png", "npy"])
def test_bad_files_are_skipped_and_listed_beside_good_ones(good, tmp_path):
    names = [
        name for name in BAD if name.endswith(("png", "jpg", "tif", "tiff")) == (good == "png")
    ]
    for name in names:
        (tmp_path / name).write_bytes(BAD[name][0])
    (tmp_path / f"good.{good}").write_bytes(save(GRAY, "PNG") if good == "png" else npy(np.eye(3)))
    (tmp_path / "README.txt").write_text("not data")
    (tmp_path / ".hidden.png").write_text("not data")
    files = DataFiles.find([tmp_path], on_error="skip")
    assert len(read_images(files).images if good == "png" else read_rows(files)) == (
        1 if good == "png" else 3
    )
    assert sorted(skipped.file for skipped in files.skipped) == sorted(
        str(tmp_path / name) for name in names
    )
    assert files.ignored == [tmp_path / "README.txt"]


def test_a_key_saves_an_array_beside_a_bad_one(tmp_path):
    np.savez(tmp_path / "a.npz", bad=np.array([{}]), good=np.eye(3))
    assert_array_equal(load_rows(tmp_path / "a.npz", key="good"), np.eye(3))
    with pytest.raises(DataFileError, match=r"bad \(holds Python objects.*good \(3, 3\)"):
        load_rows(tmp_path / "a.npz")


def test_signed_integers_and_rows_keep_their_values(tmp_path):
    np.save(tmp_path / "a.npy", ARRAYS.astype(np.int64))
    assert_array_equal(np.stack(load_images(tmp_path / "a.npy").images), ARRAYS)
    np.save(tmp_path / "b.npy", ARRAYS[0])
    assert_array_equal(load_rows(tmp_path / "b.npy"), ARRAYS[0])


def test_rows_with_a_shape_are_images_like_others(tmp_path):
    np.save(tmp_path / "a.npy", ARRAYS)
    np.save(tmp_path / "b.npy", ARRAYS.reshape(len(ARRAYS), -1))
    shaped = DataFiles.find([tmp_path / "b.npy"], shape=ARRAYS.shape[1:])
    assert shaped.kind == "images"
    assert_array_equal(read_images(shaped).images, load_images(tmp_path / "a.npy").images)
    with pytest.raises(DataFileError, match="has 108 columns, too many or too few for 5 x 5"):
        DataFiles.find([tmp_path / "b.npy"], shape=(5, 5))
    with pytest.raises(DataFileError, match="holds images already"):
        DataFiles.find([tmp_path / "a.npy"], shape=(5, 5))


def test_images_too_small_for_patches_are_left_out(tmp_path):
    Image.fromarray(GRAY).save(tmp_path / "a.png")
    Image.fromarray(GRAY[:9]).save(tmp_path / "b.png")
    loaded = load_images(tmp_path, on_error="skip", smallest=(10, 10))
    assert len(loaded.images) == 1
    assert "too few: 10 x 10 are needed" in loaded.skipped[0].reason


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_folders_that_cannot_be_listed_are_named(tmp_path, monkeypatch):
    Image.fromarray(GRAY).save(tmp_path / "a.png")
    (tmp_path / "locked").mkdir()
    scandir = os.scandir

    def refuse(path):
        if os.fspath(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    (skipped,) = load_images(tmp_path, on_error="skip").skipped
    assert skipped == (str(tmp_path / "locked"), "Permission denied")
    with pytest.raises(DataFileError, match="locked Permission denied"):
        load_images(tmp_path)


def test_nothing_readable_is_an_error_that_names_the_first(tmp_path):
    (tmp_path / "a.png").write_text("x")
    (tmp_path / "b.png").write_text("x")
    with pytest.raises(DataFileError, match=r"a\.png is not an image .* and 1 more file"):
        load_images(tmp_path, on_error="skip")


def test_folders_are_searched_to_the_bottom_in_the_order_of_names(tmp_path):
    for name in ("z.png", "b/x.png", "a/y.png", ".git/n.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(GRAY).save(tmp_path / name)
    names = [name[len(str(tmp_path)) + 1 :] for name in load_images(tmp_path).names]
    assert [name.replace("\\", "/") for name in names] == ["z.png", "a/y.png", "b/x.png"]


def test_missing_mixed_and_mistaken_paths_are_errors(tmp_path):
    Image.fromarray(GRAY).save(tmp_path / "a.png")
    np.save(tmp_path / "b.npy", np.eye(3))
    (tmp_path / "c").mkdir()
    with pytest.raises(FileNotFoundError, match="missing"):
        load_images(tmp_path / "missing", on_error="skip")
    with pytest.raises(DataFileError, match=r"b\.npy holds rows, but 1 of the others images"):
        load_images(tmp_path)
    assert len(load_images(tmp_path, on_error="skip").images) == 1
    with pytest.raises(DataFileError, match="Use load_rows"):
        load_images(tmp_path / "b.npy")
    with pytest.raises(DataFileError, match="Use load_images"):
        load_rows(tmp_path / "a.png")
    with pytest.raises(DataFileError, match="found no data"):
        load_images(tmp_path / "c")
    with pytest.raises(ValueError, match="on_error must be one of"):
        load_images(tmp_path, on_error="ignore")
    np.save(tmp_path / "c" / "a.npy", np.eye(2))
    np.save(tmp_path / "c" / "b.npy", np.eye(3))
    with pytest.raises(DataFileError, match=r"b\.npy has 3 columns, the files before it 2"):
        load_rows(tmp_path / "c")


def test_every_ending_belongs_to_one_format():
    endings = [suffix for row in FORMATS.values() for suffix in row.suffixes]
    assert len(endings) == len(set(endings))
    assert all(suffix == suffix.lower() for suffix in endings)
