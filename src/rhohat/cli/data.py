"""Data as commands read them, and what they print about data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rhohat.cli.text import count, printable, shortened, tell

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from rhohat.recipes.data import Data, Request


def described(data: Data) -> str:
    """The data in a few words."""
    return count(data.n_examples, data.noun)


def tell_of_files(data: Data) -> None:
    """Name the files that were skipped or are damaged, on standard error."""
    for file, reason in data.found.skipped:
        tell(f"skipped: {printable(file)} {shortened(printable(reason))}", err=True)
    for file, reason in data.found.notes:
        tell(f"note: {printable(file)} {shortened(printable(reason))}", err=True)
    if data.found.ignored:
        tell(f"not data, left alone: {count(len(data.found.ignored), 'file')}", err=True)


def read(data: Data) -> Data:
    """Read data that were found, and tell of files that cannot be used."""
    data.read()
    tell_of_files(data)
    for line in data.told():
        tell(f"read: {shortened(printable(line))}", err=True)
    return data


def read_for(
    path: Path,
    model: BaseEstimator,
    request: Request,
    convolution: Mapping[str, Any] | None = None,
) -> Data:
    """Find and read data of the kind that a model works on; `path` is the model's file."""
    from rhohat.estimators.anatomy import steps_of
    from rhohat.inspection.layers import refuse_convolution
    from rhohat.recipes.finding import find_to_encode

    refuse_convolution(steps_of(model))
    return read(find_to_encode(str(path), model, request, convolution))
