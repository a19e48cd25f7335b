"""Commands that work with a model file: ``show``, ``report``, ``inspect``, ``encode``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
import numpy as np

from rhohat.cli.data import look_for
from rhohat.cli.figures import draw_features, keep_matplotlib_cache_in_venv
from rhohat.cli.learn import results_of
from rhohat.cli.options import Shape, convolution_options, data_options
from rhohat.cli.text import count, megabytes, printable

if TYPE_CHECKING:
    from rhohat.inspection.layers import Layer

STANDARD_OUTPUT = Path("-")


@contextmanager
def binary_output(path: Path, what: str) -> Iterator[IO[bytes]]:
    """What is written goes to the file when it is complete, or to standard output for "-"."""
    from rhohat.common.tensorfiles import replacing

    if path == STANDARD_OUTPUT:
        if sys.stdout.isatty():
            raise click.UsageError(
                "standard output is a terminal: pipe it, or name a file with -o."
            )
        buffer = BytesIO()
        yield buffer
        sys.stdout.buffer.write(buffer.getbuffer())
        return
    with replacing(path) as stream:
        yield stream
    click.echo(f"{what} written to {printable(path)}")


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    default=Path("features.png"),
    show_default=True,
    help="File to write; its ending, .png or .svg, decides the kind. - is standard output.",
)
@click.option(
    "--sort",
    type=click.Choice(["unit", "activation"]),
    default="unit",
    show_default=True,
    help="Order of the tiles: as the units are numbered, or most active on average first.",
)
@click.option("--shape", type=Shape(), metavar="HxW[x3]", help="Draw rows as images of this shape.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["png", "svg"]),
    help="Kind of file.  [default: by the ending; png for standard output]",
)
@click.option(
    "--layer",
    type=click.IntRange(min=1),
    metavar="N",
    help="Layer of a stack, from the input upwards.  [default: the top one]",
)
def show(
    model: Path,
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

    keep_matplotlib_cache_in_venv()
    if kind is None:
        kind = "png" if out == STANDARD_OUTPUT else out.suffix.lower().removeprefix(".")
    if kind not in ("png", "svg"):
        raise click.BadParameter(f"{printable(out)} must end in .png or .svg.", param_hint="--out")
    portraits = portraits_of(load(model))
    if layer is not None and layer > len(portraits):
        held = count(len(portraits), "layer")
        raise click.BadParameter(f"the model has {held} of units.", param_hint="--layer")
    portrait = portraits[-1 if layer is None else layer - 1]
    width = portrait.tiles.values.shape[1]
    if shape is not None and np.prod(shape) != width:
        raise click.BadParameter(f"units of this model see {width} numbers.", param_hint="--shape")
    with binary_output(out, "features") as stream:
        draw_features(portrait, stream, order=sort, shape=shape, kind=kind)


@click.command("report")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("inputs", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    default=Path("report.html"),
    show_default=True,
    help="File to write. - is standard output.",
)
@click.option(
    "--examples",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    metavar="N",
    help="Examples to show for each unit.",
)
@click.option("--title", default="What the units have learned", help="Heading of the page.")
@data_options
def make_report(
    model: Path,
    inputs: tuple[Path, ...],
    out: Path,
    examples: int,
    title: str,
    on_error: str,
    shape: tuple[int, ...] | None,
    key: str | None,
) -> None:
    """Make a page on which to look at what every unit of MODEL has learned.

    One file of HTML, to be opened in a browser, sent or put anywhere: it asks nothing of any
    server. With INPUTS every unit comes with the examples that activate it most, a histogram and
    the units that fire together with it. INPUTS are read as learn reads them. Without INPUTS, a
    model of patches is shown on the photographs that come along, others without examples.

    \b
    Examples:
      rhohat report rhohat-out/model.safetensors
      rhohat report own/model.safetensors holidays/ -o holidays.html
      rhohat report digits.safetensors digits.npz --key x_train --shape 28x28
    """
    from rhohat.cli.progress import show_work
    from rhohat.estimators.saving import load
    from rhohat.inspection.report.page import report
    from rhohat.recipes.finding import needs_of
    from rhohat.recipes.kinds import KINDS

    content = load(model)
    needs, given = needs_of(content), None
    if inputs or needs.get("whole", ()) is None:
        drawn = shape if KINDS[needs["kind"]].takes_shape else None
        given = look_for(model, content, inputs, on_error, drawn, key).loaded
    with show_work("looking at what the units do"):
        page = report(content, given, shape=shape, n_examples=examples, title=title)
    with binary_output(out, f"report of {megabytes(len(page.html))}") as stream:
        stream.write(page.html.encode())


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("inputs", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    required=True,
    help="File to write, .npy; - is standard output.",
)
@convolution_options
@data_options
def encode(
    model: Path,
    inputs: tuple[Path, ...],
    out: Path,
    convolution: dict[str, Any] | None,
    on_error: str,
    shape: tuple[int, ...] | None,
    key: str | None,
) -> None:
    """Write the activations of MODEL's units for INPUTS, as a NumPy array (rows, units).

    INPUTS are read as learn reads them, and go through all that the model does before its units:
    whitening, patches, normalization. A model of patches draws its patches at random, by its seed,
    or with --convolve goes over all of them and gives a row of pooled features for each image; one
    of whole images or rows gives a row for each. Without INPUTS, the photographs that come along.

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
    content = load(model)
    data = look_for(model, content, inputs, on_error, shape, key, convolution)
    features = encoder_of(content, convolution, data.content).transform(data.content)
    n_rows, n_units = features.shape
    with binary_output(out, f"{count(n_rows, 'row')} of {count(n_units, 'number')}") as stream:
        write_features(stream, features)


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def inspect(model: Path, as_json: bool) -> None:
    """Tell what MODEL holds: its settings and how training ended.

    \b
    Examples:
      rhohat inspect rhohat-out/model.safetensors
      rhohat inspect rhohat-out/model.safetensors --json
    """
    from rhohat.estimators.anatomy import steps_of
    from rhohat.estimators.saving import load
    from rhohat.inspection.layers import layers_of
    from rhohat.inspection.tiles import tiles_of

    content = load(model)
    layers = layers_of(content)
    patch_shape = tiles_of(layers[0]).shape
    facts: dict[str, Any] = {
        "model": str(model),
        "steps": [type(step).__name__ for step in steps_of(content)],
        "features": layers[0].n_features,
        "patch_shape": list(patch_shape) if patch_shape else None,
    }
    if len(layers) == 1:
        facts |= facts_of(layers[0])
    else:
        facts["layers"] = [facts_of(layer) for layer in layers]
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    *_, last = facts
    parts = facts.pop(last) if last == "layers" else []
    for name, value in facts.items():
        click.echo(fact_line(name, value))
    for layer, part in zip(layers, parts, strict=False):
        click.echo(f"\n{layer.name}")
        for name, value in part.items():
            click.echo(fact_line(name, value))


def facts_of(layer: Layer) -> dict[str, Any]:
    """What there is to tell of a layer."""
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
        **results_of(estimator, layer.average),
        "iterations": getattr(estimator, "n_iter_", None),
        "stop_reason": getattr(estimator, "stop_reason_", None),
        "seed": estimator.random_state,
        "data_fingerprint": getattr(estimator, "data_fingerprint_", None),
    }


def fact_line(name: str, value: Any) -> str:
    """A fact for people."""
    if isinstance(value, dict):
        value = ", ".join(f"{key} {number:.4f}" for key, number in value.items())
    elif isinstance(value, list):
        value = (" x " if name == "patch_shape" else ", ").join(map(str, value))
    shown = "unknown" if value is None else printable(value)
    return f"{name.replace('_', ' '):<19} {shown}"
