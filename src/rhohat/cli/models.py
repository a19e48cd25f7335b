"""Commands that work with a model file: ``show``, ``inspect``, ``encode``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click
import numpy as np

from rhohat.cli.data import Request, needs_of
from rhohat.cli.figures import (
    autoencoder_of,
    draw_features,
    keep_matplotlib_cache_in_venv,
    steps_of,
    tiles_of,
)
from rhohat.cli.learn import results_of
from rhohat.cli.options import Shape, data_options
from rhohat.cli.text import count, printable

if TYPE_CHECKING:
    from rhohat.sources import Source

__all__ = ["encode", "inspect", "show"]

STANDARD_OUTPUT = Path("-")
#: Rows computed and written at a time, where they are too many to hold: as many as in memory.
ROWS_WRITTEN = 1024


@contextmanager
def binary_output(path: Path, what: str) -> Iterator[IO[bytes]]:
    """What is written goes to the file when it is complete, or to standard output for "-"."""
    from rhohat.tensorfiles import replacing

    if path == STANDARD_OUTPUT:
        if sys.stdout.isatty():
            raise click.UsageError(
                "standard output is a terminal: pipe it, or name a file with -o."
            )
        buffer = BytesIO()
        yield buffer
        sys.stdout.buffer.write(buffer.getbuffer())
        return
    with replacing(path) as stream:
        yield stream
    click.echo(f"{what} written to {printable(path)}")


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    default=Path("features.png"),
    show_default=True,
    help="File to write; its ending, .png or .svg, decides the kind. - is standard output.",
)
@click.option(
    "--sort",
    type=click.Choice(["unit", "activation"]),
    default="unit",
    show_default=True,
    help="Order of the tiles: as the units are numbered, or most active on average first.",
)
@click.option("--shape", type=Shape(), metavar="HxW[x3]", help="Draw rows as images of this shape.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["png", "svg"]),
    help="Kind of file.  [default: by the ending; png for standard output]",
)
def show(
    model: Path, out: Path, sort: str, shape: tuple[int, ...] | None, kind: str | None
) -> None:
    """Draw the input that activates each unit of MODEL most.

    \b
    Examples:
      rhohat show rhohat-out/model.safetensors
      rhohat show rhohat-out/model.safetensors --sort activation -o sorted.svg
      rhohat show rhohat-out/model.safetensors -o - > features.png
    """
    from rhohat.persistence import load

    keep_matplotlib_cache_in_venv()
    if kind is None:
        kind = "png" if out == STANDARD_OUTPUT else out.suffix.lower().removeprefix(".")
    if kind not in ("png", "svg"):
        raise click.BadParameter(f"{printable(out)} must end in .png or .svg.", param_hint="--out")
    content = load(model)
    width = tiles_of(content).values.shape[1]
    if shape is not None and np.prod(shape) != width:
        raise click.BadParameter(f"units of this model see {width} numbers.", param_hint="--shape")
    with binary_output(out, "features") as stream:
        draw_features(content, stream, order=sort, shape=shape, kind=kind)


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("inputs", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    required=True,
    help="File to write, .npy; - is standard output.",
)
@data_options
def encode(
    model: Path,
    inputs: tuple[Path, ...],
    out: Path,
    on_error: str,
    shape: tuple[int, ...] | None,
    key: str | None,
) -> None:
    """Write the activations of MODEL's units for INPUTS, as a NumPy array (rows, units).

    INPUTS are read as learn reads them, and go through all that the model does before its units:
    whitening, patches, normalisation. A model of patches draws its patches at random, by its seed;
    one of whole images or rows gives a row for each. Without INPUTS, the photographs that come
    along.

    \b
    Examples:
      rhohat encode rhohat-out/model.safetensors holidays/ -o features.npy
      rhohat encode rhohat-out/model.safetensors digits.npz --key x_test -o - | my-classifier
    """
    from rhohat.persistence import load

    if out != STANDARD_OUTPUT and out.suffix.lower() != ".npy":
        raise click.BadParameter(f"{printable(out)} must end in .npy.", param_hint="--out")
    content = load(model)
    needs = needs_of(content)
    kind, whole = needs.pop("kind"), needs.pop("whole", None)
    data = Request(inputs, shape=shape, key=key, on_error=on_error, **needs).look()
    if shape is None and whole is not None and data.kind == "rows":
        data = Request(inputs, shape=whole, key=key, on_error=on_error, **needs).look()
    if data.kind != kind:
        shaped = ", as --shape has it" if shape is not None else ""
        raise ValueError(
            f"{model} works on {kind}, but {data.files[0]} holds {data.kind}{shaped}. Give it data "
            "of the kind that it learned from."
        )
    data.read()
    data.report()
    features = content.transform(data.content)
    n_rows, n_units = features.shape
    with binary_output(out, f"{count(n_rows, 'row')} of {count(n_units, 'number')}") as stream:
        if data.is_stored:
            write_rows(stream, features)
            return
        np.lib.format.write_array(stream, np.ascontiguousarray(features), allow_pickle=False)


def write_rows(stream: IO[bytes], source: Source) -> None:
    """Write a .npy of rows that are read, and computed, a run at a time."""
    n_rows, n_columns = source.shape
    header = {"shape": (n_rows, n_columns), "fortran_order": False, "descr": source.dtype.str}
    np.lib.format.write_array_header_1_0(stream, header)
    for start in range(0, n_rows, ROWS_WRITTEN):
        stream.write(source.read(start, min(start + ROWS_WRITTEN, n_rows)).X.tobytes())


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def inspect(model: Path, as_json: bool) -> None:
    """Tell what MODEL holds: its settings and how training ended.

    \b
    Examples:
      rhohat inspect rhohat-out/model.safetensors
      rhohat inspect rhohat-out/model.safetensors --json
    """
    from sklearn import config_context

    from rhohat.persistence import load

    content = load(model)
    autoencoder = autoencoder_of(content)
    patch_shape = tiles_of(content).shape
    with config_context(print_changed_only=False):
        penalty = repr(autoencoder.sparsity_penalty)
    k, d = autoencoder.encoder_weights_.shape
    facts = {
        "model": str(model),
        "steps": [type(step).__name__ for step in steps_of(content)],
        "units": k,
        "features": d,
        "patch_shape": list(patch_shape) if patch_shape else None,
        "activation": autoencoder.activation,
        "decoder": autoencoder.decoder,
        "sparsity_penalty": penalty,
        "weight_decay": autoencoder.weight_decay,
        "precision": autoencoder.encoder_weights_.dtype.name,
        **results_of(autoencoder),
        "iterations": autoencoder.n_iter_,
        "stop_reason": autoencoder.stop_reason_,
        "seed": autoencoder.random_state,
        "data_fingerprint": autoencoder.data_fingerprint_,
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {number:.4f}" for key, number in value.items())
        elif isinstance(value, list):
            value = (" x " if name == "patch_shape" else ", ").join(map(str, value))
        shown = "none" if value is None else printable(value)
        click.echo(f"{name.replace('_', ' '):<19} {shown}")
