"""Whole images and series, rebuilt from their pieces, which are averaged where they overlap."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.inspection.examples import PieceExamples
from rhohat.inspection.layers import Layer
from rhohat.inspection.rebuilding import rebuilt_rows

#: Pixels of the sides of an image that is rebuilt, at most; of larger ones, the middle is.
LONGEST_SIDE = 640
#: Moments of a spectrogram that are rebuilt, at most, and windows of other series.
MOMENTS, WINDOWS = 300, 8
#: Pieces, and values in all of them, for which these lie as close to each other as they may.
MOST_PIECES, MOST_VALUES = 20_000, 4_000_000


class Whole(NamedTuple):
    """An image or series, or a part of it, and what a layer makes of its pieces.

    Attributes
    ----------
    top, left : int
        Where the part begins.
    given, rebuilt : ndarray of shape (height, width[, channels])
    n_pieces, stride : int
        Number of pieces, and rows and columns from one to the next.
    keeps : str
        What each reconstruction takes from its piece; see `Rebuilt`.
    """

    top: int
    left: int
    given: FloatArray
    rebuilt: Float64Array
    n_pieces: int
    stride: int
    keeps: str


def rebuilt_whole(layer: Layer, examples: PieceExamples, number: int = 0) -> Whole | None:
    """Rebuild an image or series behind its filters, where pieces are cut out of it.

    Parameters
    ----------
    layer : Layer
        That reconstructs.
    examples : PieceExamples
    number : int, default=0
        Of the image or series.

    Returns
    -------
    whole : Whole or None
        None if a step of rows has no inverse.
    """
    array, (height, width) = examples.filtered(number), examples.shape[:2]
    top, left, part = _part(examples, array)
    stride = _stride(part, examples.shape)
    tops, lefts = _starts(len(part), height, stride), _starts(part.shape[1], width, stride)
    windows = np.lib.stride_tricks.sliding_window_view(part, (height, width), axis=(0, 1))
    pieces = windows[np.ix_(tops, lefts)]
    pieces = np.moveaxis(pieces, 2, -1) if part.ndim == 3 else pieces
    made = rebuilt_rows(layer, pieces.reshape(len(tops) * len(lefts), -1))
    if not made.is_undone:
        return None
    averaged = averaged_pieces(made.rebuilt.reshape(pieces.shape), tops, lefts)
    return Whole(top, left, part, averaged, len(made.rebuilt), stride, made.keeps)


def averaged_pieces(
    pieces: FloatArray, tops: NDArray[np.intp], lefts: NDArray[np.intp]
) -> Float64Array:
    """The array whose pieces lie at these places, averaged where they overlap.

    Parameters
    ----------
    pieces : ndarray of shape (n_tops, n_lefts, height, width[, channels])
    tops, lefts : ndarray of int
        First rows and columns, ascending; no value of the array may lie outside all pieces.

    Returns
    -------
    averaged : ndarray of shape (rows, columns[, channels])
    """
    height, width, *channels = pieces.shape[2:]
    total = np.zeros((tops[-1] + height, lefts[-1] + width, *channels))
    for row, top in zip(pieces, tops, strict=True):
        strip = total[top : top + height]
        for column in range(width):  # of all pieces of the row at once
            strip[:, lefts + column] += row[:, :, column].swapaxes(0, 1)
    counts = np.outer(*(_counts(*axis) for axis in ((tops, height), (lefts, width))))
    averaged: Float64Array = total / counts.reshape(*counts.shape, *(1 for _ in channels))
    return averaged


def _counts(starts: NDArray[np.intp], length: int) -> NDArray[np.intp]:
    """How many pieces, along an axis, cover each place."""
    ends = np.zeros(starts[-1] + length + 1, dtype=np.intp)
    np.add.at(ends, starts, 1)
    np.add.at(ends, starts + length, -1)
    return ends.cumsum()[:-1]


def _starts(size: int, length: int, stride: int) -> NDArray[np.intp]:
    """Where pieces begin along an axis: `stride` apart, and one at the end."""
    return np.unique(np.append(np.arange(0, size - length + 1, stride), size - length))


def _stride(part: FloatArray, shape: tuple[int, ...]) -> int:
    """The least stride at which there are not too many pieces; none leaves gaps."""
    along_time = shape[0] == len(part)
    most = min(MOST_PIECES, MOST_VALUES // int(np.prod(shape)))
    widest = shape[1] if along_time else min(shape[:2])
    for stride in range(1, widest):
        rows, columns = (
            len(_starts(size, length, stride))
            for size, length in zip(part.shape[:2], shape[:2], strict=True)
        )
        if rows * columns <= most:
            return stride
    return widest


def _part(examples: PieceExamples, array: FloatArray) -> tuple[int, int, FloatArray]:
    """What is rebuilt of an array, and where it begins: all of it, if it is not too large."""
    axes = examples.axes
    if axes is None:
        top, left = (max(size - LONGEST_SIDE, 0) // 2 for size in array.shape[:2])
        return top, left, array[top : top + LONGEST_SIDE, left : left + LONGEST_SIDE]
    width = examples.shape[1]
    most = max(MOMENTS, width) if axes.kind == "spectrogram" else WINDOWS * width
    starts = range(0, max(array.shape[1] - most, 0) + 1, most)
    left = max(starts, key=lambda start: float(array[:, start : start + most].var()))
    return 0, left, array[:, left : left + most]
