"""F13 to F18, F43: whatever becomes of a cluster, the bits are right, or it is an error of ours."""

import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import distributed
import numpy as np
import psutil
import pytest

from rhohat import DaskEngine, SparseAutoencoder, WorkerError
from rhohat.rows.cluster import local_cluster
from rhohat.training.checkpoints import FILE
from support import sabotage
from support.cases import sparse_data
from support.fits import bits
from support.stored import as_npy

X = sparse_data(6000, 8, dtype=np.float32)
UNITS = 5


def autoencoder(**changes):
    settings = {"n_components": UNITS, "max_iter": 5, "tol": 0.0, "random_state": 0, "n_jobs": 1}
    return SparseAutoencoder(**(settings | {"growth": False} | changes))


@pytest.fixture(scope="module")
def undisturbed():
    return bits(autoencoder().fit(X))


@contextmanager
def connected(n_workers):
    with (
        local_cluster(n_workers) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def pair():
    """A client of two workers, for tests that leave them as they were."""
    with connected(2) as client:
        yield client


def addresses(client):
    return sorted(client.scheduler_info(n_workers=-1)["workers"])


def fit_with(client, way, workers, path, **changes):
    """A fit during which some workers go wrong."""
    client.run(way, workers=workers)
    try:
        return autoencoder(engine=DaskEngine(client), **changes).fit(path)
    finally:
        client.run(sabotage.is_right)


WRONG = {
    "old": (sabotage.answers_with_old_sums, "other parameters"),
    "without chunks": (sabotage.leaves_chunks_out, "or other rows"),
    "without rows": (sabotage.leaves_rows_out, r"sums of \d+ rows, expected \d+"),
    "of another shape": (sabotage.cuts_arrays, "of unexpected shapes"),
    "damaged": (sabotage.flips_a_bit, "changed|cannot be read|other"),
    "junk": (sabotage.answers_junk, "cannot be read"),
}


@pytest.mark.parametrize("name", WRONG)
def test_f16_wrong_sums_of_one_worker_are_refused_and_summed_again(
    name, pair, undisturbed, tmp_path, caplog
):
    way, _why = WRONG[name]
    with caplog.at_level(logging.WARNING, "rhohat"):
        model = fit_with(pair, way, addresses(pair)[:1], as_npy(tmp_path, X))
    assert bits(model) == undisturbed
    assert caplog.records, "the worker was never wrong"
    assert "summed again" in caplog.text


@pytest.mark.parametrize("name", WRONG)
def test_f16_wrong_sums_of_all_workers_are_an_error_that_names_rows_and_workers(
    name, pair, tmp_path
):
    way, why = WRONG[name]
    with pytest.raises(WorkerError, match=rf"rows \d+ to \d+ of .*x.npy.*tcp://.*({why})"):
        fit_with(pair, way, None, as_npy(tmp_path, X))


def test_f16_nan_of_one_worker_is_computed_again(pair, undisturbed, tmp_path):
    model = fit_with(pair, sabotage.makes_nan, addresses(pair)[:1], as_npy(tmp_path, X))
    assert bits(model) == undisturbed


def test_f16_nan_that_stays_is_the_error_that_it_is_without_dask(pair, tmp_path):
    with pytest.raises((FloatingPointError, ValueError)):
        fit_with(pair, sabotage.makes_nan, None, as_npy(tmp_path, X))


@pytest.mark.slow
def test_f17_a_stopped_worker_is_noticed_in_time_and_its_work_done_elsewhere(
    undisturbed, tmp_path, caplog
):
    path = as_npy(tmp_path, X)
    with connected(2) as client:
        processes = [sabotage.process_of(client, worker) for worker in addresses(client)]
        stopped = []

        def stop(progress):
            if progress.n_iter == 2:
                os.kill(processes[0], signal.SIGSTOP)
                stopped.append(time.monotonic())

        try:
            with caplog.at_level(logging.WARNING, "rhohat"):
                engine = DaskEngine(client, hung_after=2)
                model = autoencoder(engine=engine, callback=stop).fit(path)
            ended = time.monotonic()
        finally:
            os.kill(processes[0], signal.SIGCONT)
    assert bits(model) == undisturbed
    assert ended - stopped[0] < 15  # 2 s until it is noticed, and that once
    assert "no answer from tcp://" in caplog.text


@pytest.mark.slow
def test_f17_a_worker_that_hangs_with_signs_of_life_is_noticed_too(undisturbed, tmp_path, caplog):
    path = as_npy(tmp_path, X)
    with connected(2) as client:
        started = []

        def hang(progress):
            if progress.n_iter == 2:
                started.append(time.monotonic())
                client.run(sabotage.hangs, workers=addresses(client)[:1])

        with caplog.at_level(logging.WARNING, "rhohat"):
            engine = DaskEngine(client, hung_after=2)
            model = autoencoder(engine=engine, callback=hang).fit(path)
        assert time.monotonic() - started[0] < 18
    assert bits(model) == undisturbed
    assert "no answer from tcp://" in caplog.text


@contextmanager
def started_apart(folder):
    """A scheduler and a worker in processes of their own; the scheduler and its address."""
    file = folder / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1"]
    options = ["--port", "0", "--no-dashboard", "--no-jupyter", "--scheduler-file", str(file)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    scheduler = subprocess.Popen([*command, *options], **quiet)
    command = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(file)]
    worker = subprocess.Popen(
        [*command, "--no-nanny", "--no-dashboard", "--nthreads", "1"], **quiet
    )
    try:
        with distributed.Client(scheduler_file=file, set_as_default=False) as client:
            client.wait_for_workers(1)
            yield scheduler, client
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGSTOP])
def test_f18_a_scheduler_that_is_gone_is_an_error_of_ours_and_the_checkpoint_goes_on(
    ending, undisturbed, tmp_path
):
    path, folder = as_npy(tmp_path, X), tmp_path / "checkpoint"
    with started_apart(tmp_path) as (scheduler, client):

        def end(progress):
            if progress.n_iter == 3:
                scheduler.send_signal(ending)

        engine = DaskEngine(client, hung_after=5)
        try:
            with pytest.raises(WorkerError, match=r"cluster is gone.*with a checkpoint, resume"):
                autoencoder(engine=engine, callback=end, checkpoint=folder).fit(path)
        finally:
            scheduler.send_signal(signal.SIGCONT)
    assert (folder / FILE).exists()
    assert bits(autoencoder(checkpoint=folder, resume=True).fit(path)) == undisturbed


@pytest.mark.slow
def test_f18_the_command_says_in_one_line_that_the_scheduler_is_gone(tmp_path):
    rows = as_npy(tmp_path, sparse_data(24_000, 12, dtype=np.float32))
    command = [sys.executable, "-m", "rhohat", "learn", str(rows), "--whitening", "none"]
    command += ["--units", "6", "--iterations", "2000", "--checkpoint", "run"]
    with started_apart(tmp_path) as (scheduler, client):
        process = subprocess.Popen(
            [*command, "--dask", client.scheduler.address],
            cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while not (tmp_path / "run" / FILE).exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        scheduler.kill()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in err
    assert "TCP" not in err
    last = err.strip().splitlines()[-1]
    assert last.startswith("rhohat: the Dask cluster is gone")
    assert last.endswith("with a checkpoint, resume.")


@pytest.mark.parametrize("when", ["before", "during"])
def test_f18_a_client_that_is_closed_is_an_error_of_ours(when, pair, tmp_path):
    client = distributed.Client(pair.scheduler.address, set_as_default=False)
    if when == "before":
        client.close()
    with pytest.raises(WorkerError, match="client was closed"):
        autoencoder(engine=client, callback=lambda progress: client.close()).fit(
            as_npy(tmp_path, X)
        )
    client.close()


@pytest.mark.slow
def test_f37_an_interrupt_from_the_terminal_leaves_workers_alone_and_ends_the_command(tmp_path):
    rows = as_npy(tmp_path, np.random.RandomState(0).uniform(0.1, 0.9, (24_000, 24)))
    command = [sys.executable, "-m", "rhohat", "learn", str(rows), "--whitening", "none"]
    command += ["--units", "16", "--iterations", "3000", "--dask", "local", "--threads", "2"]
    process = subprocess.Popen(
        [*command, "--checkpoint", "run", "-o", "out"],
        cwd=tmp_path, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not (tmp_path / "run" / FILE).exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(2)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all processes
    try:
        code = process.wait(60)  # most of which goes into figures and page
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert code in (130, -signal.SIGINT)
    assert (tmp_path / "out" / "model.safetensors").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_f37_workers_outlive_signals_to_all_processes_of_a_command(number, pair):
    workers = addresses(pair)
    processes = [sabotage.process_of(pair, worker) for worker in workers]
    assert len(processes) == 2
    for process in processes:
        os.kill(process, number)
    time.sleep(0.3)
    assert [sabotage.process_of(pair, worker) for worker in workers] == processes


def test_f37_this_thread_hears_signals_after_it_has_started_a_cluster(pair):
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_f43_nothing_listens_beyond_this_machine(pair):
    this = psutil.Process()
    sockets = [
        connection.laddr
        for process in (this, *this.children(recursive=True))
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(sockets) >= 4  # scheduler, two workers, and those who watch over them
    assert {address.ip for address in sockets} == {"127.0.0.1"}
