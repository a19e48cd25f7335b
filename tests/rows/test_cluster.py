"""Dask: workers make the sums, and whatever becomes of them, no bit of the result changes."""

import os
import pickle
import signal
import threading
import time
from contextlib import contextmanager

import dask
import dask.array
import distributed
import numpy as np
import pytest

from rhohat import (
    CheckpointError,
    DaskEngine,
    KLSparsity,
    SparseAutoencoder,
    TorchDevice,
    WorkerError,
)
from rhohat.common.errors import DeviceMemoryError
from rhohat.rows.cluster import _sums_of_chunks, _work, local_cluster
from rhohat.rows.opening import open_store
from rhohat.rows.partition import Partition
from rhohat.rows.placed import Placed
from rhohat.training.checkpoints import FILE
from support.cases import sparse_data
from support.fits import bits
from support.stored import as_hdf5, as_npy, as_zarr

X = sparse_data(6000, 8, dtype=np.float32)
#: Wide enough for activations to be kept, which workers compute again instead.
WIDE = sparse_data(2100, 130, dtype=np.float32)


@contextmanager
def connected(n_workers):
    with (
        local_cluster(n_workers) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield cluster, client


@pytest.fixture(scope="module")
def client():
    with connected(2) as (_, client):
        yield client


def autoencoder(**changes):
    settings = {"n_components": 5, "max_iter": 6, "tol": 0.0, "random_state": 0, "n_jobs": 2}
    return SparseAutoencoder(**(settings | changes))


@pytest.fixture(scope="module")
def undisturbed():
    return bits(autoencoder().fit(X))


@pytest.mark.slow
@pytest.mark.parametrize(
    "rows",
    [as_npy, as_zarr, as_hdf5, lambda folder: dask.array.from_zarr(as_zarr(folder))],
    ids=["npy", "zarr", "hdf5", "dask array"],
)
@pytest.mark.parametrize("sizes", [{}, {"block_size": 250, "chunk_size": 500}])
def test_workers_give_the_bits_of_threads(rows, sizes, client, tmp_path):
    stored = rows(tmp_path, X) if rows in (as_npy, as_zarr, as_hdf5) else rows(tmp_path)
    values = np.asarray(stored) if isinstance(stored, dask.array.Array) else X
    by_workers = autoencoder(engine=client, **sizes).fit(stored)
    assert bits(by_workers) == bits(autoencoder(**sizes).fit(values))


def test_one_worker_that_is_started_for_the_fit_gives_them_too(undisturbed, tmp_path):
    by_worker = autoencoder(engine="dask", n_jobs=1).fit(as_npy(tmp_path, X))
    assert bits(by_worker) == undisturbed


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_wide_weighted_rows_give_the_bits_of_threads(dtype, client, tmp_path):
    weight = np.random.RandomState(0).uniform(0.5, 2, len(WIDE))
    rows = WIDE.astype(dtype)
    fits = [
        autoencoder(engine=engine, max_iter=5).fit(given, sample_weight=weight)
        for engine, given in ((client, as_npy(tmp_path, rows)), ("threads", rows))
    ]
    assert bits(fits[0]) == bits(fits[1])


def test_the_weight_that_workers_find_is_that_of_threads(client, tmp_path):
    fits = [
        autoencoder(sparsity_penalty=KLSparsity(0.1, "auto"), max_iter=20, engine=engine).fit(rows)
        for engine, rows in ((client, as_npy(tmp_path, X)), ("threads", X))
    ]
    assert bits(fits[0]) == bits(fits[1])


def test_the_active_client_and_an_address_are_used(client, undisturbed, tmp_path):
    path = as_npy(tmp_path, X)
    assert bits(autoencoder(engine=client.scheduler.address).fit(path)) == undisturbed
    with client.as_current():
        assert bits(autoencoder(engine="dask").fit(path)) == undisturbed


def test_rows_in_memory_are_refused_with_what_to_do():
    with pytest.raises(TypeError, match=r"numpy.save\('X.npy', X\)"):
        autoencoder(engine="dask").fit(X)


def test_a_cluster_that_does_not_answer_is_an_error(tmp_path):
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "200ms"}),
        pytest.raises(WorkerError, match=r"no Dask cluster answers at tcp://127\.0\.0\.1:9"),
    ):
        autoencoder(engine="tcp://127.0.0.1:9").fit(as_npy(tmp_path, X))


@pytest.mark.parametrize("address", ["tls://127.0.0.1:9", "http://127.0.0.1:9"])
def test_addresses_that_cannot_be_used_are_errors_at_once(address, tmp_path):
    with pytest.raises(WorkerError, match=address):
        autoencoder(engine=address).fit(as_npy(tmp_path, X))


class Sum:
    """Counts the sums that come back."""

    def __init__(self, rows):
        self.starts = [rows]

    def __iadd__(self, other):
        self.starts += other.starts
        return self

    def widened(self):
        return self

    def in_memory(self):
        return self

    def __getstate__(self):
        return {"starts": [self.starts]}  # what travels at once, in a list of its own


def sum_of_starts(rows):
    return Sum(rows.start)


def test_one_sum_per_chunk_travels_and_all_are_added_in_order(client, tmp_path):
    engine = DaskEngine(client)
    source = open_store(as_npy(tmp_path, X))
    with engine.running():
        total = engine.map_sum(sum_of_starts, source, Partition(100, 500))
    assert total.starts == [list(range(start, start + 500, 100)) for start in range(0, 6000, 500)]


# Faults.


class SlowRows:
    """A stream that takes its time, so that workers are met at work."""

    def __init__(self, path):
        self.path = path
        self.__name__ = "slow_rows"

    def __call__(self):
        for block in np.array_split(np.load(self.path), 6):
            time.sleep(0.01)
            yield block


def kill_soon(pid):
    threading.Timer(0.03, os.kill, (pid, signal.SIGKILL)).start()


@pytest.mark.slow
def test_killing_each_worker_in_turn_and_a_new_one_change_no_bit(undisturbed, tmp_path):
    with connected(2) as (cluster, client):
        killed = []

        def disturb(progress):
            if progress.n_iter in (2, 4):
                pids = client.run(os.getpid)
                pid = next(pid for pid in pids.values() if pid not in killed)
                killed.append(pid)
                kill_soon(pid)
            if progress.n_iter == 3:
                cluster.scale(3)

        rows = SlowRows(as_npy(tmp_path, X))
        model = autoencoder(engine=client, callback=disturb).fit(rows)
        assert len(killed) == 2
    assert bits(model) == undisturbed


def test_without_workers_it_ends_in_time_and_the_checkpoint_goes_on(undisturbed, tmp_path):
    path = as_npy(tmp_path, X)
    folder = tmp_path / "checkpoint"
    with connected(1) as (cluster, client):

        def all_gone(progress):
            if progress.n_iter == 3:
                cluster.scale(0)

        engine = DaskEngine(client, timeout=1)
        started = time.monotonic()
        with pytest.raises(WorkerError, match="no Dask worker is left, and none came back in 1 s"):
            autoencoder(engine=engine, callback=all_gone, checkpoint=folder).fit(path)
        assert time.monotonic() - started < 30
    assert (folder / FILE).exists()
    with pytest.raises(CheckpointError, match="holds an unfinished run"):
        autoencoder(checkpoint=folder).fit(path)
    assert bits(autoencoder(checkpoint=folder, resume=True).fit(path)) == undisturbed


class PoisonedRows(SlowRows):
    """Rows that end the process that reads them, once it is a worker's."""

    def __call__(self):
        for number, block in enumerate(super().__call__()):
            if number == 3 and os.path.exists(f"{self.path}.poison"):
                os.kill(os.getpid(), signal.SIGKILL)
            yield block


@pytest.mark.slow
def test_rows_that_end_their_workers_are_named_after_bounded_tries(tmp_path):
    path = as_npy(tmp_path, X)

    def poison(progress):
        (tmp_path / "x.npy.poison").touch()

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        connected(1) as (_, client),
        pytest.raises(
            WorkerError, match=r"rows \d+ to \d+ of the stream .*slow_rows.* killed every"
        ),
    ):
        autoencoder(engine=client, callback=poison, growth=False).fit(PoisonedRows(path))


def test_what_a_worker_finds_wrong_with_the_data_is_raised_here(client, tmp_path):
    spoiled = X.copy()
    spoiled[4100, 3] = np.nan
    with pytest.raises(ValueError, match="row 4100, column 3"):
        autoencoder(engine=client).fit(as_npy(tmp_path, spoiled))


@pytest.mark.torch
def test_memory_that_runs_out_in_a_worker_is_told_with_what_to_do(tmp_path):
    torch = pytest.importorskip("torch")

    class Full(TorchDevice):
        """A device without any room."""

        def place(self, A):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    np.save(tmp_path / "rows.npy", X)
    source, run = Placed(open_store(tmp_path / "rows.npy"), Full("torch")), [(0, 100)]
    with pytest.raises(DeviceMemoryError, match=r"Tried to allocate.*block_size") as caught:
        _sums_of_chunks(_work(len, source, run), 100, run)
    sent = pickle.loads(pickle.dumps(caught.value))  # as Dask does
    assert type(sent) is DeviceMemoryError
    assert str(sent) == str(caught.value)
