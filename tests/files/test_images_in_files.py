"""Images in files: arrays as they are, and files read when they are asked for."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from skimage import data

import rhohat
from rhohat import DataFileError, load_images, load_rows
from rhohat.files.finding import DataFiles
from rhohat.files.images import read_images
from support.photographs import GRAY

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
    with pytest.raises(DataFileError, match="has 108 columns, which do not make 5 x 5"):
        DataFiles.find([tmp_path / "b.npy"], shape=(5, 5))
    with pytest.raises(DataFileError, match="already holds images"):
        DataFiles.find([tmp_path / "a.npy"], shape=(5, 5))


def test_images_too_small_for_patches_are_left_out(tmp_path):
    Image.fromarray(GRAY).save(tmp_path / "a.png")
    Image.fromarray(GRAY[:9]).save(tmp_path / "b.png")
    loaded = load_images(tmp_path, on_error="skip", smallest=(10, 10))
    assert len(loaded.images) == 1
    assert "too few: at least 10 x 10 are needed" in loaded.skipped[0].reason


def test_lazy_images_are_those_that_are_read_at_once(photograph_folder):
    options = {"on_error": "skip"}
    at_once = rhohat.load_images(photograph_folder, **options)
    lazy = rhohat.load_images(photograph_folder, **options, lazy=True)
    assert lazy.names == at_once.names
    assert [skipped.file for skipped in lazy.skipped] == [str(photograph_folder / "broken.png")]
    assert len(lazy.images) == len(at_once.images) == 6
    for one, other in zip(lazy.images, at_once.images, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(lazy.images[-1], at_once.images[-1])
    with pytest.raises(IndexError):
        lazy.images[6]


def test_one_file_is_held_at_a_time(photograph_folder, monkeypatch):
    lazy = rhohat.load_images(photograph_folder, on_error="skip", lazy=True).images
    whitened = rhohat.OneOverFWhitening().fit_transform(lazy)
    read = []
    original = rhohat.files.images.images_of_file
    monkeypatch.setattr(
        "rhohat.files.images.images_of_file",
        lambda files, path, color: read.append(path.name) or original(files, path, color),
    )
    rhohat.PatchExtractor(6, n_patches=100, random_state=0).fit_transform(whitened)
    assert len(read) <= 2 * 4  # a look at the first for its shape, then all once


def test_a_photograph_that_breaks_meanwhile_is_named(photograph_folder, tmp_path):
    Image.fromarray(data.camera()).save(tmp_path / "a.png")
    Image.fromarray(data.moon()).save(tmp_path / "b.png")
    lazy = rhohat.load_images(tmp_path, lazy=True).images
    (tmp_path / "b.png").write_bytes(b"gone")
    with pytest.raises(rhohat.DataFileError, match=r"b\.png .*could be read before"):
        rhohat.OneOverFWhitening().fit(lazy)
