"""Reports: one HTML page per model, to see what every unit has learned."""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.base import BaseEstimator

from rhohat.common.pictures import data_uri, gray_levels, tile_grid
from rhohat.common.tensorfiles import replacing
from rhohat.common.validation import check_integer
from rhohat.inspection.examples import Examples
from rhohat.inspection.report.findings import check_shape, gather, shaped
from rhohat.inspection.report.page import render
from rhohat.inspection.tiles import tiles_of

__all__ = ["Report", "report"]

#: Units in the picture for pages on which scripts are off.
STRIP = 400


@dataclass(frozen=True)
class Report:
    """A page about a model; notebooks show it.

    Attributes
    ----------
    html : str
        The page, complete in itself.
    """

    html: str

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, all at once.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        with replacing(path) as stream:
            stream.write(self.html.encode())

    def _repr_html_(self) -> str:
        page = html.escape(self.html)
        style = "width: 100%; height: 720px; border: 1px solid #ccc"
        return f'<iframe srcdoc="{page}" sandbox="allow-scripts" style="{style}"></iframe>'

    def __repr__(self) -> str:
        return f"<Report of {len(self.html.encode()):,} bytes; save(path) writes it>"


def report(
    model: BaseEstimator,
    data: Any = None,
    *,
    shape: tuple[int, ...] | None = None,
    n_examples: int = 8,
    labels: Sequence[Any] | None = None,
    title: str = "What the units have learned",
    command: str | None = None,
) -> Report:
    """Make an HTML page that shows what every unit of a model looks for, and does on data.

    The page is one file that needs no server and no network. It has a gallery of the units, a page
    for each, and one of the model. With data, every unit comes with the real examples that activate
    it most, a histogram of its activations, and the units that fire together with it.

    Parameters
    ----------
    model : estimator
        A fitted autoencoder, stack of them or classifier, or a pipeline with the preprocessing
        before it. A stack is shown layer by layer.
    data : images or rows, default=None
        What the model's ``fit`` takes, also outside memory, or `LoadedImages`, whose names are
        shown. All rows are gone through, a block at a time.
    shape : tuple of int, default=None
        (height, width) or (height, width, 3) of rows that are pictures. Patches have their own
        shape; rows without one are drawn as traces.
    n_examples : int, default=8
        Examples for each unit.
    labels : sequence, default=None
        One for each image, or row, of the data, to be shown beside it.
    title : str
    command : str, default=None
        Command line that makes the model, to be shown.

    Returns
    -------
    report : Report
        ``report(...).save("report.html")`` writes it.

    Raises
    ------
    ValueError
        If the model has no layer of units, or data, shape and labels do not fit it.
    sklearn.exceptions.NotFittedError
        If the model is not fitted.

    Notes
    -----
    Memory beyond the data: activations are computed for about 1,024 rows at a time, and kept for
    256 MiB of rows, a random sample of them where there are more, to find units that fire together;
    the page names the number. Pictures are rounded to 8 bits.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from rhohat import SparseAutoencoder, report
    >>> X = load_digits().data / 16
    >>> model = SparseAutoencoder(16, max_iter=20, random_state=0).fit(X)
    >>> page = report(model, X, shape=(8, 8))
    >>> page.html[:15]
    '<!doctype html>'
    """
    check_integer("n_examples", n_examples, low=1)
    examples = None if data is None else Examples(model, data, shape)
    if labels is not None:
        labels = list(labels)  # a Series is indexed by its own names
    if examples is None and shape is not None:
        check_shape(shape, model)
    if labels is not None and (examples is None or len(labels) != examples.n_given):
        given = "no data" if examples is None else f"data of {examples.n_given}"
        raise ValueError(
            f"labels must have one entry for each example, got {len(labels)} for {given}."
        )
    found = gather(model, examples, shape=shape, n_examples=n_examples, labels=labels)
    return Report(
        render(
            found,
            title=title,
            subtitle=_subtitle(found),
            strip=_strip(model, shape),
            command=command,
        )
    )


def _subtitle(found: dict[str, Any]) -> str:
    """The model in a line."""
    first, last = found["layers"][0], found["layers"][-1]
    seen = _seen(first["views"][0], found["axes"])
    units = " and ".join(
        f"{layer['units']:,} {layer['activation']['name']}" for layer in found["layers"]
    )
    words = [f"{units} units on {seen}"]
    if last["training"] is not None:
        words.append(f"loss {last['training']['loss'][-1]:.4f}")
    if last["target"] is not None and last["average"]:
        average = sum(last["average"]) / last["units"]
        words.append(f"average activation {average:.4f} for a target of {last['target']:g}")
    return "; ".join(words)


def _seen(view: dict[str, Any], axes: dict[str, Any] | None) -> str:
    """What units look at."""
    _, height, width, channels = view["shape"]
    if axes is None:
        pixels = f"{height} × {width} pixels" + (" in colour" if channels > 1 else "")
        return f"{width} values" if view["kind"] == "trace" else pixels
    rate = axes["rate"]
    span = f"{width} samples" if rate is None else f"{1000 * width / rate:.3g} ms"
    if axes["kind"] == "spectrogram":
        return f"spectrograms of {height} bands and {span}"
    return f"{span} of sound" if rate is not None else f"{height} channels of {span}"


def _strip(model: BaseEstimator, shape: tuple[int, ...] | None) -> str | None:
    """A picture of the top layer's first units, where they are pictures."""
    tiles = shaped(tiles_of(model), shape)
    if tiles.shape is None:
        return None
    return data_uri(gray_levels(tile_grid(tiles.values[:STRIP].reshape(-1, *tiles.shape))))
