"""The choice of an engine: by name, by address, by client, or the engine itself."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Self, cast

from rhohat.common.devices import Device, device_of
from rhohat.common.validation import look_up
from rhohat.rows.cluster import DaskEngine
from rhohat.rows.engines import Engine, ThreadEngine

#: Engines by their names, each made from `n_jobs` and a device.
ENGINES: dict[str, Callable[[int | None, Device], Engine]] = {
    "threads": ThreadEngine,
    "dask": lambda n_jobs, device: DaskEngine(None, n_jobs, device=device),
}


def engine_of(engine: Any, n_jobs: int | None, device: str | Device = "cpu") -> Engine:
    """The engine that a name, an address or a client stands for, or the one given.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    device = device_of(device)
    if hasattr(engine, "map_sum"):
        if device.is_host:
            return cast(Engine, engine)
        raise ValueError(
            f"device={device.name!r} works with engine='threads', 'dask' or a scheduler's address; "
            "an engine that already exists was given its device when it was created."
        )
    is_address = isinstance(engine, str) and "://" in engine
    if is_address or _is_client(engine):
        return DaskEngine(engine, n_jobs, device=device)
    return look_up("engine", engine, ENGINES)(n_jobs, device)


class EngineHolder:
    """An estimator with an engine among its parameters; its clones have the same Dask client.

    A client is a connection, which cannot be copied as `sklearn.base.clone` copies parameters.
    """

    engine: Any

    def __sklearn_clone__(self) -> Self:
        """An unfitted estimator with the same parameters."""
        model = self
        if _is_client(self.engine):
            model = copy.copy(self)
            model.engine = None
        clone: Self = super(EngineHolder, model).__sklearn_clone__()  # type: ignore[misc]
        if model is not self:
            clone.engine = self.engine
        return clone


def _is_client(engine: Any) -> bool:
    return hasattr(engine, "scheduler_info")
