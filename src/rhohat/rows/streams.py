"""Streams: blocks of rows that a function makes again for every sweep."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rhohat.common.errors import DataChangedError
from rhohat.rows.stores import Store


class BlockStream(Store):
    """Blocks of rows that a function makes again, in the same order, whenever it is called.

    Parameters
    ----------
    factory : callable
        ``factory()`` returns an iterable of arrays (rows, columns).
    """

    def __init__(self, factory: Callable[[], Iterable[ArrayLike]]) -> None:
        self.factory = factory
        name = f"the stream of blocks that {getattr(factory, '__name__', 'the function')}() makes"
        n_rows, widths, dtypes = 0, set(), []
        made_blocks = factory()
        if not isinstance(made_blocks, Iterable):
            raise TypeError(
                f"{name} is invalid: the function returned {type(made_blocks).__name__}, expected "
                "an iterable of arrays (rows, columns)."
            )
        for number, made in enumerate(made_blocks):
            block = np.asarray(made)
            if block.ndim != 2:
                raise ValueError(
                    f"block {number} of {name} has shape {block.shape}, expected (rows, columns)."
                )
            n_rows += len(block)
            widths.add(block.shape[1])
            dtypes.append(block.dtype)
            if len(widths) > 1:
                raise ValueError(
                    f"the blocks of {name} have {sorted(widths)} columns, expected the same number "
                    "in each."
                )
        if not n_rows:
            raise ValueError(f"{name} is empty.")
        super().__init__(name, (n_rows, widths.pop()), np.result_type(*set(dtypes)))

    def _restart(self) -> None:
        self._lock = threading.Lock()
        self._blocks: Iterator[ArrayLike] = iter(())
        self._position = 0  # of the first row in the buffer
        self._buffer: list[NDArray[Any]] = []

    def load(self, start: int, stop: int) -> NDArray[Any]:
        """Rows start to stop.

        Threads ask for runs roughly in order. Blocks that others may still ask for are kept; a run
        that is no longer there starts the stream again.
        """
        with self._lock:
            if start < self._position or not self._buffer:
                self._blocks, self._position, self._buffer = iter(self.factory()), 0, []
            parts = []
            end = self._position
            index = 0
            while end < stop:
                if index == len(self._buffer):
                    block = next(self._blocks, None)
                    if block is None:
                        break
                    self._buffer.append(np.array(block))  # the function may reuse its own
                begin, end = end, end + len(self._buffer[index])
                if end > start:
                    part = slice(max(start - begin, 0), stop - begin)
                    parts.append(self._buffer[index][part])
                index += 1
            if stop == self.shape[0] and (end > stop or next(self._blocks, None) is not None):
                raise DataChangedError(f"{self.name} is longer than the first time.")
            self._forget(start - 64 * (stop - start))
            return np.concatenate(parts) if parts else np.empty((0, self.shape[1]))

    def _forget(self, start: int) -> None:
        """Drop blocks that lie before `start`."""
        while len(self._buffer) > 1 and self._position + len(self._buffer[0]) <= start:
            self._position += len(self._buffer.pop(0))
