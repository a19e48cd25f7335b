"""What learning would take: measured on a small part, and scaled."""

from __future__ import annotations

import time
import warnings
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from rhohat.recipes.data import Data
from rhohat.recipes.pipelines import make_autoencoder
from rhohat.recipes.settings import Settings
from rhohat.training.stages import PART_BYTES, growth_stages

#: Interpreter and libraries, matplotlib and scikit-learn among them.
BASE_BYTES = 270 * 2**20
#: Iterations and rows that are timed.
TIMED_ITERATIONS, TIMED_ROWS = 8, (1024, 8192)


class Estimate(NamedTuple):
    """What learning would take.

    Attributes
    ----------
    n_rows, n_features : int
    memory : int
        Bytes.
    seconds : float
        Of training, if it uses all its iterations.
    """

    n_rows: int
    n_features: int
    memory: int
    seconds: float


def estimate(data: Data, settings: Settings) -> Estimate:
    """Estimate memory from shapes, and time from a short run on random rows.

    Parameters
    ----------
    data : Data
        Found; nothing is read.
    settings : Settings
        Complete.
    """
    n_rows, n_features, itemsize, held = data.size(settings)
    row_bytes = itemsize * n_features
    held = 3 * PART_BYTES if data.stays_where_it_is else held + 2 * row_bytes * n_rows
    memory = BASE_BYTES + held + 8 * 48 * 2 * settings.units * n_features
    stages = growth_stages(n_rows, settings.iterations, row_bytes=row_bytes)
    overhead, per_row = _costs(settings, n_features, itemsize)
    seconds = sum(stage.max_iter * (overhead + per_row * stage.n_rows) for stage in stages)
    return Estimate(n_rows, n_features, memory, seconds)


def _costs(settings: Settings, n_features: int, itemsize: int) -> tuple[float, float]:
    """Seconds of an iteration, and of each row in it."""
    rng = np.random.RandomState(0)
    model = make_autoencoder(replace(settings, iterations=TIMED_ITERATIONS))
    model.set_params(growth=False, tol=0)
    times = []
    for rows in TIMED_ROWS:
        X = rng.uniform(0.1, 0.9, size=(rows, n_features)).astype(f"f{itemsize}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            started = time.perf_counter()
            model.fit(X)
            times.append((time.perf_counter() - started) / TIMED_ITERATIONS)
    per_row = max(times[1] - times[0], 0.0) / (TIMED_ROWS[1] - TIMED_ROWS[0])
    return max(times[0] - per_row * TIMED_ROWS[0], 0.0), per_row
