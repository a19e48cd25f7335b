"""Files made to do harm: mutations of good ones, bombs, and what reading costs."""

from __future__ import annotations

import io
import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import soundfile
from PIL import Image

from support.sounds import wav
from support.written import PICTURE


def mutated(content, rng):
    """Bytes with a few of them changed, lost, doubled or put in."""
    content = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at, n = rng.randint(len(content)), int(2 ** rng.uniform(0, 8))
        how = rng.randint(7)
        if how == 0:
            content[at] ^= 1 << rng.randint(8)
        elif how == 1:
            content[at : at + n] = rng.bytes(n)
        elif how == 2:
            del content[at : at + n]
        elif how == 3:
            content[at:at] = content[at : at + n]
        elif how == 4:
            extreme = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)[rng.randint(5)]
            content[at : at + 4] = struct.pack("<>"[rng.randint(2)] + "I", extreme)
        elif how == 5:
            del content[at + 1 :]
        else:
            other = rng.randint(len(content))
            content[at : at + n] = content[other : other + n]
        if not content:
            content = bytearray(1)
    return bytes(content)


def write_mutation(number, folder, path):
    """Copy a folder, and make the mutation of this number in one of its files."""
    rng = np.random.RandomState(number)
    shutil.copytree(folder, path)
    parts = sorted(part for part in path.rglob("*") if part.is_file())
    part = parts[rng.randint(len(parts))]
    part.write_bytes(mutated(part.read_bytes(), rng))


# Bombs: small files of much.


def zeros(n):
    """So many bytes of zero, compressed by zlib."""
    packer = zlib.compressobj(1)
    return b"".join(packer.compress(bytes(10**7)) for _ in range(n // 10**7)) + packer.flush()


def npz_bomb(path, n=300_000_000, name="x"):
    head = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({n // 800}, 100), }}".encode()
    head = head.ljust(117) + b"\n"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(f"{name}.npy", "w") as stream,
    ):
        stream.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head)
        for _ in range(n // 10**7):
            stream.write(bytes(10**7))


def lying_npz(path):
    npz_bomb(path)
    content = bytearray(path.read_bytes())
    where = content.rfind(b"PK\x01\x02")
    content[where + 20 : where + 24] = struct.pack("<I", 0xFFFFFF00)
    path.write_bytes(content)


def empty_hdf5(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (1_000_000, 100), "f8", chunks=(1000, 100))


def describe_zarr(path, shape=(100, 4), chunks=(100, 4), codecs=(), **changes):
    """Write a folder of zarr with a description alone."""
    path.mkdir()
    described = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": shape,
        "data_type": "float64",
        "fill_value": 0.0,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}},
        "attributes": {},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, *codecs],
    }
    (path / "zarr.json").write_text(json.dumps(described | changes))


def zarr_chunk(path, content, codec):
    describe_zarr(path, codecs=[codec])
    (path / "c" / "0").mkdir(parents=True)
    (path / "c" / "0" / "0").write_bytes(content)


def gzip_zarr(path):
    packer = zlib.compressobj(1, wbits=31)
    content = b"".join(packer.compress(bytes(10**7)) for _ in range(30)) + packer.flush()
    zarr_chunk(path, content, {"name": "gzip", "configuration": {"level": 5}})


def zstd_zarr(path):
    from numcodecs import Zstd

    content = Zstd(level=3).encode(bytes(300_000_000))
    zarr_chunk(path, content, {"name": "zstd", "configuration": {"level": 0, "checksum": False}})


def mat_element(kind, data):
    return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def long_mat(path):
    """A variable of 10 x 10 numbers of which there are 300 MB."""
    body = mat_element(6, struct.pack("<II", 6, 0)) + mat_element(5, struct.pack("<2i", 10, 10))
    body += mat_element(1, b"x") + struct.pack("<II", 9, 300_000_000)
    packer = zlib.compressobj(1)
    packed = packer.compress(struct.pack("<II", 14, len(body) + 300_000_000) + body)
    packed += b"".join(packer.compress(bytes(10**7)) for _ in range(30)) + packer.flush()
    header = b"MATLAB 5.0 MAT-file".ljust(116) + bytes(8) + struct.pack("<H", 0x0100) + b"IM"
    path.write_bytes(header + struct.pack("<II", 15, len(packed)) + packed)


def tiff(path, data, **tags):
    """A TIFF of 10 x 10 pixels of 48 bits, in one strip."""
    held = {256: 10, 257: 10, 258: 16, 259: 8, 262: 2, 273: 8, 277: 3, 278: 10, 279: len(data)}
    held |= {int(name[1:]): value for name, value in tags.items()}
    data += b"\0" * (len(data) % 2)
    content = b"II*\0" + struct.pack("<I", 8 + len(data)) + data + struct.pack("<H", len(held))
    for tag in sorted(held):
        content += struct.pack("<HHII", tag, 4, 1, held[tag])
    path.write_bytes(content + bytes(4))


def png_of(mode, side, path):
    Image.new(mode, (side, side)).save(path, optimize=False)


def forged_jpeg(path):
    """A small JPEG that says it has 9,000 x 9,000 pixels."""
    stream = io.BytesIO()
    Image.fromarray(PICTURE).save(stream, "JPEG")
    content = bytearray(stream.getvalue())
    where = content.index(b"\xff\xc0")
    content[where + 5 : where + 9] = struct.pack(">HH", 9000, 9000)
    path.write_bytes(content)


def forged_flac(path, rate, n_samples):
    soundfile.write(path, np.zeros(100_000), 8000)
    content = bytearray(path.read_bytes())
    content[18:26] = ((rate << 44) | (15 << 36) | n_samples).to_bytes(8, "big")
    path.write_bytes(content)


#: What writes each bomb, by its name.
BOMBS = {
    "empty.h5": empty_hdf5,
    "empty.zarr": lambda path: describe_zarr(path, (1_000_000, 100), (1000, 100)),
    "rows.zarr": lambda path: describe_zarr(path, (10**12, 4), (1000, 4)),
    "chunk.zarr": lambda path: describe_zarr(path, (100, 4), (10_000_000, 100)),
    "gzip.zarr": gzip_zarr,
    "zstd.zarr": zstd_zarr,
    "lying.npz": lying_npz,
    "long.mat": long_mat,
    "strip.tif": lambda path: tiff(path, zeros(300_000_000)),
    "tile.tif": lambda path: tiff(path, bytes(600), t258=8, t322=60_000, t323=60_000),
    "bits.tif": lambda path: tiff(path, bytes(600), t258=65_535),
    "color.png": lambda path: png_of("RGB", 9000, path),
    "forged.jpg": forged_jpeg,
    "rate.wav": lambda path: path.write_bytes(wav(rate=10_000_019)),
    "slow.flac": lambda path: forged_flac(path, 1, 10**9),
    "long.flac": lambda path: forged_flac(path, 200, 10**9),
}

#: Reads files, and prints what was said of each, how long that took, and how much memory grew.
_MEASURE = """
import json, resource, sys, time, warnings
import h5py, numpy, scipy.io, scipy.signal, skimage.color, skimage.util, soundfile, tifffile, zarr
from PIL import Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin
import rhohat
warnings.simplefilter("ignore")
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
def read(path):
    ending = path.rpartition(".")[2]
    if ending in ("wav", "flac"):
        return len(rhohat.load_recordings(path, longest=60.0).recordings[0])
    load = rhohat.load_images if ending in ("png", "jpg", "tif") else rhohat.load_rows
    return len(load(path)[0])
told = []
for warm in (True, False):
    for path in sys.argv[1:2] if warm else sys.argv[2:]:
        before, began = peak(), time.process_time()
        try:
            said = f"read: {read(path)}"
        except rhohat.DataFileError as error:
            said = str(error)
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        told.append((path, said, time.process_time() - began, peak() - before))
print(json.dumps(told[1:]))
"""


def cost_of_reading(good, paths):
    """For each path what was said, seconds of CPU, and megabytes; after a good file is read."""
    command = [sys.executable, "-c", _MEASURE, str(good), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    return [(Path(path).name, *rest) for path, *rest in json.loads(done.stdout)]
