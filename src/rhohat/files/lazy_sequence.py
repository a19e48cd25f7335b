"""Sequences of arrays that are read on request, for more of them than memory holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import numpy as np

from rhohat.common.arrays import FloatArray


class LazySequence(Sequence[FloatArray]):
    """Images or recordings, each of which is read whenever it is needed.

    Transformers process it one array at a time and return another such sequence, as does slicing.

    Parameters
    ----------
    items : sequence
        From which each array is read.
    dtype : dtype
        One that holds the values of all arrays.
    """

    def __init__(self, items: Sequence[Any], dtype: np.dtype[Any]) -> None:
        self.items = items
        self.dtype = dtype

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: Any) -> Any:
        chosen = self.items[index]
        if not isinstance(index, slice):
            return self._read(chosen)
        part = copy(self)
        part.items = chosen
        return part

    def _read(self, item: Any) -> FloatArray:
        """The array of an item."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)}>"


class MappedSequence(LazySequence):
    """What a function makes of other arrays, computed whenever it is asked for.

    Parameters
    ----------
    arrays : LazySequence
    function : callable
        ``function(array) -> array``.
    """

    def __init__(self, arrays: LazySequence, function: Callable[[FloatArray], FloatArray]) -> None:
        super().__init__(arrays, arrays.dtype)
        self.function = function

    def _read(self, item: FloatArray) -> FloatArray:
        return self.function(item)
