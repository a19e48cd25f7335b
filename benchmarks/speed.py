"""Exact training side by side with what people use instead.

    python benchmarks/speed.py evaluate                one loss and gradient, and one transform
    python benchmarks/speed.py train                   time to the loss of 400 textbook iterations
    python benchmarks/speed.py train --mnist mnist.npz the same with problems of digits besides
    python benchmarks/speed.py seeds                   the loss after the default budget, five seeds

Prints tables in Markdown. Every row runs in a process of its own, one after the other, on the same
machine in one go. PyTorch, JAX, optax and kfac-jax come with ``pip install 'rhohat[bench]'``; what
is missing is left out and said so. "SciPy's BLAS held" means that SciPy's own threads, which get in
the way of NumPy's, are held to one.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import peers
import problems
import scipy.linalg.blas  # noqa: F401 so that threadpoolctl finds it
from threadpoolctl import ThreadpoolController

REPEATS = 7
#: Seconds, and times rhohat, after which a row is given up.
LIMIT, TIMES = 150.0, 25


def median_seconds(function, repeats=REPEATS):
    function()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def matrix_peak():
    """Operations a second of a 2048-cubed product, all cores."""
    A = np.random.RandomState(0).uniform(size=(2048, 2048)).astype(np.float32)
    out = np.empty_like(A)
    product = lambda: np.matmul(A, A, out=out)  # noqa: E731
    return 2 * 2048**3 / min(median_seconds(product, 3) for _ in range(3))


def hold_scipy():
    """Hold SciPy's BLAS, and not NumPy's, to one thread."""
    pools = ThreadpoolController().lib_controllers
    ours = [pool for pool in pools if "scipy" in pool.filepath.replace("\\", "/").split("/")[-2]]
    for pool in ours:
        pool.set_num_threads(1)


# One evaluation

EVALUATIONS = {
    "100-100-100": (100_000, 100, 100, "sigmoid"),
    "192-400-192": (100_000, 192, 400, "linear"),
    "784-1000-784": (100_000, 784, 1000, "linear"),
}


def our_evaluation(problem, evaluation=problems.evaluation):
    from rhohat.rows.engines import ThreadEngine
    from rhohat.rows.partition import NARROW_CHUNK_ROWS, Partition
    from rhohat.rows.sources import ArraySource

    objective, source = problem.objective, ArraySource(problem.X)
    sizes = objective.n_features, objective.n_components
    partition = Partition.for_shape(*sizes, problem.X.dtype, most_rows=NARROW_CHUNK_ROWS)
    engine = ThreadEngine()
    with engine.running():
        return median_seconds(evaluation(objective, source, engine, partition))


def our_transform(problem):
    from rhohat import SparseAutoencoder

    model = SparseAutoencoder(problem.n_components, max_iter=1, random_state=0)
    model.fit(problem.X[:1000])
    return median_seconds(lambda: model.transform(problem.X))


def textbook_evaluation(problem, dtype):
    theta, loss_grad = peers.join(problem.start()), peers.textbook(problem, dtype)
    return median_seconds(lambda: loss_grad(theta), 3)


EVALUATE = {
    "matrix peak": lambda p: 1 / matrix_peak(),
    "rhohat": our_evaluation,
    "rhohat, encoder and decoder": lambda p: our_evaluation(p, problems.whole_evaluation),
    "JAX jit": lambda p: median_seconds(peers.jax_evaluation(p)),
    "PyTorch compiled": lambda p: median_seconds(peers.torch_evaluation(p, compiled=True)),
    "PyTorch eager": lambda p: median_seconds(peers.torch_evaluation(p, compiled=False)),
    "textbook NumPy, float32": lambda p: textbook_evaluation(p, np.float32),
    "textbook NumPy, float64": lambda p: textbook_evaluation(p, np.float64),
    "rhohat transform": our_transform,
}


def evaluate(arguments):
    for name, (n_rows, d, k, decoder) in EVALUATIONS.items():
        n_rows = int(n_rows * arguments.scale)
        setting = ["random", str(n_rows), str(d), str(k), decoder]
        times = {row: run_row("evaluate", row, setting) for row in EVALUATE}
        peak = 1 / times.pop("matrix peak")
        transform = times.pop("rhohat transform")
        product = 2 * n_rows * d * k
        print(f"\n{name}, {decoder} decoder, float32, {n_rows:,} rows")
        print(f"matrix peak {peak / 1e9:.0f} GF/s\n")
        print("| one evaluation | ms | times rhohat | share of the peak (5 products) |")
        print("|---|---|---|---|")
        for row, seconds in times.items():
            if seconds is None:
                print(f"| {row} | not installed | | |")
                continue
            ratio, share = seconds / times["rhohat"], 5 * product / peak / seconds
            print(f"| {row} | {1e3 * seconds:.0f} | {ratio:.2f} | {share:.0%} |", flush=True)
        print(
            f"\ntransform: {1e3 * transform:.0f} ms, {product / peak / transform:.0%} of the peak"
        )


# Time to a loss


def our_training(problem, goal, _limit):
    best = []

    def stop(progress):
        if progress.n_rows == len(problem.X) and progress.loss.total <= goal:
            best.append(progress.loss.total)
            return True
        return False

    model = problem.model(callback=stop, random_state=0)
    times = []
    for _ in range(5):
        started = time.perf_counter()
        model.fit(problem.X)
        times.append(time.perf_counter() - started)
    return {"seconds": statistics.median(times) if best else None, "loss": model.loss_}


def clocked(run, **options):
    def row(problem, goal, limit):
        clock = peers.Clock(goal, limit)
        with suppress(peers.Reached):
            run(problem, clock, **options)
        return {"seconds": clock.seconds, "loss": clock.best}

    return row


def held(row):
    def with_scipy_held(problem, goal, limit):
        hold_scipy()
        return row(problem, goal, limit)

    return with_scipy_held


TRAIN = {
    "rhohat": our_training,
    "JAX + SciPy in rhohat's variables, SciPy's BLAS held": held(
        clocked(peers.jax_scipy, ours=True)
    ),
    "JAX + SciPy": clocked(peers.jax_scipy),
    "JAX + SciPy, SciPy's BLAS held": held(clocked(peers.jax_scipy)),
    "JAX + optax L-BFGS": clocked(peers.jax_optax),
    "JAX + K-FAC": clocked(peers.jax_kfac),
    "PyTorch LBFGS": clocked(peers.torch_lbfgs, compiled=False),
    "PyTorch LBFGS, compiled": clocked(peers.torch_lbfgs, compiled=True),
    "PyTorch Adam": clocked(peers.torch_adam),
    "textbook NumPy + SciPy, float32, SciPy's BLAS held": held(
        clocked(peers.textbook_scipy, dtype=np.float32)
    ),
    "textbook NumPy + SciPy, SciPy's BLAS held": held(clocked(peers.textbook_scipy)),
    "textbook NumPy + SciPy": clocked(peers.textbook_scipy),
}


def textbook_goal(problem, _goal, _limit):
    """The loss after 400 textbook iterations."""
    hold_scipy()
    loss_grad = peers.textbook(problem)
    started = time.perf_counter()
    found = peers.minimize(loss_grad, peers.join(problem.start()), peers.ITERATIONS)
    return {"seconds": time.perf_counter() - started, "loss": float(found.fun)}


def train(arguments):
    settings = [[name] for name in ("headline", "exercise", "photographs_linear")]
    settings += [[name] for name in ("dictionary", "digits", "color")]
    if arguments.mnist:
        settings += [["mnist", arguments.mnist], ["mnist_components", arguments.mnist]]
    for setting in settings:
        if arguments.only and setting[0] not in arguments.only:
            continue
        goal = run_row("goal", "textbook", setting)["loss"]
        print(f"\n{make_problem(setting).name}")
        print(f"time to the loss of {peers.ITERATIONS} textbook iterations, {goal:.4f}\n")
        print("| | seconds | times rhohat | loss |")
        print("|---|---|---|---|")
        ours, limit = None, LIMIT
        for row in TRAIN:
            if row in arguments.leave_out:
                continue
            result = run_row("train", row, setting, goal, limit)
            if result is None:
                print(f"| {row} | not installed | | |")
                continue
            seconds, loss = result["seconds"], result["loss"]
            if ours is None and seconds:
                ours, limit = seconds, min(LIMIT, TIMES * seconds)
            shown = (
                f"{seconds:.2f} | {seconds / ours:.1f}" if seconds else f"not in {limit:.0f} | -"
            )
            print(f"| {row} | {shown} | {loss:.4f} |", flush=True)


def seeds(arguments):
    """Loss after the default budget against 400 textbook iterations."""
    print("| seed | textbook, 400 iterations | rhohat, default budget | difference |")
    print("|---|---|---|---|")
    for seed in range(arguments.seeds):
        problem = problems.headline(seed)
        hold_scipy()
        start = peers.join(problem.start(seed))
        textbook = peers.minimize(peers.textbook(problem, np.float32), start, peers.ITERATIONS).fun
        model = problem.model(random_state=seed).fit(problem.X)
        difference = model.loss_ / textbook - 1
        print(f"| {seed} | {textbook:.4f} | {model.loss_:.4f} | {difference:+.1%} |", flush=True)


# Processes

TABLES = {"evaluate": EVALUATE, "train": TRAIN, "goal": {"textbook": textbook_goal}}


def make_problem(setting):
    kind, *values = setting
    if kind == "random":
        n_rows, d, k = map(int, values[:3])
        return problems.random_rows(n_rows, d, k, values[3])
    return getattr(problems, kind)(*values)


def run_row(table, row, setting, goal=None, limit=None):
    """The row's result from a process of its own, or None where a library is missing."""
    request = json.dumps([table, row, setting, goal, limit])
    done = subprocess.run(
        [sys.executable, __file__, "row", request], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"the row {row!r} failed")
    return json.loads(done.stdout.splitlines()[-1])


def answer_row(request):
    table, row, setting, goal, limit = json.loads(request)
    problem = make_problem(setting)
    function = TABLES[table][row]
    try:
        result = function(problem) if table == "evaluate" else function(problem, goal, limit)
    except ModuleNotFoundError:
        result = None
    print(json.dumps(result))


def print_versions():
    packages = ("rhohat", "numpy", "scipy", "torch", "jax", "optax", "kfac-jax")
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} -")
    blas = ThreadpoolController().select(user_api="blas").info()
    kernels = {pool["architecture"] for pool in blas}
    print(f"Python {platform.python_version()}, {', '.join(found)}")
    print(f"{os.cpu_count()} cores, BLAS kernel {', '.join(sorted(kernels))}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    parts = commands.add_parser("evaluate")
    parts.add_argument("--scale", type=float, default=1.0, help="share of the rows")
    parts = commands.add_parser("train")
    parts.add_argument("--mnist", help="a .npz with x_train, (n, 28, 28)")
    parts.add_argument("--only", nargs="+", help="names of problems, as in problems.py")
    parts.add_argument("--leave-out", nargs="+", default=[], help="rows, such as 'JAX + K-FAC'")
    parts = commands.add_parser("seeds")
    parts.add_argument("--seeds", type=int, default=5)
    commands.add_parser("row").add_argument("request")
    arguments = parser.parse_args()
    if arguments.command == "row":
        answer_row(arguments.request)
        return
    print_versions()
    {"evaluate": evaluate, "train": train, "seeds": seeds}[arguments.command](arguments)


if __name__ == "__main__":
    main()
