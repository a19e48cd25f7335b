"""What commands say of data, and where they find those that a model works on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rhohat.cli.text import count, printable

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from rhohat.recipes.data import Data, Request


def described(data: Data) -> str:
    """The data in a few words."""
    return count(data.n_examples, data.noun)


def words_of(request: Request) -> list[str]:
    """What names the same files on the command line."""
    paths = ["FILES"] if request.names_many else [str(path) for path in request.paths]
    return paths if request.key is None else [*paths, "--key", request.key]


def tell(data: Data) -> None:
    """Name the files that were skipped, on standard error."""
    for file, reason in data.found.skipped:
        click.echo(f"skipped: {printable(file)} {printable(reason)}", err=True)
    for file, reason in data.found.notes:
        click.echo(f"note: {printable(file)} {printable(reason)}", err=True)
    if data.found.ignored:
        click.echo(f"not data, left alone: {count(len(data.found.ignored), 'file')}", err=True)


def look_for(
    model: Path,
    content: BaseEstimator,
    paths: Sequence[Path],
    on_error: str,
    shape: tuple[int, ...] | None,
    key: str | None,
    convolution: Mapping[str, Any] | None = None,
) -> Data:
    """Find and read data of the kind that the model in a file works on, and tell of them."""
    from rhohat.estimators.anatomy import steps_of
    from rhohat.inspection.layers import refuse_convolution
    from rhohat.recipes.data import Request
    from rhohat.recipes.finding import find_to_encode

    refuse_convolution(steps_of(content))
    request = Request(paths, shape=shape, key=key, on_error=on_error)
    data = find_to_encode(str(model), content, request, convolution)
    data.read()
    tell(data)
    return data
