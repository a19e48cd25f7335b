"""Cubes of ENVI: a header in text, and beside it a file of numbers, which are pixels' spectra."""

from __future__ import annotations

import os
import re
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import DataFileError
from rhohat.rows.claims import Claims
from rhohat.rows.file_format import Content, FileFormat, Selection, array_content, finite_floats
from rhohat.rows.npy import FlatFile
from rhohat.rows.sources import ArraySource, Source

#: Types of numbers by their codes, those that are real.
_TYPES = {1: "u1", 2: "i2", 3: "i4", 4: "f4", 5: "f8", 12: "u2", 13: "u4", 14: "i8", 15: "u8"}
#: Where lines (H), samples (W) and bands (C) lie, the slowest first.
_INTERLEAVES = {"bsq": "CHW", "bil": "HCW", "bip": "HWC"}
#: Endings of the file of numbers, tried in this order.
_DATA = ("", ".img", ".raw", ".dat", ".bsq", ".bil", ".bip", ".bin")
#: Bytes that a header may have.
_HEADER_BYTES = 4 << 20


class _Cube(NamedTuple):
    """What a header says.

    Attributes
    ----------
    path : Path
        Of the numbers.
    sizes : dict of str to int
        Lines (H), samples (W) and bands (C).
    order : str
        These letters, the slowest first.
    dtype : dtype
    offset : int
    columns : tuple of str
        Names of the bands; empty if they have none.
    """

    path: Path
    sizes: dict[str, int]
    order: str
    dtype: np.dtype[Any]
    offset: int
    columns: tuple[str, ...]

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """As the numbers lie in the file."""
        return tuple(self.sizes[letter] for letter in self.order)

    @property
    def scene(self) -> tuple[int, int]:
        """Lines and samples."""
        return self.sizes["H"], self.sizes["W"]


def _cube(path: Path) -> _Cube:
    """What the header says, once it and the file of numbers agree.

    Raises
    ------
    DataFileError
        If they do not.
    """
    if os.stat(path).st_size > _HEADER_BYTES:
        raise DataFileError(f"has more than {_HEADER_BYTES:,} bytes, too many for an ENVI header")
    text = path.read_bytes().decode("utf-8", "replace")
    if not text.lstrip("\ufeff \r\n").startswith("ENVI"):
        raise DataFileError("is not an ENVI header: expected ENVI as its first line")
    pairs = re.findall(r"^[ \t]*([^=\n{}]+?)\s*=\s*(\{[^}]*\}|[^\n]*)", text, re.MULTILINE)
    fields = {re.sub(r"\s+", " ", name.lower()): value.strip() for name, value in pairs}
    sizes = {
        letter: _integer(fields, name)
        for letter, name in (("H", "lines"), ("W", "samples"), ("C", "bands"))
    }
    # One band is the same in each; of several, a header that was cut off must not be guessed at.
    interleave = fields.get("interleave", "bsq" if sizes["C"] == 1 else "").lower()
    code = _integer(fields, "data type")
    if interleave not in _INTERLEAVES or code not in _TYPES:
        raise DataFileError(
            f"states interleave {interleave!r:.20} and data type {code}, expected one of "
            f"{', '.join(_INTERLEAVES)} and one of {', '.join(map(str, _TYPES))}"
        )
    if fields.get("file compression", "0") not in ("0", ""):
        raise DataFileError("states that its numbers are compressed: save it uncompressed")
    order = "<" if _integer(fields, "byte order", 0) == 0 else ">"
    dtype, offset = np.dtype(order + _TYPES[code]), _integer(fields, "header offset", 0)
    names = _list(fields.get("wavelength", "")) or _list(fields.get("band names", ""))
    unit = fields.get("wavelength units", "").lower()
    if "wavelength" in fields and unit and unit != "unknown":
        short = {"nanometers": "nm", "micrometers": "µm", "microns": "µm"}.get(unit, unit)
        names = [f"{name} {short}" for name in names]
    columns = tuple(names) if len(names) == sizes["C"] else ()
    data = _data_beside(path)
    cube = _Cube(data, sizes, _INTERLEAVES[interleave], dtype, offset, columns)
    _check(cube, data.stat().st_size)
    return cube


def _check(cube: _Cube, size: int) -> None:
    if 0 in cube.sizes.values():
        raise DataFileError(f"claims an empty cube, {cube.sizes}")
    Claims(cube.stored_shape, cube.dtype, max(size - cube.offset, 0)).check()
    announced = prod(cube.stored_shape) * cube.dtype.itemsize
    if size - cube.offset < announced:
        height, width = cube.scene
        raise DataFileError(
            f"claims {announced:,} bytes, {height} x {width} pixels of {cube.sizes['C']} bands, "
            f"but {cube.path.name} holds {max(size - cube.offset, 0):,}"
        )


def _data_beside(path: Path) -> Path:
    """The file of numbers, which has the header's name with another ending, or none."""
    stems = path.with_suffix("")
    found = [
        candidate
        for ending in _DATA
        for candidate in (Path(f"{stems}{ending}"), Path(f"{stems}{ending.upper()}"))
        if candidate.is_file()
    ]
    if not found:
        raise DataFileError(
            f"is a header, but there is no data file {stems.name} beside it, without an extension "
            f"or with one of {', '.join(_DATA[1:])}"
        )
    return found[0]


def _integer(fields: dict[str, str], name: str, default: int | None = None) -> int:
    text = fields.get(name)
    if text is None and default is not None:
        return default
    if text is None or not re.fullmatch(r"\d{1,12}", text):
        raise DataFileError(f"states {name} = {text!r:.40}, expected a number of at least 0")
    return int(text)


def _list(text: str) -> list[str]:
    parts = re.sub(r"\s+", " ", text.strip("{} \r\n\t")).split(",")
    return [part.strip() for part in parts if part.strip()]


def _look(path: Path, selection: Selection) -> Content:
    cube = _cube(path)
    content = array_content((prod(cube.scene), cube.sizes["C"]), cube.dtype.newbyteorder("="))
    if cube.sizes["C"] == 1:
        return content._replace(kind="images", shape=(1, *cube.scene))
    is_whole = cube.order != "HWC"
    return content._replace(kind="rows", columns=cube.columns, scene=cube.scene, is_whole=is_whole)


def _read(path: Path, selection: Selection) -> NDArray[Any]:
    cube = _cube(path)
    count = prod(cube.stored_shape)
    stored = np.fromfile(cube.path, cube.dtype, count, offset=cube.offset)
    pixels = stored.reshape(cube.stored_shape).transpose([cube.order.index(c) for c in "HWC"])
    native = pixels.astype(cube.dtype.newbyteorder("="), order="C", copy=False)
    one_band = cube.sizes["C"] == 1
    return native.reshape((1, *cube.scene) if one_band else (-1, cube.sizes["C"]))


def _open(path: Path, selection: Selection) -> Source:
    cube = _cube(path)
    if cube.order != "HWC":
        return ArraySource(finite_floats(_read(path, selection)))
    shape = prod(cube.scene), cube.sizes["C"]
    return FlatFile(cube.path, shape, cube.dtype, cube.offset)


ENVI = FileFormat((".hdr",), _look, _read, _open, axes=None, group="cubes")
