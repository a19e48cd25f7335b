"""Provenance: what a model was made by, and Python that makes it again."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, NamedTuple

from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator

from rhohat.estimators.anatomy import steps_of, thawed

#: Parameters that say how a model was trained, and not what it is.
RUN = ("callback", "engine", "device", "checkpoint", "resume", "verify", "n_jobs", "warm_start")


def trained_steps(model: BaseEstimator) -> list[BaseEstimator]:
    """The estimators whose settings made the model; of a stack's layers each."""
    trained: list[BaseEstimator] = []
    for step in steps_of(model):
        trained.append(step)
        trained += getattr(step, "layers_", [])
    return trained


def parameters_of(step: BaseEstimator) -> dict[str, str]:
    """All parameters of a step that say what it is."""
    with config_context(print_changed_only=False):
        params = {name: repr(value) for name, value in step.get_params(deep=False).items()}
    return {name: text for name, text in params.items() if name not in RUN}


def settings_of(model: BaseEstimator) -> dict[str, str]:
    """All settings that made a model, those of penalties and solvers too, by step and name."""
    settings: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for step in trained_steps(model):
        name = type(step).__name__
        counts[name] += 1
        label = name if counts[name] == 1 else f"{name} {counts[name]}"
        is_stack = hasattr(step, "layers_")  # whose layers follow it
        for parameter, value in step.get_params(deep=not is_stack).items():
            if not {*RUN} & {*parameter.split("__")}:
                has_own = hasattr(value, "get_params")
                settings[f"{label}.{parameter}"] = type(value).__name__ if has_own else repr(value)
    return settings


def versions() -> dict[str, str]:
    """Of Python and the packages that the numbers depend on."""
    packages = ("rhohat", "numpy", "scipy", "scikit-learn")
    return {"Python": platform.python_version(), **{name: version(name) for name in packages}}


def code_of(model: BaseEstimator, reading: str = "") -> str:
    """Python that makes the same model, not fitted but where a part of it is frozen.

    Parameters
    ----------
    model : estimator
    reading : str, default=""
        Expression that reads the data, with ``import rhohat``; if it is not known, the user has to
        say what ``data`` is.
    """
    model = thawed(model)
    text: str = _unfitted(model).__repr__(N_CHAR_MAX=10**6)
    made_of = sorted({_imported(step) for step in _estimators(model)})
    ours = [name for module, name in made_of if module == "rhohat"]
    lines = [f"from {module} import {name}" for module, name in made_of if module != "rhohat"]
    lines = [f"from rhohat import {', '.join(ours)}", *lines]
    labels = ", labels" if isinstance(steps_of(model)[-1], ClassifierMixin) else ""
    if reading:
        lines = ["import rhohat", *lines]
    read = [f"data = {reading}"] if reading else []
    return "\n".join([*lines, "", *read, f"model = {text}", f"model.fit(data{labels})"])


class _Text(NamedTuple):
    """What is shown as it is among parameters."""

    text: str

    def __repr__(self) -> str:
        return self.text


def _unfitted(value: Any) -> Any:
    """The same estimator, or list of them, without what concerns one run alone."""
    if type(value) in (list, tuple):
        return type(value)(map(_unfitted, value))
    if not isinstance(value, BaseEstimator):
        return value
    params = {
        name: _unfitted(param)
        for name, param in value.get_params(deep=False).items()
        if name not in RUN
    }
    if isinstance(value, FrozenEstimator):
        inner = params["estimator"].__repr__(N_CHAR_MAX=10**6)
        params["estimator"] = _Text(f"{inner}.fit(other_data)")
    return type(value)(**params)


def _estimators(value: Any) -> Iterator[BaseEstimator]:
    """Those that a representation holds, the value itself among them."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _estimators(item)
    elif isinstance(value, BaseEstimator):
        yield value
        yield from _estimators(list(value.get_params(deep=False).values()))


def _imported(step: BaseEstimator) -> tuple[str, str]:
    """Where a class is imported from, and its name."""
    module = type(step).__module__
    # A class of a script or a notebook is in __main__, and has no other name.
    public = [part for part in module.split(".") if not part.startswith("_")] or [module]
    return "rhohat" if public[0] == "rhohat" else ".".join(public), type(step).__name__
