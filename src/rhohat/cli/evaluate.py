"""``rhohat evaluate``: how good features are for telling classes apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import numpy as np

from rhohat.cli.data import look_for
from rhohat.cli.options import convolution_options, data_options
from rhohat.cli.text import count


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--labels",
    required=True,
    metavar="FILE|KEY|folders",
    help="One label per row, image or recording: a .npy file, a text file with a label in each "
    "line, the name of another array in the same .npz, or 'folders': the folder that each file "
    "lies in.",
)
@click.option(
    "--folds", type=click.IntRange(min=2), default=5, show_default=True, help="Of cross-validation."
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@convolution_options
@data_options
def evaluate(
    model: Path,
    inputs: tuple[Path, ...],
    labels: str,
    folds: int,
    as_json: bool,
    convolution: dict[str, Any] | None,
    on_error: str,
    shape: tuple[int, ...] | None,
    key: str | None,
) -> None:
    """Tell how well a linear classifier does on MODEL's features, beside the raw input and PCA.

    Logistic regression on standardized columns, cross-validated: on the features that encode
    writes, on the INPUTS as they are (recordings pooled over time, as the features are), and on as
    many principal components as there are features.

    \b
    Examples:
      rhohat evaluate model.safetensors digits.npz --key x_train --labels y_train
      rhohat evaluate model.safetensors flowers/ --convolve --labels folders
      rhohat evaluate model.safetensors words/ --convolve --grid 3 --labels folders
    """
    from rhohat.estimators.saving import load
    from rhohat.inspection.probe import probe, read_labels
    from rhohat.recipes.encoding import draws_pieces, encoder_of

    content = load(model)
    if convolution is None and draws_pieces(content):
        raise ValueError(
            "the model makes rows of random pieces, which have no labels: add --convolve for "
            "features of each image or recording."
        )
    data = look_for(model, content, inputs, on_error, shape, key, convolution)
    if data.is_stored:
        raise ValueError("evaluate trains on rows in memory: give it a part of the data.")
    features = encoder_of(content, convolution, data.content).transform(data.content)
    raw = data.raw_rows(content, convolution or {})
    y = read_labels(labels, inputs, data.names)
    if y.shape != (data.n_examples,):
        raise ValueError(
            f"{labels} holds labels of shape {y.shape}, but there are "
            f"{count(data.n_examples, 'example')}: each needs one. Files that were skipped still "
            "need theirs left out."
        )
    if raw is None:
        click.echo(
            "note: images of different sizes have no raw input of one length; the features are "
            "scored alone",
            err=True,
        )
    scores = probe(features, raw, y, folds=folds)
    if as_json:
        told = {name: score._asdict() for name, score in scores.items()}
        click.echo(json.dumps({"folds": folds, "examples": len(y), "scores": told}, indent=2))
        return
    classes = len(np.unique(y))
    click.echo(f"{count(len(y), 'example')} of {classes} classes, {folds} folds, accuracy\n")
    names = {"features": "features", "raw": "raw input", "pca": "PCA"}
    for name, score in scores.items():
        accuracy = 100 * np.array(score.accuracy)
        spread = f"{accuracy.mean():5.1f} % +- {accuracy.std():.1f}"
        click.echo(f"  {names[name]:<10} {score.columns:>7,} columns   {spread}")
