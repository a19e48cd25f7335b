"""F34, F35, F37: many fits in one process, disturbed in every way, leave nothing behind."""

import gc
import os
import signal
import threading
import warnings
from collections import Counter
from contextlib import contextmanager, suppress

import numpy as np
import psutil
import pytest
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_info

from rhohat import (
    SparseAutoencoder,
    StackedAutoencoderClassifier,
    Whitening,
)
from rhohat.rows.engines import ThreadEngine
from support.cases import sparse_data
from support.stored import as_hdf5, as_npy, as_zarr

X = sparse_data(6000, 6, dtype=np.float32)
N_ITER = 8
#: Threads that zarr keeps for all reads to come, at most six.
ZARR = ("zarr_io", "asyncio_")
#: Bytes that the process may grow by while it goes through all of them again and again.
MOST_GROWTH = 24 << 20


class Stop(Exception):
    """Raised by callbacks and handlers of the test."""


def autoencoder(random, **changes):
    settings = {"n_components": 3, "max_iter": N_ITER, "n_jobs": int(random.randint(1, 4))}
    return SparseAutoencoder(**(settings | {"random_state": 0} | changes))


@contextmanager
def handler_that_raises(number):
    def stop(number, frame):
        raise Stop

    previous = signal.signal(number, stop)
    try:
        with suppress(Stop):
            yield
    finally:
        signal.signal(number, previous)


def undisturbed(random, folder):
    autoencoder(random).fit(X)


def interrupted(random, folder):
    number = [signal.SIGINT, signal.SIGTERM][random.randint(2)]
    iteration = random.randint(1, N_ITER)

    def interrupt(progress):
        if progress.n_iter == iteration:
            signal.raise_signal(number)

    with handler_that_raises(number):
        autoencoder(random, callback=interrupt).fit(X)


def stopped_by_a_callback(random, folder):
    iteration = random.randint(1, N_ITER)

    def stop(progress):
        if progress.n_iter == iteration:
            raise Stop

    checkpoint = folder / "checkpoint" if random.randint(2) else None
    with suppress(Stop):
        autoencoder(random, callback=stop, checkpoint=checkpoint, resume=True).fit(X)


class NanEngine(ThreadEngine):
    """Gives NaN from an evaluation on, or in one of them."""

    def __init__(self, first, is_lasting):
        super().__init__(2)
        self.n_left, self.is_lasting = first, is_lasting

    def map_sum(self, function, source, partition):
        total = super().map_sum(function, source, partition)
        self.n_left -= 1
        if self.n_left == 0 or (self.n_left < 0 and self.is_lasting):
            for name, value in vars(total).items():
                if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                    setattr(total, name, value * np.nan)
        return total


def not_a_number(random, folder):
    engine = NanEngine(random.randint(1, 30), bool(random.randint(2)))
    with suppress(FloatingPointError, ValueError, ArithmeticError):
        autoencoder(random, engine=engine, growth=False).fit(X)


def from_a_store(random, folder):
    inner = folder / str(len(list(folder.iterdir())))
    inner.mkdir()
    kind = [as_npy, as_zarr, as_hdf5][random.randint(3)]
    model = make_pipeline(Whitening(), autoencoder(random, checkpoint=inner / "checkpoint"))
    model.fit(kind(inner, X))


def in_another_thread(random, folder):
    threads = [threading.Thread(target=undisturbed, args=(random, folder)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def classifier(random, folder):
    iteration = random.randint(1, N_ITER)

    def stop(progress):
        if progress.n_iter == iteration:
            raise Stop

    model = StackedAutoencoderClassifier(
        autoencoder(random), max_iter=N_ITER, softmax_max_iter=5, callback=stop
    )
    with suppress(Stop):
        model.fit(X[:900], np.arange(900) % 3)


def bad_data(random, folder):
    spoiled = X[:500].copy()
    spoiled[random.randint(500), random.randint(6)] = [np.nan, np.inf, 1e38][random.randint(3)]
    with suppress(ValueError):
        autoencoder(random).fit(spoiled)


DISTURBANCES = (
    *(undisturbed, interrupted, stopped_by_a_callback, not_a_number),
    *(from_a_store, in_another_thread, classifier, bad_data),
)


def surroundings():
    """All that a fit might leave changed in its process."""
    gc.collect()
    return {
        "threads": Counter(
            thread.name for thread in threading.enumerate() if not thread.name.startswith(ZARR)
        ),
        "files": len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None,
        "children": len(psutil.Process().children()),
        "handlers": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
        "blocked": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "timer": signal.getitimer(signal.ITIMER_REAL),
        "BLAS": [(pool["filepath"], pool["num_threads"]) for pool in threadpool_info()],
        "warnings": (list(warnings.filters), warnings.showwarning),
        "NumPy's errors": np.geterr(),
        "NumPy's generator": np.random.get_state()[1].tobytes(),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
    }


def soak(n_fits, folder):
    """Go through all disturbances in turn; by how many bytes the second half grew the process."""
    random, process = np.random.RandomState(0), psutil.Process()
    middle = 0
    for number in range(n_fits):
        if number == n_fits // 2:
            gc.collect()
            middle = process.memory_info().rss
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with suppress(KeyboardInterrupt):
                DISTURBANCES[number % len(DISTURBANCES)](random, folder)
    gc.collect()
    return process.memory_info().rss - middle


def left_behind(before, after):
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}


def leaves_nothing(n_fits, folder):
    soak(len(DISTURBANCES), folder)  # libraries open what they keep
    for store in (as_zarr, as_hdf5):  # zarr's threads, and the process that tries HDF5 files
        autoencoder(np.random.RandomState(0)).fit(store(folder, X))
    before = surroundings()
    growth = soak(n_fits, folder)
    assert left_behind(before, surroundings()) == {}
    return growth


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_f37_twenty_disturbed_fits_leave_nothing_behind(tmp_path):
    leaves_nothing(20, tmp_path)


@pytest.mark.slow
def test_f34_two_hundred_disturbed_fits_leave_nothing_behind_and_take_no_more_memory(tmp_path):
    assert leaves_nothing(200, tmp_path) < MOST_GROWTH
