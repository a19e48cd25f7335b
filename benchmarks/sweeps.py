"""How many evaluations of loss and gradient training takes, and what it finds.

    python benchmarks/sweeps.py table [--mnist mnist.npz] [--fashion train-images-idx3-ubyte.gz]
    python benchmarks/sweeps.py curves [--figure docs/images/sweeps.png]
    python benchmarks/sweeps.py truth

`table` trains on twelve problems, and two with a tied decoder, and compares with the solver of
commit 69f4a55, whose results are recorded here: L-BFGS without a metric, over all weights. `curves`
draws the loss over the evaluations, with other people's solvers beside. `truth` trains on sums of
known atoms and counts those that are found. All rows are used in every iteration, and tolerances
are 0.
"""

import argparse
import csv
import statistics
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import peers
import problems
from dictionaries import dictionary_rows
from speed import hold_scipy

from rhohat import LBFGS, KLSparsity, SparseAutoencoder

FORMER_ITERATIONS = 250
ITERATIONS = 150
#: How near to the former solver's last loss counts as there.
NEAR = 1.001


class Former(NamedTuple):
    """What the former solver reached in 250 iterations, for seeds 0, 1 and 2."""

    losses: tuple[float, ...]
    evaluations: tuple[int, ...]  # until the loss was within .1 % of the last one
    dead: tuple[int, ...]


class Row(NamedTuple):
    """A problem, the file that it needs, and the recorded results."""

    make: object
    file: str | None
    former: Former


ROWS = {
    "photographs": Row(
        problems.headline, None, Former((0.564883, 0.565018, 0.564849), (195, 184, 190), (1, 2, 1))
    ),
    "exercise": Row(
        problems.exercise, None, Former((0.378375, 0.378323, 0.378509), (202, 180, 183), (0, 0, 0))
    ),
    "digits 784-196": Row(
        lambda path: problems.mnist(path, 5000),
        "mnist",
        Former((11.9445, 11.9432, 11.9444), (226, 229, 228), (0, 0, 0)),
    ),
    "photographs, linear": Row(
        problems.photographs_linear,
        None,
        Former((4.6167, 4.64417, 4.58034), (264, 263, 263), (0, 0, 0)),
    ),
    "color": Row(
        problems.color, None, Former((4.30424, 4.29439, 4.30202), (261, 261, 257), (0, 0, 0))
    ),
    "MNIST components": Row(
        problems.mnist_components,
        "mnist",
        Former((2.25284, 2.2929, 2.25838), (261, 259, 259), (0, 0, 0)),
    ),
    "Fashion-MNIST components": Row(
        problems.fashion_components,
        "fashion",
        Former((1.08757, 0.95468, 0.978677), (262, 262, 264), (0, 0, 0)),
    ),
    "whitened digits": Row(
        problems.digits, None, Former((1.83885, 1.7389, 1.79778), (264, 271, 259), (0, 0, 0))
    ),
    "dictionary .05": Row(
        problems.dictionary, None, Former((1.11576, 1.09769, 1.09589), (258, 254, 258), (0, 0, 0))
    ),
    "dictionary .02": Row(
        lambda: problems.dictionary(0.02),
        None,
        Former((2.41391, 2.41607, 2.41432), (205, 243, 210), (0, 0, 0)),
    ),
    "tanh": Row(
        problems.dictionary_tanh,
        None,
        Former((1.96998, 2.00031, 2.05445), (264, 263, 268), (0, 0, 0)),
    ),
    "relu": Row(
        problems.dictionary_relu,
        None,
        Former((1.05394, 1.03043, 1.04474), (254, 251, 251), (0, 0, 0)),
    ),
    "photographs, tied": Row(
        problems.photographs_tied,
        None,
        Former((9.66888, 9.69151, 9.72804), (243, 238, 244), (0, 0, 0)),
    ),
    "dictionary, tied": Row(
        problems.dictionary_tied,
        None,
        Former((2.03032, 1.9997, 2.01566), (170, 230, 209), (0, 0, 0)),
    ),
}


# Counting


class Watched:
    """The function that a solver minimizes: calls are counted, and the metric H is timed."""

    def __init__(self, loss_grad):
        self._loss_grad = loss_grad
        self._metric = getattr(loss_grad, "metric", None)
        self.n_evaluations = 1  # at the start, before the solver is called
        self.seconds = 0.0
        self.H = None

    def __call__(self, theta):
        self.n_evaluations += 1
        return self._loss_grad(theta)

    def __getattr__(self, name):
        return getattr(self._loss_grad, name)

    @property
    def metric(self):
        return self if self._metric is not None else None

    def at(self, theta):
        """H, with its seconds."""
        self.H = self._timed(self._metric.at)(theta)
        return self._timed(self.H)

    def _timed(self, function):
        def timed(argument):
            started = time.perf_counter()
            result = function(argument)
            self.seconds += time.perf_counter() - started
            return result

        return timed

    @property
    def n_bytes(self):
        """Memory of H and of the sample that it is made from."""
        return held_bytes([self.H.blocks, self._metric.sample], set())


def held_bytes(value, seen):
    """Bytes of all arrays that are reachable from `value`, each counted once."""
    if isinstance(value, list | tuple):
        return sum(held_bytes(item, seen) for item in value)
    if id(value) in seen:
        return 0
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        return value.nbytes if value.base is None else held_bytes(value.base, seen)
    return sum(held_bytes(item, seen) for item in getattr(value, "__dict__", {}).values())


class Recorder(LBFGS):
    """L-BFGS that notes evaluations and loss after every iteration."""

    def minimize(self, loss_grad, theta0, *, callback=None, state=None, **options):
        self.watched_ = Watched(loss_grad)
        self.curve_ = [(1, state.loss)]

        def after_iteration(state):
            self.curve_.append((self.watched_.n_evaluations, state.loss))
            return callback(state)

        started = time.perf_counter()
        result = super().minimize(
            self.watched_, theta0, callback=after_iteration, state=state, **options
        )
        self.seconds_ = time.perf_counter() - started
        return result


class Run(NamedTuple):
    """The course of one fit and its outcome."""

    evaluations: np.ndarray
    losses: np.ndarray
    loss: float
    dead: int
    share_of_H: float
    bytes_of_H: int

    def evaluations_to(self, loss):
        """How many it took; None if the loss was not reached."""
        there = np.flatnonzero(self.losses <= loss)
        return int(self.evaluations[there[0]]) if len(there) else None


def run(problem, seed, iterations):
    recorder = Recorder()
    options = {"growth": False, "tol": 0.0, "max_iter": iterations, "random_state": seed}
    model = problem.model(solver=recorder, **options).fit(problem.X)
    evaluations, losses = map(np.array, zip(*recorder.curve_, strict=True))
    watched = recorder.watched_
    share, n_bytes = watched.seconds / recorder.seconds_, 0
    if watched.H is not None:
        n_bytes = watched.n_bytes
    return Run(evaluations, losses, model.loss_, model.n_dead_, share, n_bytes)


# The table


def table(arguments):
    print("| problem | first loss | evaluations: former | now | ratio | J: former | now | change |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    others = []
    for name, row in ROWS.items():
        path = getattr(arguments, row.file) if row.file else None
        if row.file and path is None:
            print(f"| {name} | left out: it needs --{row.file} FILE | | | | | | |")
            continue
        problem = row.make(path) if row.file else row.make()
        former, n_seeds = row.former, len(row.former.losses)
        runs = [run(problem, seed, ITERATIONS) for seed in range(n_seeds)]
        reached = [
            found.evaluations_to(NEAR * loss) or np.inf
            for found, loss in zip(runs, former.losses, strict=True)
        ]
        took, takes = statistics.median(former.evaluations), statistics.median(reached)
        first = statistics.median(found.losses[0] for found in runs) / problem.constant_loss
        J_then = statistics.median(former.losses)
        J_now = statistics.median(found.losses[-1] for found in runs)
        print(
            f"| {problem.name} | {first:.2f} | {took} | {takes:.0f} | {took / takes:.1f} "
            f"| {J_then:.4f} | {J_now:.4f} | {J_now / J_then - 1:+.1%} |",
            flush=True,
        )
        others.append((problem, former, runs))
    print(
        f"\nfirst loss: in units of the best constant's. J: after {FORMER_ITERATIONS} iterations of"
    )
    print(f"the former solver, and after {ITERATIONS} now. Medians of the seeds.\n")
    print("| problem | dead: former | now | evaluations per iteration | H: time | MiB |")
    print("|---|---|---|---|---|---|")
    for problem, former, runs in others:
        share = statistics.median(found.share_of_H for found in runs)
        mebibytes = max(found.bytes_of_H for found in runs) / 2**20
        each = sum(found.evaluations[-1] for found in runs) / sum(
            len(found.losses) - 1 for found in runs
        )
        print(
            f"| {problem.name} | {' '.join(map(str, former.dead))} "
            f"| {' '.join(str(found.dead) for found in runs)} "
            f"| {each:.2f} | {share:.0%} | {mebibytes:.1f} |"
        )


# The picture

CURVES = Path(__file__).with_name("former.csv")
DRAWN = {
    "photographs": "100 edges from photographs\nsigmoid decoder",
    "photographs, linear": "The same photographs\nlinear decoder",
    "dictionary .05": "A dictionary of 50 atoms\nlinear decoder",
}
MOST_EVALUATIONS = 300
STYLES = {
    "textbook + SciPy's L-BFGS-B": {"color": "#8c8c8c", "linewidth": 1.6},
    "PyTorch's LBFGS": {"color": "#d98b2b", "linewidth": 1.6},
    "rhohat, former solver": {"color": "#7fb3dc", "linewidth": 1.8},
    "rhohat": {"color": "#12507b", "linewidth": 2.6},
}


class Course(peers.Clock):
    """Notes the loss of every evaluation, and stops a run after the last one that is drawn."""

    def __init__(self):
        super().__init__(goal=-np.inf, limit=np.inf)
        self.losses = []

    def tell(self, loss):
        super().tell(loss)
        self.losses.append(self.best)
        if len(self.losses) == MOST_EVALUATIONS:
            raise peers.Reached


def course(solve, problem, **options):
    """The lowest loss so far after every evaluation of another solver."""
    clock = Course()
    with suppress(peers.Reached):
        solve(problem, clock, **options)
    return np.arange(1, len(clock.losses) + 1), np.array(clock.losses)


def former_curves():
    """Evaluations and losses of the former solver, seed 0, by the names of problems."""
    with CURVES.open(encoding="ascii") as file:
        rows = list(csv.DictReader(file))
    return {
        name: tuple(
            np.array([float(row[column]) for row in rows if row["problem"] == name])
            for column in ("evaluations", "loss")
        )
        for name in DRAWN
    }


def curves_of(name, former):
    """(evaluations, loss) of all solvers on one problem, by the names of the solvers."""
    problem = ROWS[name].make()
    textbook = course(peers.textbook_scipy, problem)
    found = {"textbook + SciPy's L-BFGS-B": textbook}
    with suppress(ModuleNotFoundError):
        found["PyTorch's LBFGS"] = course(peers.torch_lbfgs, problem, compiled=False)
    found["rhohat, former solver"] = former
    ours = run(problem, 0, MOST_EVALUATIONS)
    found["rhohat"] = ours.evaluations, ours.losses
    return found


def curves(arguments):
    hold_scipy()
    former = former_curves()
    found = {name: curves_of(name, former[name]) for name in DRAWN}
    if not all("PyTorch's LBFGS" in lines for lines in found.values()):
        print("PyTorch is not installed: its curves are left out.")
    for name, lines in found.items():
        lasts = (f"{solver} {losses[-1]:.4f}" for solver, (_, losses) in lines.items())
        print(f"{name}: {', '.join(lasts)}")
    draw(found, arguments.figure)


def draw(found, path):
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    mpl.rcParams.update({"font.size": 10, "font.family": "DejaVu Sans"})
    figure, axes = plt.subplots(1, len(found), figsize=(10.2, 3.7), sharey=True)
    for ax, (name, lines) in zip(axes, found.items(), strict=True):
        least = min(
            losses[evaluations <= MOST_EVALUATIONS].min() for evaluations, losses in lines.values()
        )
        for solver, (evaluations, losses) in lines.items():
            above = losses / least - 1
            shown = (above > 1e-5) & (evaluations <= MOST_EVALUATIONS)
            ax.plot(evaluations[shown], above[shown], label=solver, **STYLES[solver])
        ax.set_title(DRAWN[name], fontsize=10, loc="left")
        ax.set_xlabel("evaluations of loss and gradient")
        ax.set(xscale="log", yscale="log", xlim=(1, MOST_EVALUATIONS), ylim=(1e-3, 1e3))
        ax.set_xticks([1, 10, 100, 300], ["1", "10", "100", "300"])
        ax.minorticks_off()
        ax.grid(color="#e6e6e6", linewidth=0.8)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("loss above the lowest found")
    axes[0].set_yticks(
        [1e-3, 1e-2, 1e-1, 1, 10, 100, 1000],
        ["0.1 %", "1 %", "10 %", "100 %", "10 times", "100 times", "1,000 times"],
    )
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=len(labels), frameon=False)
    figure.tight_layout(rect=(0, 0.07, 1, 1))
    figure.savefig(path, dpi=150)


# Known atoms


class Truth(NamedTuple):
    """How rows are made, and the recovery that earlier solvers had at rho = .4 and .8 shares."""

    made: dict
    at_least: tuple[float, float]


#: The best medians over three seeds of the former solver (200 iterations) and of two prototypes of
#: this one (120 and 80 iterations).
TRUTHS = {
    "50 atoms in 30 dimensions, share .05": Truth({}, (1.00, 1.00)),
    "share .1": Truth({"share": 0.1}, (1.00, 1.00)),
    "share .02": Truth({"share": 0.02}, (1.00, 0.96)),
    "exponential amplitudes": Truth({"amplitudes": "exponential"}, (1.00, 0.78)),
    "120 atoms": Truth({"k": 120}, (0.94, 0.23)),
    "non-negative atoms in 40 dimensions": Truth({"atoms": "non-negative", "d": 40}, (0.94, 0.94)),
    "power-law rates": Truth({"rates": "power-law"}, (0.82, 0.78)),
    "noise of 20 %": Truth({"noise": 0.2}, (1.00, 1.00)),
    "correlated codes": Truth({"correlation": 0.4}, (1.00, 1.00)),
    "30 atoms": Truth({"k": 30}, (1.00, 1.00)),
    "bars, 8x8": Truth({"atoms": "bars", "d": 64, "share": 0.1}, (1.00, 1.00)),
}
TRUTH_SHARES = (0.4, 0.8)


def recovery(data, target, seed):
    """Share of the atoms that one fit finds."""
    n_atoms, d = data.atoms.shape
    penalty = KLSparsity(target, 0.5 * d)
    options = {"growth": False, "tol": 0.0, "max_iter": 120, "random_state": seed}
    model = SparseAutoencoder(n_atoms, sparsity_penalty=penalty, weight_decay=1e-3, **options)
    return data.recovered(model.fit(problems.standardized(data.X)).decoder_weights_)


def truth(arguments):
    headings = [f"rho = {share} share | median | at least" for share in TRUTH_SHARES]
    print(f"| atoms recovered, {arguments.seeds} seeds | {' | '.join(headings)} |")
    print("|---|" + "---|" * 3 * len(headings), flush=True)
    for name, (made, at_least) in TRUTHS.items():
        data, cells = dictionary_rows(**made), []
        for share, least in zip(TRUTH_SHARES, at_least, strict=True):
            target = share * made.get("share", 0.05)
            found = [recovery(data, target, seed) for seed in range(arguments.seeds)]
            shown = " ".join(f"{value:.2f}" for value in found)
            median = statistics.median(found)
            cells.append(f"{shown} | {median:.2f} | {least:.2f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    parts = commands.add_parser("table")
    parts.add_argument("--mnist", help="a .npz with x_train, (n, 28, 28)")
    parts.add_argument("--fashion", help="the same, or train-images-idx3-ubyte.gz")
    parts = commands.add_parser("curves")
    parts.add_argument("--figure", default="docs/images/sweeps.png")
    parts = commands.add_parser("truth")
    parts.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    {"table": table, "curves": curves, "truth": truth}[arguments.command](arguments)


if __name__ == "__main__":
    main()
