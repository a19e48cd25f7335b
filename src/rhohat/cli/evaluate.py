"""``rhohat evaluate``: how good features are for telling classes apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from rhohat.cli.data import look_for
from rhohat.cli.models import encoder_of
from rhohat.cli.options import convolution_options, data_options
from rhohat.cli.text import count, printable
from rhohat.common.arrays import FloatArray

__all__ = ["evaluate"]


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

    Logistic regression on standardised columns, cross-validated: on the features that encode
    writes, on the INPUTS as they are (recordings pooled over time, as the features are), and on as
    many principal components as there are features.

    \b
    Examples:
      rhohat evaluate model.safetensors digits.npz --key x_train --labels y_train
      rhohat evaluate model.safetensors flowers/ --convolve --labels folders
      rhohat evaluate model.safetensors words/ --convolve --grid 3 --labels folders
    """
    from rhohat.estimators.anatomy import Anatomy
    from rhohat.estimators.saving import load

    content = load(model)
    if convolution is None and draws_pieces(content):
        raise ValueError(
            "the model makes rows of random pieces, which have no labels: add --convolve for "
            "features of each image or recording."
        )
    data = look_for(model, content, inputs, on_error, shape, key, convolution).read()
    data.report()
    if data.is_stored:
        raise ValueError("evaluate trains on rows in memory: give it a part of the data.")
    features = encoder_of(content, convolution, data.content).transform(data.content)
    raw: FloatArray | None
    if data.kind == "recordings":
        raw = pooled_input(Anatomy.of(content).sound, data.content, convolution or {})
    else:
        raw = flat(data.content)
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
    scores = probe(features, raw, y, folds)
    if as_json:
        click.echo(json.dumps({"folds": folds, "examples": len(y), "scores": scores}, indent=2))
        return
    classes = len(np.unique(y))
    click.echo(f"{count(len(y), 'example')} of {classes} classes, {folds} folds, accuracy\n")
    names = {"features": "features", "raw": "raw input", "pca": "PCA"}
    for key, score in scores.items():
        accuracy = 100 * np.array(score["accuracy"])
        spread = f"{accuracy.mean():5.1f} % +- {accuracy.std():.1f}"
        click.echo(f"  {names[key]:<10} {score['columns']:>7,} columns   {spread}")


def draws_pieces(model: Any) -> bool:
    """Whether a model's rows are pieces, and not whole images or rows of the data."""
    from rhohat.estimators.anatomy import Anatomy

    extractor = Anatomy.of(model).extractor
    return extractor is not None and not extractor.takes_wholes


def pooled_input(extractor: Any, recordings: Any, convolution: dict[str, Any]) -> FloatArray:
    """Spectrograms, or waveforms, pooled over time as features are."""
    pool: dict[str, Any] = {"mean": np.mean, "max": np.max, "sum": np.sum}
    rows = []
    for image in extractor.transform(recordings):
        cells = np.array_split(image, convolution.get("grid", 1), axis=1)
        names = convolution.get("pooling", ("mean",))
        rows.append(np.concatenate([pool[name](c, axis=1) for name in names for c in cells]))
    return np.stack(rows)


def flat(content: Any) -> FloatArray | None:
    """Rows, or images as rows; None if they have different sizes."""
    if isinstance(content, np.ndarray):
        return content.reshape(len(content), -1)
    if len({image.shape for image in content}) > 1:
        return None
    return np.stack([image.ravel() for image in content])


def read_labels(labels: str, inputs: tuple[Path, ...], names: list[str]) -> NDArray[Any]:
    """Labels in a file, in another array of the data's file, or in the names of folders."""
    path = Path(labels)
    if labels == "folders":
        if not names:
            raise ValueError(f"--labels folders goes by files, but {inputs[0]} holds all rows.")
        return np.array([Path(name).parent.name for name in names])
    if path.is_file():
        try:
            if path.suffix.lower() == ".npy":
                held: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
                return held.squeeze() if held.ndim > 1 else np.asarray(held)
            text = path.read_text(encoding="utf-8-sig")
        except (ValueError, EOFError, OSError) as error:
            expected = "an array of labels" if path.suffix == ".npy" else "a text file in UTF-8"
            raise ValueError(f"--labels {labels}: expected {expected}: {error}") from error
        lines = [line.strip() for line in text.rstrip().splitlines()]
        if "" in lines:
            raise ValueError(f"--labels {labels}: line {lines.index('') + 1} is empty.")
        return np.array(lines)
    if len(inputs) == 1 and inputs[0].suffix.lower() == ".npz":
        with np.load(inputs[0], allow_pickle=False) as arrays:
            if labels in arrays.files:
                held = arrays[labels]
                return held.squeeze() if held.ndim > 1 else held
            known = ", ".join(arrays.files)
        raise ValueError(f"{inputs[0]} holds no array {labels!r}, only {printable(known)}.")
    raise ValueError(f"--labels {labels}: no such file.")


def probe(
    features: FloatArray, raw: FloatArray | None, y: NDArray[Any], folds: int
) -> dict[str, dict[str, Any]]:
    """Columns and accuracies over the folds, of the features and of what they compete with."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classes, sizes = np.unique(y, return_counts=True)
    if y.dtype.kind == "f" and (y != np.rint(y)).any():
        raise ValueError("labels must be classes, whole numbers or texts, but there are fractions.")
    if len(classes) < 2:
        raise ValueError(f"all labels are alike, {printable(classes[0])}: nothing to recognise.")
    rarest = int(sizes.argmin())
    if sizes[rarest] < folds:
        raise ValueError(
            f"class {printable(classes[rarest])} has {count(int(sizes[rarest]), 'example')}, fewer "
            f"than {folds} folds: use --folds, or see whether that label is right."
        )
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    competitors: dict[str, tuple[FloatArray, Any, int]] = {
        "features": (features, linear, features.shape[1])
    }
    if raw is not None:
        in_training = len(raw) - -(-len(raw) // folds)
        k = min(features.shape[1], raw.shape[1], in_training)
        competitors["raw"] = raw, linear, raw.shape[1]
        competitors["pca"] = raw, make_pipeline(PCA(k, random_state=0), *linear), k
    split = StratifiedKFold(folds, shuffle=True, random_state=0)
    return {
        name: {
            "columns": columns,
            "accuracy": cross_val_score(classifier, X, y, cv=split).tolist(),
        }
        for name, (X, classifier, columns) in competitors.items()
    }
