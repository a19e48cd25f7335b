"""Stages: training begins on a small random part of the rows, and goes on with larger ones."""

from __future__ import annotations

from typing import NamedTuple

#: Above so many rows, training starts on a part of them.
GROWTH_THRESHOLD = 5000
#: Rows of the first stages, and their share of all iterations. In trials on photographs, a smaller
#: start left noise in some units, and more iterations on it took longer to unlearn.
FIRST_STAGES = ((2000, 0.35), (5000, 0.35))
#: Bytes that a growing part of the data may have: it is read once and held in memory.
PART_BYTES = 64 << 20
#: Factor by which further stages grow.
GROWTH_FACTOR = 4


class Stage(NamedTuple):
    """Iterations on a number of rows."""

    n_rows: int
    max_iter: int


def growth_stages(
    n_rows: int, max_iter: int, growth: bool = True, *, row_bytes: int = 400
) -> list[Stage]:
    """Divide the iterations among growing parts of the data; the last stage has all rows.

    Parts are held in memory, and therefore have at most 64 MiB.

    >>> [tuple(stage) for stage in growth_stages(20_000, 200)]
    [(2000, 70), (5000, 70), (20000, 60)]
    """
    if not growth or n_rows <= GROWTH_THRESHOLD:
        return [Stage(n_rows, max_iter)]
    stages = [Stage(rows, int(share * max_iter)) for rows, share in FIRST_STAGES]
    sizes = []
    size = stages[-1].n_rows * GROWTH_FACTOR
    while size * 2 <= n_rows and size * row_bytes <= PART_BYTES:
        sizes.append(size)
        size *= GROWTH_FACTOR
    left = max_iter - sum(stage.max_iter for stage in stages)
    for index, size in enumerate(sizes):
        share = left // (len(sizes) + 1 - index)
        stages.append(Stage(size, share))
        left -= share
    return [stage for stage in stages if stage.max_iter > 0] + [Stage(n_rows, left)]
