"""``rhohat show``: a model's features, drawn."""

from __future__ import annotations

import math
from pathlib import Path

import click

from rhohat.cli.figures import draw_features
from rhohat.cli.help import Command
from rhohat.cli.options import POSITIVE_INTEGER, Shape, model_argument
from rhohat.cli.output import STANDARD_OUTPUT, binary_output, output_option
from rhohat.cli.text import count, printable


@click.command(cls=Command)
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
    if shape is not None and math.prod(shape) != width:
        raise click.BadParameter(f"units of this model see {width} numbers.", param_hint="--shape")
    with binary_output(out, "features") as stream:
        draw_features(portrait, stream, by_activation=sort == "activation", shape=shape, kind=kind)
