"""``rhohat show``: a model's features, drawn."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rhohat.cli.choices import RowOf
from rhohat.cli.data import drawing, load_on, read_for
from rhohat.cli.figures import draw_features
from rhohat.cli.help import Command
from rhohat.cli.options import (
    POSITIVE_INTEGER,
    data_options,
    device_option,
    model_argument,
)
from rhohat.cli.output import STANDARD_OUTPUT, binary_output, output_option
from rhohat.cli.text import count, printable

if TYPE_CHECKING:
    from rhohat.inspection.portrait import Portrait
    from rhohat.recipes.data import Request


@click.command(cls=Command)
@model_argument
@output_option(
    "features.png",
    "File to write; its extension, .png or .svg, sets the format. - is standard output.",
)
@click.option(
    "--sort",
    type=click.Choice(["unit", "activation"]),
    default="unit",
    help="Order of the tiles: by unit number, or by average activation, highest first.",
)
@click.option(
    "--picture",
    type=RowOf("rhohat.inspection.portrait", "PICTURES"),
    help="What to draw for each unit: the input that activates it most, what it adds to the data "
    "when it fires, the mean of its top examples in INPUTS, or its weights.  [default: "
    "looks-for for patches of images, else stands-for]",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["png", "svg"]),
    help="Format of the file.  [default: by its extension; png for standard output]",
)
@click.option(
    "--layer",
    type=POSITIVE_INTEGER,
    metavar="N",
    help="Layer of a stack, counted from the input.  [default: the top one]",
)
@device_option
@data_options("inputs")
def show(
    path: Path,
    out: Path,
    sort: str,
    picture: str | None,
    kind: str | None,
    layer: int | None,
    device: str,
    request: Request,
) -> None:
    """Draw each unit of MODEL: what it looks for, what it stands for, or its weights.

    Units of image models are drawn as tiles of pixels, others as curves, or as bars labeled with
    the names of the columns. INPUTS are needed only for --picture examples; they are read as learn
    reads them.

    \b
    Examples:
      rhohat show rhohat-out/model.safetensors
      rhohat show rhohat-out/model.safetensors --sort activation -o sorted.svg
      rhohat show rhohat-out/model.safetensors --picture stands-for -o - > features.png
      rhohat show spectra/model.safetensors spectra.npy --picture examples
    """
    from rhohat.inspection.examples import examples_of
    from rhohat.inspection.portrait import portraits_of
    from rhohat.recipes.finding import kind_of

    if kind is None:
        kind = "png" if out == STANDARD_OUTPUT else out.suffix.lower().removeprefix(".")
    if kind not in ("png", "svg"):
        raise click.BadParameter(f"{printable(out)} must end in .png or .svg.", param_hint="--out")
    model, examples = load_on(path, device), None
    data_kind = kind_of(model)
    request, shape = drawing(request, data_kind)
    if picture == "examples" and not request.paths and not data_kind.is_built_in:
        raise click.UsageError("--picture examples draws means over INPUTS: name INPUTS.")
    if request.paths or picture == "examples":
        data = read_for(path, model, request)
        examples = examples_of(model, data.loaded, shape)
    portraits = portraits_of(model, examples, shape)
    if layer is not None and layer > len(portraits):
        held = count(len(portraits), "layer")
        raise click.BadParameter(f"the model has only {held} of units.", param_hint="--layer")
    portrait = portraits[-1 if layer is None else layer - 1]
    refuse_other_shape(portrait, picture, shape)
    with binary_output(out, "features") as stream:
        draw_features(
            portrait,
            stream,
            picture=picture,
            by_activation=sort == "activation",
            shape=shape,
            kind=kind,
        )


def refuse_other_shape(
    portrait: Portrait, picture: str | None, shape: tuple[int, ...] | None
) -> None:
    """Raise BadParameter if units do not have the shape that is asked for."""
    values, known, *_ = portrait.view(picture).tiles
    if shape is None or shape == known:
        return
    if known is not None:
        own = "x".join(map(str, known))
        raise click.BadParameter(
            f"units of this model have shape {own}: leave out --shape.", param_hint="--shape"
        )
    if prod(shape) != values.shape[1]:
        raise click.BadParameter(
            f"units of this model see {values.shape[1]} numbers: give a shape of as many.",
            param_hint="--shape",
        )
