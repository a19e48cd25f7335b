"""Estimates of the memory and time that learning takes: measured on a few rows, and scaled."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh

from rhohat.common.arrays import FloatArray
from rhohat.common.devices import PROCESSOR, Device
from rhohat.preprocessing.whitening import Whitening, whitening_bytes
from rhohat.recipes.data import Data
from rhohat.recipes.pipelines import make_autoencoder
from rhohat.recipes.settings import Settings
from rhohat.training.blocks import DeviceMemory
from rhohat.training.span import LEAST_WIDTH, is_spanned
from rhohat.training.stages import PART_BYTES, growth_stages

#: Memory of the interpreter and its libraries, including matplotlib and scikit-learn.
BASE_BYTES = 270 * 2**20
#: Numbers of iterations to time, and of rows to time them on, if there are as many; and the bytes
#: that these take at most.
TIMED_ITERATIONS, TIMED_ROWS, TIMED_BYTES = (2, 10), (1024, 8192), 32 << 20
#: Arrays of the size of all weights that training holds; of few and wide rows, fewer.
COPIES, COPIES_OF_SPAN = 48, 12
#: Columns, and rows where these are fewer, on which whitening is timed.
WHITENED_COLUMNS, WHITENED_ROWS = 512, 256


class Costs(NamedTuple):
    """Seconds that training takes.

    Attributes
    ----------
    start : float
        Before the first iteration.
    iteration : float
        For each iteration, apart from its rows.
    row : float
        For each row in an iteration.
    """

    start: float
    iteration: float
    row: float


class Estimate(NamedTuple):
    """What learning would take.

    Attributes
    ----------
    n_rows, n_features : int
        Shape of what the autoencoder is given.
    memory : int
        Bytes.
    seconds : float
        Time of whitening rows and of training, if it uses all its iterations.
    device : DeviceMemory, default=None
        Of the device that computes, if it has memory of its own.
    """

    n_rows: int
    n_features: int
    memory: int
    seconds: float
    device: DeviceMemory | None = None


def estimate(
    data: Data,
    settings: Settings,
    *,
    most_rows: int | None = None,
    device: Device = PROCESSOR,
) -> Estimate:
    """Estimate memory from shapes, and time from a short run on random rows.

    Parameters
    ----------
    data : Data
        Found; it is not read.
    settings : Settings
        Complete.
    most_rows : int, default=None
        Rows that are learned from, at most; all if None.
    device : Device, default=PROCESSOR
        What computes.
    """
    n_rows, n_features, itemsize, held = data.size(settings)
    n_rows = min(n_rows, most_rows or n_rows)
    row_bytes, is_denoised = itemsize * n_features, settings.corruption is not None
    held = 3 * PART_BYTES if data.is_stored else held + (2 + is_denoised) * row_bytes * n_rows
    n_inputs, working, seconds = n_features, 0, 0.0
    if settings.epsilon is not None:
        if settings.whitening == "pca":
            n_inputs = min(n_features, max(n_rows - 1, 1))
        working = whitening_bytes(n_rows, n_features)
        seconds = _whitening_seconds(n_rows, n_features)
    in_span = is_spanned(n_rows, n_inputs) and not is_denoised
    copies = COPIES_OF_SPAN if in_span else COPIES
    working = max(working, 8 * copies * 2 * settings.units * n_inputs)
    pair_bytes = (1 + is_denoised) * row_bytes
    stages = growth_stages(n_rows, settings.iterations, row_bytes=pair_bytes)
    costs = _costs(settings, n_rows, n_inputs, itemsize, device)
    seconds += costs.start + sum(
        stage.max_iter * (costs.iteration + costs.row * stage.n_rows) for stage in stages
    )
    seen = (n_rows, n_rows if in_span else n_inputs)
    there = DeviceMemory.of(
        seen,
        settings.units,
        np.dtype(f"f{itemsize}"),
        device,
        n_jobs=settings.threads,
        is_corrupted=settings.corruption is not None,
    )
    return Estimate(n_rows, n_features, BASE_BYTES + held + working, seconds, there)


def _costs(
    settings: Settings,
    n_rows: int,
    n_features: int,
    itemsize: int,
    device: Device = PROCESSOR,
) -> Costs:
    """What training costs, by short runs on random rows.

    Few and wide rows are taken as they are. Of more rows than fit, fewer are taken and, so that
    these are not few and wide, fewer columns, too: the time goes with their number.
    """
    timed = sorted({min(rows, n_rows) for rows in TIMED_ROWS})
    columns = n_features
    if not is_spanned(n_rows, n_features):
        columns = min(n_features, LEAST_WIDTH * timed[0] - 1)
        most = max(TIMED_BYTES // (itemsize * columns), timed[0])
        timed = sorted({min(rows, most) for rows in timed})
    starts, iterations = [], []
    for rows in timed:
        few, many = (
            _fit_seconds(settings, rows, columns, itemsize, number, device)
            for number in TIMED_ITERATIONS
        )
        iterations.append(max(many - few, 0.0) / (TIMED_ITERATIONS[1] - TIMED_ITERATIONS[0]))
        starts.append(max(few - TIMED_ITERATIONS[0] * iterations[-1], 0.0))
    row = 0.0
    if len(timed) > 1:
        row = max(iterations[-1] - iterations[0], 0.0) / (timed[-1] - timed[0])
    wider = n_features / columns
    iteration = max(iterations[0] - row * timed[0], 0.0)
    return Costs(wider * starts[-1], wider * iteration, wider * row)


def _fit_seconds(
    settings: Settings,
    n_rows: int,
    n_features: int,
    itemsize: int,
    iterations: int,
    device: Device,
) -> float:
    """Seconds that a fit takes."""
    model = make_autoencoder(replace(settings, iterations=iterations), device=device)
    model.set_params(growth=False, tol=0)
    X = _random_rows(n_rows, n_features, itemsize)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        started = time.perf_counter()
        model.fit(X)
        return time.perf_counter() - started


def _whitening_seconds(n_rows: int, n_features: int) -> float:
    """Seconds that whitening takes, timed on fewer rows or columns and scaled by its products."""
    if n_rows < n_features:
        rows = min(n_rows, WHITENED_ROWS)
        columns = min(n_features, max(rows + 1, (TIMED_BYTES // 8) // rows))
        spent = _spent(lambda: Whitening().fit_transform(_random_rows(rows, columns, 8)))
        return spent * (n_rows / rows) ** 2 * n_features / columns
    columns = min(n_features, WHITENED_COLUMNS)
    rows = min(n_rows, max(columns, TIMED_ROWS[0]))
    X = _random_rows(rows, columns, 8)
    square = X[:columns].T @ X[:columns]
    whole, solved = _spent(lambda: Whitening().fit_transform(X)), _spent(lambda: eigh(square))
    wider = n_features / columns
    return max(whole - solved, 0.0) * n_rows / rows * wider**2 + solved * wider**3


def _spent(work: Callable[[], object]) -> float:
    """Seconds that work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _random_rows(n_rows: int, n_features: int, itemsize: int) -> FloatArray:
    rows: FloatArray = np.random.RandomState(0).uniform(0.1, 0.9, size=(n_rows, n_features))
    return rows.astype(f"f{itemsize}")
