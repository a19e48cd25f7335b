"""Stages: a random part of the rows that grows, and all rows at the end."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rhohat import SparseObjective
from rhohat.rows.sources import ArraySource
from rhohat.training.stages import (
    FIRST_ROWS,
    FIRST_SHARE,
    LAST_SHARE,
    LEAST_GROWTH,
    Stage,
    growth_stages,
)
from support.cases import laws
from support.fits import FEW_ROWS, GROWING, N_ITER, STAGE_ENDS, STAGE_ROWS, Run


@given(n_rows=st.integers(1, 10**8), max_iter=st.integers(1, 2000), growth=st.booleans())
@laws(300)
def test_stages_share_out_the_iterations_and_end_on_all_rows(n_rows, max_iter, growth):
    stages = growth_stages(n_rows, max_iter, growth)
    assert sum(stage.max_iter for stage in stages) == max_iter
    assert all(stage.max_iter >= 1 for stage in stages)
    rows = [stage.n_rows for stage in stages]
    assert rows[-1] == n_rows
    assert rows == sorted(set(rows))
    if not growth or n_rows <= LEAST_GROWTH * FIRST_ROWS:
        assert stages == [Stage(n_rows, max_iter)]
    elif len(stages) > 1:
        assert rows[0] == FIRST_ROWS


def test_two_iterations_are_done_on_all_rows():
    """The first stage would have none of them, and training begin on the second."""
    assert growth_stages(40_000, 2) == [Stage(40_000, 2)]
    assert len(growth_stages(40_000, 3)) > 1


def test_large_data_grow_by_a_bounded_factor():
    rows = [stage.n_rows for stage in growth_stages(10**7, 160, row_bytes=1)]
    assert len(rows) > 3
    assert max(b / a for a, b in pairwise(rows)) <= 8


def test_growing_parts_fit_into_a_stated_memory():
    *parts, everything = growth_stages(10**8, 260, row_bytes=784 * 8)
    assert everything.n_rows == 10**8
    assert all(part.n_rows * 784 * 8 <= 64 << 20 for part in parts)


@given(n_rows=st.integers(LEAST_GROWTH * FIRST_ROWS + 1, 10**8), max_iter=st.integers(50, 2000))
@laws(100)
def test_the_first_stage_has_most_iterations_and_the_last_a_few(n_rows, max_iter):
    """And where there are two stages alone, the last has all that are left."""
    first, *between, last = growth_stages(n_rows, max_iter)
    assert 0 <= FIRST_SHARE * max_iter - first.max_iter < 1
    share = LAST_SHARE if between else 1 - FIRST_SHARE
    assert -1e-9 <= last.max_iter - share * max_iter < 1 + len(between)


def test_few_times_the_rows_of_a_first_stage_have_none():
    enough = LEAST_GROWTH * FIRST_ROWS + 1
    assert len(growth_stages(enough - 1, 100)) == 1
    assert [stage.n_rows for stage in growth_stages(enough, 100)] == [FIRST_ROWS, enough]


def test_every_stage_trains_on_as_many_rows_as_it_says_and_keeps_those_before(early_growth):
    taken = {}

    class Recording(ArraySource):
        def take(self, indices):
            taken.setdefault(stage[0], set()).update(indices.tolist())
            return super().take(indices)

    first, second, everything = STAGE_ROWS
    ends = dict(zip(STAGE_ENDS, (second, everything), strict=True))
    stage = [first]

    def note(progress):
        stage[0] = ends.get(progress.n_iter, stage[0])

    run = Run(SparseObjective(8, 3, penalty="none"), GROWING)
    start = run.begin()
    recorded = replace(start.evaluation, source=Recording(GROWING))
    result = run.train(max_iter=N_ITER, callback=note, start=start._replace(evaluation=recorded))
    assert list(dict.fromkeys(result.stage_rows)) == STAGE_ROWS
    assert first == FEW_ROWS
    assert {rows: len(indices) for rows, indices in taken.items()} == {
        first: first,
        second: second,
    }
    assert taken[first] < taken[second]
    assert max(taken[second]) > second  # a part drawn at random, not the first rows
