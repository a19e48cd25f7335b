"""Stages: a random part of the rows that grows, and all rows at the end."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rhohat import SparseObjective
from rhohat.rows.sources import ArraySource
from rhohat.training.stages import GROWTH_THRESHOLD, Stage, growth_stages
from support.cases import laws
from support.fits import GROWING, STAGE_ENDS, Run


@given(n_rows=st.integers(1, 10**8), max_iter=st.integers(1, 2000), growth=st.booleans())
@laws(300)
def test_stages_share_out_the_iterations_and_end_on_all_rows(n_rows, max_iter, growth):
    stages = growth_stages(n_rows, max_iter, growth)
    assert sum(stage.max_iter for stage in stages) == max_iter
    assert all(stage.max_iter >= 1 for stage in stages)
    rows = [stage.n_rows for stage in stages]
    assert rows[-1] == n_rows
    assert rows == sorted(set(rows))
    if not growth or n_rows <= GROWTH_THRESHOLD:
        assert stages == [Stage(n_rows, max_iter)]


def test_large_data_grow_by_a_bounded_factor():
    rows = [stage.n_rows for stage in growth_stages(10**7, 160, row_bytes=1)]
    assert len(rows) > 3
    assert max(b / a for a, b in pairwise(rows)) <= 8


def test_growing_parts_fit_into_a_stated_memory():
    *parts, everything = growth_stages(10**8, 260, row_bytes=784 * 8)
    assert everything.n_rows == 10**8
    assert all(part.n_rows * 784 * 8 <= 64 << 20 for part in parts)


def test_every_stage_trains_on_as_many_rows_as_it_says_and_keeps_those_before():
    taken = {}

    class Recording(ArraySource):
        def take(self, indices):
            taken.setdefault(stage[0], set()).update(indices.tolist())
            return super().take(indices)

    ends = dict(zip(STAGE_ENDS, (5000, 6000), strict=True))
    stage = [2000]

    def note(progress):
        stage[0] = ends.get(progress.n_iter, stage[0])

    run = Run(SparseObjective(8, 3, penalty="none"), GROWING)
    run.source = Recording(GROWING)
    result = run.train(max_iter=16, callback=note)
    assert list(dict.fromkeys(result.stage_rows)) == [2000, 5000, 6000]
    assert {rows: len(indices) for rows, indices in taken.items()} == {2000: 2000, 5000: 5000}
    assert taken[2000] < taken[5000]
    assert max(taken[2000]) > 5000  # a part drawn at random, not the first rows
