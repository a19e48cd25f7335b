"""Output of commands: to a file, or to standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import click

from rhohat.cli.text import printable

STANDARD_OUTPUT = Path("-")


def output_option(default: str | None, help_: str) -> Callable[..., Any]:
    """The option ``--out`` of a command that writes one file; required without a default."""
    return click.option(
        "-o",
        "--out",
        type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
        default=default,
        required=default is None,
        help=help_,
    )


def echo_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2))


@contextmanager
def binary_output(path: Path, what: str) -> Iterator[IO[bytes]]:
    """A stream for a file, which is replaced once all is written, or for standard output."""
    from rhohat.common.tensorfiles import replacing

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
