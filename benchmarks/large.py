"""Whitening and training on a file larger than memory should be, side by side with memory.

    python benchmarks/large.py [--rows 30000000] [--folder DIR] [--iterations 100]

Writes a float32 file of the given rows by 100 columns (12 GB for 30 million), unless it is there
already, then whitens and trains on it in a process of its own, and prints the memory that process
holds by itself (RssAnon: pages of the file that the system keeps are not counted) and the time per
row of an exact sweep. The same sweep over rows in memory, as many as fit into a tenth of the file,
tells what reading costs; the sweeps with and without comparing checksums tell what these cost.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import problems

COLUMNS, BLOCK = 100, 100_000


def write(path, n_rows):
    """Rows made of a few out of 200 atoms each, block by block."""
    atoms = np.random.default_rng(0).normal(size=(200, COLUMNS)).astype(np.float32)
    file = np.lib.format.open_memmap(path, "w+", np.float32, (n_rows, COLUMNS))
    file.flush()
    del file
    with path.open("r+b") as stream:
        stream.seek(path.stat().st_size - n_rows * COLUMNS * 4)
        for block in range(0, n_rows, BLOCK):
            rng = np.random.default_rng([1, block])
            size = min(BLOCK, n_rows - block)
            codes = rng.standard_exponential((size, 200), dtype=np.float32)
            codes *= rng.random((size, 200), dtype=np.float32) < 0.02
            rows = codes @ atoms
            rows += 0.1 * rng.standard_normal((size, COLUMNS), dtype=np.float32)
            stream.write(rows)


class AnonymousMemory(threading.Thread):
    """The most memory that this process held by itself, watched from a thread."""

    def __init__(self):
        super().__init__(daemon=True)
        self.before = self.most = self.now()
        self.start()

    @staticmethod
    def now():
        status = Path("/proc/self/status").read_text()
        return int(status.split("RssAnon:")[1].split()[0]) / 1024

    def run(self):
        while True:
            self.most = max(self.most, self.now())
            time.sleep(0.02)


def train(path, iterations):
    """Whiten and train; memory and times as JSON."""
    from sklearn.pipeline import make_pipeline

    from rhohat import KLSparsity, SparseAutoencoder, Whitening

    np.ones((500, 500)) @ np.ones((500, 500))
    memory = AnonymousMemory()
    clock = [time.perf_counter()]
    stages = Counter()
    pipeline = make_pipeline(
        Whitening(),
        SparseAutoencoder(
            100,
            sparsity_penalty=KLSparsity(0.035, 5.0),
            weight_decay=3e-3,
            max_iter=iterations,
            callback=lambda progress: stages.update([progress.n_rows]),
            random_state=0,
        ),
    )
    pipeline[:1].fit(path)
    clock.append(time.perf_counter())
    pipeline.fit(path)
    model = pipeline[-1]
    print(
        json.dumps(
            {
                "before": memory.before,
                "most": memory.most,
                "whitening": clock[1] - clock[0],
                "all": time.perf_counter() - clock[1],
                "sweeps": model.n_evaluations_,
                "iterations": model.n_iter_,
                "loss": model.loss_,
                "stages": stages,
            }
        )
    )


def sweep_seconds(kind, path, n_rows):
    """Seconds per million rows of one loss and gradient, in a process of its own."""
    from rhohat import KLSparsity, SparseObjective
    from rhohat.rows.checksums import Manifest, verified
    from rhohat.rows.engines import ThreadEngine
    from rhohat.rows.npy import FlatFile
    from rhohat.rows.opening import open_store
    from rhohat.rows.partition import Partition
    from rhohat.rows.sources import ArraySource, Head

    stored = open_store(path)
    assert isinstance(stored, FlatFile)
    objective = SparseObjective(COLUMNS, 100, penalty=KLSparsity(0.035, 5.0), weight_decay=3e-3)
    partition = Partition.for_shape(COLUMNS, 100, stored.dtype)
    engine = ThreadEngine()
    with engine.running():
        source = stored if n_rows == stored.shape[0] else Head(stored, n_rows)
        if kind == "memory":
            source = ArraySource(stored.read(0, n_rows).X)
        elif kind == "checked":
            source = verified(stored, Manifest.over(stored, engine, 8192))
            source = source if n_rows == stored.shape[0] else Head(source, n_rows)
        evaluate = problems.evaluation(objective, source, engine, partition)
        times = []
        for _ in range(3):
            started = time.perf_counter()
            evaluate()
            times.append(time.perf_counter() - started)
    print(json.dumps(sorted(times)[1] / n_rows * 1e6))


def run(*arguments):
    """This script in a process of its own."""
    command = [sys.executable, __file__, *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=30_000_000)
    parser.add_argument("--folder", type=Path, default=Path("."))
    parser.add_argument("--iterations", type=int, default=100)
    parser.add_argument("--limit", type=float, help="fail above these MiB more than before")
    parser.add_argument("--keep", action="store_true", help="leave the file there")
    parser.add_argument("part", nargs="*", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        kind, path, number = arguments.part
        if kind == "train":
            train(path, int(number))
        else:
            sweep_seconds(kind, path, int(number))
        return

    path = arguments.folder / f"rows-{arguments.rows}.npy"
    if not path.exists():
        started = time.perf_counter()
        write(path, arguments.rows)
        print(f"written in {time.perf_counter() - started:.0f} s: {path}")
    print(f"{arguments.rows:,} rows x {COLUMNS}, {path.stat().st_size / 1e9:.1f} GB\n")
    some = max(arguments.rows // 10, 100_000)
    seconds = {kind: run(kind, path, some) for kind in ("memory", "stored", "checked")}
    print(f"| one exact sweep over {some:,} rows | s per million rows | speed in memory |")
    print("|---|---|---|")
    names = {
        "memory": "in memory",
        "stored": "from the file",
        "checked": "from the file, checksums compared",
    }
    for kind, name in names.items():
        print(f"| {name} | {seconds[kind]:.2f} | {seconds['memory'] / seconds[kind]:.0%} |")
    whole = run("checked", path, arguments.rows)
    print(f"| the same, all rows | {whole:.2f} | {seconds['memory'] / whole:.0%} |\n", flush=True)
    result = run("train", path, arguments.iterations)
    print(f"whitened in {result['whitening']:.0f} s, then whitened and trained together in")
    print(f"{result['all']:.0f} s: {result['iterations']} iterations, worth {result['sweeps']:.1f}")
    print(f"sweeps over all rows; iterations on growing parts {result['stages']}")
    print(f"loss {result['loss']:.4f}")
    print(f"memory of its own: {result['before']:.0f} MiB before, {result['most']:.0f} MiB at most")
    if not arguments.keep:
        path.unlink()
    if arguments.limit is not None and result["most"] > result["before"] + arguments.limit:
        sys.exit(f"more than {arguments.limit:.0f} MiB beyond what the process held before")


if __name__ == "__main__":
    main()
