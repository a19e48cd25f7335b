"""Photographs in files of every kind, sound and damaged."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image
from skimage import data

GRAY, COLOR = data.camera()[:60, :80], data.astronaut()[:50, :70]


def tiff(path, array):
    import tifffile

    photometric = "rgb" if array.ndim == 3 else "minisblack"
    planar = "separate" if array.shape[0] == 3 else None
    tifffile.imwrite(path, array, photometric=photometric, planarconfig=planar)


def save(image, kind):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, kind)
    return stream.getvalue()


def png_chunk(kind, content):
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def bomb(width=60_000, height=60_000):
    """A small PNG that announces a huge picture."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = [png_chunk(b"IHDR", header), png_chunk(b"IDAT", zlib.compress(bytes(99_999)))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + png_chunk(b"IEND", b"")
