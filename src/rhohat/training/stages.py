"""Stages: training begins on a small random part of the rows, and goes on with larger ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

#: Rows of the first stage, which has a part of all iterations that was enough in trials: with fewer
#: rows, or fewer iterations on them, more had to be unlearned on all rows than was saved.
FIRST_ROWS, FIRST_SHARE = 5000, 0.45
#: Up to so many times the rows of the first stage, all rows from the start are as cheap.
LEAST_GROWTH = 4
#: Part of all iterations that are done on all rows, where stages lie between.
LAST_SHARE = 0.05
#: Bytes that a growing part of the data may have: it is read once and held in memory.
PART_BYTES = 64 << 20
#: Factor by which further stages grow; the last one at least by half of it.
GROWTH_FACTOR = 4


class Stage(NamedTuple):
    """Iterations on a number of rows."""

    n_rows: int
    max_iter: int


def iterations_of(stages: Iterable[Stage]) -> int:
    """Iterations of all stages."""
    return sum(stage.max_iter for stage in stages)


def growth_stages(
    n_rows: int, max_iter: int, growth: bool = True, *, row_bytes: int = 400
) -> list[Stage]:
    """Divide the iterations among growing parts of the data; the last stage has all rows.

    Parts are held in memory, and therefore have at most 64 MiB.

    >>> [tuple(stage) for stage in growth_stages(60_000, 200)]
    [(5000, 90), (20000, 100), (60000, 10)]
    """
    first = int(FIRST_SHARE * max_iter)
    if not growth or n_rows <= LEAST_GROWTH * FIRST_ROWS or first == 0:
        return [Stage(n_rows, max_iter)]
    between = []
    size = FIRST_ROWS * GROWTH_FACTOR
    while size * 2 <= n_rows and size * row_bytes <= PART_BYTES:
        between.append(size)
        size *= GROWTH_FACTOR
    stages = [Stage(FIRST_ROWS, first)]
    if between:
        share = int((1 - FIRST_SHARE - LAST_SHARE) * max_iter / len(between))
        stages += [Stage(size, share) for size in between]
    left = max_iter - iterations_of(stages)
    return [stage for stage in stages if stage.max_iter > 0] + [Stage(n_rows, left)]
