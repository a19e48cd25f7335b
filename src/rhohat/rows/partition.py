"""How rows are divided, which decides the order of summation, and thus the bits of every sum."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from rhohat.common.validation import check_integer

#: Rows of a chunk: few enough for the first stage of training to keep two threads busy.
CHUNK_ROWS = 1024
#: Rows of a chunk at most where training has narrow rows: threads that share one interpreter get in
#: each other's way where they call it often for little.
NARROW_CHUNK_ROWS = 4 * CHUNK_ROWS
#: Memory for the intermediate results of one block, in each thread: at most, and of narrow rows.
WORKSPACE_BYTES, NARROW_BYTES = 32 << 20, 3 << 20


class Partition(NamedTuple):
    """How rows are divided into chunks, and chunks into blocks.

    Attributes
    ----------
    block_size : int
        Rows computed at a time, few enough for their activations to stay in cache.
    chunk_size : int
        Rows of a run of blocks, which is read at once, by one task, and summed in order.
    """

    block_size: int
    chunk_size: int

    @classmethod
    def for_shape(
        cls,
        n_features: int,
        n_components: int,
        dtype: np.dtype[Any],
        block_size: int | None = None,
        chunk_size: int | None = None,
        *,
        most_rows: int = CHUNK_ROWS,
    ) -> Partition:
        """Sizes from shape and precision alone, so that every machine sums in the same order.

        Blocks of 1,024 rows were fastest in trials, though only 512 would stay in a cache of 1 MiB:
        with more rows the matrix products are faster, and Python is called less often. Blocks are
        smaller where their intermediate results would take more than 32 MiB, and as many times
        larger as `most_rows` allows where they take less than about 3 MiB: on 64 columns and 25
        units, two threads took 4.3 ms for 10,000 rows in blocks of 3,072, and 5.3 in blocks of
        1,024.

        Parameters
        ----------
        n_features, n_components : int
        dtype : dtype
        block_size, chunk_size : int, default=None
            Sizes to use instead.
        most_rows : int, default=1024
            Rows of a block at most; larger in training alone, since the bits of other results are
            those of blocks of 1,024 rows, wherever these lie.

        Raises
        ------
        ValueError
            If a chunk is not made of whole blocks.
        """
        check_sizes(block_size, chunk_size)
        if block_size is None:
            bytes_per_row = (3 * n_features + 3 * n_components) * dtype.itemsize
            fitting = 1 << max(WORKSPACE_BYTES // bytes_per_row, 1).bit_length() - 1
            narrow = CHUNK_ROWS * max(round(NARROW_BYTES / bytes_per_row / CHUNK_ROWS), 1)
            rows = min(narrow, most_rows) if chunk_size is None else min(CHUNK_ROWS, chunk_size)
            block_size = min(fitting, rows)
        if chunk_size is None:
            chunk_size = max(CHUNK_ROWS // block_size, 1) * block_size
        check_sizes(block_size, chunk_size)
        return cls(block_size, chunk_size)

    def chunks(self, n_rows: int) -> Iterator[tuple[int, int]]:
        """Start and stop of every chunk, in order."""
        for start in range(0, n_rows, self.chunk_size):
            yield start, min(start + self.chunk_size, n_rows)


def check_sizes(block_size: int | None, chunk_size: int | None) -> None:
    """Raise TypeError or ValueError unless the sizes, as far as given, make chunks of blocks."""
    for name, size in (("block_size", block_size), ("chunk_size", chunk_size)):
        if size is not None:
            check_integer(name, size, low=1)
    if block_size is not None and chunk_size is not None and chunk_size % block_size:
        raise ValueError(
            f"chunk_size must be a multiple of block_size={block_size}, got {chunk_size}."
        )
