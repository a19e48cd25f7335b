"""Arrays as pictures: grids of tiles, bytes of pixels, and files small enough for a web page."""

from __future__ import annotations

import base64
from io import BytesIO
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rhohat.common.arrays import FloatArray
from rhohat.common.validation import check_integer


def tile_grid(tiles: ArrayLike, *, n_columns: int | None = None, border: int = 1) -> FloatArray:
    """Tiles side by side as one image, each divided by its own largest absolute value.

    Parameters
    ----------
    tiles : array-like of shape (k, height, width) or (k, height, width, 3)
    n_columns : int, default=None
        Tiles in a row; a square grid if None.
    border : int, default=1
        Pixels between tiles and around them.

    Returns
    -------
    grid : ndarray of shape (rows, columns) or (rows, columns, 3)
        Values in [-1, 1]; NaN in the border and where the last row has no tile.
    """
    tiles = np.asarray(tiles, dtype=np.float64)
    if len(tiles) == 0 or tiles.ndim not in (3, 4) or tiles.shape[3:] not in ((), (3,)):
        raise ValueError(
            "expected tiles of shape (k >= 1, height, width) or (k, height, width, 3), got "
            f"{tiles.shape}."
        )
    if n_columns is not None:
        check_integer("n_columns", n_columns, low=1)
    k, height, width = tiles.shape[:3]
    columns = n_columns or int(np.ceil(np.sqrt(k)))
    rows = -(-k // columns)
    axes = tuple(range(1, tiles.ndim))
    largest = np.abs(tiles).max(axis=axes, keepdims=True)
    tiles = tiles / np.where(largest > 0, largest, 1)
    step_y, step_x = height + border, width + border
    grid = np.full((rows * step_y + border, columns * step_x + border, *tiles.shape[3:]), np.nan)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, columns)
        y, x = row * step_y + border, column * step_x + border
        grid[y : y + height, x : x + width] = tile
    return grid


def image_of_units(weights: FloatArray) -> str:
    """HTML of a picture of the weights of the first 100 units, a tile for each."""
    tiles = weights[:100].reshape(-1, *picture_shape(weights.shape[1]))
    grid = tile_grid(tiles, n_columns=min(25, len(tiles)))
    return (
        f'<img src="{data_uri(gray_levels(grid))}" alt="The input that activates each of '
        f'{len(tiles)} of {len(weights)} units most" style="image-rendering: pixelated; '
        'width: 100%; max-width: 800px">'
    )


def gray_levels(grid: FloatArray) -> NDArray[np.uint8]:
    """Values in [-1, 1] as 0 to 255, zero in the middle; black where there is no tile."""
    return np.asarray(np.rint(np.nan_to_num(127.5 * (grid + 1))), np.uint8)


def picture_shape(n_values: int) -> tuple[int, ...]:
    """The shape to draw a row in, guessed from its length: a square, gray or color, or a strip."""
    for channels in ((), (3,)):
        side = round(np.sqrt(n_values / (3 if channels else 1)))
        if prod((side, side, *channels)) == n_values:
            return (side, side, *channels)
    return (1, n_values)


class Quantized(NamedTuple):
    """Pictures in 8 bits.

    Attributes
    ----------
    levels : ndarray of int8 or uint8 of shape (n, height, width, channels)
    low, high : ndarray of shape (n,)
        Values that the lowest and the highest level stand for: -127 and 127, or 0 and 255.
    """

    levels: NDArray[np.int8] | NDArray[np.uint8]
    low: FloatArray
    high: FloatArray


def quantize(pictures: FloatArray, *, own: bool = False) -> Quantized:
    """Round pictures to 8 bits.

    If any value is negative, each picture is divided by its own largest absolute value, as in the
    lecture notes' figure, and zero stays zero. Otherwise all share one scale, from 0 to the
    greatest value.

    Parameters
    ----------
    pictures : ndarray of shape (n, height, width) or (n, height, width, channels)
    own : bool, default=False
        Whether the scale of each picture goes from its own least to its own greatest value.

    Returns
    -------
    quantized : Quantized
    """
    pictures = pictures.reshape(*pictures.shape[:3], -1)
    low, high = pictures.min(axis=(1, 2, 3)), pictures.max(axis=(1, 2, 3))
    if own:
        return Quantized(_levels(pictures, low, high, 255, np.uint8), low, high)
    if low.min() < 0:
        peak = np.maximum(-low, high)
        return Quantized(_levels(pictures, 0 * peak, peak, 127, np.int8), -peak, peak)
    high = np.full_like(high, high.max())
    return Quantized(_levels(pictures, 0 * high, high, 255, np.uint8), 0 * high, high)


def _levels(
    pictures: FloatArray, low: FloatArray, high: FloatArray, top: int, dtype: type
) -> NDArray[Any]:
    """Values from low to high, (n,), as 0 to `top`."""
    span = np.where(high > low, high - low, 1)
    scaled = (pictures - low[:, None, None, None]) * (top / span)[:, None, None, None]
    return np.asarray(np.rint(scaled), dtype)


def as_bytes(image: FloatArray) -> NDArray[np.uint8]:
    """An image as 0 to 255: from zero, or its least value if negative, to its greatest value."""
    low, high = min(float(image.min()), 0.0), float(image.max())
    scaled = (image - low) * (255 / (high - low) if high > low else 0)
    levels = np.asarray(np.rint(scaled), np.uint8)
    return levels[..., 0] if levels.shape[2:] == (1,) else levels


#: How pictures of each kind are compressed.
COMPRESSION: dict[str, dict[str, Any]] = {
    "png": {},
    "jpeg": {"quality": 40, "progressive": True, "optimize": True},
}


def data_uri(pixels: NDArray[np.uint8], kind: str = "png", *, longest: int | None = None) -> str:
    """A picture as a ``data:`` URI.

    Parameters
    ----------
    pixels : ndarray of uint8 of shape (height, width) or (height, width, 3)
    kind : {"png", "jpeg"}, default="png"
    longest : int, default=None
        Pixels of the longer side; a larger picture is scaled down.
    """
    from PIL import Image

    picture = Image.fromarray(pixels)
    if longest is not None:
        picture.thumbnail((longest, longest))
    buffer = BytesIO()
    picture.save(buffer, format=kind, **COMPRESSION[kind])
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
