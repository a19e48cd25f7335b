"""``rhohat export``: a model for programs that do not have rhohat."""

from __future__ import annotations

from pathlib import Path

import click

from rhohat.cli.choices import RowOf
from rhohat.cli.help import Command
from rhohat.cli.options import model_argument
from rhohat.cli.text import printable


@click.command(cls=Command)
@model_argument
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="File or folder to write. Its extension sets the format, unless --to does.",
)
@click.option(
    "--to",
    type=RowOf("rhohat.estimators.exporting", "TARGETS"),
    help="Format to write.  [default: by the file's extension]",
)
def export(path: Path, out: Path, to: str | None) -> None:
    """Export what MODEL computes, for programs without rhohat.

    The whole pipeline is exported, with whitening and other affine steps folded into the units'
    weights. Where the model draws patches or windows at random, the exported one takes all of them,
    in order.

    \b
    Formats:
      onnx    for onnxruntime and others, in float32 (.onnx)
      numpy   one file of readable code that needs only NumPy (.py)
      mat     W1, b1, W2, b2 of the lecture notes, for MATLAB and Octave (.mat)
      saelens a folder of cfg.json and sae_weights.safetensors

    \b
    Examples:
      rhohat export rhohat-out -o features.onnx
      rhohat export digits.safetensors -o digits.py
      rhohat export activations.safetensors -o sae --to saelens
    """
    from rhohat.estimators.exporting import export as write
    from rhohat.estimators.saving import load

    write(load(path), out, to=to)
    click.echo(f"model written to {printable(out)}")
