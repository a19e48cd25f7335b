"""Photographs: image files of one picture each, or of several of one size."""

from __future__ import annotations

import importlib.util
import logging
import re
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import DataFileError
from rhohat.common.extras import import_extra
from rhohat.rows.claims import OBJECT_LIMIT, PIXEL_LIMIT, Claims, check_deflated
from rhohat.rows.file_format import Content, FileFormat, Selection, decoding

#: Formats that are decoded, by Pillow's names, whatever ending a file has. Others that Pillow knows
#: run a program (EPS), lead to other files, or are read by code that few use.
PICTURES = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "PPM")
#: Formats that are decoded only where the ending says so, by the endings. HEIF needs an extra.
BY_ENDING = {
    ".avif": ("AVIF",),
    ".heic": ("HEIF",),
    ".heif": ("HEIF",),
    ".jp2": ("JPEG2000",),
    ".j2k": ("JPEG2000",),
    ".jpx": ("JPEG2000",),
    ".jpf": ("JPEG2000",),
    ".tga": ("TGA",),
}
#: Formats of several pictures, each of which is an image; further pictures of a JPEG, which cameras
#: add, are previews and depths.
OF_SEVERAL = ("GIF", "PNG", "WEBP", "TIFF", "AVIF")
#: Colors of the pictures that are read: gray, gray or red, green and blue with transparency.
COLORS = (1, 2, 3, 4)
#: How TIFFs begin.
TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
#: The EXIF tag of how the camera was held.
ORIENTATION = 274
#: Bytes at the start of a PBM, PGM or PPM in which its size must be found.
_NETPBM_HEAD = 1 << 16
#: Types of the values in Pillow's modes, where they are not bytes.
_TYPES = {"I": "i4", "F": "f4"}
#: Held while Pillow's own limit of pixels is another one.
_LIMITED = threading.Lock()


@contextmanager
def _pillow_limit(most: int) -> Iterator[None]:
    """Let Pillow open pictures of so many pixels."""
    from PIL import Image

    if most <= PIXEL_LIMIT:
        yield
        return
    with _LIMITED:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, most
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


@contextmanager
def _opened_image(
    path: Path, selection: Selection, formats: tuple[str, ...] | None = None
) -> Iterator[Any]:
    """The image, opened with Pillow, its claims checked."""
    from PIL import Image, UnidentifiedImageError

    asked = BY_ENDING.get(path.suffix.lower(), PICTURES) if formats is None else formats
    _check_plugins(asked)
    most = selection.max_pixels or PIXEL_LIMIT
    with decoding(), _pillow_limit(most):
        _check_netpbm(path)
        try:
            opened = Image.open(path, formats=asked)
        except Image.DecompressionBombError:
            raise DataFileError(
                "claims too many pixels; a small file may do so to exhaust memory. Scale the image "
                "down, or allow more with --max-pixels 1000000000 (in Python "
                "max_pixels=1_000_000_000)"
            ) from None
        except UnidentifiedImageError:
            raise DataFileError("is not an image in a format that can be read") from None
        with opened as image:
            mode = image.mode
            dtype = np.dtype("u2" if mode.startswith("I;16") else _TYPES.get(mode, "u1"))
            is_gray = mode in ("1", "L", "I", "F") or mode.startswith("I;16")
            colors = 1 if is_gray else 3
            _check(path, selection, (image.height, image.width, colors), dtype, _n_frames(image))
            yield image


def _check_plugins(formats: tuple[str, ...]) -> None:
    """Load what reads pictures of these formats; raise DataFileError if there is nothing."""
    from PIL import Image

    if "HEIF" in formats:
        import_extra("pillow_heif", "heif").register_heif_opener()
    if not set(formats) <= set(Image.OPEN):
        Image.init()
    if not set(formats) <= set(Image.OPEN):
        raise DataFileError(
            f"is in the format {formats[0]}, which this version of Pillow cannot read: pip install "
            "--upgrade pillow, or convert it to PNG"
        )


def _n_frames(image: Any) -> int:
    """Pictures of a file that are images."""
    return int(getattr(image, "n_frames", 1)) if image.format in OF_SEVERAL else 1


def _check(
    path: Path,
    selection: Selection,
    shape: tuple[int, int, int],
    dtype: np.dtype[Any],
    n_pictures: int = 1,
    **claims: Any,
) -> None:
    """Raise DataFileError if what pictures of a shape claim is not to be believed."""
    stored, pixels = path.stat().st_size, shape[0] * shape[1]
    most = selection.max_pixels or PIXEL_LIMIT
    whole = n_pictures, *shape
    Claims(whole, dtype, stored, pixels=pixels, most_pixels=most, **claims).check()


def _check_netpbm(path: Path) -> None:
    """Raise DataFileError if the size of a PBM, PGM or PPM comes late: it is read byte by byte."""
    with path.open("rb") as stream:
        head = stream.read(_NETPBM_HEAD)
    if re.match(rb"P[0-9fy]\s", head) and len(re.sub(rb"#[^\r\n]*", b"", head).split(None, 3)) < 3:
        raise DataFileError("does not state its size where it should")


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


def _photographs(
    height: int,
    width: int,
    orientation: int,
    n_pictures: int,
    n_others: int = 0,
    noun: str = "pictures",
) -> Content:
    """Content of a file of photographs, which are to be turned upright."""
    shape = (width, height) if orientation >= 5 else (height, width)
    note = f"holds {n_pictures:,} {noun}, each of which is an image" if n_pictures > 1 else ""
    if n_others:
        sizes = f"{n_others:,} that differ from the first in size or colors are left out"
        note = f"{note}; {sizes}" if note else f"holds {1 + n_others:,} {noun}: {sizes}"
    return Content("images", (n_pictures, *shape), np.dtype(np.float32), note=note)


def _look_at_photograph(path: Path, selection: Selection) -> Content:
    if _is_tiff(path):
        return _look_at_tiff(path, selection)
    with _opened_image(path, selection) as image:
        return _photographs(image.height, image.width, _orientation(image), _n_frames(image))


def _read_photograph(path: Path, selection: Selection) -> NDArray[Any]:
    """Pictures of a file, upright, (n, height, width[, 3]); transparency becomes white."""
    if _is_tiff(path):
        return _read_tiff(path, selection)
    with _opened_image(path, selection) as image:
        return _pictures(image, range(_n_frames(image)))


def _pictures(image: Any, numbers: Sequence[int]) -> NDArray[Any]:
    """Pictures with these numbers, all in color if one is."""
    orientation, found = _orientation(image), []
    for number in numbers:
        if number or len(numbers) > 1:
            image.seek(number)
        found.append(_picture(image, orientation))
    if len({picture.ndim for picture in found}) > 1:
        found = [np.stack([x] * 3, axis=-1) if x.ndim == 2 else x for x in found]
    return np.stack(found)


def _picture(image: Any, orientation: int) -> NDArray[Any]:
    from PIL import Image

    paletted = image.mode in ("P", "L", "RGB") and "transparency" in image.info
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or paletted:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image).convert("RGB")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "F", "I") and not image.mode.startswith("I;16"):
        image = image.convert("RGB")
    return _upright(np.asarray(image), orientation)


@contextmanager
def without_log(name: str) -> Iterator[None]:
    """Keep a library from logging what it also raises."""
    log = logging.getLogger(name)
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


class Pages(NamedTuple):
    """Pages of a TIFF that are pictures of the same size and colors as the first.

    Attributes
    ----------
    alike : list of int
        Their numbers.
    n_others : int
    deep : list of TiffPage
        The pages themselves if Pillow would lose bits of them, or cannot read them; such have more
        than 8 bits in each of 3 colors, or more than 16 bits of gray. Else empty.
    """

    alike: list[int]
    n_others: int
    deep: list[Any]


@contextmanager
def _pages(path: Path, selection: Selection) -> Iterator[Pages]:
    from tifffile import COMPRESSION, TiffFile

    with without_log("tifffile"), decoding(), TiffFile(path) as tiff:
        pages: list[Any] = []
        for page in tiff.pages:
            pages.append(page)
            if len(pages) > OBJECT_LIMIT:
                raise DataFileError(f"holds more than {OBJECT_LIMIT:,} pages: split it")
        if not pages:
            raise DataFileError("holds no picture")
        first = pages[0]
        alike = [number for number, page in enumerate(pages) if _size(page) == _size(first)]
        colors, bits = first.samplesperpixel, first.bitspersample
        if colors not in COLORS:
            raise DataFileError(
                f"has {colors} channels, expected 1, 3 or 4 as in gray or color images. If they "
                "are bands, save an array, such as .npy, with pixels as rows and bands as columns"
            )
        for number in alike:
            _check_page(path, selection, pages[number], len(alike))
        kinds = ((first.photometric == 2, 3, 8), (first.photometric in (0, 1), 1, 16))
        if not any(fits and colors == n and bits > usual for fits, n, usual in kinds):
            yield Pages(alike, len(pages) - len(alike), [])
            return
        needs_codec = first.compression not in (COMPRESSION.NONE, COMPRESSION.ADOBE_DEFLATE)
        if needs_codec and importlib.util.find_spec("imagecodecs") is None:
            raise DataFileError(
                f"holds {bits} bits per color, compressed with {first.compression.name}. Save it "
                "uncompressed, or pip install imagecodecs"
            )
        deep = [pages[number] for number in alike]
        for page in deep:
            if page.compression in (COMPRESSION.ADOBE_DEFLATE, COMPRESSION.DEFLATE):
                _check_segments(path, page)
        yield Pages(alike, len(pages) - len(alike), deep)


def _size(page: Any) -> tuple[Any, ...]:
    """What pages must have in common to be pictures of one array."""
    shape = page.imagelength, page.imagewidth, page.samplesperpixel
    return *shape, page.bitspersample, page.photometric, page.compression


def _check_page(path: Path, selection: Selection, page: Any, n_pages: int) -> None:
    """Raise DataFileError if what a page of a TIFF claims is not to be believed."""
    bits = page.bitspersample
    if not isinstance(bits, int):
        raise DataFileError(f"claims {bits} bits for its colors, expected the same number for all")
    _check(
        path,
        selection,
        (page.imagelength, page.imagewidth, page.samplesperpixel),
        np.dtype(f"u{next((n for n in (1, 2, 4) if bits <= 8 * n), 8)}"),
        n_pages,
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
    with _pages(path, selection) as pages:
        n_pictures, n_others = len(pages.alike), pages.n_others
        if pages.deep:
            first = pages.deep[0]
            orientation = _known_orientation(first.tags.valueof(ORIENTATION, 1))
            size = first.imagelength, first.imagewidth
            return _photographs(*size, orientation, n_pictures, n_others, "pages")
    with _opened_image(path, selection, ("TIFF",)) as image:
        size = image.height, image.width
        return _photographs(*size, _orientation(image), n_pictures, n_others, "pages")


def _read_tiff(path: Path, selection: Selection) -> NDArray[Any]:
    with _pages(path, selection) as pages:
        numbers = pages.alike
        if pages.deep:
            return np.stack([_deep_picture(page) for page in pages.deep])
    with _opened_image(path, selection, ("TIFF",)) as image:
        return _pictures(image, numbers)


def _deep_picture(page: Any) -> NDArray[Any]:
    picture: NDArray[Any] = page.asarray()
    if page.samplesperpixel == 3 and page.planarconfig == 2:
        picture = np.moveaxis(picture, 0, -1)
    return _upright(picture, _known_orientation(page.tags.valueof(ORIENTATION, 1)))


_ENDINGS = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif"),
    *(".pgm", ".ppm", ".pbm", ".pnm", ".pfm", *BY_ENDING),
)
PHOTOGRAPH = FileFormat(
    _ENDINGS, _look_at_photograph, _read_photograph, axes=None, group="photographs"
)
TIFF = FileFormat((".tif", ".tiff"), _look_at_tiff, _read_tiff, axes=None, group="photographs")
