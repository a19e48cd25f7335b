"""Estimates of the memory and time that learning takes: measured on a few rows, and scaled."""

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

#: Memory of the interpreter and its libraries, including matplotlib and scikit-learn.
BASE_BYTES = 270 * 2**20
#: Number of iterations to time, and the two numbers of rows to time them on.
TIMED_ITERATIONS, TIMED_ROWS = 8, (1024, 8192)


class Estimate(NamedTuple):
    """What learning would take.

    Attributes
    ----------
    n_rows, n_features : int
        Shape of what the autoencoder is given.
    memory : int
        Bytes.
    seconds : float
        Time of training, if it uses all its iterations.
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
        Found; it is not read.
    settings : Settings
        Complete.
    """
    n_rows, n_features, itemsize, held = data.size(settings)
    row_bytes = itemsize * n_features
    held = 3 * PART_BYTES if data.is_stored else held + 2 * row_bytes * n_rows
    memory = BASE_BYTES + held + 8 * 48 * 2 * settings.units * n_features
    stages = growth_stages(n_rows, settings.iterations, row_bytes=row_bytes)
    overhead, per_row = _costs(settings, n_features, itemsize)
    seconds = sum(stage.max_iter * (overhead + per_row * stage.n_rows) for stage in stages)
    return Estimate(n_rows, n_features, memory, seconds)


def _costs(settings: Settings, n_features: int, itemsize: int) -> tuple[float, float]:
    """Seconds that an iteration takes, apart from its rows, and seconds for each row in it."""
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
