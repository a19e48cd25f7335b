"""``rhohat score``: how anomalous rows, windows and patches are, and what is to blame."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Mapping
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

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
from rhohat.cli.text import count, printable, tell
from rhohat.common.printable import encodable

if TYPE_CHECKING:
    from rhohat.estimators.anomalies import Scored
    from rhohat.recipes.data import Request

#: Rows that are printed.
SHOWN = 5


@click.command(cls=Command)
@model_argument
@output_option(None, "File to write, .csv or .npz; - writes CSV to standard output.")
@click.option(
    "--top",
    type=POSITIVE_INTEGER,
    default=3,
    metavar="N",
    help="Number of columns to blame that a .csv file names for each row.",
)
@transcode_option
@device_option
@data_options("inputs", required=True)
def score(
    path: Path, out: Path, top: int, transcode: Path | None, device: str, request: Request
) -> None:
    """Score how anomalous each row of INPUTS is, and name the columns to blame.

    For series, each window is scored, and channels are to blame; for images and recordings, the
    pieces that the model cuts at random are scored.

    The score is half the squared error with which MODEL reconstructs a row, after all
    preprocessing: the higher, the more anomalous. An AnomalyDetector that was saved in Python has
    scores of its own, about 1 for usual rows, and also says which rows are outliers.

    A .csv file has one line for each row: its number (from 0), or its file and its time or place
    there; its score; its rank (1 is the most anomalous); and the columns that contribute most to
    the score, with their shares. A .npz file has the arrays score, rank and columns, the
    contribution of every column.

    \b
    Examples:
      rhohat score rhohat-out/model.safetensors new.npy -o scores.csv
      rhohat score detector.safetensors new.npy -o scores.npz
      rhohat score rhohat-out/model.safetensors new.npz --series -o scores.csv
      rhohat score transcoder.safetensors before.npy --transcode after.npy -o scores.csv
    """
    from rhohat.estimators.anomalies import scored
    from rhohat.recipes.encoding import draws_pieces, origins_of
    from rhohat.recipes.finding import kind_of

    if out != STANDARD_OUTPUT and out.suffix.lower() not in (".csv", ".npz"):
        raise click.BadParameter(f"{printable(out)} must end in .csv or .npz.", param_hint="--out")
    model = load_on(path, device)
    data = read_for(path, model, request)
    target = None if transcode is None else targets_for(data, transcode)
    found = scored(model, data.content, target)
    if draws_pieces(model):
        where, what = origins_of(model, None, data), kind_of(model).pieces
        if not kind_of(model).takes_all_pieces:
            tell(
                f"note: the model drew {len(found.score):,} random {what}, and these are scored",
                err=True,
            )
    else:
        where, what = {"row": np.arange(len(found.score))}, "row"
    content = _npz(found, where) if out.suffix.lower() == ".npz" else _csv(found, where, top)
    with binary_output(out, f"scores of {count(len(found.score), what)}") as stream:
        stream.write(content)
    if out != STANDARD_OUTPUT:
        click.echo(_told(found, where, what))


def _blamed(found: Scored, row: int, top: int) -> list[tuple[str, float]]:
    """The columns with the largest part in the score of a row, and these parts as shares."""
    parts = found.columns[row]
    order = np.argsort(-parts, kind="stable")[:top]
    total = max(float(parts.sum()), np.finfo(float).tiny)
    return [(found.names[column], float(parts[column]) / total) for column in order.tolist()]


def _csv(found: Scored, where: Mapping[str, NDArray[Any]], top: int) -> bytes:
    top = min(top, found.columns.shape[1])
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    outlier = [] if found.is_outlier is None else ["outlier"]
    blamed = [f"{name}_{n}" for n in range(1, top + 1) for name in (_blames(where), "share")]
    writer.writerow([*where, "score", "rank", *outlier, *blamed])
    places = zip(*(values.tolist() for values in where.values()), strict=True)
    for row, (place, value, rank) in enumerate(
        zip(places, found.score.tolist(), found.rank.tolist(), strict=True)
    ):
        is_outlier = [] if found.is_outlier is None else [int(found.is_outlier[row])]
        parts = [
            cell for name, share in _blamed(found, row, top) for cell in (name, f"{share:.4f}")
        ]
        writer.writerow([*place, repr(value), rank, *is_outlier, *parts])
    return encodable(text.getvalue()).encode()


def _npz(found: Scored, where: Mapping[str, NDArray[Any]]) -> bytes:
    arrays: dict[str, Any] = {"score": found.score, "rank": found.rank, "columns": found.columns}
    arrays |= {name: values for name, values in where.items() if len(where) > 1}
    if found.is_outlier is not None:
        arrays["outlier"] = found.is_outlier
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:  # np.savez takes no array called "file"
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, values, allow_pickle=False)
    return content.getvalue()


def _told(found: Scored, where: Mapping[str, NDArray[Any]], what: str) -> str:
    """The most anomalous rows, windows or patches, in lines."""
    lines = []
    if found.is_outlier is not None:
        lines.append(f"{count(int(found.is_outlier.sum()), 'outlier')} found")
    plural = what.removesuffix("s") + "s"
    lines.append(f"the most anomalous {plural}:")
    for row in np.argsort(-found.score, kind="stable")[:SHOWN].tolist():
        blamed = ", ".join(
            f"{_blames(where)} {printable(name)} {share:.0%}"
            for name, share in _blamed(found, row, 3)
        )
        place = ", ".join(_placed(name, values[row]) for name, values in where.items())
        lines.append(f"  {place}  score {found.score[row]:.4g}  {blamed}".rstrip())
    return "\n".join(lines)


def _blames(where: Mapping[str, NDArray[Any]]) -> str:
    """What is to blame: of rows, which have a number alone, a column; of pieces, a channel."""
    return "column" if len(where) == 1 else "channel"


def _placed(name: str, value: Any) -> str:
    """A part of where a row comes from, in words: the file, or a place or time in it."""
    if name == "file":
        return printable(str(value))
    return f"{name} {value:.6g}" + (" s" if name in ("begin", "end") else "")
