"""``rhohat evaluate``: how well features tell classes apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rhohat.cli.data import read_for
from rhohat.cli.help import Command
from rhohat.cli.options import (
    Whole,
    convolution_options,
    data_options,
    json_option,
    model_argument,
)
from rhohat.cli.output import echo_json
from rhohat.cli.text import count, tell

if TYPE_CHECKING:
    from rhohat.recipes.data import Request


@click.command(cls=Command)
@model_argument
@click.option(
    "--labels",
    required=True,
    metavar="FILE|KEY|folders",
    help="One label per row, image or recording: a .npy file, a text file with one label per line, "
    "the name of another array in the same .npz, or 'folders' for the folder each file lies in.",
)
@click.option("--folds", type=Whole(min=2), default=5, help="Number of folds of cross-validation.")
@json_option
@convolution_options
@data_options("inputs", required=True)
def evaluate(
    path: Path,
    labels: str,
    folds: int,
    as_json: bool,
    convolution: dict[str, Any] | None,
    request: Request,
) -> None:
    """Compare MODEL's features with the raw input and PCA, by how well they classify.

    Logistic regression on standardized columns is cross-validated: on the features that encode
    writes, on INPUTS as they are (recordings pooled over time, as the features are), and on as many
    principal components as there are features.

    \b
    Examples:
      rhohat evaluate model.safetensors digits.npz --key x_train --labels y_train
      rhohat evaluate model.safetensors flowers/ --convolve --labels folders
      rhohat evaluate model.safetensors words/ --convolve --grid 3 --labels folders
    """
    import numpy as np

    from rhohat.estimators.saving import load
    from rhohat.inspection.probe import probe, read_labels
    from rhohat.recipes.encoding import draws_pieces, encoder_of

    model = load(path)
    if convolution is None and draws_pieces(model):
        raise ValueError(
            "the model makes rows of random pieces, which have no labels: add --convolve for "
            "features of each image or recording."
        )
    data = read_for(path, model, request, convolution)
    if data.is_stored:
        raise ValueError("evaluate trains on rows in memory: give it a part of the data.")
    features = encoder_of(model, convolution, data.content).transform(data.content)
    raw = data.raw_rows(model, convolution or {})
    y = read_labels(labels, request.paths, data.names)
    if y.shape != (data.n_examples,):
        raise ValueError(
            f"{labels} holds labels of shape {y.shape}, but there are "
            f"{count(data.n_examples, 'example')}: each needs one. Files that were skipped still "
            "need theirs left out."
        )
    if raw is None:
        tell(
            "note: images of different sizes have no raw input of one length; the features are "
            "scored alone",
            err=True,
        )
    scores = probe(features, raw, y, folds=folds)
    if as_json:
        told = {name: score._asdict() for name, score in scores.items()}
        echo_json({"folds": folds, "examples": len(y), "scores": told})
        return
    classes = len(np.unique(y))
    tell(f"{count(len(y), 'example')} of {classes} classes, {folds} folds, accuracy\n")
    names = {"features": "features", "raw": "raw input", "pca": "PCA"}
    for name, score in scores.items():
        accuracy = 100 * np.array(score.accuracy)
        spread = f"{accuracy.mean():5.1f} % +- {accuracy.std():.1f}"
        tell(f"  {names[name]:<10} {score.columns:>7,} columns   {spread}")
