"""Color: what lies off the gray axis."""

import numpy as np
from numpy.testing import assert_allclose

from rhohat.inspection.color import chromatic_share


def test_color_is_what_lies_off_the_gray_axis(rng):
    gray = np.repeat(rng.randn(1, 4, 4, 1), 3, axis=3)
    opponent = rng.randn(1, 4, 4, 1) * np.array([1.0, -1.0, 0.0])
    red = np.zeros((1, 4, 4, 3))
    red[..., 0] = 2
    tiles = np.concatenate([gray, opponent, red, 0 * red])
    assert_allclose(chromatic_share(tiles), [0, 1, 2 / 3, 0], atol=1e-12)
