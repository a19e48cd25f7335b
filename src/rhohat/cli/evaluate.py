"""``rhohat evaluate``: how well features tell classes apart."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from rhohat.cli.data import beside, load_on, read_for, with_columns
from rhohat.cli.help import Command
from rhohat.cli.options import (
    Whole,
    convolution_options,
    data_options,
    device_option,
    json_option,
    model_argument,
)
from rhohat.cli.output import echo_json
from rhohat.cli.text import count, tell

if TYPE_CHECKING:
    from rhohat.inspection.probe import Score
    from rhohat.recipes.data import Request


@click.command(cls=Command)
@model_argument
@click.option(
    "--labels",
    required=True,
    metavar="COLUMN|FILE|KEY|folders",
    help="One label per row, image or recording (for series, per file or window): a column of the "
    "data; a .npy file; a text file or table, FILE::COLUMN if it has several columns; the "
    "name of another array in the same .npz; or 'folders' for the name of each file's folder.",
)
@click.option(
    "--groups",
    metavar="COLUMN|FILE|KEY|folders|files",
    help="The group of each example, such as its recording, patient or machine, given as for "
    "--labels. No group is both trained and tested on.",
)
@click.option("--folds", type=Whole(min=2), default=5, help="Number of folds of cross-validation.")
@json_option
@convolution_options
@device_option
@data_options("inputs", required=True, without=("labels",))
def evaluate(
    path: Path,
    labels: str,
    groups: str | None,
    folds: int,
    as_json: bool,
    convolution: dict[str, Any] | None,
    device: str,
    request: Request,
) -> None:
    """Compare a linear classifier on MODEL's features, on the raw input and on PCA.

    Logistic regression on standardized columns is cross-validated on the features that encode
    writes, on INPUTS as they are (recordings pooled over time, as the features are), and on as many
    principal components as there are features. Where rows of one recording, patient or machine are
    alike, use --groups to say which belong together. Otherwise, the scores show how well these are
    recognized again, not how well new ones will be.

    \b
    Examples:
      rhohat evaluate model.safetensors digits.npz --key x_train --labels y_train
      rhohat evaluate model.safetensors cells.csv --labels tissue --groups patient
      rhohat evaluate model.safetensors rows.npy --labels labels.csv::class
      rhohat evaluate model.safetensors flowers/ --convolve --labels folders
      rhohat evaluate model.safetensors words/ --convolve --grid 3 --labels folders
      rhohat evaluate model.safetensors machines/ --labels folders --groups files
    """
    import numpy as np

    from rhohat.files.labels import has_label
    from rhohat.inspection.probe import neighbors_are_alike, probe, reading_of
    from rhohat.recipes.encoding import draws_pieces, encoder_of
    from rhohat.recipes.finding import kind_of

    model = load_on(path, device)
    if convolution is None and draws_pieces(model) and not kind_of(model).takes_all_pieces:
        raise ValueError(
            "the model makes rows from random pieces, which have no labels: add --convolve for "
            "features of each image or recording."
        )
    data = read_for(path, model, with_columns(request, labels, groups), convolution)
    if data.is_stored:
        raise ValueError("evaluate needs rows that fit in memory: give it part of the data.")
    windows = None if convolution is not None else data.windows_of(model)
    y = beside(data, labels, "--labels", windows)
    belongs = None if groups is None else beside(data, groups, "--groups", windows)
    if labels == "folders" and len(folders := set(y.tolist())) == 1:
        raise ValueError(
            f"--labels folders: all files are in one folder, {folders.pop()}. Put the files of "
            "each class into a folder of their own, or name a file with a label for each: "
            "--labels labels.txt"
        )
    tell("encoding", err=True)
    features = np.asarray(encoder_of(model, convolution, data.content).transform(data.content))
    raw = data.raw_rows(model, convolution or {})
    if raw is None:
        tell(
            "note: the images differ in size, so there is no raw input to compare with; only the "
            "features are scored",
            err=True,
        )
    known = has_label(y)
    if not known.all():
        click.echo(
            f"note: left out {count(int((~known).sum()), 'example')} without a label", err=True
        )
        y, features, raw = y[known], features[known], None if raw is None else raw[known]
        belongs = None if belongs is None else belongs[known]
    y = y.astype(str) if y.dtype == object else y
    if belongs is None and windows is not None:
        tell(
            "note: windows of one recording fall on both sides of the split, so the scores may be "
            "far too good; hold out whole recordings with --groups files",
            err=True,
        )
    elif belongs is None and neighbors_are_alike(features if raw is None else raw, y):
        tell(
            "note: consecutive examples are much alike, like windows of one recording. They fall "
            "on both sides of the split, so the scores may be far too good; say which belong "
            "together with --groups",
            err=True,
        )
    tell("classifying", err=True)
    scores = probe(features, raw, y, folds=folds, groups=belongs)
    reading = reading_of(scores, y)
    if as_json:
        told = {name: asdict(score) for name, score in scores.items()}
        n_groups = None if belongs is None else len(np.unique(belongs))
        echo_json(
            {
                "folds": folds,
                "examples": len(y),
                "groups": n_groups,
                "scores": told,
                "reading": reading,
            }
        )
        return
    click.echo(_text(scores, y, folds, belongs, reading))


def _text(
    scores: dict[str, Score],
    y: NDArray[Any],
    folds: int,
    groups: NDArray[Any] | None,
    reading: str,
) -> str:
    """Scores as a table, and what they say."""
    of_groups = "" if groups is None else f" in {len(np.unique(groups))} groups"
    lines = [
        f"{count(len(y), 'example')} of {len(np.unique(y))} classes{of_groups}, {folds} folds, "
        "accuracy",
        "",
    ]
    for name, score in scores.items():
        accuracy = 100 * np.array(score.accuracy)
        spread = f"{accuracy.mean():5.1f} % +- {accuracy.std():.1f}"
        lines.append(f"  {NAMES[name]:<10} {score.columns:>7,} columns   {spread}")
    lines += ["", reading, "+- is the standard deviation over the folds."]
    head = "".join(f"{title:>19}" for title in MEASURES.values())
    lines += ["", f"  {'':<10}{head}"]
    for name, score in scores.items():
        values = "".join(f"{np.mean(getattr(score, measure)):>19.3f}" for measure in MEASURES)
        lines.append(f"  {NAMES[name]:<10}{values}")
    curve = scores["features"].by_labels
    if curve:
        labels = "".join(f"{n:>8,}" for n in curve)
        lines += ["", "accuracy in % by the number of labels per class", f"  {'':<10}{labels}"]
        for name, score in scores.items():
            values = "".join(f"{100 * score.by_labels[n]:>8.1f}" for n in curve)
            lines.append(f"  {NAMES[name]:<10}{values}")
    return "\n".join(lines)


NAMES = {"features": "features", "raw": "raw input", "pca": "PCA"}
#: Measures beside accuracy, as they are headed.
MEASURES = {
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "kappa": "Cohen's kappa",
    "roc_auc": "ROC AUC",
}
