"""The choice of an engine: by name, by address, by client, or the engine itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from rhohat.common.validation import look_up
from rhohat.rows.cluster import DaskEngine
from rhohat.rows.engines import Engine, ThreadEngine

#: Engines by their names, each made from `n_jobs`.
ENGINES: dict[str, Callable[[int | None], Engine]] = {
    "threads": ThreadEngine,
    "dask": lambda n_jobs: DaskEngine(None, n_jobs),
}


def engine_of(engine: Any, n_jobs: int | None) -> Engine:
    """The engine that a name, an address or a client stands for, or the one given.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if hasattr(engine, "map_sum"):
        return cast(Engine, engine)
    is_address = isinstance(engine, str) and "://" in engine
    if is_address or hasattr(engine, "scheduler_info"):
        return DaskEngine(engine, n_jobs)
    return look_up("engine", engine, ENGINES)(n_jobs)
