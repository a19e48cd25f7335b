"""``rhohat score``: how anomalous rows are, and which columns are to blame."""

from __future__ import annotations

import csv
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from rhohat.cli.data import load_on, read_for, targets_for
from rhohat.cli.help import Command
from rhohat.cli.options import (
    POSITIVE_INTEGER,
    data_options,
    device_option,
    model_argument,
    transcode_option,
)
from rhohat.cli.output import STANDARD_OUTPUT, binary_output, output_option
from rhohat.cli.text import count, printable

if TYPE_CHECKING:
    from rhohat.estimators.anomalies import Scored
    from rhohat.recipes.data import Request

#: Rows that are printed.
SHOWN = 5


@click.command(cls=Command)
@model_argument
@output_option(None, "File to write, .csv or .npz; - is CSV on standard output.")
@click.option(
    "--top",
    type=POSITIVE_INTEGER,
    default=3,
    metavar="N",
    help="Columns to blame that a .csv names for each row.",
)
@transcode_option
@device_option
@data_options("inputs", required=True)
def score(
    path: Path, out: Path, top: int, transcode: Path | None, device: str, request: Request
) -> None:
    """Tell how anomalous the rows of INPUTS are, and which columns are to blame.

    The score is how badly MODEL rebuilds a row, half its squared error after all preprocessing: the
    greater, the more anomalous. A model that is an AnomalyDetector, saved in Python, has scores of
    its own, about 1 for usual rows, and says which rows are outliers.

    A .csv has one line for each row: its number (from 0), its score, its rank (1 for the most
    anomalous), and the columns with the largest part in the score, with these parts. A .npz has
    the arrays score, rank, and columns: the part of every column.

    \b
    Examples:
      rhohat score rhohat-out/model.safetensors new.npy -o scores.csv
      rhohat score detector.safetensors new.npy -o scores.npz
      rhohat score transcoder.safetensors before.npy --transcode after.npy -o scores.csv
    """
    from rhohat.estimators.anomalies import scored

    if out != STANDARD_OUTPUT and out.suffix.lower() not in (".csv", ".npz"):
        raise click.BadParameter(f"{printable(out)} must end in .csv or .npz.", param_hint="--out")
    model = load_on(path, device)
    data = read_for(path, model, request)
    target = None if transcode is None else targets_for(data, transcode)
    found = scored(model, data.content, target)
    content = _npz(found) if out.suffix.lower() == ".npz" else _csv(found, top)
    with binary_output(out, f"scores of {count(len(found.score), 'row')}") as stream:
        stream.write(content)
    if out != STANDARD_OUTPUT:
        click.echo(_told(found))


def _blamed(found: Scored, row: int, top: int) -> list[tuple[str, float]]:
    """The columns with the largest part in the score of a row, and these parts as shares."""
    parts = found.columns[row]
    order = np.argsort(-parts, kind="stable")[:top]
    total = max(float(parts.sum()), np.finfo(float).tiny)
    return [(found.names[column], float(parts[column]) / total) for column in order.tolist()]


def _csv(found: Scored, top: int) -> bytes:
    top = min(top, found.columns.shape[1])
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    outlier = [] if found.is_outlier is None else ["outlier"]
    blamed = [f"{name}_{n}" for n in range(1, top + 1) for name in ("column", "share")]
    writer.writerow(["row", "score", "rank", *outlier, *blamed])
    for row, (value, rank) in enumerate(
        zip(found.score.tolist(), found.rank.tolist(), strict=True)
    ):
        is_outlier = [] if found.is_outlier is None else [int(found.is_outlier[row])]
        parts = [
            cell for name, share in _blamed(found, row, top) for cell in (name, f"{share:.4f}")
        ]
        writer.writerow([row, repr(value), rank, *is_outlier, *parts])
    return text.getvalue().encode()


def _npz(found: Scored) -> bytes:
    arrays: dict[str, Any] = {"score": found.score, "rank": found.rank, "columns": found.columns}
    if found.is_outlier is not None:
        arrays["outlier"] = found.is_outlier
    content = BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def _told(found: Scored) -> str:
    """The most anomalous rows, in lines."""
    lines = []
    if found.is_outlier is not None:
        lines.append(f"{count(int(found.is_outlier.sum()), 'outlier')} found")
    lines.append("the most anomalous rows:")
    for row in np.argsort(-found.score, kind="stable")[:SHOWN].tolist():
        blamed = ", ".join(
            f"column {printable(name)} {share:.0%}" for name, share in _blamed(found, row, 3)
        )
        lines.append(f"  row {row}  score {found.score[row]:.4g}  {blamed}")
    return "\n".join(lines)
