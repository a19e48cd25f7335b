"""What do features of sound say? Spoken digits, recognized by a linear classifier.

    python benchmarks/spoken.py --data recordings [--seeds 3] [--validate]

Recordings are named digit_speaker_index.wav, six speakers with 50 of each digit: the Free Spoken
Digit Dataset, whose test set are the indices 0 to 4. Every recording becomes one row: mean and
maximum over each of three segments, standardized, for logistic regression. The columns of the
table:

    ten folds   over the index, five indices of fifty at a time: 3,000 predictions
    official    indices 0 to 4 tested, the others taught
    unseen      one speaker tested, the five others taught; mean of six

Beside the autoencoder's features stand log-mel spectrograms, MFCC (13 coefficients of these, and
how they change), and whitened windows, pooled and classified alike, also with the weaker penalty
that these few columns do better with where the speakers are known. "all heard": the autoencoder
learned from all recordings without their labels, those to be recognized among them. "never heard":
those of the speaker to be recognized, or the official test set, were left out of learning too.

Settings were chosen with --validate, on four of the speakers and on indices from 5 on, each of the
four held out in turn, and three folds. Prints a table in Markdown.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.fft import dct
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rhohat import (
    ConvolutionalFeatures,
    KLSparsity,
    PatchExtractor,
    SparseAutoencoder,
    SpectrogramExtractor,
    Whitening,
    load_recordings,
)

SEGMENTS = 3
#: Than the penalty of --C is that of this C.
WEAKER = 0.1
#: Speakers whose recordings chose the settings.
CHOOSING = ("george", "jackson", "lucas", "nicolas")


def learner(units, seed):
    """From spectrograms to activations: patches of 16 bands and 8 moments, 0.1 s of sound."""
    return make_pipeline(
        PatchExtractor((16, 8), n_patches=30_000, random_state=seed),
        Whitening(epsilon=0.3),
        SparseAutoencoder(
            units,
            sparsity_penalty=KLSparsity(target=0.01, weight=5),
            weight_decay=3e-3,
            random_state=seed,
        ),
    )


def pooled(rows):
    """Mean and maximum over segments of rows, moments one below the other."""
    cells = np.array_split(rows, SEGMENTS)
    return np.concatenate([[c.mean(axis=0) for c in cells], [c.max(axis=0) for c in cells]]).ravel()


def windows(spectrogram, length=10):
    """All windows of a spectrogram, one below the other."""
    every = np.lib.stride_tricks.sliding_window_view(spectrogram, length, axis=1)
    return every.transpose(1, 0, 2).reshape(every.shape[1], -1)


def inputs(spectrograms):
    """What the features compete with, by name."""
    yield "log-mel", np.array([pooled(s.T) for s in spectrograms])
    coefficients = [dct(s[::-1], axis=0, norm="ortho")[:13] for s in spectrograms]
    changes = [np.gradient(c, axis=1) for c in coefficients]
    mfcc = [np.concatenate(both).T for both in zip(coefficients, changes, strict=True)]
    yield "MFCC", np.array([pooled(rows) for rows in mfcc])
    cut = [windows(s) for s in spectrograms]
    whitening = Whitening(epsilon=0.2).fit(np.concatenate(cut)[::3])
    yield "whitened windows", np.array([pooled(whitening.transform(rows)) for rows in cut])


def features(spectrograms, heard, units, seed):
    """Activations of units that learned from some of the spectrograms, of all of them."""
    model = learner(units, seed).fit([spectrograms[i] for i in np.flatnonzero(heard)])
    return (
        ConvolutionalFeatures(model, grid=(4, SEGMENTS), pooling=("mean", "max"))
        .fit(spectrograms)
        .transform(spectrograms)
    )


class Task:
    """Digits, speakers and indices, and how well rows tell digits apart."""

    def __init__(self, names, C):
        parts = [Path(name).stem.split("_") for name in names]
        self.digit = np.array([int(part[0]) for part in parts])
        self.speaker = np.array([part[1] for part in parts])
        self.index = np.array([int(part[2]) for part in parts])
        self.C = C

    def accuracy(self, X, taught, tested, C=None):
        classifier = LogisticRegression(C=C or self.C, max_iter=300, tol=1e-3)
        model = make_pipeline(StandardScaler(), classifier).fit(X[taught], self.digit[taught])
        return model.score(X[tested], self.digit[tested])

    def splits(self, validate):
        """Rows that teach and rows that test: by fold, and by speaker."""
        among = np.ones(len(self.digit), dtype=bool)
        folds, speakers = range(10), np.unique(self.speaker)
        if validate:
            among = np.isin(self.speaker, CHOOSING) & (self.index >= 5)
            folds, speakers = (2, 5, 8), CHOOSING
        by_fold = [self.index // 5 == fold for fold in folds]
        by_speaker = [self.speaker == speaker for speaker in speakers]
        return (
            [(among & ~tested, among & tested) for tested in by_fold],
            [(among & ~tested, among & tested) for tested in by_speaker],
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the recordings")
    parser.add_argument("--units", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--C", type=float, default=0.005)
    parser.add_argument("--validate", action="store_true", help="score what settings are chosen on")
    arguments = parser.parse_args()
    loaded = load_recordings(arguments.data)
    recordings = [loaded.recordings[i] for i in range(len(loaded.recordings))]
    spectrograms = SpectrogramExtractor(loaded.rate).fit_transform(recordings)
    task = Task(loaded.names, arguments.C)
    by_fold, by_speaker = task.splits(arguments.validate)

    def row(name, X, seed="", C=None):
        folds = [task.accuracy(X, *split, C) for split in by_fold]
        unseen = [task.accuracy(X, *split, C) for split in by_speaker]
        print(
            f"| {name} | {seed} | {X.shape[1]:,} | {np.mean(folds):.2%} | {folds[0]:.2%} "
            f"| {np.mean(unseen):.2%} | {' '.join(f'{100 * u:.0f}' for u in unseen)} |",
            flush=True,
        )
        return np.mean(folds), folds[0], np.mean(unseen)

    print("| rows | seed | columns | ten folds | official | unseen speaker | of each |")
    print("|---|---|---|---|---|---|---|")
    for name, X in inputs(spectrograms):
        row(name, X)
        row(f"{name}, C {WEAKER:g}", X, C=WEAKER)
    found = {"all heard": [], "never heard": []}
    for seed in range(arguments.seeds):
        X = features(spectrograms, task.index >= 0, arguments.units, seed)
        found["all heard"].append(row("autoencoder, all heard", X, seed))
        unseen = [
            task.accuracy(features(spectrograms, taught, arguments.units, seed), taught, tested)
            for taught, tested in by_speaker
        ]
        X = features(spectrograms, by_fold[0][0], arguments.units, seed)
        official = task.accuracy(X, *by_fold[0])
        each = " ".join(f"{100 * u:.0f}" for u in unseen)
        print(
            f"| autoencoder, never heard | {seed} | {X.shape[1]:,} | | {official:.2%} "
            f"| {np.mean(unseen):.2%} | {each} |",
            flush=True,
        )
        found["never heard"].append((official, np.mean(unseen)))
    for name, rows in found.items():
        shown = [
            f"{np.mean(some):.2%} ({min(some):.2%}-{max(some):.2%})"
            for some in zip(*rows, strict=True)
        ]
        print(f"| autoencoder, {name} | all | | {' | '.join(['', *shown][-3:])} | |")


if __name__ == "__main__":
    main()
