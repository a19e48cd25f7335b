"""What does a device do? Its peak, what sums over rows reach of it, and a fit beside others.

    python benchmarks/device.py                          # this processor, a hundredth of the rows
    python benchmarks/device.py --device cuda --rows 1   # a GPU, all rows: under eight minutes

Needs torch besides the package. Three tables in Markdown: matrix products there, in float32 and
float64; an evaluation of loss and gradient at three shapes, with the share of that peak and seconds
for 100 sweeps, beside NumPy's on this processor; and seconds to the same J for LBFGS and compiled
minibatch Adam of torch on the same device.
"""

import argparse
import statistics
import time
from contextlib import suppress

import numpy as np
import peers
import problems
import torch

from rhohat.common.devices import PROCESSOR, device_of
from rhohat.rows.engines import ThreadEngine
from rhohat.rows.partition import NARROW_CHUNK_ROWS, Partition
from rhohat.rows.sources import in_memory

#: Rows, features and units.
SHAPES = ((1_000_000, 384, 1536), (100_000, 784, 200), (100_000, 64, 100))
SIDE = {"cpu": 2048}  # of the matrices that tell a peak
SECONDS = 20  # of timing for each row of a table
LIMIT = 60  # seconds that another method gets


def median_seconds(function, seconds=SECONDS):
    """Of at least three runs after the first, and as many as there is time for."""
    function()
    times, begun = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begun < seconds / 4:
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
        if time.perf_counter() - begun > seconds:
            break
    return statistics.median(times)


def peak(where, dtype):
    """Operations a second of a square product."""
    side = SIDE.get(where.partition(":")[0], 8192)
    A = torch.rand((side, side), dtype=dtype, device=where)
    out = torch.empty_like(A)

    def product():
        torch.matmul(A, A, out=out)
        if where != "cpu":
            torch.accelerator.synchronize()

    return 2 * side**3 / median_seconds(product, 3)


def operations(n_rows, d, k):
    """Of the products of one evaluation: A, E[aa'] and E[ax'], then X_hat and two that go back."""
    return 2 * n_rows * (6 * d * k + k * k)


def seconds_of_an_evaluation(shape, X, device):
    """Of loss and gradient together, in training: two sweeps, since the decoder is solved for."""
    _, d, k = shape
    problem = problems.Problem("", X, k, "linear", 0.05, 3.0, 1e-4)
    partition = Partition.for_shape(d, k, X.dtype, most_rows=NARROW_CHUNK_ROWS)
    with ThreadEngine(device=device).running() as engine:
        return median_seconds(
            problems.evaluation(problem.objective, in_memory(X), engine, partition)
        )


def rows_of(n_rows, d):
    """Rows of which only the number matters."""
    return np.random.default_rng(0).random((n_rows, d), dtype=np.float32)


def ours(problem, device):
    """Seconds of a fit, and where it ends."""
    model = problem.model(device=device, random_state=0)
    model.fit(problem.X[:2000])  # what is loaded and compiled once
    started = time.perf_counter()
    model.fit(problem.X)
    return time.perf_counter() - started, model.loss_


def theirs(run, problem, goal, **options):
    """Seconds until the goal is reached, or None, and the lowest J."""
    clock = peers.Clock(goal, LIMIT)
    with suppress(peers.Reached):
        run(problem, clock, **options)
    return clock.seconds, clock.best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="torch")
    parser.add_argument("--rows", type=float, default=0.01, help="share of the rows; default: .01")
    arguments = parser.parse_args()
    device = device_of(arguments.device)
    device.check()
    where = "cpu" if device.name == "torch" else device.name
    name = torch.cuda.get_device_name(where) if where.startswith("cuda") else where
    print(f"torch {torch.__version__}, NumPy {np.__version__}, {name}\n")

    print("| matrix product | operations a second |\n|---|---|")
    peaks = {}
    for dtype in (torch.float32, torch.float64):
        if where == "mps" and dtype == torch.float64:
            continue
        peaks[dtype] = peak(where, dtype)
        print(f"| {str(dtype).removeprefix('torch.')} | {peaks[dtype]:.3g} |", flush=True)

    print("\n| rows, shape | NumPy, one evaluation | there | ratio | share of peak | 100 sweeps |")
    print("|---|---|---|---|---|---|")
    for shape in SHAPES:
        n_rows, d, k = max(int(shape[0] * arguments.rows), 4096), *shape[1:]
        X = rows_of(n_rows, d)
        here = seconds_of_an_evaluation(shape, X, PROCESSOR)
        there = seconds_of_an_evaluation(shape, X, device)
        share = operations(n_rows, d, k) / there / peaks[torch.float32]
        print(
            f"| {n_rows:,}, {d}-{k} | {here:.3g} s | {there:.3g} s | {there / here:.2f} "
            f"| {share:.0%} | {50 * there:.3g} s |",
            flush=True,
        )

    n_rows = max(int(100_000 * arguments.rows), 10_000)
    X = problems.standardized(problems.patches(8, n_rows, seed=0))
    problem = problems.photographs_linear()._replace(X=X)
    seconds, goal = ours(problem, device)
    goal *= 1.001
    print(
        f"\n| to J = {goal:.4f}, {n_rows:,} patches of 8 x 8 | seconds | lowest J |\n|---|---|---|"
    )
    print(f"| rhohat | {seconds:.3g} | {goal / 1.001:.4f} |", flush=True)
    rows = {
        "torch.optim.LBFGS, compiled": (peers.torch_lbfgs, {}),
        "Adam, minibatches of 1,000, compiled": (peers.torch_adam, {"batch": 1000}),
    }
    for title, (run, options) in rows.items():
        reached, best = theirs(run, problem, goal, compiled=True, device=where, **options)
        told = f"{reached:.3g}" if reached else f"not in {LIMIT}"
        print(f"| {title} | {told} | {best:.4f} |", flush=True)


if __name__ == "__main__":
    main()
