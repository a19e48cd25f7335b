"""Images in memory, and images that are read whenever they are asked for."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rhohat.files.images import ImageSequence, MappedImages, each_image


class Counted(ImageSequence):
    """Images of their own number, and how often each was read."""

    dtype = np.dtype(np.float32)

    def __init__(self, n_images):
        self.reads = [0] * n_images

    def __len__(self):
        return len(self.reads)

    def _read(self, number):
        self.reads[number] += 1
        return np.full((2, 3), number, np.float32)


@pytest.mark.parametrize("part", [slice(None), slice(1, 6, 2), slice(None, None, -1), slice(9, 9)])
def test_a_slice_is_what_a_slice_of_a_list_is_and_reads_nothing_by_itself(part):
    images = Counted(7)
    some = images[part]
    assert len(some) == len(range(7)[part])
    assert some.dtype == images.dtype
    assert sum(images.reads) == 0
    assert [image[0, 0] for image in some] == list(range(7)[part])
    assert [image[0, 0] for image in some[::-1][:2]] == list(range(7)[part])[::-1][:2]


def test_numbers_count_from_the_end_too_and_end_where_the_images_do():
    images = Counted(3)
    assert images[-1][0, 0] == 2
    for number in (3, -4):
        with pytest.raises(IndexError):
            images[number]


def test_what_is_made_of_images_is_made_when_it_is_asked_for():
    images = Counted(3)
    doubled = MappedImages(images, lambda image: 2 * image)
    assert sum(images.reads) == 0
    assert_array_equal(doubled[1:][1], np.full((2, 3), 4))
    assert images.reads == [0, 0, 1]


def test_images_come_one_after_the_other_as_floats():
    given = [np.eye(3, dtype=np.uint8), np.ones((2, 4, 3), np.float32)]
    found = list(each_image(given))
    assert [image.dtype for image in found] == [np.float64, np.float32]
    for one, other in zip(found, given, strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.eye(4), "Put a single image in a list"),
        ([], "at least one image"),
        (iter([np.eye(3)]), "expected a sequence of images, got list_iterator"),
        ([np.eye(3), np.ones(3)], r"image 1 must have shape \(height, width\)"),
        ([np.eye(3), np.empty((0, 3))], "image 1 must have shape"),
        ([np.full((2, 2), np.nan)], "image 0 contains NaN"),
    ],
)
def test_what_are_no_images_is_said(images, message):
    with pytest.raises(ValueError, match=message):
        list(each_image(images))
