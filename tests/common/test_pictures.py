"""Arrays as pictures."""

import base64
from io import BytesIO

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from rhohat.common.pictures import as_bytes, data_uri, picture_shape, quantize, tile_grid


def test_pictures_with_negative_values_are_divided_by_their_own_largest(rng):
    tiles = rng.randn(3, 4, 5)
    tiles[1] = 0
    quantized = quantize(tiles)
    assert quantized.levels.dtype == np.int8
    peak = np.abs(tiles).max(axis=(1, 2))
    assert_array_equal(quantized.high, peak)
    expected = np.rint(127 * tiles[0] / peak[0])
    assert_array_equal(quantized.levels[0, ..., 0], expected)
    assert not quantized.levels[1].any()


def test_pictures_without_share_a_scale(rng):
    tiles = rng.rand(3, 4, 5, 3)
    quantized = quantize(tiles)
    assert quantized.levels.dtype == np.uint8
    assert_array_equal(quantized.levels, np.rint(255 * tiles / tiles.max()))


def test_each_picture_may_have_its_own_scale(rng):
    tiles = rng.randn(4, 3, 3)
    levels, low, high = quantize(tiles, own=True)
    for i, tile in enumerate(tiles):
        assert (low[i], high[i]) == (tile.min(), tile.max())
        expected = np.rint(255 * (tile - tile.min()) / np.ptp(tile))
        assert_array_equal(levels[i, ..., 0], expected)


@pytest.mark.parametrize(
    ("n_values", "shape"),
    [(64, (8, 8)), (192, (8, 8, 3)), (7, (1, 7)), (1, (1, 1)), (3, (1, 1, 3))],
)
def test_rows_are_drawn_square_where_they_can_be(n_values, shape):
    assert picture_shape(n_values) == shape


def test_addresses_hold_the_picture(rng):
    pixels = as_bytes(rng.rand(6, 9, 3))
    assert pixels.max() == 255
    uri = data_uri(pixels)
    picture = Image.open(BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,"))))
    assert_array_equal(np.asarray(picture), pixels)
    small = data_uri(as_bytes(rng.rand(60, 90)), "jpeg", longest=30)
    picture = Image.open(BytesIO(base64.b64decode(small.removeprefix("data:image/jpeg;base64,"))))
    assert picture.size == (30, 20)


def test_grid_holds_every_tile_divided_by_its_largest_value():
    tiles = np.array([[[1.0, -2.0]], [[0.5, 0.25]], [[0.0, 0.0]]])
    grid = tile_grid(tiles)
    assert grid.shape == (2 * 2 + 1, 2 * 3 + 1)
    assert_array_equal(grid[1, 1:3], [0.5, -1])
    assert_array_equal(grid[1, 4:6], [1, 0.5])
    assert_array_equal(grid[3, 1:3], [0, 0])
    assert np.isnan(grid[0]).all()
    assert np.isnan(grid[3, 4:]).all()


def test_color_tiles_share_one_scale():
    tile = np.zeros((1, 1, 1, 3))
    tile[..., 0], tile[..., 1] = 4, -2
    assert_array_equal(tile_grid(tile)[1, 1], [1, -0.5, 0])


@pytest.mark.parametrize("shape", [(0, 4, 4), (4,), (2, 4, 4, 2)])
def test_what_is_no_tile_is_refused(shape):
    with pytest.raises(ValueError, match="expected tiles of shape"):
        tile_grid(np.ones(shape))
