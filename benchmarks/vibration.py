"""Faults of bearings from windows of vibration: which number to believe?

    python benchmarks/vibration.py [--machines 6] [--seconds 4] [--seeds 3] [--folder DIR]

Writes recordings as rigs make them: each machine, running at its own speed and with its own
resonances, bearings and noise, is recorded once in every condition: sound, or with a fault of the
inner race, the outer race or a ball. A fault is a train of impulses at its frequency, each of which
rings at the resonance. Features are learned without labels from windows of the training recordings
(`rhohat learn FOLDER --series` does the same); logistic regression on them tells the conditions
apart.

The same windows are split in two ways. By windows: any window may be tested, so that its neighbors
in the same recording teach the classifier the machine, not the fault. By machines: all recordings
of a machine are held out. Only the second says how a new machine will fare; believe that.

Prints a table in Markdown, and exits with 1 if the split by windows did not look better than the
truth, which the page on data says it does.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rhohat import (
    KLSparsity,
    SeriesSpectra,
    SparseAutoencoder,
    Whitening,
    WindowExtractor,
    load_series,
)

RATE, WINDOW, HOP = 12_000, 1024, 512
#: Impulses of each condition, per turn of the shaft, as the geometry of common bearings gives them.
CONDITIONS = {"sound": 0.0, "inner": 5.4, "outer": 3.6, "ball": 2.4}


def vibration(condition, machine, seconds, seed):
    """One recording of a machine in a condition, (samples, 1)."""
    mine, rng = np.random.RandomState(1000 * seed + machine), np.random.RandomState()
    rng.seed([seed, machine, list(CONDITIONS).index(condition)])
    n = round(seconds * RATE)
    turns = np.cumsum(mine.uniform(25, 32) / RATE * (1 + 0.002 * rng.randn(n)))
    x = 0.15 * mine.uniform(0.5, 2) * np.sin(2 * np.pi * turns + rng.uniform(0, 6))
    x += 0.1 * mine.uniform(0.5, 2) * np.sin(2 * np.pi * mine.randint(18, 40) * turns)
    color = np.exp(-np.abs(np.linspace(0, 1, 33) - mine.uniform(0.2, 0.8)) * 4)
    x += 0.25 * np.convolve(rng.randn(n), np.fft.irfft(color), mode="same")
    per_turn = CONDITIONS[condition] * mine.uniform(0.95, 1.05)
    if per_turn:
        struck = (
            np.diff(np.floor(per_turn * turns + 0.02 * rng.randn(n).cumsum() / n), prepend=0) > 0
        )
        strength = struck * rng.uniform(0.6, 1.4, n)
        if condition == "inner":  # goes in and out of the loaded zone with each turn
            strength *= 1 + np.sin(2 * np.pi * turns)
        if condition == "ball":  # strikes both races, the inner one less
            strength = strength + 0.4 * np.roll(strength, round(RATE / 30 / per_turn / 2))
        t = np.arange(240) / RATE
        resonance = {"inner": 3400, "outer": 2900, "ball": 2300}[condition] * mine.uniform(0.8, 1.2)
        ring = np.exp(-t * mine.uniform(400, 900)) * np.sin(2 * np.pi * resonance * t)
        x += 0.9 * np.convolve(strength, ring)[:n]
    return (x * mine.uniform(0.7, 1.4)).astype("f4")[:, None]


def write(folder, machines, seconds, seed):
    """All recordings, one folder for each condition."""
    for condition in CONDITIONS:
        (folder / condition).mkdir(parents=True)
        for machine in range(machines):
            x = vibration(condition, machine, seconds, seed)
            np.savez(folder / condition / f"machine{machine}.npz", DE=x)


def windows_of(series):
    """Spectra of all windows, and the number of the recording that each comes from."""
    spectra = SeriesSpectra(WINDOW, hop=HOP, rate=RATE).fit_transform(series)
    width = WINDOW // 8
    extractor = WindowExtractor(width, n_windows=None, stride=width).fit(spectra)
    drawn = extractor.draw(spectra)
    return drawn.rows, drawn.places(np.arange(len(drawn.rows))).image


def models(seed):
    """What is compared: each learns from training rows only."""
    encoder = make_pipeline(
        Whitening(epsilon=1.0),
        SparseAutoencoder(
            100,
            sparsity_penalty=KLSparsity(target=0.035, weight=5),
            weight_decay=3e-3,
            random_state=seed,
        ),
    )
    classifier = LogisticRegression(C=0.1, max_iter=1000)
    return {
        "spectra": make_pipeline(StandardScaler(), classifier),
        "PCA, 30 components": make_pipeline(PCA(30), StandardScaler(), classifier),
        "features, 100 units": make_pipeline(encoder, StandardScaler(), classifier),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--machines", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to write, and remove, the recordings")
    arguments = parser.parse_args()
    found = {}
    for seed in range(arguments.seeds):
        with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
            write(Path(name) / "data", arguments.machines, arguments.seconds, seed)
            loaded = load_series(Path(name) / "data", rate=RATE)
            rows, recording = windows_of(loaded.series)
        labels = np.array([Path(name).parent.name for name in loaded.names])[recording]
        machine = np.array([Path(name).stem for name in loaded.names])[recording]
        splits = {
            "windows": StratifiedKFold(arguments.machines, shuffle=True, random_state=seed),
            "machines": GroupKFold(arguments.machines),
        }
        for what, model in models(seed).items():
            for how, split in splits.items():
                told = cross_val_predict(model, rows, labels, groups=machine, cv=split)
                found.setdefault((what, how), []).append(100 * np.mean(told == labels))
    print(
        f"{len(rows):,} windows of {len(loaded.names)} recordings, {len(CONDITIONS)} conditions\n"
    )
    print("| classifier on | split by windows | whole machines held out: believe this |")
    print("|---|---|---|")
    for what in models(0):
        told = [
            f"{np.mean(found[what, how]):.1f} % (+- {np.std(found[what, how]):.1f})"
            for how in ("windows", "machines")
        ]
        print(f"| {what} | {' | '.join(told)} |")
    sys.exit(any(np.mean(found[w, "windows"]) <= np.mean(found[w, "machines"]) for w in models(0)))


if __name__ == "__main__":
    main()
