"""Reports: one HTML page per model, which shows what every unit has learned."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sklearn.base import BaseEstimator

from rhohat.common.validation import check_integer
from rhohat.common.writing import replacing
from rhohat.estimators.measures import stability
from rhohat.files.loaded import content_of
from rhohat.inspection.activation_statistics import N_EXAMPLES
from rhohat.inspection.portrait import Portrait
from rhohat.inspection.report.contents import contents_of
from rhohat.inspection.report.findings import gather
from rhohat.inspection.report.overview import title_of
from rhohat.inspection.report.render import render
from rhohat.inspection.report.sections import cards_of
from rhohat.inspection.report.subject import Making, Subject, subjects_of


@dataclass(frozen=True)
class Report:
    """A page about a model, which notebooks show.

    Attributes
    ----------
    html : str
        The page, which needs no other file.
    """

    html: str

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file.

        Parameters
        ----------
        path : path-like
            File to write; an existing one is replaced as a whole.

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
        allowed = "allow-scripts allow-downloads"
        return f'<iframe srcdoc="{page}" sandbox="{allowed}" style="{style}"></iframe>'

    def __repr__(self) -> str:
        return f"<Report of {len(self.html.encode()):,} bytes; save(path) writes it>"


def report(
    model: BaseEstimator,
    data: Any = None,
    *,
    shape: tuple[int, ...] | None = None,
    columns: Sequence[Any] | None = None,
    scene: Sequence[int] | None = None,
    n_examples: int = N_EXAMPLES,
    labels: Iterable[Any] | None = None,
    target: Any = None,
    title: str | None = None,
    command: str | None = None,
    n_seeds: int | None = None,
    sources: bool = True,
) -> Report:
    """Make an HTML page that shows what units look for and how they respond to data.

    The page is one file that needs no server and no network. It has a gallery of the units, a page
    for each unit, and a page about the model. With data, it shows for every unit the real examples
    that activate it most, a histogram of its activations, and the units that fire together with it.

    Parameters
    ----------
    model : estimator
        A fitted autoencoder, stack or classifier, or a pipeline that ends in one. A stack is shown
        layer by layer.
    data : images or rows, default=None
        What the model's ``fit`` takes, also outside memory, or `LoadedImages`, `LoadedRecordings`
        or `LoadedSeries`, whose names are shown. All rows are processed, a block at a time.
    shape : tuple of int, default=None
        (height, width) or (height, width, 3) of rows that are pictures. Patches have their own
        shape; rows without one are drawn as curves.
    columns : sequence of str, default=None
        Names of the data's columns; those that the model was fitted on if None. Names that are
        numbers, such as wavelengths, become the axis; other names, if there are few, label bars.
    scene : sequence of int, default=None
        (height, width), or (scenes, height, width), of a cube whose pixels are the rows of the
        data, line by line: the page then shows a map of where each unit is active.
    n_examples : int, default=16
        Number of examples to show that activate a unit most, beside 5 random ones from each
        interval of its activation.
    labels : iterable, default=None
        One for each image, series, recording or row of the data; None or NaN where one is missing.
        The page shows them beside examples, how units respond to each class and, for a classifier,
        how well it does.
    target : rows, default=None
        For a `SparseTranscoder`: the target of each row of the data, with which reconstructions are
        compared. None leaves reconstructions out.
    title : str, default=None
        Heading of the page; None names the number of features.
    command : str, default=None
        Command that produced the model, to show on the page.
    n_seeds : int, default=None
        To show which units recur in fits from other random starts: the model, an autoencoder given
        its training data, is refitted until there are this many fits; see `stability`.
    sources : bool, default=True
        Whether the page holds parts of the data: examples, with their names, places and sounds, and
        reconstructions. False leaves them out, for a page that you share; statistics stay.

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
    Memory beyond the data: activations are computed for about 1,024 rows at a time. To find units
    that fire together, up to 256 MiB of them are kept, those of a random sample of rows if there
    are more; the page states the number. Each row's error takes 16 bytes. Pictures are rounded to 8
    bits. The page also contains the units' weights as float32, unless they are large, so that its
    reader can try other data.

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
    return report_on(
        model,
        data,
        shape=shape,
        columns=columns,
        scene=scene,
        n_examples=n_examples,
        labels=labels,
        target=target,
        title=title,
        making=Making(command),
        n_seeds=n_seeds,
        sources=sources,
    )


def report_on(
    model: BaseEstimator,
    data: Any,
    *,
    title: str | None,
    n_seeds: int | None,
    sources: bool,
    **shown: Any,
) -> Report:
    """Make the page of a model; `shown` is what `subjects_of` takes, the rest as in `report`."""
    if n_seeds is not None:
        check_integer("n_seeds", n_seeds, low=2)
        if data is None:
            raise ValueError("n_seeds refits the model: pass the data that it learned from, too.")
    subjects = subjects_of(model, data, **shown)
    if n_seeds is not None:
        replication = stability(model, content_of(data), n_seeds=n_seeds).per_unit
        subjects[-1] = replace(subjects[-1], replication=replication)
    return report_of(subjects, title=title, sources=sources)


def report_of(
    subjects: Sequence[Subject],
    *,
    title: str | None = None,
    sources: bool = True,
) -> Report:
    """Make the page of layers that are already portrayed; for the parameters see `report`."""
    cards = [card for card in cards_of(subjects) if sources or not card.section.shows_sources]
    found = gather(subjects, cards, sources=sources)
    texts = {
        "title": title or title_of(subjects[-1]),
        "subtitle": _subtitle(subjects),
        "contents": contents_of(found, subjects[0], cards),
    }
    return Report(render(found, cards, **texts))


def _subtitle(subjects: Sequence[Subject]) -> str:
    """The model in a line."""
    layers = [subject.layer for subject in subjects]
    units = " and ".join(f"{layer.n_units:,} {layer.activation.name}" for layer in layers)
    words = [f"{units} units on {_seen(subjects[0].portrait)}"]
    loss = getattr(layers[-1].estimator, "loss_curve_", None)
    if loss is not None:
        words.append(f"loss {loss[-1]:.4f}")
    average, target = layers[-1].average, subjects[-1].target
    if average is not None and target is not None:
        words.append(f"average activation {average.mean():.4f} (target {target:g})")
    return "; ".join(words)


def _seen(portrait: Portrait) -> str:
    """What units look at, in words."""
    axes, (values, shape, _, kind, _) = portrait.axes, portrait.tiles
    height, width, *channels = shape or (1, values.shape[1])
    if axes is None:
        pixels = f"{height} × {width} pixels" + (" in color" if channels else "")
        return f"{width} values" if kind == "trace" else pixels
    if axes.kind == "spectrogram":
        return f"spectrograms of {height} bands and {axes.span}"
    if portrait.layer.anatomy.sound is not None:
        return f"{axes.span} of sound"
    channels_of = "1 channel" if height == 1 else f"{height} channels"
    return f"{channels_of}, {'up to' if axes.told else 'windows of'} {axes.span}"
