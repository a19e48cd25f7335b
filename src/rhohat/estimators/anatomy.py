"""Models taken apart: the steps of pipelines, whatever they are wrapped in."""

from __future__ import annotations

from typing import Any

from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

__all__ = ["steps_of", "thawed"]


def steps_of(model: Any) -> list[Any]:
    """The estimators of a pipeline in order, those of pipelines in it too; or the model itself.

    Steps that do nothing are left out, and frozen estimators are thawed.
    """
    model = thawed(model)
    if not isinstance(model, Pipeline):
        return [model]
    steps = [step for _, step in model.steps if step is not None and step != "passthrough"]
    return [inner for step in steps for inner in steps_of(step)]


def thawed(model: Any) -> Any:
    """The estimator in a FrozenEstimator; any other as it is."""
    return model.estimator if isinstance(model, FrozenEstimator) else model
