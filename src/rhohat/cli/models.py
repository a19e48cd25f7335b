"""Commands that work with a model file: ``show``, ``report``, ``inspect``, ``encode``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from rhohat.cli.data import read_for
from rhohat.cli.figures import draw_features
from rhohat.cli.options import (
    POSITIVE_INTEGER,
    Shape,
    convolution_options,
    data_options,
    json_option,
    model_argument,
)
from rhohat.cli.output import STANDARD_OUTPUT, binary_output, output_option
from rhohat.cli.summary import training_facts
from rhohat.cli.text import count, megabytes, printable

if TYPE_CHECKING:
    from rhohat.inspection.layers import Layer
    from rhohat.recipes.data import Request


@click.command()
@model_argument
@output_option(
    "features.png",
    "File to write; its ending, .png or .svg, decides the format. - is standard output.",
)
@click.option(
    "--sort",
    type=click.Choice(["unit", "activation"]),
    default="unit",
    help="Order of the tiles: by number of the unit, or most active on average first.",
)
@click.option("--shape", type=Shape(), metavar="HxW[x3]", help="Draw rows as images of this shape.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["png", "svg"]),
    help="Format of the file.  [default: by the ending; png for standard output]",
)
@click.option(
    "--layer",
    type=POSITIVE_INTEGER,
    metavar="N",
    help="Layer of a stack, counted from the input.  [default: the top one]",
)
def show(
    path: Path,
    out: Path,
    sort: str,
    shape: tuple[int, ...] | None,
    kind: str | None,
    layer: int | None,
) -> None:
    """Draw the input that activates each unit of MODEL most.

    \b
    Examples:
      rhohat show rhohat-out/model.safetensors
      rhohat show rhohat-out/model.safetensors --sort activation -o sorted.svg
      rhohat show rhohat-out/model.safetensors -o - > features.png
    """
    from rhohat.estimators.saving import load
    from rhohat.inspection.portrait import portraits_of

    if kind is None:
        kind = "png" if out == STANDARD_OUTPUT else out.suffix.lower().removeprefix(".")
    if kind not in ("png", "svg"):
        raise click.BadParameter(f"{printable(out)} must end in .png or .svg.", param_hint="--out")
    portraits = portraits_of(load(path))
    if layer is not None and layer > len(portraits):
        held = count(len(portraits), "layer")
        raise click.BadParameter(f"the model has {held} of units.", param_hint="--layer")
    portrait = portraits[-1 if layer is None else layer - 1]
    width = portrait.tiles.values.shape[1]
    if shape is not None and np.prod(shape) != width:
        raise click.BadParameter(f"units of this model see {width} numbers.", param_hint="--shape")
    with binary_output(out, "features") as stream:
        draw_features(portrait, stream, by_activation=sort == "activation", shape=shape, kind=kind)


@click.command("report")
@model_argument
@output_option("report.html", "File to write. - is standard output.")
@click.option(
    "--examples",
    type=POSITIVE_INTEGER,
    default=8,
    metavar="N",
    help="Number of examples to show for each unit.",
)
@click.option("--title", default="What the units have learned", help="Heading of the page.")
@data_options("inputs")
def make_report(path: Path, out: Path, examples: int, title: str, request: Request) -> None:
    """Make a page that shows what every unit of MODEL has learned.

    The page is one HTML file, to be opened in a browser, sent or put anywhere; it needs no server.
    With INPUTS, every unit comes with the examples that activate it most, a histogram and the units
    that fire together with it. INPUTS are read as learn reads them. Without INPUTS, a model of
    patches is shown on the built-in photographs, others without examples.

    \b
    Examples:
      rhohat report rhohat-out/model.safetensors
      rhohat report own/model.safetensors holidays/ -o holidays.html
      rhohat report digits.safetensors digits.npz --key x_train --shape 28x28
    """
    from rhohat.cli.progress import show_work
    from rhohat.estimators.saving import load
    from rhohat.inspection.report.page import report
    from rhohat.recipes.encoding import draws_pieces
    from rhohat.recipes.finding import kind_of

    model, data = load(path), None
    kind = kind_of(model)
    if request.paths or (kind.is_built_in and draws_pieces(model)):
        shape = request.shape if kind.takes_shape else None
        data = read_for(path, model, replace(request, shape=shape)).loaded
    with show_work("looking at what the units do"):
        page = report(model, data, shape=request.shape, n_examples=examples, title=title)
    with binary_output(out, f"report of {megabytes(len(page.html))}") as stream:
        stream.write(page.html.encode())


@click.command()
@model_argument
@output_option(None, "File to write, .npy; - is standard output.")
@convolution_options
@data_options("inputs")
def encode(path: Path, out: Path, convolution: dict[str, Any] | None, request: Request) -> None:
    """Write the activations of MODEL's units for INPUTS, as a NumPy array (rows, units).

    INPUTS are read as learn reads them, and go through all that the model does before its units:
    whitening, patches, normalization. A model of patches draws its patches at random, by its seed;
    with --convolve it goes over all of them and gives one row of pooled features per image. A model
    of whole images or rows gives one row for each. Without INPUTS, the built-in photographs are
    taken.

    \b
    Examples:
      rhohat encode rhohat-out/model.safetensors holidays/ -o features.npy
      rhohat encode rhohat-out/model.safetensors holidays/ --convolve -o features.npy
      rhohat encode rhohat-out/model.safetensors digits.npz --key x_test -o - | my-classifier
    """
    from rhohat.estimators.saving import load
    from rhohat.recipes.encoding import encoder_of, write_features

    if out != STANDARD_OUTPUT and out.suffix.lower() != ".npy":
        raise click.BadParameter(f"{printable(out)} must end in .npy.", param_hint="--out")
    model = load(path)
    data = read_for(path, model, request, convolution)
    features = encoder_of(model, convolution, data.content).transform(data.content)
    n_rows, n_units = features.shape
    with binary_output(out, f"{count(n_rows, 'row')} of {count(n_units, 'number')}") as stream:
        write_features(stream, features)


@click.command()
@model_argument
@json_option
def inspect(path: Path, as_json: bool) -> None:
    """Tell what MODEL holds: its settings, and how training ended.

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
        click.echo(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        click.echo(fact_line(name, value))
    for layer, of_layer in zip(layers, of_layers, strict=True):
        if layer.name:
            click.echo(f"\n{layer.name}")
        for name, value in of_layer.items():
            click.echo(fact_line(name, value))


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
