"""F35: the same bits in any thread and any process, and BLAS afterwards as before."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rhohat.rows.engines import ThreadEngine, effective_n_jobs
from rhohat.rows.partition import Partition
from rhohat.rows.sources import ArraySource
from support import threaded
from support.threaded import bits_of_fit, blas_threads, two_blas_threads

TESTS = Path(__file__).parents[1]
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

#: A process that fits wherever it can, and writes down the bits.
EVERYWHERE = """
import json, os, threading
from joblib import Parallel, delayed
from support.threaded import bits_of_fit, blas_threads, two_blas_threads

def in_thread(found):
    thread = threading.Thread(target=lambda: found.append(bits_of_fit()))
    thread.start()
    return thread

def of_child():
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, bits_of_fit().encode())
        os._exit(0)
    os.wait()
    return os.read(read, 100).decode()

if __name__ == "__main__":
    found = {"threads": []}
    with two_blas_threads():
        found["main"] = [bits_of_fit()]
        in_thread(found["threads"]).join()
        for thread in [in_thread(found["threads"]) for _ in range(2)]:
            thread.join()
        for backend in ("threading", "loky", "multiprocessing"):
            found[backend] = Parallel(2, backend=backend)(delayed(bits_of_fit)() for _ in range(2))
        if hasattr(os, "fork"):
            found["fork"] = [of_child()]
        found["main again"] = [bits_of_fit()]
        found["blas"] = blas_threads()
    print(json.dumps(found))
"""

#: A process that forks beside a fit in another thread; each child has 20 seconds to fit, too.
FORKS = """
import os, signal, sys, threading
import numpy as np
from rhohat.rows.blas import BLAS
from support.threaded import X, bits_of_fit, blas_threads, two_blas_threads

rows, ended, wrong = X[:600], threading.Event(), []
with two_blas_threads():
    expected = bits_of_fit(1, rows)
    def fit_on():
        while not ended.is_set():
            bits_of_fit()
    thread = threading.Thread(target=fit_on)
    thread.start()
    for number in range(int(sys.argv[1])):
        pid = os.fork()
        if pid == 0:
            signal.alarm(20)
            as_if_none_ran = set(blas_threads()) == {2} and BLAS.n_threads() == 2
            X.T @ X
            os._exit(0 if as_if_none_ran and bits_of_fit(1, rows) == expected else 1)
        code = os.waitpid(pid, 0)[1]
        if code:
            wrong.append((number, code))
    ended.set()
    thread.join()
    assert set(blas_threads()) == {2}
sys.exit(f"child and status: {wrong}" if wrong else 0)
"""


def python(code, *arguments, timeout=300):
    """What a process of its own prints."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    ended = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=timeout
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.slow
def test_f35_bits_are_the_same_in_every_thread_and_process():
    found = json.loads(python(EVERYWHERE))
    assert set(found.pop("blas")) == {2}
    expected = bits_of_fit()
    assert {where: set(bits) for where, bits in found.items()} == {
        where: {expected} for where in found
    }


@pytest.mark.slow
@needs_fork
def test_f35_children_forked_beside_a_fit_work_as_if_none_ran():
    python(FORKS, 80)


def test_f35_a_fit_in_another_thread_is_held_to_one_thread_after_one_in_the_main_thread():
    found = []
    with two_blas_threads():
        expected = bits_of_fit()
        thread = threading.Thread(target=lambda: found.append(bits_of_fit()))
        thread.start()
        thread.join()
        assert found == [expected]
        assert set(blas_threads()) == {2}


@pytest.mark.parametrize("first_ends_first", [True, False])
def test_f35_engines_that_overlap_in_threads_leave_blas_as_it_was(first_ends_first):
    inside, go_on = threading.Event(), threading.Event()

    def other():
        with ThreadEngine(1).running():
            inside.set()
            go_on.wait(10)

    thread = threading.Thread(target=other)
    with two_blas_threads():
        before = effective_n_jobs(None)
        thread.start()
        inside.wait(10)
        with ThreadEngine(1).running():
            assert effective_n_jobs(None) == before
            assert set(blas_threads()) == {1}
            if first_ends_first:
                go_on.set()
                thread.join()
                assert set(blas_threads()) == {1}
        go_on.set()
        thread.join()
        assert set(blas_threads()) == {2}
        assert effective_n_jobs(None) == before


def test_f35_a_map_limits_blas_again_that_others_have_set_free():
    seen = []

    def look(X, out):
        seen.extend(blas_threads())

    engine, rows = ThreadEngine(2), ArraySource(threaded.X[:4])
    with two_blas_threads(), engine.running(), two_blas_threads():
        engine.map_into(look, rows, Partition(1, 1), threaded.X[:4].copy())
    assert set(seen) == {1}


def test_f35_partial_fit_and_whitening_have_the_same_bits_with_one_and_two_blas_threads():
    from rhohat import SparseAutoencoder, Whitening

    def found():
        model = SparseAutoencoder(40, random_state=0, n_jobs=1)
        for start in range(0, 1100, 550):
            model.partial_fit(threaded.X[start : start + 550])
        whitening = Whitening().fit(threaded.X)
        white = whitening.transform(threaded.X)
        back = whitening.inverse_transform(white)
        arrays = (model.encoder_weights_, whitening.components_, white, back)
        return [array.tobytes() for array in arrays]

    single = found()  # the number of tests' processes may already limit BLAS
    with two_blas_threads():
        assert found() == single
