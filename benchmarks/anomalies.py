"""Anomaly detection: ROC AUC and time beside IsolationForest and PyOD's AutoEncoder.

    python benchmarks/anomalies.py [--seeds N]

Tables are generated: 3,000 rows of 20 columns in unlike units, with 5 % planted outliers of five
kinds; and connections like those of KDD Cup 99, with counts, bytes, rates and flags, and 3 % of
attacks in four rare clusters. All detectors have their default settings. Those of AnomalyDetector
were chosen on seeds 100 and 101; here seeds begin at 0. All compute in one thread. PyOD is left out
if it is not installed.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import time
import warnings
from functools import partial
from statistics import mean

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from rhohat import AnomalyDetector

#: Share of planted outliers, and attacks with their shares.
SHARE = 0.05
ATTACKS = {"smurf": 0.015, "neptune": 0.01, "probe": 0.004, "r2l": 0.003}


def uniform(rng, X, codes, A):
    """Anywhere in the range of every column."""
    return rng.uniform(X.min(axis=0), X.max(axis=0), size=(len(codes), X.shape[1]))


def noisy(rng, X, codes, A):
    """Like the others, with four times their noise."""
    return codes @ A + 1.2 * rng.randn(len(codes), X.shape[1])


def independent(rng, X, codes, A):
    """Usual values that do not go together."""
    return np.column_stack([rng.permutation(x)[: len(codes)] for x in X.T])


def cluster(rng, X, codes, A):
    """All alike, two standard deviations away in every column."""
    d = X.shape[1]
    return 2 * rng.choice([-1, 1], d) * X.std(axis=0) + 0.5 * rng.randn(len(codes), d)


def two_columns(rng, X, codes, A):
    """Two columns off by four standard deviations."""
    rows = X[: len(codes)].copy()
    for row in rows:
        chosen = rng.choice(len(row), 2, replace=False)
        row[chosen] += 4 * rng.choice([-1, 1], 2) * X.std(axis=0)[chosen]
    return rows


def planted(kind, seed, n=3000, d=20):
    """Rows that follow from five numbers, in unlike units, and which are outliers."""
    rng, m = np.random.RandomState(seed), int(SHARE * n)
    A, codes = rng.randn(5, d), rng.laplace(size=(n, 5))
    X = codes @ A + 0.3 * rng.randn(n, d)
    X[:m] = kind(rng, X, codes[:m], A)
    return shuffled(rng, X * 10.0 ** rng.randint(-2, 4, size=d), np.arange(n) < m)


def connections(seed, n=5000):
    """Connections with counts, bytes, rates and flags, and which are attacks."""
    rng = np.random.RandomState(seed)
    X, y = np.zeros((n, 24)), np.zeros(n, dtype=bool)
    service = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    X[np.arange(n), service] = 1
    X[:, 3] = np.exp(1.5 * rng.randn(n) + 1) * (rng.rand(n) < 0.3)  # duration
    X[:, 4] = np.exp(rng.randn(n) + 5 + service)  # bytes sent and received
    X[:, 5] = np.exp(0.7 * np.log(X[:, 4]) + 0.5 * rng.randn(n) + 2)
    X[:, 6] = rng.poisson(3 + 10 * (service == 0))  # connections to the host and service
    X[:, 7] = rng.poisson(2 + 0.8 * X[:, 6])
    for column in range(8, 16):  # rates of errors
        X[:, column] = rng.beta(0.3, 3 + column / 4, n) * (rng.rand(n) < 0.3)
    X[:, 16] = rng.rand(n) < 0.7  # logged in
    X[:, 17], X[:, 18] = rng.poisson(0.1, n), rng.poisson(0.02, n)  # files, failed log-ins
    X[:, 19] = rng.randint(0, 256, n)
    X[:, 20] = np.minimum(255, X[:, 19] + rng.poisson(5, n))
    X[:, 21:24] = rng.beta(1, 4, (n, 3))
    start = 0
    for name, share in ATTACKS.items():
        rows = slice(start, start + int(share * n))
        start, m = rows.stop, rows.stop - rows.start
        y[rows] = True
        if name == "smurf":
            X[rows, :3], X[rows, 4], X[rows, 5], X[rows, 16] = [0, 0, 1], 1032, 0, 0
            X[rows, 6:8] = 511 - rng.poisson(2, (m, 2))
        elif name == "neptune":
            X[rows, 4:6], X[rows, 8:10], X[rows, 16] = 0, 1, 0
            X[rows, 6], X[rows, 7] = rng.poisson(200, m), rng.poisson(8, m)
        elif name == "probe":
            X[rows, 6], X[rows, 10:12] = rng.poisson(60, m), rng.beta(8, 1, (m, 2))
            X[rows, 21] = rng.beta(8, 1, m)
        else:
            X[rows, 3] = np.exp(rng.randn(m) + 7)
            X[rows, 17], X[rows, 18] = rng.poisson(5, m), rng.poisson(3, m)
    return shuffled(rng, X, y)


def shuffled(rng, X, y):
    order = rng.permutation(len(X))
    return X[order], y[order]


KINDS = (uniform, noisy, independent, cluster, two_columns)
TABLES = {kind.__name__.replace("_", " "): partial(planted, kind) for kind in KINDS}
TABLES["connections"] = connections


def by_rhohat(X, seed):
    return -AnomalyDetector(random_state=seed).fit(X).score_samples(X)


def by_forest(X, seed):
    return -IsolationForest(random_state=seed).fit(X).score_samples(X)


def by_pyod(X, seed):
    from pyod.models.auto_encoder import AutoEncoder

    return AutoEncoder(random_state=seed, verbose=0).fit(X).decision_scores_


DETECTORS = {"rhohat": by_rhohat, "forest": by_forest, "PyOD": by_pyod}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    n_seeds = parser.parse_args().seeds
    warnings.simplefilter("ignore")
    detectors = dict(DETECTORS)
    try:
        by_pyod(np.random.RandomState(0).rand(100, 4), 0)  # imports are not timed
    except ImportError:
        del detectors["PyOD"]
    by_rhohat(np.random.RandomState(0).rand(100, 4), 0)
    print(f"{'ROC AUC (seconds)':<18}" + "".join(f"{name:>18}" for name in detectors))
    for table, make in TABLES.items():
        found = {name: [] for name in detectors}
        for seed in range(n_seeds):
            X, y = make(seed)
            for name, detect in detectors.items():
                started = time.perf_counter()
                scores = detect(X, seed)
                found[name].append((roc_auc_score(y, scores), time.perf_counter() - started))
        cells = (
            f"{mean(auc for auc, _ in runs):.4f} ({mean(s for _, s in runs):.2f})"
            for runs in found.values()
        )
        print(f"{table:<18}" + "".join(f"{cell:>18}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
