"""The built-in photographs."""

import numpy as np
import pytest

from rhohat import load_photographs


def test_there_are_ten_of_equal_contrast_under_their_own_names(photographs):
    assert len(set(photographs.names)) == len(photographs.images) == 10
    assert {"camera.png", "china.jpg"} <= set(photographs.names)
    for image in photographs.images:
        assert image.ndim == 2
        assert image.std() == pytest.approx(1, rel=1e-5)


def test_in_color_they_are_the_same_photographs(photographs):
    colored = load_photographs(color=True)
    assert colored.names == photographs.names
    for color, gray in zip(colored.images, photographs.images, strict=True):
        assert color.shape == (*gray.shape, 3)
    camera = colored.images[colored.names.index("camera.png")]
    np.testing.assert_array_equal(camera[..., 0], camera[..., 2])
