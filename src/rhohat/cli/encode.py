"""``rhohat encode``: the features that a model makes of data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rhohat.cli.data import beside, load_on, read_for, with_columns
from rhohat.cli.help import Command
from rhohat.cli.options import (
    convolution_options,
    data_options,
    device_option,
    model_argument,
)
from rhohat.cli.output import STANDARD_OUTPUT, binary_output, output_option
from rhohat.cli.text import count, printable

if TYPE_CHECKING:
    from rhohat.recipes.data import Request


@click.command(cls=Command)
@model_argument
@output_option(
    None,
    "File to write. Its extension sets the format: .npy holds only the features; .csv, .npz and "
    ".parquet also say where each row comes from. - writes .npy to standard output.",
)
@click.option(
    "--labels",
    metavar="COLUMN|FILE|KEY|folders",
    help="Write a label with each row of a .csv, .npz or .parquet file; labels are given as for "
    "evaluate.",
)
@convolution_options
@device_option
@data_options("inputs", without=("labels",))
def encode(
    path: Path,
    out: Path,
    labels: str | None,
    convolution: dict[str, Any] | None,
    device: str,
    request: Request,
) -> None:
    """Write the activations of MODEL's units on INPUTS, with a column for each unit.

    INPUTS are read as learn reads them, and go through all of the model's preprocessing: whitening,
    patches, normalization. A model of patches draws random patches by its seed; with --convolve, it
    is applied at every position and gives one row of pooled features per image. A model of whole
    images or rows gives one row for each. Without INPUTS, the built-in photographs are used.

    A .csv, .npz or .parquet file also states the file that each row comes from, its row there, its
    place in an image or its time in a recording, and its label. Skipped files have no rows. For a
    classifier, the columns are the probabilities of the classes; these files then also hold the
    predicted class.

    \b
    Examples:
      rhohat encode rhohat-out/model.safetensors holidays/ -o features.npy
      rhohat encode rhohat-out/model.safetensors holidays/ --convolve -o features.csv
      rhohat encode rhohat-out/model.safetensors digits.npz --key x_test -o - | my-classifier
    """
    from rhohat.recipes.encoding import (
        WRITERS,
        Encoded,
        Predictions,
        encoder_of,
        names_of_features,
        origins_of,
        predicts,
    )

    suffix = ".npy" if out == STANDARD_OUTPUT else out.suffix.lower()
    if suffix not in WRITERS:
        endings = ", ".join(WRITERS)
        raise click.BadParameter(
            f"{printable(out)} must end in one of {endings}.", param_hint="--out"
        )
    if labels is not None and suffix == ".npy":
        raise click.UsageError(
            "--labels needs a format that describes each row, such as -o features.csv"
        )
    model = load_on(path, device)
    data = read_for(path, model, with_columns(request, labels), convolution)
    predicting = convolution is None and predicts(model)
    encoder: Any = (
        Predictions(model) if predicting else encoder_of(model, convolution, data.content)
    )
    features = encoder.transform(data.content)
    n_rows, n_units = features.shape
    origins = {} if suffix == ".npy" else origins_of(model, convolution, data)
    if labels is not None:
        windows = None if convolution is not None else data.windows_of(model)
        y = beside(data, labels, "--labels", windows)
        if y.shape != (n_rows,):
            raise ValueError(
                f"{labels} holds {count(len(y), 'label')}, one for each {data.noun}, but the model "
                f"makes {count(n_rows, 'row')} from random pieces: add --convolve."
            )
        origins["label"] = y
    if predicting and suffix != ".npy":
        origins["predicted"] = encoder.classes_[features.argmax(axis=1)]
    encoded = Encoded(features, names_of_features(encoder, n_units), origins)
    with binary_output(out, f"{count(n_rows, 'row')} of {count(n_units, 'number')}") as stream:
        WRITERS[suffix](stream, encoded)
