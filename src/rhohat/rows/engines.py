"""Engines: they map a function over blocks of rows and add up what it returns.

The order of summation depends on the partition alone: blocks within a chunk in order, then chunks
in order. However many threads work, the sum has the same bits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial, reduce
from operator import iadd
from typing import Any, Protocol, Self, TypeVar, cast

import joblib

from rhohat.common.arrays import FloatArray
from rhohat.common.devices import PROCESSOR, Device
from rhohat.common.interrupts import current_request
from rhohat.common.validation import check_integer
from rhohat.rows.blas import BLAS
from rhohat.rows.partition import Partition
from rhohat.rows.placed import placed_rows
from rhohat.rows.sources import Holders, Rows, Source, check_finite

#: Threads at most: no machine has more cores.
MOST_JOBS = 10_000


class Summable(Protocol):
    """A sum over rows, to which the sum over other rows can be added in place."""

    def __iadd__(self, other: Any) -> Self:
        """Add the sum over other rows."""

    def widened(self) -> Self:
        """The same sum in float64, to which the sums of many chunks can be added.

        The default is the sum itself, which is right if it is in float64 or nothing is rounded.
        """
        return self

    def in_memory(self) -> Self:
        """The same sum in the memory of this process, whatever device made it."""
        return self


S = TypeVar("S", bound=Summable)


class Engine(Protocol):
    """What training needs to know of the machine."""

    def check(self, source: Source) -> None:
        """Raise TypeError if rows of `source` cannot be worked on here."""

    def running(self) -> AbstractContextManager[object]:
        """Acquire what the engine needs, and release it at the end."""

    def map_sum(self, function: Callable[[Rows], S], source: Source, partition: Partition) -> S:
        """Sum of `function` over all blocks of `source`."""


def device_of_engine(engine: Engine) -> Device:
    """Where an engine computes; one that says nothing does on the processor."""
    device: Device = getattr(engine, "device", PROCESSOR)
    return device


def chunk_sum(function: Callable[[Rows], S], rows: Rows, block_size: int) -> S:
    """Sum of `function` over the blocks of a chunk, in order, in the precision it returns."""
    return reduce(iadd, map(function, rows.blocks(block_size)))


def effective_n_jobs(n_jobs: int | None) -> int:
    """Threads to use: None for as many as NumPy's BLAS would use here, -1 for every core.

    Thus None respects OMP_NUM_THREADS, `threadpoolctl.threadpool_limits`, and the share that joblib
    leaves to each of its workers.
    """
    check_n_jobs(n_jobs)
    if n_jobs is None:
        return BLAS.n_threads()
    return int(joblib.cpu_count() if n_jobs == -1 else n_jobs)


def check_n_jobs(n_jobs: int | None) -> None:
    """Raise TypeError or ValueError unless it is None, -1 or a sensible number of threads."""
    if n_jobs is None or n_jobs == -1:
        return
    if check_integer("n_jobs", n_jobs, low=1) > MOST_JOBS:
        raise ValueError(f"n_jobs must be at most {MOST_JOBS}, got {n_jobs!r}.")


class ThreadEngine:
    """Threads of this process, each working on chunks with single-threaded BLAS.

    Works inside ``with engine.running():``, where BLAS is limited to one thread.

    Parameters
    ----------
    n_jobs : int, default=None
        Threads; see `effective_n_jobs`.
    device : Device, default=PROCESSOR
        Where rows are computed.
    """

    def __init__(self, n_jobs: int | None = None, device: Device = PROCESSOR) -> None:
        self.n_threads = device.threads(effective_n_jobs(n_jobs))
        self.device = device
        self._pool: ThreadPoolExecutor | None = None

    def check(self, source: Source) -> None:
        """Raise unless the device is there; threads can read every source."""
        self.device.check(source.dtype)

    @contextmanager
    def running(self) -> Iterator[ThreadEngine]:
        """Keep the threads, and limit BLAS to one thread in each."""
        pool = ThreadPoolExecutor(self.n_threads, initializer=BLAS.limit)
        with BLAS.single_threaded(), self.device.running(), pool:
            self._pool = pool
            try:
                yield self
            finally:
                self._pool = None

    def map_into(
        self,
        function: Callable[[Rows, FloatArray], object],
        source: Source,
        partition: Partition,
        out: FloatArray,
    ) -> None:
        """Call ``function(rows, out)`` for every chunk of `source` and the same rows of `out`.

        Raises
        ------
        ValueError
            If a value is NaN or infinite.
        """

        def work(start: int, stop: int) -> None:
            rows = source.read(start, stop)
            check_finite(rows, Holders.of(source))
            self.device.fill(partial(function, placed_rows(rows, self.device)), out[start:stop])

        self.share(work, partition.chunks(source.shape[0]))

    def map_sum(self, function: Callable[[Rows], S], source: Source, partition: Partition) -> S:
        """Sum of `function` over all blocks of `source`, blocks in order, then chunks in order.

        The thread that finishes the next chunk in order adds it, and those done that follow it.
        """
        done: dict[int, S] = {}  # sums of chunks that are not yet added
        total: Any = None
        n_added = 0
        changed = threading.Condition()

        def work(number: int, chunk: tuple[int, int]) -> None:
            nonlocal total, n_added
            with changed:  # keeps sums from piling up where threads run ahead
                changed.wait_for(lambda: number <= n_added + 4 * self.n_threads, timeout=1)
            rows = source.read(*chunk)
            summed = chunk_sum(function, rows, partition.block_size).widened()
            with changed:
                done[number] = summed
                while n_added in done:
                    chunk_total = done.pop(n_added)
                    if total is None:
                        total = chunk_total
                    else:
                        total += chunk_total
                    n_added += 1
                changed.notify_all()

        self.share(work, enumerate(partition.chunks(source.shape[0])))
        return cast(S, total)

    def share(self, work: Callable[..., object], tasks: Iterable[tuple[Any, ...]]) -> None:
        """Call ``work(*task)`` for all tasks: each thread takes the next one when it is free.

        Thus no thread waits for another to wake up. An error in one ends all, and so does a request
        to stop, before the next tasks.

        Raises
        ------
        Interrupted
            If an end was asked for.
        """
        if self._pool is None:
            raise RuntimeError("ThreadEngine works only inside 'with engine.running():'.")
        BLAS.limit_again()
        remaining = iter(tasks)
        lock = threading.Lock()
        failed = threading.Event()
        request = current_request()

        def take_tasks() -> None:
            try:
                while not (failed.is_set() or request.is_due):
                    with lock:
                        task = next(remaining, None)
                    if task is None:
                        return
                    work(*task)
            except BaseException:
                failed.set()
                raise

        workers = [self._pool.submit(take_tasks) for _ in range(self.n_threads)]
        try:
            with self.device.telling():
                for worker in workers:
                    worker.result()
        finally:
            failed.set()  # where a signal is raised here, the others end with their task
        request.check()
