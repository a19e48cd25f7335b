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

from rhohat.common.arrays import FloatArray
from rhohat.common.errors import DataChangedError
from rhohat.rows.engines import Engine, Summable
from rhohat.rows.partition import Partition
from rhohat.rows.sources import Holders, Paired, Rows, Source, Wrapper, check_finite
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
    target : Manifest or None
        That of the rows' targets, if they have some.
    """

    digests: list[bytes] = field(default_factory=list)
    checksums: list[int] = field(default_factory=list)
    target: Manifest | None = None

    def __iadd__(self, other: Manifest) -> Manifest:
        self.digests += other.digests
        self.checksums += other.checksums
        if self.target is not None and other.target is not None:
            self.target += other.target
        return self

    @classmethod
    def of(cls, piece: Rows, holders: Holders) -> Manifest:
        """Checksums of one piece."""
        check_finite(piece, holders)
        return cls._of(piece.X, None if piece.target is None else cls._of(piece.target))

    @classmethod
    def _of(cls, X: FloatArray, target: Manifest | None = None) -> Manifest:
        return cls([hashlib.sha256(X.data).digest()], [zlib.crc32(X.data)], target)

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
        targets = [] if self.target is None else self.target.digests
        return hashlib.sha256(b"".join([*self.digests, *targets])).hexdigest()


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
                    f"rows {piece.start} to {piece.start + len(piece.X) - 1} of {self.name} have "
                    "changed since training began: they were edited, or part of the store is "
                    "missing or damaged."
                )
        return whole.part(start - begin, stop - begin)

    def portion(self, start: int, stop: int) -> Source:
        """The same of the other's portion, with only its checksums."""
        first = start // PIECE_ROWS
        checksums = self.checksums[first - self.first : -(-stop // PIECE_ROWS) - self.first]
        return Verified(self.source.portion(start, stop), checksums, first)


def verified(source: Source, manifest: Manifest) -> Source:
    """`source` with its origin verified from now on, if that is outside memory."""
    return source.over(_verified_origin(source.origin, manifest)) if is_stored(source) else source


def _verified_origin(origin: Source, manifest: Manifest) -> Source:
    """An origin, verified if it is outside memory; of a pair, both."""
    if isinstance(origin, Paired):
        assert manifest.target is not None
        both = (origin.source, manifest), (origin.target, manifest.target)
        return Paired(*(_verified_origin(*part) for part in both))
    if not is_stored(origin):
        return origin
    return Verified(origin, np.array(manifest.checksums, dtype=np.uint32))
