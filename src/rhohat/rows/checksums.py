"""What data outside memory held when training began, so that a change is noticed.

A checksum for every 1,024 rows, taken in a first pass in which NaN and infinity are found too.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rhohat.common.errors import DataChangedError
from rhohat.rows.engines import Engine, Summable
from rhohat.rows.partition import Partition
from rhohat.rows.sources import Rows, Source, Wrapper, check_finite
from rhohat.rows.stores import is_stored

#: Rows that a checksum stands for.
PIECE_ROWS = 1024


@dataclass
class Manifest(Summable):
    """Checksums of consecutive pieces.

    Attributes
    ----------
    digests : list of bytes
        SHA-256 of each.
    checksums : list of int
        CRC-32 of each, which is faster: it misses no flipped bit, and any other change with a
        probability of 2^-32.
    """

    digests: list[bytes] = field(default_factory=list)
    checksums: list[int] = field(default_factory=list)

    def __iadd__(self, other: Manifest) -> Manifest:
        self.digests += other.digests
        self.checksums += other.checksums
        return self

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the digests, to recognize the data by."""
        return hashlib.sha256(b"".join(self.digests)).hexdigest()


def _of_piece(rows: Rows, name: str) -> Manifest:
    check_finite(rows, name)
    return Manifest([hashlib.sha256(rows.X.data).digest()], [zlib.crc32(rows.X.data)])


def take_manifest(source: Source, engine: Engine, chunk_size: int) -> Manifest:
    """Checksums of all rows.

    Raises
    ------
    ValueError
        If a value is NaN or infinite; names row, column, block and file.
    """
    whole_pieces = max(chunk_size // PIECE_ROWS, 1) * PIECE_ROWS
    partition = Partition(PIECE_ROWS, whole_pieces)
    return engine.map_sum(partial(_of_piece, name=source.name), source, partition)


class Verified(Wrapper):
    """A source whose rows are compared with its manifest whenever they are read in order.

    Parameters
    ----------
    source : Source
    checksums : ndarray of uint32
        Of pieces of 1,024 rows, the first of which has number `first`.
    first : int
    """

    def __init__(self, source: Source, checksums: NDArray[np.uint32], first: int = 0) -> None:
        super().__init__(source)
        self.checksums = checksums
        self.first = first

    @classmethod
    def at_origin(cls, source: Source, manifest: Manifest) -> Source:
        """`source` with its origin verified, where that lies outside memory."""
        if not is_stored(source):
            return source
        checksums = np.array(manifest.checksums, dtype=np.uint32)
        return source.over(cls(source.origin, checksums))

    def read(self, start: int, stop: int) -> Rows:
        """Rows start to stop, and as many around them as make whole pieces.

        Raises
        ------
        DataChangedError
            If a piece is not what it was; names it.
        """
        n_rows = self.shape[0]
        begin = start // PIECE_ROWS * PIECE_ROWS
        end = min(-(-stop // PIECE_ROWS) * PIECE_ROWS, n_rows)
        whole = self.source.read(begin, end)
        for piece in whole.blocks(PIECE_ROWS):
            number = piece.start // PIECE_ROWS - self.first
            if zlib.crc32(piece.X.data) != self.checksums[number]:
                raise DataChangedError(
                    f"rows {piece.start} to {piece.start + len(piece.X) - 1} of {self.name} are "
                    "not what they were when training began: they were edited, or a part of the "
                    "store is gone or damaged."
                )
        if (begin, end) == (start, stop):
            return whole
        return whole.part(start - begin, stop - begin)

    def portion(self, start: int, stop: int) -> Source:
        """Only the checksums of these rows."""
        first = start // PIECE_ROWS
        checksums = self.checksums[first - self.first : -(-stop // PIECE_ROWS) - self.first]
        return Verified(self.source.portion(start, stop), checksums, first)
