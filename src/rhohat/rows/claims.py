"""What a file claims of itself, checked before anything is allocated, opened or run.

Files may come from anywhere. Every format states what its headers say as `Claims`; what no sound
file says, or what would reach beyond the file, is refused here.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from rhohat.common.arrays import float_dtype, is_real
from rhohat.common.errors import DataFileError

#: Numbers that are larger than this, as the floats that are made of them, must be made plausible by
#: the size of their file: at most so many times smaller.
BYTES_LIMIT, RATIO_LIMIT = 100_000_000, 100
#: Pixels that a picture may have.
PIXEL_LIMIT = 89_478_485
#: Bits of a color.
BITS = (1, 64)
#: Samples per second of a recording.
RATES = (100, 4_000_000)
#: Channels of a recording.
CHANNEL_LIMIT = 1024
#: Groups in one another, and objects in all of them, that are looked through for arrays.
DEPTH_LIMIT, OBJECT_LIMIT = 32, 10_000
#: Codecs by their names, in any format: none of them runs anything, or looks elsewhere.
CODECS = frozenset(
    [
        "deflate",
        "gzip",
        "zlib",
        "lzf",
        "szip",
        "zstd",
        "lz4",
        "blosc",
        "shuffle",
        "delta",
        "scaleoffset",
        "nbit",
        "transpose",
        "bytes",
        "endian",
        "fletcher32",
        "crc32",
        "crc32c",
        "adler32",
        "sharding_indexed",
    ]
)
#: Pieces in which it is counted how much is packed in a stream.
_PIECE = 1 << 18
#: Streams one after another in a gzip file.
_MEMBERS = 1000


@dataclass(frozen=True)
class Claims:
    """What a file says of an array, a picture or a recording in it.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
        Of the numbers as they are decoded.
    stored : int
        Bytes of the file, or of the part of it, that hold them.
    chunk : tuple of int, default=None
        Shape of what must be decoded at once, if that is not the whole.
    codecs : iterable of str, default=()
        By their names in the file.
    elsewhere : str, default=""
        What of it does not lie in the file.
    pixels, most_pixels : int, default=0, PIXEL_LIMIT
        Of a picture, and how many it may have.
    bits : int, default=None
        Of a color.
    rate, channels : int, default=None
        Of a recording.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    stored: int
    chunk: tuple[int, ...] | None = None
    codecs: Iterable[str] = ()
    elsewhere: str = ""
    pixels: int = 0
    most_pixels: int = PIXEL_LIMIT
    bits: int | None = None
    rate: int | None = None
    channels: int | None = None

    def check(self) -> None:
        """Raise DataFileError, with the reason alone, at the first claim that is not believed."""
        for law in LAWS:
            reason = law(self)
            if reason:
                raise DataFileError(reason)

    @property
    def n_bytes(self) -> int:
        """Bytes of the numbers as they are decoded."""
        return prod(self.shape) * self.dtype.itemsize

    @property
    def n_float_bytes(self) -> int:
        """Bytes of the floats that are made of them."""
        return (
            prod(self.shape)
            * (float_dtype(self.dtype) if is_real(self.dtype) else self.dtype).itemsize
        )


def _lengths(claims: Claims) -> str | None:
    for shape in (claims.shape, claims.chunk or ()):
        if not all(isinstance(n, int | np.integer) and n is not True and n >= 0 for n in shape):
            return f"claims an array of shape {shape}"
    return None


def _inside(claims: Claims) -> str | None:
    if claims.elsewhere:
        return (
            f"has {claims.elsewhere} outside the file, which is not followed, since it could be "
            "any of your files. Copy the numbers into one file"
        )
    return None


def _known_codecs(claims: Claims) -> str | None:
    strange = [name for name in claims.codecs if name.removeprefix("numcodecs.") not in CODECS]
    if strange:
        return (
            f"is encoded with {strange[0]!r:.60}, which is not supported. Save it again with one "
            f"of {', '.join(sorted(CODECS))}"
        )
    return None


def _pixels(claims: Claims) -> str | None:
    if claims.pixels > claims.most_pixels:
        height, width = claims.shape[1:3]
        return (
            f"claims {width} x {height} pixels, more than {claims.most_pixels:,}; a small file may "
            "do so to exhaust memory. Scale the image down, or allow more with --max-pixels "
            f"{claims.pixels} (in Python max_pixels={claims.pixels})"
        )
    return None


def _bits(claims: Claims) -> str | None:
    if claims.bits is not None and not BITS[0] <= claims.bits <= BITS[1]:
        return f"claims {claims.bits:,} bits per color, expected {BITS[0]} to {BITS[1]}"
    return None


def _rate(claims: Claims) -> str | None:
    if claims.rate is not None and not RATES[0] <= claims.rate <= RATES[1]:
        low, high = RATES
        return f"has a rate of {claims.rate:,} samples per second, expected {low:,} to {high:,}"
    return None


def _channels(claims: Claims) -> str | None:
    if claims.channels is not None and not 0 < claims.channels <= CHANNEL_LIMIT:
        return f"has {claims.channels:,} channels, expected 1 to {CHANNEL_LIMIT:,}"
    return None


def _size(claims: Claims) -> str | None:
    if claims.n_float_bytes > BYTES_LIMIT and claims.n_bytes > RATIO_LIMIT * claims.stored:
        return (
            f"claims an array {claims.shape} of {claims.n_bytes:,} bytes, compressed to "
            f"{claims.stored:,}; such a file may be made to exhaust memory. If you trust it, save "
            "it uncompressed (arrays as .npy)"
        )
    return None


def _chunk(claims: Claims) -> str | None:
    if claims.chunk is None:
        return None
    at_once = prod(claims.chunk) * claims.dtype.itemsize
    if at_once > max(BYTES_LIMIT, claims.n_bytes):
        return (
            f"is stored in chunks {claims.chunk} of {at_once:,} bytes each, more than the whole "
            "array. Save it again with smaller chunks"
        )
    return None


#: What is asked of every claim, in this order; each answers what is wrong, or None.
LAWS: tuple[Callable[[Claims], str | None], ...] = (
    _lengths,
    _inside,
    _known_codecs,
    _bits,
    _rate,
    _channels,
    _pixels,
    _size,
    _chunk,
)


def check_search(depth: int, n_objects: int) -> None:
    """Raise DataFileError if arrays would be sought too deep, or among too many objects."""
    if depth > DEPTH_LIMIT:
        raise DataFileError(
            f"has groups nested more than {DEPTH_LIMIT} deep, which are not searched. Name the "
            "array with --key (in Python key=)"
        )
    if n_objects > OBJECT_LIMIT:
        raise DataFileError(
            f"holds more than {OBJECT_LIMIT:,} groups and arrays, which are not searched. Name the "
            "array with --key (in Python key=)"
        )


def bytes_in(path: Path, enough: int) -> int:
    """Bytes of a file, or of the files in a folder, counted until there are enough."""
    if not path.is_dir():
        return path.stat().st_size
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            total += os.lstat(os.path.join(folder, name)).st_size
            if total >= enough:
                return total
    return total


def check_deflated(packed: bytes, most: int, what: str) -> None:
    """Raise DataFileError if a zlib or gzip stream holds more than `most` bytes.

    It is unpacked a piece at a time, and nothing is kept.
    """
    view = memoryview(packed)
    total = fed = 0
    member = 0
    while member == 0 or packed[fed : fed + 2] == b"\x1f\x8b":  # gzip may hold several streams
        member += 1
        stream = zlib.decompressobj(zlib.MAX_WBITS | 32)  # either header
        tail: bytes | memoryview = b""
        while not stream.eof:
            if not tail:
                tail = view[fed : fed + _PIECE]
                fed += len(tail)
            is_last = not tail
            piece = stream.decompress(tail, _PIECE)
            tail = stream.unconsumed_tail
            total += len(piece)
            if total > most or member > _MEMBERS:
                raise DataFileError(f"holds more in {what} than the {most:,} bytes that it claims")
            if is_last and not piece:
                return  # cut off, as the decoder will say
        fed -= len(stream.unused_data)
