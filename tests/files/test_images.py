"""Images in memory."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rhohat.files.images import each_image


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
