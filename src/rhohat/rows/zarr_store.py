"""A zarr store of one folder, which gives out nothing but files in it that are what they claim.

Everything that zarr reads of a folder passes here before zarr understands it: descriptions, of
which only known codecs are let through, and chunks, which must not hold more than they announce.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import AsyncIterator, Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np
from zarr.storage import LocalStore

from rhohat.common.errors import DataFileError
from rhohat.rows.claims import Claims, check_deflated, check_search

#: Names of the files that describe arrays and groups.
DESCRIPTIONS = ("zarr.json", ".zarray", ".zgroup", ".zmetadata")
#: Bytes that a description may have.
DESCRIPTION_LIMIT = 4 << 20
#: Bytes that a chunk may be larger than its numbers, where it is compressed badly.
SLACK = 4096
#: Codecs that make chunks smaller.
COMPRESSORS = ("gzip", "zlib", "zstd", "lz4", "blosc")
#: The codec of files that hold several chunks.
SHARDING = "sharding_indexed"
#: Bytes of a block of Zstandard.
_ZSTD_BLOCK = 128 << 10


class ContainedStore(LocalStore):
    """A folder whose files are checked before they are given out.

    `LocalStore` of zarr, with the same parameters.
    """

    _chunks: Chunks | None = None
    _n_listed: int = 0

    def expect(self, array: Any) -> None:
        """From now on chunks are checked to be those of this array."""
        self._chunks = Chunks.of(array)

    async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
        """The bytes of a file of the folder, or a range of them; None if there is no such file."""
        if not self._check_file(key):
            return None
        return self._checked(key, await super().get(key, prototype, byte_range), byte_range)

    def get_sync(self, key: str, *, prototype: Any = None, byte_range: Any = None) -> Any:
        """As `get`."""
        if not self._check_file(key):
            return None
        found = super().get_sync(key, prototype=prototype, byte_range=byte_range)
        return self._checked(key, found, byte_range)

    async def get_partial_values(self, prototype: Any, key_ranges: Any) -> list[Any]:
        """As `get`, of several files."""
        return [await self.get(key, prototype, byte_range) for key, byte_range in key_ranges]

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Names in a folder."""
        self._n_listed += 1
        check_search(prefix.strip("/").count("/"), self._n_listed)
        inside = os.path.join(os.path.realpath(self.root), prefix.strip("/"))
        if os.path.realpath(inside) != os.path.normpath(inside):
            raise DataFileError(
                f"holds a link in place of the folder {prefix:.80}: copy the folder there"
            )
        async for name in super().list_dir(prefix):
            yield name

    def _check_file(self, key: str) -> bool:
        """Whether there is such a file; raise DataFileError if it must not be read."""
        root, path = os.path.realpath(self.root), os.path.realpath(self.root / key)
        if os.path.commonpath([path, root]) != root:
            raise DataFileError(
                f"holds a link that leads out of the folder, {key:.80}, which is not followed, "
                "since it could lead to any of your files. Copy what it points to"
            )
        try:
            about = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        if stat.S_ISDIR(about.st_mode):
            return False
        if not stat.S_ISREG(about.st_mode):
            raise DataFileError(f"holds {key:.80}, which is not a file")
        most = self._chunks.most_in_file if self._chunks is not None else about.st_size
        if about.st_size > (DESCRIPTION_LIMIT if _describes(key) else most):
            raise DataFileError(
                f"holds {about.st_size:,} bytes in {key:.80}, more than belong there"
            )
        return True

    def _checked(self, key: str, found: Any, byte_range: Any) -> Any:
        """What was found; raise DataFileError if it is not what it claims."""
        if found is not None and _describes(key):
            check_description(found.to_bytes())
        elif found is not None and self._chunks is not None and self._chunks.compressors:
            self._chunks.check(key, found.to_bytes(), byte_range)
        return found


class Chunks(NamedTuple):
    """What is known of an array's chunks before they are read.

    Attributes
    ----------
    n_bytes : int
        Of the numbers in each.
    compressors : tuple of str
    n_inner : int
        Chunks in a shard, which is a file of several; 0 if every chunk is a file.
    index_first : bool
        Whether a shard begins with its index, and does not end with it.
    """

    n_bytes: int
    compressors: tuple[str, ...]
    n_inner: int = 0
    index_first: bool = False

    @classmethod
    def of(cls, array: Any) -> Chunks:
        """What an array says of its chunks.

        Raises
        ------
        DataFileError
            If they are kept in a way that cannot be checked.
        """
        described = array.metadata.to_dict()
        names = [name.removeprefix("numcodecs.") for name in codec_names(described)]
        compressors = tuple(name for name in names if name in COMPRESSORS)
        n_bytes = prod(array.chunks) * np.dtype(array.dtype).itemsize
        if len(compressors) > 1 or names.count(SHARDING) > 1:
            raise DataFileError("is compressed, or cut into shards, more than once. Save it again")
        if SHARDING not in names:
            return cls(n_bytes, compressors)
        (shard,) = [codec for codec in described["codecs"] if codec["name"] == SHARDING]
        settings = shard["configuration"]
        if codec_names({"codecs": settings["index_codecs"]}) != ["bytes", "crc32c"]:
            raise DataFileError("has shards whose index is encoded in an unusual way")
        n_inner = prod(n // c for n, c in zip(array.shards, array.chunks, strict=True))
        return cls(n_bytes, compressors, n_inner, "start" in str(settings["index_location"]))

    @property
    def most_in_file(self) -> float:
        """Bytes that a file may have."""
        return max(self.n_inner, 1) * (1.1 * self.n_bytes + SLACK)

    def check(self, key: str, content: bytes, byte_range: Any) -> None:
        """Raise DataFileError if a compressed chunk, or one in a shard, holds more than a chunk."""
        start = getattr(byte_range, "start", None)
        is_index = start is None or (self.index_first and start == 0)
        if self.n_inner and byte_range is None:
            for begin, length in self._index(content):
                self._check_chunk(key, content[begin : begin + length])
        elif not (self.n_inner and is_index):
            self._check_chunk(key, content)

    def _index(self, shard: bytes) -> list[tuple[int, int]]:
        """Where the chunks in a shard begin, and how long they are."""
        size = 16 * self.n_inner
        index = shard[:size] if self.index_first else shard[-size - 4 : -4]
        numbers = np.frombuffer(index[: len(index) // 16 * 16], "<u8").reshape(-1, 2).tolist()
        return [(begin, length) for begin, length in numbers if begin != 2**64 - 1]

    def _check_chunk(self, key: str, content: bytes) -> None:
        most = self.n_bytes + SLACK
        for name in self.compressors:
            if name in ("gzip", "zlib"):
                check_deflated(content, most, key)
            elif announced(name, content) > most:
                raise DataFileError(
                    f"holds more in the chunk {key:.80} than the {self.n_bytes:,} bytes of one"
                )


def _describes(key: str) -> bool:
    return key.rpartition("/")[2] in DESCRIPTIONS


def announced(codec: str, content: bytes) -> int:
    """Bytes that a compressed chunk makes, by its header.

    Parameters
    ----------
    codec : {"blosc", "lz4", "zstd"}
    content : bytes
    """
    if codec == "blosc":
        return int.from_bytes(content[4:8], "little")
    if codec == "lz4":
        return int.from_bytes(content[:4], "little")
    return _zstd_bytes(content)


def _zstd_bytes(content: bytes) -> int:
    """Bytes that the first frame of Zstandard announces, or else at least has room for.

    RFC 8878, section 3.1.1.
    """
    if content[:4] != b"\x28\xb5\x2f\xfd" or len(content) < 6:
        return 0  # which the decoder refuses
    flags = content[4]
    is_single = flags >> 5 & 1
    begin = 5 + (1 - is_single) + (0, 1, 2, 4)[flags & 3]
    length = (is_single, 2, 4, 8)[flags >> 6]
    if length:
        announced = int.from_bytes(content[begin : begin + length], "little")
        return announced + 256 if length == 2 else announced
    total = 0
    while begin + 3 <= len(content):
        header = int.from_bytes(content[begin : begin + 3], "little")
        kind, size = header >> 1 & 3, header >> 3
        total += _ZSTD_BLOCK if kind == 2 else size
        begin += 3 + (1 if kind == 1 else size)
        if header & 1:
            break
    return max(total - _ZSTD_BLOCK, 0)  # the last may be short


def check_description(content: bytes) -> None:
    """Raise DataFileError if the description of an array names a codec that is not known."""
    try:
        described = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataFileError("cannot be decoded: its description is not JSON") from error
    Claims((), np.dtype(np.uint8), 0, codecs=codec_names(described)).check()


def codec_names(described: Any) -> list[str]:
    """Names of all codecs in a description of arrays, at any depth, but for indices of shards."""
    names: list[str] = []
    left = [described]
    while left:
        node = left.pop(0)
        if isinstance(node, list | tuple):
            left[:0] = node
        if not isinstance(node, Mapping):
            continue
        for place in ("filters", "compressor", "codecs", "index_codecs", "storage_transformers"):
            codecs = node.get(place) or ()
            for codec in codecs if isinstance(codecs, list | tuple) else (codecs,):
                known = codec if isinstance(codec, Mapping) else {}
                name = known.get("name", known.get("id", getattr(codec, "codec_id", codec)))
                names.append(str(name))
        left += [node[name] for name in node if not str(name).endswith(("attributes", ".zattrs"))]
    return names
