"""Photographs: image files of one picture each."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import DataFileError
from rhohat.rows.file_format import Content, FileFormat, decoding

#: Pixels that an image may have; a larger one is taken for a decompression bomb.
PIXEL_LIMIT = 89_478_485
#: The EXIF tag of how the camera was held.
ORIENTATION = 274


@contextmanager
def _opened_image(path: Path) -> Iterator[Any]:
    """The image, opened with Pillow."""
    from PIL import Image, UnidentifiedImageError

    with decoding():
        try:
            opened = Image.open(path)
        except Image.DecompressionBombError:
            raise _bomb(f"more than {2 * PIXEL_LIMIT:,}") from None
        except UnidentifiedImageError:
            raise DataFileError("is not an image in a format that can be read") from None
        with opened as image:
            _refuse_bomb(image.height, image.width)
            yield image


def _refuse_bomb(height: int, width: int) -> None:
    if height * width > PIXEL_LIMIT:
        raise _bomb(f"{width} x {height}, more than {PIXEL_LIMIT:,}")


def _bomb(pixels: str) -> DataFileError:
    return DataFileError(
        f"announces {pixels} pixels, which a small file may do to fill the memory. Scale the image "
        "down"
    )


#: What turns a stored picture upright, by EXIF's orientation.
_UPRIGHT: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: np.fliplr,
    3: lambda picture: np.rot90(picture, 2),
    4: np.flipud,
    5: lambda picture: np.swapaxes(picture, 0, 1),
    6: lambda picture: np.rot90(picture, -1),
    7: lambda picture: np.swapaxes(np.rot90(picture, 2), 0, 1),
    8: np.rot90,
}


def _upright(picture: NDArray[Any], orientation: int) -> NDArray[Any]:
    return _UPRIGHT[orientation](picture) if orientation in _UPRIGHT else picture


def _photograph(height: int, width: int, orientation: int) -> Content:
    """Content of a file of one photograph, which is to be turned upright."""
    shape = (width, height) if orientation >= 5 else (height, width)
    return Content("images", (1, *shape), np.dtype(np.float32))


def _look_at_photograph(path: Path, key: str | None) -> Content:
    with _opened_image(path) as image:
        return _photograph(image.height, image.width, image.getexif().get(ORIENTATION, 1))


def _read_photograph(path: Path, key: str | None) -> NDArray[Any]:
    """The first picture of a file, upright, (1, height, width[, 3]); transparency becomes white."""
    from PIL import Image

    with _opened_image(path) as image:
        orientation = image.getexif().get(ORIENTATION, 1)
        paletted = image.mode in ("P", "L", "RGB") and "transparency" in image.info
        if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or paletted:
            image = image.convert("RGBA")
            paper = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(paper, image).convert("RGB")
        elif image.mode == "1":
            image = image.convert("L")
        elif image.mode not in ("L", "F", "I") and not image.mode.startswith("I;16"):
            image = image.convert("RGB")
        return _upright(np.asarray(image), orientation)[None]


@contextmanager
def _without_log(name: str) -> Iterator[None]:
    """Keep a library from logging what it also raises."""
    log = logging.getLogger(name)
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


@contextmanager
def _deep_page(path: Path) -> Iterator[Any]:
    """The first page of a TIFF if Pillow would lose bits of it, or cannot read it; else None.

    Such a page has more than 8 bits in each of 3 colors, or more than 16 bits of gray.
    """
    from tifffile import COMPRESSION, TiffFile

    with _without_log("tifffile"), decoding(), TiffFile(path) as tiff:
        page: Any = tiff.pages[0] if tiff.pages else None
        if page is None:
            raise DataFileError("holds no picture")
        colors, bits = page.samplesperpixel, page.bitspersample
        kinds = ((page.photometric == 2, 3, 8), (page.photometric in (0, 1), 1, 16))
        if not any(fits and colors == n and bits > usual for fits, n, usual in kinds):
            yield None
            return
        _refuse_bomb(page.imagelength, page.imagewidth)
        needs_codec = page.compression not in (COMPRESSION.NONE, COMPRESSION.ADOBE_DEFLATE)
        if needs_codec and importlib.util.find_spec("imagecodecs") is None:
            raise DataFileError(
                f"holds {bits} bits a color, compressed by {page.compression.name}. Save it "
                "uncompressed, or pip install imagecodecs"
            )
        yield page


def _look_at_tiff(path: Path, key: str | None) -> Content:
    with _deep_page(path) as page:
        if page is not None:
            return _photograph(page.imagelength, page.imagewidth, page.tags.valueof(ORIENTATION, 1))
    return _look_at_photograph(path, key)


def _read_tiff(path: Path, key: str | None) -> NDArray[Any]:
    with _deep_page(path) as page:
        if page is not None:
            picture: NDArray[Any] = page.asarray()
            if page.samplesperpixel == 3 and page.planarconfig == 2:
                picture = np.moveaxis(picture, 0, -1)
            return _upright(picture, page.tags.valueof(ORIENTATION, 1))[None]
    return _read_photograph(path, key)


PHOTOGRAPH = FileFormat(
    (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".pgm", ".ppm"),
    _look_at_photograph,
    _read_photograph,
    is_photograph=True,
)
TIFF = FileFormat((".tif", ".tiff"), _look_at_tiff, _read_tiff, is_photograph=True)
