"""Sources made of others: several of them joined, or one mapped by a function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray
from rhohat.common.devices import PROCESSOR, Device
from rhohat.rows.blas import BLAS
from rhohat.rows.partition import CHUNK_ROWS
from rhohat.rows.sources import ArraySource, Holders, Origin, Rows, Source, Wrapper, check_finite


class Concatenation(Origin):
    """Rows of several sources, those of the first before those of the next.

    Parameters
    ----------
    parts : sequence of Source
    """

    def __init__(self, parts: Sequence[Source]) -> None:
        widths = {part.shape[1] for part in parts}
        if len(widths) > 1:
            raise ValueError(
                f"expected blocks with the same number of columns, got {sorted(widths)}."
            )
        self.parts = list(parts)
        self.columns: tuple[str, ...] = getattr(self.parts[0], "columns", ()) if parts else ()
        self.ends = np.cumsum([part.shape[0] for part in parts])
        if not self.ends[-1]:
            raise ValueError("expected blocks with rows, got none.")
        self.name = f"{len(parts)} blocks, the first of them {parts[0].name},"
        names = (
            f"block {number}" if isinstance(part, ArraySource) else part.name
            for number, part in enumerate(parts)
        )
        self.holders = Holders(tuple(names), tuple(self.ends.tolist()))
        self.shape = int(self.ends[-1]), widths.pop()
        self.dtype = np.dtype(np.result_type(*{part.dtype for part in parts}))

    def _pieces(self, start: int, stop: int) -> Iterator[tuple[Source, int, int]]:
        """Parts that hold rows start to stop, each with the range of its own rows."""
        begin = 0
        for part, end in zip(self.parts, self.ends.tolist(), strict=True):
            if start < end and begin < stop:
                yield part, max(start - begin, 0), min(stop, end) - begin
            begin = end

    def read(self, start: int, stop: int) -> Rows:
        """Rows start to stop, from the parts that hold them."""
        found = [part.read(a, b).X for part, a, b in self._pieces(start, stop)]
        X = found[0] if len(found) == 1 else np.concatenate(found)
        return Rows(X.astype(self.dtype, copy=False), start=start)

    def take(self, indices: NDArray[np.intp]) -> Rows:
        """The rows with these numbers, which ascend."""
        owners = np.searchsorted(self.ends, indices, side="right")
        begins = np.concatenate([[0], self.ends])
        found = [
            self.parts[number].take(indices[owners == number] - begins[number]).X
            for number in np.unique(owners).tolist()
        ]
        return Rows(np.concatenate(found).astype(self.dtype, copy=False))


class Mapped(Wrapper):
    """The results of a function on another source's rows, computed whenever they are read.

    If it fits in memory, `numpy.asarray` turns it into an array.

    Parameters
    ----------
    source : Source
    function : callable
        ``function(X) -> array (len(X), n_features)``, in the precision of X.
    n_features : int
    device : Device, default=PROCESSOR
        Where the function computes.
    """

    def __init__(
        self,
        source: Source,
        function: Callable[[FloatArray], FloatArray],
        n_features: int,
        device: Device = PROCESSOR,
    ) -> None:
        super().__init__(source)
        device.check(self.dtype)
        self.function, self.device = function, device
        self.shape = source.shape[0], n_features

    def read(self, start: int, stop: int) -> Rows:
        """What the function makes of the other's rows start to stop."""
        rows = self.source.read(start, stop)
        check_finite(rows, Holders.of(self))
        if len(rows.X) <= CHUNK_ROWS:
            return rows._replace(X=self.device.computed(self.function, rows.X))
        parts = rows.blocks(CHUNK_ROWS)  # as if in memory
        made = [self.device.computed(self.function, part.X) for part in parts]
        return rows._replace(X=np.concatenate(made))

    def take(self, indices: NDArray[np.intp]) -> Rows:
        """What the function makes of the other's rows with these numbers."""
        X = np.empty((len(indices), self.shape[1]), self.dtype)
        chunks = indices // CHUNK_ROWS
        for chunk in np.unique(chunks):  # whole chunks, for the bits that `read` gives
            start, mine = chunk * CHUNK_ROWS, chunks == chunk
            read = self.read(start, min(start + CHUNK_ROWS, len(self)))
            X[mine] = read.X[indices[mine] - start]
        return self.source.take(indices)._replace(X=X)

    def __len__(self) -> int:
        return self.shape[0]

    @BLAS.single_threaded()
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        made = np.empty(self.shape, self.dtype)
        for start in range(0, len(made), CHUNK_ROWS):  # as if in memory, for the same bits
            stop = min(start + CHUNK_ROWS, len(made))
            made[start:stop] = self.read(start, stop).X
        return made if dtype is None else made.astype(dtype, copy=False)
