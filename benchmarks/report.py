"""A report of many units on many examples: seconds, memory, and size of the page.

    python benchmarks/report.py [--units 4000] [--rows 200000] [--side 14] [--out FILE]

The units are filters at random, for which Gabor functions take longest; the rows lie in a file.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from rhohat import SparseAutoencoder, report

BLOCK = 10_000


def write_rows(path, n_rows, n_features):
    """A file of noise, written a block at a time."""
    rows = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(n_rows, n_features))
    rng = np.random.RandomState(0)
    for start in range(0, n_rows, BLOCK):
        block = rows[start : start + BLOCK]
        block[:] = rng.standard_normal(block.shape)
    rows.flush()


def peak():
    """MiB that the process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--units", type=int, default=4000)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--side", type=int, default=14)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.npy"
        write_rows(file, chosen.rows, chosen.side**2)
        few = np.load(file, mmap_mode="r")[:500].copy()
        model = SparseAutoencoder(chosen.units, max_iter=1, random_state=0).fit(few)
        before, start = peak(), time.perf_counter()
        page = report(model, file, shape=(chosen.side, chosen.side))
        seconds = time.perf_counter() - start
    print(f"{chosen.units:,} units of {chosen.side} x {chosen.side}, {chosen.rows:,} examples")
    print(f"built in {seconds:.0f} s; page of {len(page.html) / 1e6:.1f} MB")
    print(f"memory at most {peak():.0f} MiB, {before:.0f} before")
    if chosen.out:
        page.save(chosen.out)


if __name__ == "__main__":
    main()
