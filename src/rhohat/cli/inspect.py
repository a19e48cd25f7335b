"""``rhohat inspect``: what a model file holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rhohat.cli.help import Command
from rhohat.cli.options import json_option, model_argument
from rhohat.cli.output import echo_json
from rhohat.cli.summary import training_facts
from rhohat.cli.text import printable, tell

if TYPE_CHECKING:
    from rhohat.inspection.layers import Layer


@click.command(cls=Command)
@model_argument
@json_option
def inspect(path: Path, as_json: bool) -> None:
    """Show the settings of MODEL and how its training ended.

    \b
    Examples:
      rhohat inspect rhohat-out/model.safetensors
      rhohat inspect rhohat-out/model.safetensors --json
    """
    from rhohat.estimators.anatomy import steps_of
    from rhohat.estimators.saving import load
    from rhohat.inspection.layers import layers_of
    from rhohat.inspection.tiles import tiles_of

    model = load(path)
    layers = layers_of(model)
    patch_shape = tiles_of(layers[0]).shape
    facts: dict[str, Any] = {
        "model": str(path),
        "steps": [type(step).__name__ for step in steps_of(model)],
        "features": layers[0].n_features,
        "patch_shape": list(patch_shape) if patch_shape else None,
    }
    of_layers = [layer_facts(layer) for layer in layers]
    if as_json:
        facts |= of_layers[0] if len(layers) == 1 else {"layers": of_layers}
        echo_json(facts)
        return
    for name, value in facts.items():
        tell(fact_line(name, value))
    for layer, of_layer in zip(layers, of_layers, strict=True):
        if layer.name:
            tell(f"\n{layer.name}")
        for name, value in of_layer.items():
            tell(fact_line(name, value))


def layer_facts(layer: Layer) -> dict[str, Any]:
    """The settings of a layer, and how its training ended; None if unknown."""
    from sklearn import config_context

    estimator: Any = layer.estimator
    with config_context(print_changed_only=False):
        penalty = repr(estimator.sparsity_penalty)
    return {
        "units": layer.n_units,
        "activation": layer.activation.name,
        "decoder": getattr(estimator, "decoder", None),
        "sparsity_penalty": penalty,
        "weight_decay": estimator.weight_decay,
        "precision": layer.encoders[-1].weights.dtype.name,
        **training_facts(layer),
        "iterations": getattr(estimator, "n_iter_", None),
        "stop_reason": getattr(estimator, "stop_reason_", None),
        "seed": estimator.random_state,
        "data_fingerprint": getattr(estimator, "data_fingerprint_", None),
    }


def fact_line(name: str, value: Any) -> str:
    """One fact for people."""
    if isinstance(value, dict):
        value = ", ".join(f"{key} {number:.4f}" for key, number in value.items())
    elif isinstance(value, list):
        value = (" x " if name == "patch_shape" else ", ").join(map(str, value))
    shown = "unknown" if value is None else printable(value)
    return f"{name.replace('_', ' '):<19} {shown}"
