"""Engines: map a function over blocks of rows and add up what it returns.

The order of summation depends on the partition alone: blocks within a chunk in order, then chunks
in order. However many threads work, the sum has the same bits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any, Protocol, Self, TypeVar, cast

import joblib
from threadpoolctl import ThreadpoolController

from rhohat.common.arrays import FloatArray
from rhohat.common.validation import check_integer
from rhohat.rows.partition import Partition
from rhohat.rows.sources import Rows, Source, check_finite


class Summable(Protocol):
    """A sum over rows, to which that of other rows can be added in place."""

    def __iadd__(self, other: Any) -> Self:
        """Add that of other rows."""
        ...

    def widened(self) -> Self:
        """The same sum in float64, to which those of many chunks can be added.

        Itself, where it is summed in float64 from the start or nothing is rounded.
        """
        return self


S = TypeVar("S", bound=Summable)


class Engine(Protocol):
    """What training needs to know of the machine."""

    def check(self, source: Source) -> None:
        """Raise TypeError if rows of `source` cannot be worked on here."""
        ...

    def running(self) -> AbstractContextManager[object]:
        """Make ready, and clear away after."""
        ...

    def map_sum(self, function: Callable[[Rows], S], source: Source, partition: Partition) -> S:
        """Sum of `function` over all blocks of `source`."""
        ...


class _Blas:
    """BLAS's own threads, which belong to the whole process.

    Engines of several threads may run at once: the first holds BLAS to one thread, the last lets
    go, so that afterwards it is as it was.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_users = 0
        self._n_threads = 1
        self._limiter: Any = None

    def n_threads(self) -> int:
        """Threads that BLAS uses where no engine runs."""
        with self._lock:
            return self._n_threads if self._n_users else self._count()

    @contextmanager
    def single_threaded(self) -> Iterator[None]:
        """Hold BLAS to one thread."""
        with self._lock:
            if self._n_users == 0:
                self._n_threads = self._count()
                self._limiter = _controller().limit(limits=1, user_api="blas")
            self._n_users += 1
        try:
            yield
        finally:
            with self._lock:
                self._n_users -= 1
                if self._n_users == 0:
                    self._limiter.restore_original_limits()

    @staticmethod
    def _count() -> int:
        pools = _controller().select(user_api="blas").lib_controllers
        return max((int(pool.num_threads) for pool in pools), default=1)


@cache
def _controller() -> ThreadpoolController:
    """Of NumPy's and SciPy's BLAS, which are loaded by now; finding them takes milliseconds."""
    return ThreadpoolController()


_BLAS = _Blas()


def single_threaded_blas() -> AbstractContextManager[None]:
    """Hold BLAS to one thread, so that sums have the same bits in whatever process they are made.

    The first and the last of those that hold it at once change and restore it.
    """
    return _BLAS.single_threaded()


def chunk_sum(function: Callable[[Rows], S], rows: Rows, block_size: int) -> S:
    """Sum of `function` over the blocks of a chunk, in order, in the precision it is made in."""
    blocks = rows.blocks(block_size)
    chunk: Any = function(next(blocks))
    for block in blocks:
        chunk += function(block)
    return cast(S, chunk)


def effective_n_jobs(n_jobs: int | None) -> int:
    """Threads to use: None for as many as NumPy's BLAS would use here, -1 for every core.

    None so respects OMP_NUM_THREADS, `threadpoolctl.threadpool_limits`, and the share that joblib
    leaves to each of its workers.
    """
    if n_jobs is None:
        return _BLAS.n_threads()
    if n_jobs == -1:
        return int(joblib.cpu_count())
    return check_integer("n_jobs", n_jobs, low=1)


OUTSIDE = "ThreadEngine works inside 'with engine.running():' only."


class ThreadEngine:
    """Threads of this process, each working off chunks with single-threaded BLAS.

    Use as a context manager: BLAS is held to one thread inside and left as it was.

    Parameters
    ----------
    n_jobs : int, default=None
        Threads; see `effective_n_jobs`.
    """

    def __init__(self, n_jobs: int | None = None) -> None:
        self.n_threads = effective_n_jobs(n_jobs)
        self._pool: ThreadPoolExecutor | None = None

    def check(self, source: Source) -> None:
        """Every source can be read by threads."""

    @contextmanager
    def running(self) -> Iterator[ThreadEngine]:
        """Hold the threads, and BLAS to one thread in each."""
        with _BLAS.single_threaded(), ThreadPoolExecutor(self.n_threads) as pool:
            self._pool = pool
            try:
                yield self
            finally:
                self._pool = None

    def map_into(
        self,
        function: Callable[[FloatArray, FloatArray], object],
        source: Source,
        partition: Partition,
        out: FloatArray,
    ) -> None:
        """Call ``function(X, out)`` for every chunk of `source` and the rows of `out` beside it.

        Raises
        ------
        ValueError
            If a value is NaN or infinite.
        """

        def work(start: int, stop: int) -> None:
            rows = source.read(start, stop)
            check_finite(rows, source.name)
            function(rows.X, out[start:stop])

        self.share(work, partition.chunks(source.shape[0]))

    def map_sum(self, function: Callable[[Rows], S], source: Source, partition: Partition) -> S:
        """Sum of `function` over all blocks of `source`, blocks in order, then chunks in order.

        Whoever has the chunk that comes next in order adds it.
        """
        done: dict[int, S] = {}  # summed by themselves, not yet added
        total: Any = None
        n_added = 0
        changed = threading.Condition()

        def work(number: int, chunk: tuple[int, int]) -> None:
            nonlocal total, n_added
            with changed:  # keeps those that run ahead from piling up
                changed.wait_for(lambda: number <= n_added + 4 * self.n_threads, timeout=1)
            rows = source.read(*chunk)
            summed = chunk_sum(function, rows, partition.block_size).widened()
            with changed:
                done[number] = summed
                while n_added in done:
                    added = done.pop(n_added)
                    if total is None:
                        total = added
                    else:
                        total += added
                    n_added += 1
                changed.notify_all()

        self.share(work, enumerate(partition.chunks(source.shape[0])))
        return cast(S, total)

    def share(self, work: Callable[..., object], tasks: Iterable[tuple[Any, ...]]) -> None:
        """Call ``work(*task)`` for all tasks: each thread takes the next when free.

        So no thread waits for another to be woken. What one raises ends all.
        """
        if self._pool is None:
            raise RuntimeError(OUTSIDE)
        remaining = iter(tasks)
        lock = threading.Lock()
        failed = threading.Event()

        def share() -> None:
            try:
                while not failed.is_set():
                    with lock:
                        task = next(remaining, None)
                    if task is None:
                        return
                    work(*task)
            except BaseException:
                failed.set()
                raise

        for worker in [self._pool.submit(share) for _ in range(self.n_threads)]:
            worker.result()
