"""Dask: the same sums, made by workers that read their rows themselves.

Parameters go out with every evaluation, one sum per chunk comes back, and the sums are added here
in the order of the chunks, so that neither the number of workers nor their failures change a bit.
"""

from __future__ import annotations

import logging
import pickle
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import reduce
from itertools import pairwise
from multiprocessing import resource_tracker
from operator import iadd
from typing import Any, TypeVar, cast

from rhohat.common.devices import PROCESSOR, Device
from rhohat.common.errors import WorkerError
from rhohat.common.extras import import_extra
from rhohat.common.validation import check_real
from rhohat.rows.answers import PROTOCOL, digest_of, forms_of, packed
from rhohat.rows.blas import BLAS
from rhohat.rows.engines import Summable, ThreadEngine, chunk_sum, effective_n_jobs
from rhohat.rows.partition import Partition
from rhohat.rows.placed import device_under
from rhohat.rows.sources import Rows, Source
from rhohat.rows.stores import is_stored
from rhohat.rows.sweeps import Patience, Sweep, Task
from rhohat.rows.workers import Workers

S = TypeVar("S", bound=Summable)

#: Tasks per worker and evaluation, so that a fast worker can take more than a slow one.
TASKS_PER_WORKER = 4
#: Signals that a terminal or a batch system sends to all processes of a command, of which this one
#: alone is to act on them.
SHARED_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


def local_cluster(n_workers: int, **options: Any) -> Any:
    """A cluster of single-threaded worker processes, reachable from this machine alone.

    Ctrl-C in a terminal, which reaches every process of a command, does not end its workers.

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
        return _with_signals_blocked(
            distributed.LocalCluster,
            n_workers=n_workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.ERROR,
            **options,
        )


def _with_signals_blocked(start: Callable[..., Any], **options: Any) -> Any:
    """Start something in a thread that blocks the shared signals.

    All threads and processes that it starts, now or later, inherit that. This thread does not wait
    with signals blocked.
    """

    def block() -> None:
        if hasattr(signal, "pthread_sigmask"):  # Windows has process groups of another kind
            shared = [getattr(signal, name) for name in SHARED_SIGNALS]
            signal.pthread_sigmask(signal.SIG_BLOCK, shared)

    resource_tracker.ensure_running()  # which would unblock them in the thread that starts it
    with ThreadPoolExecutor(1, initializer=block) as thread:
        started = thread.submit(start, **options)
        try:
            return started.result()
        except KeyboardInterrupt:
            started.result().close()
            raise


class DaskEngine:
    """Sums over rows, computed by the workers of a Dask cluster.

    Rows in memory, such as the small parts that training begins with, are summed in this process.

    Parameters
    ----------
    client : dask.distributed.Client, str or None, default=None
        A client of the cluster, or its address. None is the active client; if there is none, a
        cluster of single-threaded workers on this machine, for as long as the engine runs.
    n_jobs : int, default=None
        Workers of such a cluster, and threads for rows in memory. None uses as many as NumPy's BLAS
        would, -1 every core.
    timeout : float, default=300
        Seconds to wait for a worker when none is left.
    hung_after : float, default=60
        Seconds without a sign of life after which a worker's work is given to another worker. The
        same happens if workers are alive, but none has finished anything for four times as long as
        usual and at least this long; the first worker may still answer.
    device : Device, default=PROCESSOR
        Where every worker computes.
    """

    def __init__(
        self,
        client: Any = None,
        n_jobs: int | None = None,
        timeout: float = 300,
        hung_after: float = 60,
        device: Device = PROCESSOR,
    ) -> None:
        self._given = client
        self._n_jobs = n_jobs
        self._timeout = check_real("timeout", timeout, low=0)
        self._hung_after = check_real("hung_after", hung_after, low=0)
        self.device = device
        self._local = ThreadEngine(n_jobs, device)
        self._patience = Patience(self._hung_after)
        self._workers: Workers | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> DaskEngine:
        """An engine of its own with the same client, which cannot be copied."""
        return DaskEngine(self._given, self._n_jobs, self._timeout, self._hung_after, self.device)

    def check(self, source: Source) -> None:
        """Raise TypeError if workers would have to be sent the rows."""
        if not is_stored(source):
            raise TypeError(
                "Dask workers read their rows themselves, but these are in this process's memory. "
                "Save them, numpy.save('X.npy', X), and pass the path to fit, or use "
                "engine='threads'."
            )
        self.device.check(source.dtype)

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
            client = self._connect(distributed, stack)
            self._workers = Workers(client, self._timeout, self._hung_after)
            stack.callback(self._workers.release_all)
            stack.enter_context(self._local.running())
            try:
                yield
            finally:
                self._workers = None

    def _connect(self, distributed: Any, stack: ExitStack) -> Any:
        if isinstance(self._given, str):
            _check_address(self._given)
            try:
                client = distributed.Client(self._given, set_as_default=False)
            except (OSError, TimeoutError, ValueError) as error:
                raise WorkerError(f"no Dask cluster answers at {self._given}: {error}") from error
            return stack.enter_context(_closed_quietly(client))
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
            If the cluster is gone; if no worker is left and none comes back in time; or if some
            rows, which the message names, kill every worker that reads them or are summed
            incorrectly.
        """
        if not is_stored(source):
            return self._local.map_sum(function, source, partition)
        if self._workers is None:
            raise RuntimeError("DaskEngine works only inside 'with engine.running():'.")
        self._workers.look()
        chunks = list(partition.chunks(source.shape[0]))
        n_workers = len(self._workers.able or self._workers.present)
        runs = _runs(chunks, TASKS_PER_WORKER * max(1, n_workers))
        tasks = [
            Task(_work(function, source, run), partition.block_size, run, source.name)
            for run in runs
        ]
        forms = forms_of(tasks[0].work, source, chunks)
        sweep = Sweep(self._workers, self._patience, _sums_of_chunks, tasks, forms)
        with closing(sweep.sums()) as sums:
            return cast(S, reduce(iadd, (chunk.widened() for chunk in sums)))


@contextmanager
def _closed_quietly(client: Any) -> Iterator[Any]:
    """Close a client at the end, without Dask's tracebacks if its cluster is gone."""
    try:
        yield client
    finally:
        log = logging.getLogger("distributed.client")
        level = log.level
        log.setLevel(logging.CRITICAL)
        try:
            client.close()
        finally:
            log.setLevel(level)


def _runs(chunks: list[tuple[int, int]], most: int) -> list[list[tuple[int, int]]]:
    """Chunks in runs of about the same length, one for a task."""
    n_tasks = min(len(chunks), most)
    ends = [len(chunks) * number // n_tasks for number in range(n_tasks + 1)]
    return [chunks[begin:end] for begin, end in pairwise(ends)]


def _work(function: Callable[[Rows], S], source: Source, run: list[tuple[int, int]]) -> bytes:
    """What a worker needs to sum a run of chunks.

    Pickled here, since Dask would leave arrays where its network put them, perhaps unaligned, which
    changes the bits of sums.
    """
    import cloudpickle

    portion = source.portion(run[0][0], run[-1][1])
    return cast(bytes, cloudpickle.dumps((function, portion), protocol=PROTOCOL))


def _check_address(address: str) -> None:
    """Raise WorkerError for addresses at which Dask would wait forever."""
    import dask

    if not address.startswith(("tcp://", "tls://")):
        raise WorkerError(
            f"{address} is not the address of a Dask scheduler, tcp://... or tls://..."
        )
    if address.startswith("tls://") and not dask.config.get("distributed.comm.tls.client.cert", ""):
        raise WorkerError(
            f"{address} needs certificates: name them in Dask's configuration, "
            "distributed.comm.tls, or create a Client(..., security=...) and pass that."
        )


class _Counted:
    """A function of rows that counts them."""

    def __init__(self, function: Callable[[Rows], Any]) -> None:
        self._function = function
        self.n_rows = 0

    def __call__(self, rows: Rows) -> Any:
        """What the function makes of the rows."""
        self.n_rows += len(rows.X)
        return self._function(rows)


def _sums_of_chunks(work: bytes, block_size: int, run: list[tuple[int, int]]) -> bytes:
    """In a worker: the sum of each chunk of a run, with what they are sums of."""
    function, source = pickle.loads(work)
    rows, sums = [], []
    device = device_under(source)
    with BLAS.single_threaded(), device.running(), device.telling():
        for start, stop in run:
            counted = _Counted(function)
            sums.append(chunk_sum(counted, source.read(start, stop), block_size).in_memory())
            rows.append((start, counted.n_rows))
    return packed(digest_of(work, block_size, run), rows, sums)
