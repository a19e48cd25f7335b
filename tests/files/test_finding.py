"""Finding files: which there are, and how it is said that one cannot be used."""

import io
import os
import struct
import zipfile

import numpy as np
import pytest
import scipy.io
from PIL import Image

from rhohat import DataFileError, load_images, load_rows
from rhohat.files.finding import DataFiles
from rhohat.files.images import read_images
from rhohat.files.row_files import read_rows
from support.photographs import COLOR, GRAY, bomb, save, tiff


def lzw16():
    """A 16-bit color TIFF that says it is compressed by LZW."""
    stream = io.BytesIO()
    tiff(stream, COLOR.astype("u2"))
    content = stream.getvalue()
    tag = content.index(struct.pack("<HHI", 259, 3, 1)) + 8
    return content[:tag] + struct.pack("<H", 5) + content[tag + 2 :]


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
    "short.npy": (npy(np.eye(9))[:-8], "claims 648 bytes"),
    "long.npy": (npy(np.eye(9)) + b"more", "claims 648 bytes"),
    "huge.npy": (npy(np.eye(9), **{"(9, 9)": "(999999999, 999999)"}), "claims"),
    "negative.npy": (npy(np.eye(9), **{"(9, 9)": "(-9, -9)"}), "."),
    "header.npy": (
        b"\x93NUMPY\x02\x00" + (200_000).to_bytes(4, "little") + b"{" * 200_000,
        "header",
    ),
    "bools.npy": (npy(np.eye(9), **{"(9, 9)": "(True, 9)"}), "claims an array of shape"),
    "scalar.npy": (npy(np.float64(1)), "shape"),
    "none.npy": (npy(np.empty((0, 3))), "empty"),
    "nan.npy": (
        npy(np.array([[1.0, np.nan]])),
        r"NaN or infinity in 1 place, the first at \(0, 1\)",
    ),
    "junk.npz": (b"junk", "npz"),
    "bomb.npz": (npz_bomb(), "exhaust memory"),
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
    with pytest.raises(DataFileError, match=r"read of 2 files, among them .*a\.png is not an"):
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


@pytest.mark.parametrize("sides", [(1, 5), (5, 1), (1, 1)])
def test_images_of_any_size_are_found_where_none_is_asked_for(tmp_path, sides):
    path = tmp_path / "line.png"
    path.write_bytes(save(np.zeros(sides, np.uint8), "PNG"))
    assert DataFiles.find(path).contents[path].shape[1:3] == sides
    found = DataFiles.find(path, smallest=sides, on_error="skip")
    assert (len(found.contents), found.skipped) == (1, [])
    with pytest.raises(DataFileError, match=f"{sides[0]} x {sides[1]}"):
        DataFiles.find(path, smallest=(sides[0], sides[1] + 1))
