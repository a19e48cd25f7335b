"""Maps of activations over the scene whose pixels are the rows."""

from functools import reduce
from operator import iadd

import numpy as np
import pytest
from numpy.testing import assert_allclose

from rhohat.inspection.scene import LONGEST, Scene, SceneSums
from rhohat.rows.sources import Rows


def means(A, scene, block=1024):
    """Maps, from blocks of rows that end anywhere."""
    return reduce(iadd, (SceneSums.of(b, scene) for b in Rows(A).blocks(block))).means


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_a_small_scene_is_mapped_pixel_by_pixel(block, rng):
    A = rng.rand(5 * 6, 3).astype(np.float32)
    assert_allclose(means(A, Scene(5, 6), block), A.T.reshape(3, 5, 6))


@pytest.mark.parametrize("shape", [(256, 384), (300, 130), (3, 700), (700, 3)])
def test_pixels_of_a_large_one_are_means_of_rectangles(shape, rng):
    scene = Scene(*shape)
    A = rng.rand(shape[0] * shape[1], 2)
    found = means(A, scene)
    down, across = scene.map_shape
    assert max(down, across) == LONGEST
    assert abs(down / across - shape[0] / shape[1]) < 0.02 * shape[0] / shape[1] or 1 in (
        down,
        across,
    )
    lines, samples = (np.arange(n) * m // n for n, m in zip(shape, (down, across), strict=True))
    for line, column in [(0, 0), (down // 2, across // 2), (down - 1, across - 1)]:
        cell = A.reshape(*shape, 2)[lines == line][:, samples == column]
        assert_allclose(found[:, line, column], cell.mean(axis=(0, 1)))


def test_several_scenes_lie_one_below_the_other():
    assert Scene.of((3, 10, 20), 600) == (30, 20)
    assert Scene(30, 20).name_of(41) == "line 2, sample 1"


@pytest.mark.parametrize("shape", [(10,), (10, 61), (1, 1, 10, 60)])
def test_a_scene_of_other_rows_is_refused(shape):
    with pytest.raises(
        ValueError, match=r"scene must be \(height, width\) .* for each of 600 rows"
    ):
        Scene.of(shape, 600)
