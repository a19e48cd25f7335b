"""Dask workers beside the threads of one process, and a model of how it goes on.

    python benchmarks/cluster.py [--rows 1000000] [--sweeps 12]

Trains on rows in a .npy file with the thread engine on one thread, with one worker and with two,
each single-threaded, and prints seconds and ratios. Then it measures what an evaluation costs
besides computing (the round trip, each task, each sum that comes back), predicts one and two
workers from these costs, and extrapolates: a model, not a measurement.
"""

import argparse
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import distributed
import problems
from large import COLUMNS, write
from speed import median_seconds

from rhohat import DaskEngine, KLSparsity, SparseAutoencoder, SparseObjective
from rhohat.rows.cluster import TASKS_PER_WORKER, local_cluster
from rhohat.rows.engines import ThreadEngine
from rhohat.rows.npy import FlatFile
from rhohat.rows.opening import open_store
from rhohat.rows.partition import Partition

UNITS = 100
CHUNK = 32_768


@contextmanager
def cluster(n_workers):
    with (
        local_cluster(n_workers) as local,
        distributed.Client(local, set_as_default=False) as client,
    ):
        yield client


def fit_seconds(path, engine, sweeps):
    """Seconds of training, all rows in every iteration, and the weights."""
    model = SparseAutoencoder(
        UNITS,
        sparsity_penalty=KLSparsity(0.035, 5.0),
        weight_decay=3e-3,
        growth=False,
        max_iter=sweeps,
        tol=0.0,
        chunk_size=CHUNK,
        n_jobs=1,
        engine=engine,
        random_state=0,
    )
    started = time.perf_counter()
    model.fit(path)
    return time.perf_counter() - started, model


def evaluation(engine, source, partition):
    """A function that makes one evaluation."""
    penalty = KLSparsity(0.035, 5.0)
    objective = SparseObjective(COLUMNS, UNITS, penalty=penalty, weight_decay=3e-3)
    return problems.evaluation(objective, source, engine, partition)


def first_rows(path, n_rows):
    whole = open_store(path)
    return FlatFile(path, (n_rows, COLUMNS), whole.stored_dtype, whole.offset)


def costs(path, client, n_rows):
    """Seconds per row, per round trip, per task and per sum."""
    threads = ThreadEngine(1)
    with threads.running():
        partition = Partition(1024, CHUNK)
        per_row = median_seconds(evaluation(threads, first_rows(path, n_rows), partition), 3)
    engine = DaskEngine(client, n_jobs=1)
    n_workers = len(client.scheduler_info(n_workers=-1)["workers"])
    n_tasks = TASKS_PER_WORKER * n_workers
    with engine.running():

        def seconds(n_chunks):  # of one row each
            source = first_rows(path, n_chunks)
            return median_seconds(evaluation(engine, source, Partition(1, 1)), 15)

        one, tasks, many = seconds(1), seconds(n_tasks), seconds(200)
    per_sum = (many - tasks) / (200 - n_tasks)
    per_task = max((tasks - one) / (n_tasks - 1) - per_sum, 0.0)
    return per_row / n_rows, one - per_task - per_sum, per_task, per_sum


def predicted(n_rows, n_workers, chunk, row, trip, task, a_sum):
    chunks = -(-n_rows // chunk)
    tasks = min(chunks, TASKS_PER_WORKER * n_workers)
    busiest = -(-chunks // n_workers) * chunk  # whole chunks
    return min(busiest, n_rows) * row + trip + tasks * task + chunks * a_sum


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sweeps", type=int, default=8)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.npy")
        write(path, arguments.rows)
        seconds, models, spent = {}, {}, {}
        seconds["one thread"], models["one thread"] = fit_seconds(path, "threads", arguments.sweeps)
        for n_workers in (1, 2):
            with cluster(n_workers) as client:
                fit_seconds(path, client, 1)  # what is imported once
                name = f"{n_workers} worker" + "s" * (n_workers > 1)
                seconds[name], models[name] = fit_seconds(path, client, arguments.sweeps)
                spent[n_workers] = costs(path, client, min(arguments.rows, 200_000))
        print(f"{arguments.rows:,} rows x {COLUMNS}, {UNITS} units, chunks of {CHUNK:,} rows\n")
        print("| | seconds | times one worker's speed |")
        print("|---|---|---|")
        for name, each in seconds.items():
            print(f"| {name} | {each:.1f} | {seconds['1 worker'] / each:.2f} |")
        weights = [model.encoder_weights_.tobytes() for model in models.values()]
        print(f"\nsame bits: {len(set(weights)) == 1}")
        excess = seconds["1 worker"] / seconds["one thread"] - 1
        print(f"one worker takes {excess:+.1%} compared with one thread")

        row, trip, task, a_sum = spent[2]
        print(
            f"\ncosts of an evaluation: {1e6 * row:.2f} us a row, {1e3 * trip:.1f} ms a round "
            f"trip,\n{1e3 * task:.2f} ms a task, {1e3 * a_sum:.2f} ms a sum of "
            f"{4 * (2 * COLUMNS * UNITS + COLUMNS * UNITS + 3 * UNITS) / 1024:.0f} KiB"
        )
        evaluations = models["1 worker"].n_evaluations_
        passes = evaluations + 3  # checksums, means, extremes: each costs less than an evaluation
        print("\n| model | predicted s an evaluation | measured, passes included |")
        print("|---|---|---|")
        for n_workers in (1, 2):
            name = f"{n_workers} worker" + "s" * (n_workers > 1)
            guess = predicted(arguments.rows, n_workers, CHUNK, *spent[n_workers])
            print(f"| {name} | {guess:.3f} | {seconds[name] / passes:.3f} |")
        n_rows = 10**9
        print(f"\nmodel, {n_rows:,} rows; chunks of a sixteenth of what a worker has:\n")
        print("| workers | s an evaluation | of it computing |")
        print("|---|---|---|")
        for n_workers in (1, 2, 10, 100, 1000):
            chunk = -(-n_rows // (16 * n_workers))
            guess = predicted(n_rows, n_workers, chunk, row, trip, task, a_sum)
            print(f"| {n_workers:,} | {guess:,.1f} | {n_rows * row / n_workers / guess:.0%} |")


if __name__ == "__main__":
    main()
