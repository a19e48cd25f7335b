"""What learning would take: measured on a small part, and scaled."""

from __future__ import annotations

import time
import warnings
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from rhohat.cli.data import HELD_BYTES, PART_SECONDS, Data
from rhohat.recipes.settings import Settings, make_pipeline
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
    """Estimate memory from shapes, and time from a short run on random rows."""
    contents = data.contents()
    n_images = sum(content.shape[0] for content in contents)
    shape = contents[0].shape[1:]
    channels = 3 if settings.color else 1
    n_rows, n_features = n_images, int(np.prod(shape[:2])) * channels
    if data.kind == "images":
        if isinstance(settings.patch_size, int):
            n_rows, n_features = settings.patches, settings.patch_size**2 * channels
        numbers = sum(int(np.prod(content.shape[:3])) for content in contents) * channels
        copies = 2 if settings.whitening == "1/f" else 1
        largest = max(int(np.prod(content.shape[1:3])) for content in contents) * channels
        held = 4 * (copies * numbers + 3 * largest)
        if 4 * numbers > HELD_BYTES:
            held = 4 * 6 * largest
        itemsize = 4
    elif data.kind == "recordings":
        extractor, windows = make_pipeline(settings, data.kind)[:2]
        short = [c for c in contents if c.shape[2] < (settings.length or 0.0) * c.rate]
        if len(short) == len(contents):
            raise ValueError(f"all recordings are shorter than {settings.length:g} s.")
        second = np.random.RandomState(0).uniform(-1, 1, (1, extractor.rate))
        rows = len(extractor.fit_transform(second[None])[0])
        n_rows, n_features = settings.patches, rows * windows.length
        held = int(16 * PART_SECONDS * extractor.rate)
        itemsize = 4
    else:
        n_features = shape[0]
        itemsize = 4 if contents[0].dtype.itemsize <= 2 or contents[0].dtype == "f4" else 8
        held = itemsize * n_rows * n_features
    parameters = 2 * settings.units * n_features
    held += 2 * itemsize * n_rows * n_features
    if data.stays_where_it_is:
        held = 3 * PART_BYTES
    memory = BASE_BYTES + held + 8 * 48 * parameters
    stages = growth_stages(n_rows, settings.iterations, row_bytes=itemsize * n_features)
    overhead, per_row = _costs(settings, n_features, itemsize)
    seconds = sum(stage.max_iter * (overhead + per_row * stage.n_rows) for stage in stages)
    return Estimate(n_rows, n_features, memory, seconds)


def _costs(settings: Settings, n_features: int, itemsize: int) -> tuple[float, float]:
    """Seconds of an iteration, and of each row in it."""
    rng = np.random.RandomState(0)
    model = make_pipeline(replace(settings, iterations=TIMED_ITERATIONS), "rows")[-1]
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
