"""Checksums of the data when training began, so that a change is noticed.

There is one for every 1,024 rows, taken in a first pass, which also finds NaN and infinity.
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
from rhohat.rows.sources import Holders, Rows, Source, Wrapper, check_finite
from rhohat.rows.stores import is_stored

#: Rows of a piece, for which there is a checksum.
PIECE_ROWS = 1024


@dataclass
class Manifest(Summable):
    """Checksums of consecutive pieces of the rows.

    Attributes
    ----------
    digests : list of bytes
        SHA-256 of each piece.
    checksums : list of int
        CRC-32 of each, which is faster: it finds every flipped bit, and misses another change with
        a probability of 2^-32.
    """

    digests: list[bytes] = field(default_factory=list)
    checksums: list[int] = field(default_factory=list)

    def __iadd__(self, other: Manifest) -> Manifest:
        self.digests += other.digests
        self.checksums += other.checksums
        return self

    @classmethod
    def of(cls, piece: Rows, holders: Holders) -> Manifest:
        """Checksums of one piece."""
        check_finite(piece, holders)
        return cls([hashlib.sha256(piece.X.data).digest()], [zlib.crc32(piece.X.data)])

    @classmethod
    def over(cls, source: Source, engine: Engine, chunk_size: int) -> Manifest:
        """Checksums of all rows of `source`, read in chunks of about `chunk_size`.

        Raises
        ------
        ValueError
            If a value is NaN or infinite; names row, column, block and file.
        """
        whole_pieces = max(chunk_size // PIECE_ROWS, 1) * PIECE_ROWS
        partition = Partition(PIECE_ROWS, whole_pieces)
        return engine.map_sum(partial(cls.of, holders=Holders.of(source)), source, partition)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the digests, to recognize the data by."""
        return hashlib.sha256(b"".join(self.digests)).hexdigest()


class Verified(Wrapper):
    """A source whose runs of rows are compared with their checksums whenever they are read.

    Parameters
    ----------
    source : Source
    checksums : ndarray of uint32
        CRC-32 of consecutive pieces of 1,024 rows.
    first : int, default=0
        Number of the first of these pieces.
    """

    def __init__(self, source: Source, checksums: NDArray[np.uint32], first: int = 0) -> None:
        super().__init__(source)
        self.checksums = checksums
        self.first = first

    def read(self, start: int, stop: int) -> Rows:
        """Rows start to stop, checked with as many around them as make whole pieces.

        Raises
        ------
        DataChangedError
            If a piece is not what it was; names it.
        """
        begin = start // PIECE_ROWS * PIECE_ROWS
        end = min(-(-stop // PIECE_ROWS) * PIECE_ROWS, self.shape[0])
        whole = self.source.read(begin, end)
        for piece in whole.blocks(PIECE_ROWS):
            number = piece.start // PIECE_ROWS - self.first
            if zlib.crc32(piece.X.data) != self.checksums[number]:
                raise DataChangedError(
                    f"rows {piece.start} to {piece.start + len(piece.X) - 1} of {self.name} are "
                    "not what they were when training began: they were edited, or a part of the "
                    "store is gone or damaged."
                )
        return whole.part(start - begin, stop - begin)

    def portion(self, start: int, stop: int) -> Source:
        """The same of the other's portion, with only its checksums."""
        first = start // PIECE_ROWS
        checksums = self.checksums[first - self.first : -(-stop // PIECE_ROWS) - self.first]
        return Verified(self.source.portion(start, stop), checksums, first)


def verified(source: Source, manifest: Manifest) -> Source:
    """`source` with its origin verified from now on, if that is outside memory."""
    if not is_stored(source):
        return source
    return source.over(Verified(source.origin, np.array(manifest.checksums, dtype=np.uint32)))
