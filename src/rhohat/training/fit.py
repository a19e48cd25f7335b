"""What fits of all estimators have in common: checks, the engine meant, and the run's identity."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import _check_sample_weight

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.common.validation import look_up
from rhohat.objective.sparse import Objective
from rhohat.rows.checksums import Verified, take_manifest
from rhohat.rows.cluster import DaskEngine
from rhohat.rows.derived import Mapped
from rhohat.rows.engines import Engine, ThreadEngine
from rhohat.rows.sources import ArraySource, Column, Partition, Source, Weighted, column
from rhohat.rows.stores import is_stored
from rhohat.training.adam import Adam
from rhohat.training.run import Stage
from rhohat.training.solvers import SOLVERS, Solver

__all__ = [
    "check_readable",
    "engine_of",
    "identity",
    "inspected",
    "refuse_beyond_memory",
    "solver_of",
    "validated_weight",
    "weighted",
]


def solver_of(solver: str | Solver | Adam) -> Solver:
    """The solver that a name stands for, or the one given."""
    if isinstance(solver, Adam):
        raise TypeError(
            "Adam learns from a stream, by partial_fit. fit minimises the exact objective: use "
            "solver='lbfgs'."
        )
    if hasattr(solver, "minimize"):
        return solver
    return look_up("solver", solver, SOLVERS)()


def validated_weight(sample_weight: ArrayLike, X: FloatArray) -> Float64Array:
    """Weights as float64 of the right length: none negative, not all zero."""
    weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if not weight.any():
        raise ValueError("sample_weight is zero for every row: at least one row must count.")
    # Only ratios count, and float32 could not hold every scale.
    scaled: Float64Array = weight / weight.max()
    scaled[scaled < np.finfo(np.float32).tiny] = 0
    return scaled


def refuse_beyond_memory(objective: Objective[Any]) -> None:
    """Raise MemoryError, before anything is allocated, if the parameters cannot fit."""
    # theta, gradient, sums, and the solver's memory of 20 steps and 20 changes, in float64
    needed = 8 * objective.n_parameters * 48
    try:
        available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # only Unix tells
        return
    if needed > available:
        raise MemoryError(
            f"training {objective.n_parameters:,} parameters needs about {needed / 2**30:,.0f} "
            f"GiB, this machine has {available / 2**30:,.0f} GiB. Use fewer units, or reduce the "
            "features, for instance by Whitening(n_components=...)."
        )


def engine_of(engine: Any, n_jobs: int | None) -> Engine:
    """The engine that a name, an address or a client stands for, or the one given."""
    if hasattr(engine, "map_sum"):
        return cast(Engine, engine)
    if hasattr(engine, "scheduler_info"):
        return DaskEngine(engine, n_jobs)
    if isinstance(engine, str) and "://" in engine:
        return DaskEngine(engine, n_jobs)
    engines: dict[str, Callable[[], Engine]] = {
        "threads": lambda: ThreadEngine(n_jobs),
        "dask": lambda: DaskEngine(None, n_jobs),
    }
    return look_up("engine", engine, engines)()


def check_readable(engine: Engine, source: Source) -> None:
    """Raise TypeError if workers of other processes would have to be sent the data."""
    if isinstance(engine, DaskEngine) and not is_stored(source):
        raise TypeError(
            "Dask's workers read their rows themselves, but these lie in this process's memory. "
            "Save them, numpy.save('X.npy', X), and give fit the path; or use engine='threads'."
        )


def weighted(source: Source, sample_weight: ArrayLike) -> Source:
    """`source` with weights; rows in memory that weigh nothing are left out."""
    n_rows = source.shape[0]
    weight = validated_weight(sample_weight, np.empty((n_rows, 0)))
    counted = weight > 0
    if not isinstance(source, ArraySource):
        if not counted.all():
            raise ValueError(
                f"sample_weight is zero for row {int(np.argmin(counted))} and others: of rows "
                "outside memory, leave out those that do not count."
            )
        return Weighted(source, weight)
    if counted.all():
        return ArraySource(source.X, weight, source.y)
    y = None if source.y is None else source.y[counted]
    return ArraySource(source.X[counted], weight[counted], y)


def inspected(
    source: Source, engine: Engine, partition: Partition, verify: bool
) -> tuple[Source, str]:
    """Take the first pass over the data; the source, verified from now on, and its fingerprint."""
    manifest = take_manifest(source.origin, engine, partition.chunk_size)
    if verify:
        source = Verified.at_origin(source, manifest)
    rows = source
    while isinstance(rows, Column):
        rows = rows.source
    if isinstance(rows, Mapped):
        manifest = take_manifest(source, engine, partition.chunk_size)
    return source, manifest.fingerprint


def identity(
    source: Source,
    partition: Partition,
    stages: Sequence[Stage],
    fingerprint: str,
    solver: object,
    tol: float,
) -> dict[str, str]:
    """What decides the result of any run, in words, so that only the same one is resumed."""

    def digest(field: str) -> str:
        values = column(source, field)
        counted = b"" if values is None else np.ascontiguousarray(values).tobytes()
        return hashlib.sha256(counted).hexdigest()

    return {
        "versions": f"rhohat {version('rhohat')}, NumPy {np.__version__}",
        "data": fingerprint,
        "precision": source.dtype.name,
        "sample weight": digest("sample_weight"),
        "labels": digest("y"),
        "shape": f"{source.shape[0]} rows, {source.shape[1]} features",
        "solver": str(solver),
        "tol": repr(float(tol)),
        "stages": str([tuple(stage) for stage in stages]),
        "block and chunk size": str(tuple(partition)),
    }
