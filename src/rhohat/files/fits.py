"""Images and cubes in FITS files, as telescopes write them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import DataFileError
from rhohat.common.extras import import_extra
from rhohat.rows.axes import Axes, usual_axes
from rhohat.rows.claims import Claims, check_search
from rhohat.rows.file_format import Content, FileFormat, Selection, array_content, decoding
from rhohat.rows.inventory import Entry, choose

#: Types of numbers by BITPIX.
_TYPES = {8: "u1", 16: "i2", 32: "i4", 64: "i8", -32: "f4", -64: "f8"}


def _fits_axes(shape: tuple[int, ...]) -> Axes:
    """An array of two axes is an image."""
    return Axes("HW") if len(shape) == 2 else usual_axes(shape)


@contextmanager
def _opened(path: Path, selection: Selection) -> Iterator[tuple[Any, Content]]:
    """The part of a file that is meant, and what it holds."""
    fits = import_extra("astropy.io.fits", "fits")
    with decoding(), path.open("rb") as stream:
        if stream.read(6) != b"SIMPLE":  # astropy would unpack archives of any kind
            raise DataFileError("does not begin as FITS files do; if it is packed, unpack it")
        stream.seek(0)
        with fits.open(stream, memmap=False, lazy_load_hdus=False) as parts:
            yield _chosen(parts, path, selection)


def _chosen(parts: Any, path: Path, selection: Selection) -> tuple[Any, Content]:
    """The part that is meant, and what it holds."""
    check_search(0, len(parts))
    named = {part.name or str(number): part for number, part in enumerate(parts)}

    def describe(name: str) -> Entry:
        part = named[name]
        if part.header.get("ZIMAGE") or type(part).__name__ == "CompImageHDU":
            return Entry(name, reason="a tile-compressed image: unpack it with funpack")
        if not part.is_image:
            return Entry(name, reason="a table, which is not supported: save it as CSV")
        if part.header.get("NAXIS", 0) == 0:
            return Entry(name, reason="only a header", may_be_data=False)
        shape = tuple(int(part.header[f"NAXIS{n}"]) for n in range(part.header["NAXIS"], 0, -1))
        return Entry(name, shape, _dtype(part.header))

    entry, facts = choose(named, describe, selection.key)
    assert entry.dtype is not None
    shape = tuple(n for n in entry.shape if n != 1)  # axes of one plane, as of frequency
    shape = shape if len(shape) > 1 else entry.shape
    Claims(shape, entry.dtype, path.stat().st_size).check()
    return named[entry.name], array_content(shape, entry.dtype, **facts)


def _dtype(header: Any) -> np.dtype[Any]:
    """Type of the numbers: unsigned where an offset says so, floats where they are scaled."""
    if header.get("BITPIX") not in _TYPES:
        raise DataFileError(
            f"states BITPIX = {header.get('BITPIX')!r:.20}, expected one of {[*_TYPES]}"
        )
    stored = np.dtype(_TYPES[header["BITPIX"]])
    scale, zero = float(header.get("BSCALE", 1)), float(header.get("BZERO", 0))
    if (scale, zero) == (1, 0) and (stored.kind == "f" or "BLANK" not in header):
        return stored
    if stored.kind == "i" and scale == 1 and zero == 2.0 ** (8 * stored.itemsize - 1):
        return np.dtype(f"u{stored.itemsize}")
    if stored.kind == "u" and (scale, zero) == (1, -128):
        return np.dtype("i1")
    return np.dtype(np.float32 if stored.itemsize <= 2 else np.float64)


def _look(path: Path, selection: Selection) -> Content:
    with _opened(path, selection) as (_, content):
        return content


def _read(path: Path, selection: Selection) -> NDArray[Any]:
    with _opened(path, selection) as (part, content):
        return np.array(part.data, content.dtype).reshape(content.shape)


FITS = FileFormat((".fits", ".fit", ".fts"), _look, _read, axes=_fits_axes)
