"""``rhohat stack``: layers one above the other and, with labels, a classifier."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

import rhohat
from rhohat.cli.config import config_option, reproducing_command, run_of
from rhohat.cli.data import beside, tell_of_files, variance_of, with_columns
from rhohat.cli.help import Command
from rhohat.cli.learn import another_run, found_and_read, make_writable, write_results
from rhohat.cli.options import (
    POSITIVE_INTEGER,
    Finite,
    Numbers,
    Whole,
    data_options,
    force_option,
    json_option,
    open_option,
    out_option,
    run_options_without,
    settings_options_without,
    sources_option,
)
from rhohat.cli.output import echo_json, open_in_browser
from rhohat.cli.progress import show_training, show_work
from rhohat.cli.summary import headed, in_words, looked_at, training_facts, ways_on
from rhohat.cli.text import count, printable, tell, warnings_as_notes
from rhohat.common.interrupts import Interrupted, current_request
from rhohat.files.runs import RESULTS, Results
from rhohat.recipes.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rhohat.recipes.data import Data, Request

#: Why labels need whole examples, not pieces of them.
WHOLES = (
    "a classifier needs rows, or whole images (--patch-size whole), but the data are {}. For "
    "features of pieces, see rhohat evaluate --convolve."
)


@click.command(cls=Command)
@out_option
@force_option
@open_option
@sources_option
@click.option(
    "--layers",
    type=Numbers(POSITIVE_INTEGER),
    default=(100, 100),
    metavar="N,...",
    help="Number of hidden units in each layer, from the input up.  [default: 100,100]",
    show_default=False,
)
@click.option(
    "--labels",
    metavar="COLUMN|FILE|KEY|folders",
    help="One label per row or image, for a classifier: a column of the data; a .npy file; a text "
    "file or table, FILE::COLUMN if it has several columns; the name of another array in the "
    "same .npz; or 'folders' for the name of each file's folder.",
)
@click.option(
    "--held-out",
    type=Finite(0, 1, max_open=True),
    default=0.2,
    metavar="SHARE",
    help="With --labels: share of the examples to hold out for measuring accuracy.",
)
@click.option(
    "--fine-tuning",
    type=Whole(min=0),
    default=200,
    metavar="N",
    help="With --labels: maximum number of iterations for the whole network; 0 trains only the "
    "softmax layer.",
)
@click.option(
    "--fine-decay",
    type=Finite(min=0),
    default=1e-4,
    metavar="X",
    help="With --labels: weight decay of the softmax layer, and of all layers during fine-tuning.",
)
@settings_options_without("units")
@data_options("paths", required=True, without=("labels",))
@run_options_without("validation", "patience")
@config_option
@json_option
def stack(
    out: Path,
    layers: tuple[int, ...],
    labels: str | None,
    held_out: float,
    fine_tuning: int,
    fine_decay: float,
    settings: Settings,
    request: Request,
    run: dict[str, Any],
    as_json: bool,
    force: bool,
    open_page: bool,
    sources: bool,
) -> None:
    """Train a stack of layers on PATHS; with --labels, a classifier on top.

    Each layer is a sparse autoencoder that learns from the activations of the layer below. With
    labels, a softmax layer is trained on top, and then the whole network is fine-tuned. Accuracy is
    measured on examples that were held out from all training.

    Images are used whole. The settings are those of learn, and apply to every layer. As with learn,
    the results go to the folder rhohat-out (see --out). Use rhohat encode to write the features of
    a stack or the predictions of a classifier.

    \b
    Examples:
      rhohat stack spectra.csv --drop species --layers 60,30
      rhohat stack spectra.csv --labels species
      rhohat stack digits.npz --key x_train --labels y_train --whitening none \\
                   --decoder sigmoid --target 0.1 --layers 200,200
      rhohat stack flowers/ --labels folders --checkpoint run/
    """
    from rhohat.inspection.layers import layers_of
    from rhohat.recipes.pipelines import make_stack

    started = time.perf_counter()
    files = RESULTS.within(out)
    context = click.get_current_context()
    ours = run_of(context)
    held = None if force else another_run(ours, files)
    if held is not None:
        raise click.UsageError(held)
    with show_work("reading"):
        data, settings = found_and_read(with_columns(request, labels), settings, run, wholes=True)
    tell_of_files(data)
    y = None if labels is None else labels_of(data, settings, labels)
    examples, taught, tested = data.content, None, None
    if y is not None:
        examples, taught, tested = split(data, y, held_out, settings.seed)
    tuning = {"max_iter": fine_tuning, "weight_decay": fine_decay}
    variance = variance_of(data)
    make_writable(out)
    replaced, begun, interrupted = files.model.exists(), time.perf_counter(), False
    with warnings_as_notes():
        with show_training("preparing") as callback:
            pipeline = make_stack(
                *(settings, data.kind, layers),
                fine_tuning=None if y is None else tuning,
                variance=variance,
                callback=callback,
                **run,
            )
            try:
                pipeline.fit(examples, taught)
            except Interrupted:
                if not hasattr(pipeline[-1], "n_iter_"):  # nothing to keep
                    raise
                interrupted = True
        seconds = time.perf_counter() - begun
        ours.mark(out)
        command = reproducing_command(context)
        _, written = write_results(pipeline, data, y, files, command, seconds, sources, None)
    summary = {
        "version": rhohat.__version__,
        "data": data.summary(),
        "settings": asdict(settings),
        "layers": [
            {"units": size, **training_facts(layer)}
            for size, layer in zip(layers, layers_of(pipeline), strict=False)
        ],
        "classes": None if y is None else [str(name) for name in pipeline.classes_],
        "accuracy": None if tested is None else float(pipeline.score(*tested)),
        "commonest": None if taught is None or tested is None else commonest(taught, tested[1]),
        "examples": {
            "learned_from": len(examples),
            "held_out": 0 if tested is None else len(tested[1]),
        },
        "training": None
        if y is None
        else {
            "iterations": pipeline[-1].n_iter_,
            "converged": pipeline[-1].converged_,
            "interrupted": interrupted,
            "stop_reason": pipeline[-1].stop_reason_,
        },
        "replaced": replaced,
        "seconds": {
            "learning": round(seconds, 3),
            "total": round(time.perf_counter() - started, 3),
        },
        "files": [str(file) for file in files if file in written],
    }
    if as_json:
        echo_json(summary)
    else:
        tell(text_of(summary, data, files))
    if open_page and files.report in written:
        open_in_browser(files.report)
    if interrupted:
        current_request().raise_unless_held()


def labels_of(data: Data, settings: Settings, labels: str) -> NDArray[Any]:
    """A label for each example of data that are read, or raise if these are cut into pieces."""
    if data.pieces and settings.patch_size != "whole":
        raise click.UsageError(WHOLES.format(data.described))
    if data.is_stored:
        raise ValueError(
            "stack needs rows that fit in memory to train a classifier: give it part of the data."
        )
    y = beside(data, labels, "--labels")
    return y.astype(str) if y.dtype == object else y


def split(
    data: Data, y: NDArray[Any], share: float, seed: int
) -> tuple[Any, NDArray[Any], tuple[Any, NDArray[Any]] | None]:
    """Examples and labels to learn from, and those that are held out, if any."""
    from sklearn.model_selection import train_test_split
    from sklearn.utils import _safe_indexing as those

    from rhohat.files.labels import has_label

    known = np.flatnonzero(has_label(y))
    if len(known) < len(y):
        left_out = count(len(y) - len(known), "example")
        tell(f"note: left out {left_out} without a label", err=True)
    examples, labels = those(data.content, known), y[known]
    if share == 0:
        return examples, labels, None
    held = train_test_split(
        np.arange(len(labels)),
        test_size=share,
        random_state=seed,
        stratify=labels if can_be_divided(labels, share) else None,
    )
    (taught, tested), (y_taught, y_tested) = (
        [those(what, rows) for rows in held] for what in (examples, labels)
    )
    return taught, y_taught, (tested, y_tested)


def commonest(taught: NDArray[Any], tested: NDArray[Any]) -> float:
    """The accuracy of a classifier that knows only which class is the commonest."""
    classes, sizes = np.unique(taught, return_counts=True)
    return float(np.mean(tested == classes[np.argmax(sizes)]))


def can_be_divided(labels: NDArray[Any], share: float) -> bool:
    """Whether each class has examples enough for both sides of a split."""
    sizes = np.unique(labels, return_counts=True)[1]
    smaller = min(share, 1 - share) * len(labels)
    return bool(sizes.min() >= 2 and smaller >= len(sizes))


def text_of(summary: dict[str, Any], data: Data, files: Results) -> str:
    """The summary for people: what was learned, how good it is, and what to do next."""
    examples, accuracy = summary["examples"], summary["accuracy"]
    sizes = [str(layer["units"]) for layer in summary["layers"]]
    lines = [
        f"{count(len(sizes), 'layer')} of {' and '.join(sizes)} units learned from "
        f"{count(examples['learned_from'], data.noun)} in {summary['seconds']['learning']:.1f} s",
        "",
    ]
    if accuracy is not None:
        lines.append(
            f"  accuracy           {accuracy:.1%} of {count(examples['held_out'], data.noun)} held "
            f"out (always guessing the most common class: {summary['commonest']:.1%})"
        )
    for number, layer in enumerate(summary["layers"], start=1):
        lines.append(
            f"  layer {number:<12} average activation {layer['average_activation']['mean']:.4f}"
        )
    if summary["training"] is not None:
        training = summary["training"]
        lines.append(
            f"  fine-tuning        {count(training['iterations'], 'iteration')}; "
            f"{in_words(training['stop_reason'])}"
        )
    if summary["replaced"]:
        lines.append("  replaced           the earlier results in the same folder")
    steps = {
        "Look at": looked_at(files, summary["files"]),
        **ways_on(files.model, data, predicts=summary["classes"] is not None),
    }
    return "\n".join(map(printable, [*lines, "", *headed(steps)]))
