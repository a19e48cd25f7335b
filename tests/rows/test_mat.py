"""Files of MATLAB: images lie along the last axis."""

import numpy as np
import scipy.io
from numpy.testing import assert_array_equal

from rhohat import load_images

ARRAYS = np.random.RandomState(0).randint(0, 256, (4, 12, 9)).astype(np.uint8)


def test_olshausens_layout_has_images_along_the_last_axis(tmp_path):
    images = ARRAYS.astype(float)
    scipy.io.savemat(tmp_path / "IMAGES.mat", {"IMAGES": np.moveaxis(images, 0, -1)})
    assert_array_equal(np.stack(load_images(tmp_path / "IMAGES.mat").images), images)
