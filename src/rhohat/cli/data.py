"""Data as commands read them, and what they print about data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rhohat.cli.text import count, printable, shortened, tell

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.base import BaseEstimator

    from rhohat.files.series import RowOrigins
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
        tell(f"ignored {count(len(data.found.ignored), 'file')} that are not data", err=True)


def read(data: Data) -> Data:
    """Read data that were found, and tell of files that cannot be used."""
    data.read()
    tell_of_files(data)
    for line in data.told():
        tell(f"read: {shortened(printable(line))}", err=True)
    return data


def variance_of(data: Data) -> float:
    """The mean variance of data that are read; say so if there is none."""
    variance = data.variance()
    if variance == 0:
        tell("note: the data do not vary, so there is nothing to learn from them", err=True)
    return variance


def load_on(path: Path, device: str) -> Any:
    """The model in a file, whose units compute on a device."""
    from rhohat.estimators.anatomy import compute_on
    from rhohat.estimators.saving import load

    model = load(path)
    compute_on(model, device)
    return model


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


def targets_for(data: Data, path: Path) -> Any:
    """The rows that are to be reconstructed from those of data: an array, or where they lie."""
    from rhohat.recipes.data import Request
    from rhohat.recipes.finding import find

    if data.kind != "rows":
        raise click.UsageError(
            f"--transcode needs plain rows, but the data are {data.described}, and the pieces cut "
            "from them have no targets."
        )
    found = find(Request([path], stored=data.is_stored))
    if found.kind != data.kind:
        raise ValueError(f"{path} holds {found.described}, but --transcode needs rows.")
    return read(found).content


def drawing(request: Request, kind: type[Data]) -> tuple[Request, tuple[int, ...] | None]:
    """The request for a model's data, and the shape to draw its units in.

    Where a model works on rows, ``--shape`` is that of their pictures alone.

    Raises
    ------
    BadParameter
        If such rows cannot be drawn as they lie.
    """
    if kind.takes_shape:
        return request, request.shape
    if request.is_planar or request.order != "numpy":
        raise click.BadParameter(
            "the model works on rows, which can only be drawn row by row with colors last: give "
            "the shape as HxW or HxWx3, without --order.",
            param_hint="--shape",
        )
    return replace(request, shape=None), request.shape


def with_columns(request: Request, *wanted: str | None) -> Request:
    """The request, with those of the wanted labels or groups that are columns of the data."""
    from rhohat.files.labels import names_column

    columns = tuple(name for name in wanted if name and names_column(name, request.paths))
    return replace(request, selection=replace(request.selection, labels=columns))


def beside(data: Data, wanted: str, option: str, windows: RowOrigins | None = None) -> NDArray[Any]:
    """One label or group for each example of data that `with_columns` asked for, or each window."""
    from rhohat.files.labels import labels_in_column, read_labels

    if wanted in data.request.selection.labels:
        values = labels_in_column(data.found, wanted, option)
    else:
        files = data.origins().get("file", [])
        values = read_labels(wanted, data.request.paths, files, data.n_examples, option)
    if windows is not None and values.shape == (len(windows),):
        return values
    if values.shape != (data.n_examples,):
        raise ValueError(
            f"{wanted} holds {option[2:]} of shape {values.shape}, expected one for each of "
            f"{count(data.n_examples, 'example')}. If files were skipped, leave out theirs, too."
        )
    return values if windows is None else values[windows.series]
