"""``rhohat encode``: the features that a model makes of data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rhohat.cli.data import read_for
from rhohat.cli.help import Command
from rhohat.cli.options import convolution_options, data_options, model_argument
from rhohat.cli.output import STANDARD_OUTPUT, binary_output, output_option
from rhohat.cli.text import count, printable

if TYPE_CHECKING:
    from rhohat.recipes.data import Request


@click.command(cls=Command)
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
