"""How training time and memory grow with the number of rows.

    python benchmarks/scaling.py [--figure docs/images/scaling.png]

One evaluation of loss and gradient at 100-100-100, float32, from 10,000 to 1,000,000 rows: seconds,
the exponent fitted to them, and the memory that training takes beyond the data. Every size runs in
a process of its own.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

import numpy as np

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)


def resident():
    """Bytes of memory of this process, the most so far."""
    with open("/proc/self/status", encoding="ascii") as status:
        lines = dict(line.split(":", 1) for line in status)
    return int(lines["VmHWM"].split()[0]) * 1024


def measure(n_rows):
    """Seconds of an evaluation and bytes beyond the data."""
    import problems

    from rhohat.rows.engines import ThreadEngine
    from rhohat.rows.partition import Partition
    from rhohat.rows.sources import ArraySource

    rng = np.random.RandomState(0)
    X = np.empty((n_rows, 100), np.float32)
    for start in range(0, n_rows, 10_000):
        X[start : start + 10_000] = rng.uniform(0.1, 0.9, (10_000, 100))
    before = resident()
    objective = problems.random_rows(10, 100, 100, "sigmoid").objective
    engine, source = ThreadEngine(), ArraySource(X)
    partition = Partition.for_shape(100, 100, X.dtype)
    with engine.running():
        evaluate = problems.evaluation(objective, source, engine, partition)
        times = []
        for _ in range(max(5, 500_000 // n_rows)):
            started = time.perf_counter()
            evaluate()
            times.append(time.perf_counter() - started)
    return statistics.median(times[1:]), resident() - before


def draw(sizes, seconds, memory, exponent, path):
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
    left.loglog(sizes, seconds, "o-", color="#0072B2")
    left.set_title(f"one evaluation: rows$^{{{exponent:.2f}}}$", fontsize="medium")
    left.set_ylabel("seconds")
    right.semilogx(sizes, np.asarray(memory) / 2**20, "o-", color="#D55E00")
    right.set_ylim(0, 1.4 * max(memory) / 2**20)
    right.set_title("memory beyond the data", fontsize="medium")
    right.set_ylabel("MiB")
    for ax in (left, right):
        ax.set_xlabel("rows")
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--figure", default="docs/images/scaling.png", help="default: %(default)s")
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.rows:
        print(json.dumps(measure(arguments.rows)))
        return
    print("| rows | ms | ns per row | MiB beyond the data |")
    print("|---|---|---|---|")
    results = []
    for n_rows in SIZES:
        command = [sys.executable, __file__, "--rows", str(n_rows)]
        seconds, memory = json.loads(subprocess.check_output(command))
        results.append((seconds, memory))
        ns = 1e9 * seconds / n_rows
        print(f"| {n_rows:,} | {1e3 * seconds:.1f} | {ns:.0f} | {memory / 2**20:.0f} |", flush=True)
    seconds, memory = zip(*results, strict=True)
    exponent = np.polyfit(np.log(SIZES), np.log(seconds), 1)[0]
    print(f"\nseconds grow as rows to the power {exponent:.3f}")
    draw(SIZES, seconds, memory, exponent, arguments.figure)


if __name__ == "__main__":
    main()
