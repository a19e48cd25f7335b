"""Sources: the images or series that examples were cut from, and what lies around these."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray
from rhohat.common.pictures import as_bytes, data_uri
from rhohat.inspection.examples import PieceExamples
from rhohat.inspection.report.names import without_folder
from rhohat.preprocessing.extractors import Places

#: Longest side, in pixels, of images that are on the page in full, and of copies of larger ones.
DETAILED, THUMBNAIL = 640, 320
#: Bytes that all these pictures may take on the page.
PICTURE_BYTES = 1_000_000
#: Columns and rows of pictures of series, and rows of a series up to which they are lines.
OVERVIEW, OVERVIEW_HEIGHT, TRACES = 600, 60, 12
#: Height and width of what is shown around an example, in its own; its longest side in pixels, and
#: for how many examples at most it is added, at about 250 bytes each.
AROUND, AROUND_PIXELS, MOST_AROUND = 4, 48, 4000


@dataclass(frozen=True)
class SourceImage:
    """An image, or series, that examples were cut from; those with most examples have a picture.

    `begins` is the time, in seconds, at which it begins in its file. The picture of an image with
    `details` has all of its pixels.
    """

    name: str
    begins: float
    height: int
    width: int
    picture: str | None
    details: bool


@dataclass(frozen=True)
class Surroundings:
    """What lies around examples whose image is on the page without its details, or not at all.

    Attributes
    ----------
    sheet : str
        All in one picture, `columns` in a row.
    columns, rows : int
    numbers : ndarray of int of shape (n,)
        The place of each of the page's examples on the sheet; -1 for those that are not on it.
    """

    sheet: str
    columns: int
    rows: int
    numbers: NDArray[np.intp]


def sources_of(
    examples: PieceExamples, rows: NDArray[np.intp]
) -> tuple[list[SourceImage], Surroundings | None]:
    """Images, or series, that examples were cut from, and what lies around those in photographs.

    Each is read once, those with most examples first.

    Parameters
    ----------
    examples : PieceExamples
    rows : ndarray of int of shape (n,)
        Numbers of the page's examples.
    """
    places, names = examples.places(rows), without_folder(examples.names)
    found: dict[int, SourceImage] = {}
    around: dict[int, NDArray[np.uint8]] = {}
    left = PICTURE_BYTES
    for number, _ in Counter(places.image.tolist()).most_common():
        image = examples.image(number)
        is_whole, picture, details = image.shape[:2] == examples.shape[:2], None, False
        if examples.axes is not None:
            picture = _overview(image) if left > 0 and not is_whole else None
        elif not is_whole:
            levels = as_bytes(image)
            details = left > 0 and max(levels.shape[:2]) <= DETAILED
            longest = None if details else THUMBNAIL
            picture = data_uri(levels, "jpeg", longest=longest) if left > 0 else None
            if not details:
                mine = np.flatnonzero(places.image == number)[: MOST_AROUND - len(around)]
                parts = _cut(levels, places.at(mine), examples.shape)
                around |= dict(zip(mine.tolist(), parts, strict=True))
        left -= len(picture or "")
        name, begins, (height, width) = names[number], examples.begins(number), image.shape[:2]
        found[number] = SourceImage(name, begins, height, width, picture, details)
    return [found[number] for number in sorted(found)], _on_a_sheet(around, len(rows))


def _cell(shape: tuple[int, ...]) -> tuple[int, int]:
    """Height and width in pixels of what is shown around a piece."""
    height, width = AROUND * shape[0], AROUND * shape[1]
    scale = min(AROUND_PIXELS / max(height, width), 1)
    return max(round(scale * height), 1), max(round(scale * width), 1)


def _cut(
    levels: NDArray[np.uint8], places: Places, shape: tuple[int, ...]
) -> list[NDArray[np.uint8]]:
    """What lies around pieces of this shape in an image, moved inwards where that ends."""
    from PIL import Image

    found = []
    height, width = np.minimum(np.multiply(AROUND, shape[:2]), levels.shape[:2]).tolist()
    for top, left in zip(places.top.tolist(), places.left.tolist(), strict=True):
        y = min(max(top - (height - shape[0]) // 2, 0), levels.shape[0] - height)
        x = min(max(left - (width - shape[1]) // 2, 0), levels.shape[1] - width)
        part = Image.fromarray(levels[y : y + height, x : x + width])
        found.append(np.asarray(part.resize(_cell(shape)[::-1])))
    return found


def _on_a_sheet(around: dict[int, NDArray[np.uint8]], n: int) -> Surroundings | None:
    """Pictures of some of n examples, side by side; None if there are none."""
    if not around:
        return None
    cells = np.stack(list(around.values()))
    columns = int(np.ceil(np.sqrt(len(cells))))
    rows = -(-len(cells) // columns)
    height, width, *channels = cells.shape[1:]
    sheet = np.zeros((rows * columns, height, width, *channels), np.uint8)
    sheet[: len(cells)] = cells
    grid = sheet.reshape(rows, columns, height, width, *channels).swapaxes(1, 2)
    numbers = np.full(n, -1)
    numbers[list(around)] = np.arange(len(cells))
    picture = data_uri(grid.reshape(rows * height, columns * width, *channels), "jpeg")
    return Surroundings(picture, columns, rows, numbers)


def _overview(series: FloatArray) -> str:
    """A picture of a series, (rows, moments), with moments merged so that all fit in."""
    rows, moments = series.shape
    edges = np.linspace(0, moments, min(moments, OVERVIEW) + 1).astype(int)[:-1]
    if rows > TRACES:  # a spectrogram
        return data_uri(as_bytes(np.maximum.reduceat(series, edges, axis=1) - series.min()))
    low, high = np.minimum.reduceat(series, edges, 1), np.maximum.reduceat(series, edges, 1)
    band = OVERVIEW_HEIGHT // rows
    place = np.linspace(float(high.max()), float(low.min()), band)[:, None]
    drawn = [(place <= top) & (place >= bottom) for bottom, top in zip(low, high, strict=True)]
    return data_uri(np.where(np.concatenate(drawn), 30, 225).astype(np.uint8))
