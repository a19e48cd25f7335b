"""Engines: one order of summation, whatever the number of threads."""

import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import ThreadpoolController, threadpool_limits

from rhohat.rows.engines import ThreadEngine, effective_n_jobs
from rhohat.rows.partition import Partition
from rhohat.rows.sources import ArraySource, in_memory
from support.cases import laws, make_case, relative


@dataclass
class Trace:
    """A sum that is written down and not computed: it shows every bracket."""

    text: str

    def __iadd__(self, other):
        self.text = f"({self.text}+{other.text})"
        return self

    def widened(self):
        return self


def numbered_rows(n_rows):
    return ArraySource(np.arange(float(n_rows)).reshape(-1, 1))


def first_row(rows):
    return Trace(f"{rows.X[0, 0]:g}")


def in_order(n_rows, block_size, chunk_size):
    """Blocks within a chunk from left to right, then chunks from left to right."""

    def add_up(texts):
        total, *others = texts
        for text in others:
            total = f"({total}+{text})"
        return total

    chunks = [
        range(start, min(start + chunk_size, n_rows)) for start in range(0, n_rows, chunk_size)
    ]
    return add_up([add_up([str(start) for start in chunk[::block_size]]) for chunk in chunks])


@given(
    n_rows=st.integers(1, 60),
    block_size=st.integers(1, 9),
    blocks_per_chunk=st.integers(1, 4),
    n_jobs=st.sampled_from([1, 2, 4]),
)
@laws(30)
def test_blocks_are_added_in_order_then_chunks_in_order(
    n_rows, block_size, blocks_per_chunk, n_jobs
):
    partition = Partition(block_size, block_size * blocks_per_chunk)
    engine = ThreadEngine(n_jobs)
    with engine.running():
        total = engine.map_sum(first_row, numbered_rows(n_rows), partition)
    assert total.text == in_order(n_rows, *partition)


def test_order_does_not_depend_on_which_thread_is_done_first():
    def slow_where_early(rows):
        time.sleep(0.02 if rows.X[0, 0] in (0, 4, 8) else 0)
        return first_row(rows)

    engine = ThreadEngine(4)
    with engine.running():
        total = engine.map_sum(slow_where_early, numbered_rows(24), Partition(1, 2))
    assert total.text == in_order(24, 1, 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_have_the_same_bits_for_any_number_of_threads(dtype):
    case = make_case("sigmoid", "linear", "kl", shape=(9, 24, 10), seed=1)
    X = np.random.RandomState(0).uniform(size=(4000, 24)).astype(dtype)
    weight = np.random.RandomState(1).uniform(size=4000)
    sums = []
    for n_jobs in (1, 2, 4, 2, 4):
        engine = ThreadEngine(n_jobs)
        with engine.running():
            sums.append(
                engine.map_sum(
                    lambda rows: case.objective.terms(rows.X, case.theta, rows.sample_weight),
                    in_memory(X, weight),
                    Partition(31, 93),
                )
            )
    for total in sums[1:]:
        assert total.weight == sums[0].weight
        assert total.squared_error == sums[0].squared_error
        assert total.activity.tobytes() == sums[0].activity.tobytes()
        assert total.gradient.tobytes() == sums[0].gradient.tobytes()
        assert total.direction.tobytes() == sums[0].direction.tobytes()
        assert total.direction.tobytes() == sums[0].direction.tobytes()
    expected_loss, expected_grad = case.objective.loss_grad(case.theta, X, weight)
    loss, grad = case.objective.finish(sums[0], case.theta)
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    assert relative(loss, expected_loss) < tolerance
    assert relative(grad, expected_grad) < tolerance


def test_work_runs_in_as_many_threads_as_asked_for():
    together = threading.Barrier(3, timeout=10)

    def wait_for_the_others(rows):
        together.wait()
        return Trace("")

    engine = ThreadEngine(3)
    with engine.running():
        engine.map_sum(wait_for_the_others, numbered_rows(3), Partition(1, 1))


# The machine.


def blas_threads():
    return [pool["num_threads"] for pool in ThreadpoolController().select(user_api="blas").info()]


@pytest.mark.parametrize("limit", [1, 2])
@pytest.mark.parametrize("fails", [False, True])
def test_blas_is_held_to_one_thread_inside_and_left_as_it_was(limit, fails):
    with threadpool_limits(limits=limit, user_api="blas"):
        before = blas_threads()
        assert before
        assert set(before) == {limit}
        engine = ThreadEngine(2)
        try:
            with engine.running():
                assert set(blas_threads()) == {1}
                inside = []
                engine.map_into(
                    lambda X, out: inside.append(blas_threads()),
                    numbered_rows(2),
                    Partition(1, 1),
                    np.empty((2, 1)),
                )
                assert [set(threads) for threads in inside] == [{1}, {1}]
                if fails:
                    raise LookupError
        except LookupError:
            assert fails
        assert blas_threads() == before


def test_no_thread_is_left_behind():
    before = threading.active_count()
    engine = ThreadEngine(4)
    with engine.running():
        engine.map_sum(first_row, numbered_rows(20), Partition(1, 1))
    assert threading.active_count() == before


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_what_a_worker_raises_reaches_the_caller_and_the_engine_works_on(n_jobs):
    def refuse_seven(rows):
        if rows.X[0, 0] == 7:
            raise LookupError("row 7")
        return first_row(rows)

    engine = ThreadEngine(n_jobs)
    with engine.running():
        with pytest.raises(LookupError, match="row 7"):
            engine.map_sum(refuse_seven, numbered_rows(20), Partition(1, 2))
        assert engine.map_sum(first_row, numbered_rows(3), Partition(1, 2)).text == "((0+1)+2)"


def test_engine_refuses_to_work_outside_running():
    engine = ThreadEngine(1)
    with pytest.raises(RuntimeError, match=r"engine\.running\(\)"):
        engine.map_sum(first_row, numbered_rows(3), Partition(1, 1))
    with engine.running():
        pass
    with pytest.raises(RuntimeError, match=r"engine\.running\(\)"):
        engine.map_sum(first_row, numbered_rows(3), Partition(1, 1))


def test_number_of_threads():
    assert effective_n_jobs(3) == 3
    assert effective_n_jobs(-1) >= 1
    with threadpool_limits(limits=1, user_api="blas"):
        assert effective_n_jobs(None) == 1


@pytest.mark.parametrize("n_jobs", [0, -2])
def test_a_number_of_threads_below_one_is_refused(n_jobs):
    with pytest.raises(ValueError, match="n_jobs must be at least 1"):
        ThreadEngine(n_jobs)


@pytest.mark.parametrize("n_jobs", [1.5, "2", True])
def test_a_number_of_threads_that_is_no_integer_is_refused(n_jobs):
    with pytest.raises(TypeError, match="n_jobs must be an integer"):
        ThreadEngine(n_jobs)


def test_overlapping_engines_leave_blas_as_it_was():
    """The one that starts last ends last, and must not take the first one's limit for the rule."""
    first, second = ThreadEngine(1).running(), ThreadEngine(1).running()
    with threadpool_limits(2, user_api="blas"):
        before = effective_n_jobs(None)
        first.__enter__()
        second.__enter__()
        assert effective_n_jobs(None) == before
        first.__exit__(None, None, None)
        second.__exit__(None, None, None)
        assert effective_n_jobs(None) == before
