"""F34: the memory that a fit takes does not grow with the rows."""

import subprocess
import sys

import numpy as np
import pytest

from support.cases import sparse_data

pytestmark = pytest.mark.slow

#: Prints how many bytes of its own a process takes more at most than before a fit.
MEASURE = """
import sys, threading, time
import numpy as np
from rhohat import SparseAutoencoder

def own():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon")) << 10

def watch():
    while not over.is_set():
        peak[0] = max(peak[0], own())
        time.sleep(0.005)

def model():
    return SparseAutoencoder(8, max_iter=2, n_jobs=2, random_state=0)

model().fit(np.random.RandomState(0).uniform(0.1, 0.9, (200, 25)))
before = own()
peak, over = [before], threading.Event()
thread = threading.Thread(target=watch)
thread.start()
model().fit(sys.argv[1])
over.set()
thread.join()
print(peak[0] - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_f34_memory_does_not_grow_with_the_rows(tmp_path):
    few = sparse_data(50_000, 25, dtype=np.float32)
    np.save(tmp_path / "few.npy", few)
    many = np.lib.format.open_memmap(
        tmp_path / "many.npy", mode="w+", dtype=np.float32, shape=(40 * len(few), 25)
    )
    for start in range(0, len(many), len(few)):
        many[start : start + len(few)] = few
    many.flush()
    taken = [
        int(
            subprocess.run(
                [sys.executable, "-c", MEASURE, tmp_path / name],
                check=True,
                capture_output=True,
                text=True,
                timeout=300,
            ).stdout
        )
        for name in ("few.npy", "many.npy")
    ]
    assert taken[1] < 100 << 20 < many.nbytes  # 64 MiB of which are the growing part
    assert taken[1] < taken[0] + (80 << 20)
