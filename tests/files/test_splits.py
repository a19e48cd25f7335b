"""Labeled images in two parts: all ways to lie in files give the same, and others are refused."""

import gzip

import numpy as np
import pytest

from rhohat.common.errors import DataFileError
from rhohat.files.splits import load_split
from support.written import write_idx

RNG = np.random.RandomState(0)
IMAGES = RNG.randint(0, 256, (9, 5, 4)).astype("u1")
LABELS = np.array([0, 1, 2] * 3, "u1")
NAMES = {
    "x_train": ("train-images-idx3-ubyte", IMAGES[:6]),
    "y_train": ("train-labels-idx1-ubyte", LABELS[:6]),
    "x_test": ("t10k-images-idx3-ubyte", IMAGES[6:]),
    "y_test": ("t10k-labels-idx1-ubyte", LABELS[6:]),
}


def as_archive(folder):
    np.savez(folder / "digits.npz", **{name: array for name, (_, array) in NAMES.items()})
    return [folder / "digits.npz"]


def as_files(folder):
    for name, array in NAMES.values():
        write_idx(folder / name, array)
    return sorted(folder.iterdir())


def as_folder(folder):
    as_files(folder)
    return [folder]


def packed(folder):
    for file in as_files(folder):
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    return [folder]


@pytest.mark.parametrize("written", [as_archive, as_files, as_folder, packed])
def test_all_ways_to_lie_in_files_give_the_same(written, tmp_path):
    split = load_split(written(tmp_path))
    assert split.n_train == 6
    assert split.images.dtype == np.float32
    np.testing.assert_array_equal(split.images, IMAGES / np.float32(255))
    np.testing.assert_array_equal(split.labels, LABELS)


def test_classes_keep_their_images_and_the_order_of_the_parts(tmp_path):
    split = load_split(as_archive(tmp_path)).of_classes(["0", "2"])
    kept = np.isin(LABELS, [0, 2])
    np.testing.assert_array_equal(split.labels, LABELS[kept])
    assert split.n_train == kept[:6].sum()
    with pytest.raises(ValueError, match=r"no image has the label 7; the labels are 0, 2"):
        split.of_classes(["7"])


def test_labels_may_be_a_column(tmp_path):
    arrays = {name: array for name, (_, array) in NAMES.items()}
    arrays["y_train"] = arrays["y_train"][:, None]
    np.savez(tmp_path / "digits.npz", **arrays)
    np.testing.assert_array_equal(load_split([tmp_path / "digits.npz"]).labels, LABELS)


def test_a_part_that_lacks_is_named(tmp_path):
    as_files(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(ValueError, match=r"found no t10k-labels: expected one \.npz"):
        load_split([tmp_path])
    np.savez(tmp_path / "digits.npz", x_train=IMAGES)
    with pytest.raises(ValueError, match="holds no x_test: expected"):
        load_split([tmp_path / "digits.npz"])


@pytest.mark.parametrize("wrong", [LABELS[:5], LABELS[:7]])
def test_each_image_needs_a_label(wrong, tmp_path):
    arrays = {name: array for name, (_, array) in NAMES.items()}
    np.savez(tmp_path / "digits.npz", **arrays | {"y_train": wrong})
    with pytest.raises(DataFileError, match="each image needs one"):
        load_split([tmp_path / "digits.npz"])


def test_both_parts_have_images_of_one_shape(tmp_path):
    arrays = {name: array for name, (_, array) in NAMES.items()}
    np.savez(tmp_path / "digits.npz", **arrays | {"x_test": IMAGES[6:, 1:]})
    with pytest.raises(DataFileError, match="the same shape"):
        load_split([tmp_path / "digits.npz"])
