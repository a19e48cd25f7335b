"""Photographs: image files of one picture each."""

from __future__ import annotations

import importlib.util
import logging
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import DataFileError
from rhohat.rows.claims import Claims, check_deflated
from rhohat.rows.file_format import Content, FileFormat, Selection, decoding

#: Formats that are decoded, by Pillow's names, whatever ending a file has. Others that Pillow knows
#: run a program (EPS), lead to other files, or are read by code that few use.
PICTURES = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "PPM")
#: How TIFFs begin.
TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
#: The EXIF tag of how the camera was held.
ORIENTATION = 274
#: Bytes at the start of a PBM, PGM or PPM in which its size must be found.
_NETPBM_HEAD = 1 << 16
#: Types of the values in Pillow's modes, where they are not bytes.
_TYPES = {"I": "i4", "F": "f4"}


@contextmanager
def _opened_image(path: Path, formats: tuple[str, ...] = PICTURES) -> Iterator[Any]:
    """The image, opened with Pillow, its claims checked."""
    from PIL import Image, UnidentifiedImageError

    with decoding():
        _check_netpbm(path)
        try:
            opened = Image.open(path, formats=formats)
        except Image.DecompressionBombError:
            raise DataFileError(
                "announces too many pixels, which a small file may do to fill the memory. Scale "
                "the image down"
            ) from None
        except UnidentifiedImageError:
            raise DataFileError("is not an image in a format that can be read") from None
        with opened as image:
            mode = image.mode
            dtype = np.dtype("u2" if mode.startswith("I;16") else _TYPES.get(mode, "u1"))
            is_gray = mode in ("1", "L", "I", "F") or mode.startswith("I;16")
            _check(path, image.height, image.width, 1 if is_gray else 3, dtype)
            yield image


def _check(
    path: Path, height: int, width: int, n_colors: int, dtype: np.dtype[Any], **claims: Any
) -> None:
    """Raise DataFileError if what a picture claims is not to be believed."""
    stored = path.stat().st_size
    shape = 1, height, width, n_colors
    Claims(shape, dtype, stored, pixels=height * width, **claims).check()


def _check_netpbm(path: Path) -> None:
    """Raise DataFileError if the size of a PBM, PGM or PPM comes late: it is read byte by byte."""
    with path.open("rb") as stream:
        head = stream.read(_NETPBM_HEAD)
    if re.match(rb"P[0-9fy]\s", head) and len(re.sub(rb"#[^\r\n]*", b"", head).split(None, 3)) < 3:
        raise DataFileError("does not say its size where it should")


def _is_tiff(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) in TIFF_MAGIC


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


def _known_orientation(value: Any) -> int:
    """EXIF's orientation, or 1 if it is none."""
    return value if isinstance(value, int) and value in _UPRIGHT else 1


def _orientation(image: Any) -> int:
    """How the picture is turned; 1, which is upright, if its EXIF data are damaged."""
    try:
        return _known_orientation(image.getexif().get(ORIENTATION, 1))
    except (SyntaxError, struct.error, KeyError, TypeError, ValueError):
        if image.format == "PNG":  # whose pixels were decoded on the way
            raise
        return 1


def _photograph(height: int, width: int, orientation: int) -> Content:
    """Content of a file of one photograph, which is to be turned upright."""
    shape = (width, height) if orientation >= 5 else (height, width)
    return Content("images", (1, *shape), np.dtype(np.float32))


def _look_at_photograph(path: Path, selection: Selection) -> Content:
    if _is_tiff(path):
        return _look_at_tiff(path, selection)
    with _opened_image(path) as image:
        return _photograph(image.height, image.width, _orientation(image))


def _read_photograph(path: Path, selection: Selection) -> NDArray[Any]:
    """The first picture of a file, upright, (1, height, width[, 3]); transparency becomes white."""
    if _is_tiff(path):
        return _read_tiff(path, selection)
    with _opened_image(path) as image:
        return _picture(image)


def _picture(image: Any) -> NDArray[Any]:
    from PIL import Image

    orientation = _orientation(image)
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
def without_log(name: str) -> Iterator[None]:
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

    with without_log("tifffile"), decoding(), TiffFile(path) as tiff:
        page: Any = tiff.pages[0] if tiff.pages else None
        if page is None:
            raise DataFileError("holds no picture")
        _check_page(path, page)
        colors, bits = page.samplesperpixel, page.bitspersample
        kinds = ((page.photometric == 2, 3, 8), (page.photometric in (0, 1), 1, 16))
        if not any(fits and colors == n and bits > usual for fits, n, usual in kinds):
            yield None
            return
        needs_codec = page.compression not in (COMPRESSION.NONE, COMPRESSION.ADOBE_DEFLATE)
        if needs_codec and importlib.util.find_spec("imagecodecs") is None:
            raise DataFileError(
                f"holds {bits} bits a color, compressed by {page.compression.name}. Save it "
                "uncompressed, or pip install imagecodecs"
            )
        if page.compression in (COMPRESSION.ADOBE_DEFLATE, COMPRESSION.DEFLATE):
            _check_segments(path, page)
        yield page


def _check_page(path: Path, page: Any) -> None:
    """Raise DataFileError if what a page of a TIFF claims is not to be believed."""
    bits = page.bitspersample
    if not isinstance(bits, int):
        raise DataFileError(f"announces {bits} bits for its colors, expected the same for all")
    _check(
        path,
        page.imagelength,
        page.imagewidth,
        page.samplesperpixel,
        np.dtype(f"u{next((n for n in (1, 2, 4) if bits <= 8 * n), 8)}"),
        bits=bits,
        chunk=(page.tilelength, page.tilewidth, page.samplesperpixel) if page.is_tiled else None,
    )


def _check_segments(path: Path, page: Any) -> None:
    """Raise DataFileError if a strip or tile of a page holds more than its part of the picture."""
    if page.is_tiled:
        height, width = page.tilelength, page.tilewidth
    else:
        height, width = min(page.rowsperstrip, page.imagelength), page.imagewidth
    most = height * width * page.samplesperpixel * page.bitspersample // 8
    with path.open("rb") as stream:
        for begin, length in zip(page.dataoffsets, page.databytecounts, strict=False):
            stream.seek(begin)
            check_deflated(stream.read(min(length, path.stat().st_size)), most, "a strip or tile")


def _look_at_tiff(path: Path, selection: Selection) -> Content:
    with _deep_page(path) as page:
        if page is not None:
            orientation = _known_orientation(page.tags.valueof(ORIENTATION, 1))
            return _photograph(page.imagelength, page.imagewidth, orientation)
    with _opened_image(path, ("TIFF",)) as image:
        return _photograph(image.height, image.width, _orientation(image))


def _read_tiff(path: Path, selection: Selection) -> NDArray[Any]:
    with _deep_page(path) as page:
        if page is not None:
            picture: NDArray[Any] = page.asarray()
            if page.samplesperpixel == 3 and page.planarconfig == 2:
                picture = np.moveaxis(picture, 0, -1)
            orientation = _known_orientation(page.tags.valueof(ORIENTATION, 1))
            return _upright(picture, orientation)[None]
    with _opened_image(path, ("TIFF",)) as image:
        return _picture(image)


PHOTOGRAPH = FileFormat(
    (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".pgm", ".ppm"),
    _look_at_photograph,
    _read_photograph,
    is_photograph=True,
    axes=None,
)
TIFF = FileFormat((".tif", ".tiff"), _look_at_tiff, _read_tiff, is_photograph=True, axes=None)
