"""Dask: the same sums, made by workers that read their rows themselves.

Parameters go out with every evaluation, one sum per chunk comes back, and the sums are added here
in the order of the chunks, so that neither the number of workers nor their failures change a bit.
"""

from __future__ import annotations

import logging
import pickle
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import reduce
from itertools import chain, pairwise
from operator import iadd
from typing import Any, TypeVar, cast

from rhohat.common.errors import WorkerError
from rhohat.common.extras import import_extra
from rhohat.common.validation import check_real
from rhohat.rows.blas import BLAS
from rhohat.rows.engines import Summable, ThreadEngine, chunk_sum, effective_n_jobs
from rhohat.rows.partition import Partition
from rhohat.rows.sources import ArraySource, Rows, Source
from rhohat.rows.stores import is_stored

S = TypeVar("S", bound=Summable)

#: The pickle protocol: one that gives arrays memory of their own.
PROTOCOL = 4
#: Tasks per worker and evaluation, so that a fast worker can take more than a slow one.
TASKS_PER_WORKER = 4

logger = logging.getLogger("rhohat")


def local_cluster(n_workers: int, **options: Any) -> Any:
    """A cluster of single-threaded worker processes, reachable from this machine alone.

    Parameters
    ----------
    n_workers : int
    **options
        Further ones of `dask.distributed.LocalCluster`.

    Returns
    -------
    cluster : dask.distributed.LocalCluster
    """
    dask, distributed = import_extra("dask", "dask"), import_extra("distributed", "dask")
    # Workers would spend a tenth of their time on profiling themselves.
    with dask.config.set({"distributed.worker.profile.enabled": False}):
        return distributed.LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.ERROR,
            **options,
        )


class DaskEngine:
    """Sums over rows, made by the workers of a Dask cluster.

    Rows in memory, such as the small parts that training begins with, are summed in this process.

    Parameters
    ----------
    client : dask.distributed.Client, str or None, default=None
        A client of the cluster, or its address. None is the active client; if there is none, a
        cluster of single-threaded workers on this machine, for as long as the engine runs.
    n_jobs : int, default=None
        Workers of such a cluster, and threads for rows in memory. None for as many as NumPy's BLAS
        would use, -1 for every core.
    timeout : float, default=300
        Seconds to wait for a worker when none is left.
    """

    def __init__(self, client: Any = None, n_jobs: int | None = None, timeout: float = 300) -> None:
        self._given = client
        self._n_jobs = n_jobs
        self._timeout = check_real("timeout", timeout, low=0)
        self._local = ThreadEngine(n_jobs)
        self._client: Any = None

    def check(self, source: Source) -> None:
        """Raise TypeError if workers would have to be sent the rows."""
        if not is_stored(source):
            raise TypeError(
                "Dask's workers read their rows themselves, but these lie in this process's "
                "memory. Save them, numpy.save('X.npy', X), and give fit the path; or use "
                "engine='threads'."
            )

    @contextmanager
    def running(self) -> Iterator[None]:
        """Connect to the cluster; at the end, close what was opened here.

        Raises
        ------
        WorkerError
            If the cluster cannot be reached.
        """
        distributed = import_extra("distributed", "dask")
        with ExitStack() as stack:
            self._client = self._connect(distributed, stack)
            stack.enter_context(self._local.running())
            try:
                yield
            finally:
                self._client = None

    def _connect(self, distributed: Any, stack: ExitStack) -> Any:
        if isinstance(self._given, str):
            _check_address(self._given)
            try:
                client = distributed.Client(self._given, set_as_default=False)
            except (OSError, TimeoutError, ValueError) as error:
                raise WorkerError(f"no Dask cluster answers at {self._given}: {error}") from error
            return stack.enter_context(client)
        if self._given is not None:
            return self._given
        try:
            return distributed.get_client()
        except ValueError:
            cluster = stack.enter_context(local_cluster(effective_n_jobs(self._n_jobs)))
            return stack.enter_context(distributed.Client(cluster, set_as_default=False))

    def map_sum(self, function: Callable[[Rows], S], source: Source, partition: Partition) -> S:
        """Sum of `function` over all blocks of `source`, blocks in order, then chunks in order.

        Raises
        ------
        WorkerError
            If no worker is left and none comes back in time, or if some rows, which it names, end
            every worker that reads them.
        """
        if isinstance(source.origin, ArraySource):
            return self._local.map_sum(function, source, partition)
        runs = self._runs(list(partition.chunks(source.shape[0])))
        futures = [self._submit(function, source, partition, run) for run in runs]
        tasks = zip(futures, runs, strict=True)
        try:
            chunks = chain.from_iterable(self._result(*task, source) for task in tasks)
            return cast(S, reduce(iadd, (chunk.widened() for chunk in chunks)))
        finally:
            self._client.cancel(futures)

    def _runs(self, chunks: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
        """Chunks in runs, one for a task, and as many as keep all workers busy."""
        n_workers = max(1, len(self._workers()))
        n_tasks = min(len(chunks), TASKS_PER_WORKER * n_workers)
        ends = [len(chunks) * number // n_tasks for number in range(n_tasks + 1)]
        return [chunks[begin:end] for begin, end in pairwise(ends)]

    def _submit(
        self,
        function: Callable[[Rows], S],
        source: Source,
        partition: Partition,
        run: list[tuple[int, int]],
    ) -> Any:
        import cloudpickle
        import dask

        # Pickled here, since Dask would leave arrays where its network put them, perhaps unaligned,
        # which changes the bits of sums.
        work = cloudpickle.dumps(
            (function, source.portion(run[0][0], run[-1][1])), protocol=PROTOCOL
        )
        # Parameters go out with every task by design, however large they are.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):
            return self._client.submit(_sums_of_chunks, work, partition.block_size, run, pure=False)

    def _result(self, future: Any, run: list[tuple[int, int]], source: Source) -> list[Any]:
        """What a task returns, waiting for it as long as there are workers."""
        distributed = import_extra("distributed", "dask")
        alone_since: float | None = None
        while not future.done():
            try:
                with self._client.as_current():
                    distributed.wait(future, timeout=1)
            except TimeoutError:
                if self._workers():
                    alone_since = None
                    continue
                if alone_since is None:
                    alone_since = time.monotonic()
                    logger.warning("no Dask worker is left; waiting for one to come back")
                elif time.monotonic() - alone_since > self._timeout:
                    raise WorkerError(
                        f"no Dask worker is left, and none came back in {self._timeout:g} s. Start "
                        "workers and run again; with a checkpoint, resume."
                    ) from None
        where = f"rows {run[0][0]} to {run[-1][1] - 1} of {source.name}"
        try:
            return cast("list[Any]", pickle.loads(future.result()))
        except distributed.scheduler.KilledWorker as error:
            raise WorkerError(
                f"{where} ended every worker that read them: the data there, or the library that "
                f"reads them, is broken, or they need more memory than a worker has ({error})."
            ) from error
        except distributed.client.FutureCancelledError as error:
            raise WorkerError(
                f"the Dask cluster gave up {where}: its scheduler is gone or was restarted. With a "
                "checkpoint, resume."
            ) from error

    def _workers(self) -> Any:
        return self._client.scheduler_info(n_workers=-1)["workers"]


def _check_address(address: str) -> None:
    """Raise WorkerError for addresses at which Dask would wait forever."""
    import dask

    if not address.startswith(("tcp://", "tls://")):
        raise WorkerError(f"{address} is no address of a Dask scheduler: tcp://... or tls://...")
    if address.startswith("tls://") and not dask.config.get("distributed.comm.tls.client.cert", ""):
        raise WorkerError(
            f"{address} needs certificates: name them in Dask's configuration, "
            "distributed.comm.tls, or make a Client(..., security=...) and pass that."
        )


def _sums_of_chunks(work: bytes, block_size: int, run: list[tuple[int, int]]) -> bytes:
    """In a worker: the sum of each chunk of a run."""
    function, source = pickle.loads(work)
    with BLAS.single_threaded():
        sums = [chunk_sum(function, source.read(*chunk), block_size) for chunk in run]
    return pickle.dumps(sums, protocol=PROTOCOL)
