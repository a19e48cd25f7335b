"""The page that shows models side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from rhohat.common.arrays import Float64Array
from rhohat.inspection.comparison import Comparison, compared
from rhohat.inspection.edges import ALIKE_COSINE
from rhohat.inspection.report.findings import OnEveryPage, PageView, columns_of, view_of
from rhohat.inspection.report.overview import picture_of
from rhohat.inspection.report.page import Report
from rhohat.inspection.report.render import SHARED, filled

TITLE = "Models side by side"


@dataclass(frozen=True)
class Side:
    """A model on the page; `new` are its units that the first model does not have."""

    name: str
    view: PageView
    new: NDArray[np.intp]


@dataclass(frozen=True)
class ComparisonFindings(OnEveryPage):
    """What the page's script works on; see `Comparison`."""

    sides: Sequence[Side]
    partners: NDArray[np.intp]
    cosines: Float64Array
    correlations: Float64Array | None
    returns: NDArray[np.bool_]


@dataclass(frozen=True, repr=False)
class ComparisonReport(Report):
    """A page about several models; notebooks show it, and ``str`` summarizes it in sentences.

    Attributes
    ----------
    html : str
        The page, which needs no other file.
    comparison : Comparison
        Partners of units, their cosines and correlations, and settings that differ.
    """

    comparison: Comparison

    def __str__(self) -> str:
        return str(self.comparison)


def compare(
    models: Sequence[BaseEstimator] | Mapping[str, BaseEstimator],
    X: Any = None,
    *,
    shape: tuple[int, ...] | None = None,
    columns: Sequence[Any] | None = None,
    title: str = TITLE,
) -> ComparisonReport:
    r"""Compare models of the same input: which units recur in all of them, and what differs.

    Every unit of the first model is matched with a partner in each other model, so that the sum of
    the :math:`|\cos|` of partners is as large as possible (the Hungarian method). Units are
    compared by the picture that `report` shows first: what they look for, in patches of images, or
    what they stand for, in all other data. Partners count as the same unit if :math:`|\cos| > 0.9`.

    Parameters
    ----------
    models : sequence or mapping of str to estimators
        Two or more fitted autoencoders, stacks or classifiers, or pipelines that end in one, with
        different seeds, settings or numbers of layers; top layers are compared. A mapping names the
        models.
    X : images or rows, default=None
        What the models' ``fit`` takes. A random sample of 4,096 examples, the same for all models,
        shows how the activations of partners correlate, and how much variance the models explain.
    shape : tuple of int, default=None
        (height, width) or (height, width, 3) of rows that are pictures.
    columns : sequence of str, default=None
        Names of the data's columns; those that the models were fitted on if None.
    title : str, default="Models side by side"

    Returns
    -------
    report : ComparisonReport
        ``str(report)`` summarizes it in sentences, ``report.save("compare.html")`` writes the page,
        and ``report.comparison`` has partners, cosines, correlations and settings that differ.

    Raises
    ------
    ValueError
        If there are fewer than two models, or they do not have the same input.
    sklearn.exceptions.NotFittedError
        If a model is not fitted.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from rhohat import SparseAutoencoder, compare
    >>> X = load_digits().data / 16
    >>> models = [SparseAutoencoder(9, max_iter=20, random_state=n).fit(X) for n in (0, 1)]
    >>> list(compare(models, X).comparison.settings)
    ['SparseAutoencoder.random_state']
    """
    named = (
        dict(models)
        if isinstance(models, Mapping)
        else {f"model {n}": model for n, model in enumerate(models, start=1)}
    )
    found = compared(named, X, shape=shape, columns=columns)
    sides = [
        Side(model.name, view_of(model.portrait, model.view), new)
        for model, new in zip(found.models, found.new, strict=True)
    ]
    findings = ComparisonFindings(
        columns_of(found.models[0].portrait),
        sides,
        found.partners,
        found.cosines,
        found.correlations,
        found.returns,
    )
    html = filled(
        "comparison.html",
        findings,
        (*SHARED, "comparison.js"),
        styles=("comparison.css",),
        title=title,
        subtitle=", ".join(named),
        told=str(found),
        facts=_facts(found),
        settings={name: map(_or_dash, values) for name, values in found.settings.items()},
        strips=[
            (side.name, picture_of(model.view))
            for side, model in zip(sides, found.models, strict=True)
        ],
    )
    return ComparisonReport(html, found)


def _facts(found: Comparison) -> dict[str, list[str]]:
    """What training came to, in words: a row for each fact that any model has."""
    facts = [model.facts for model in found.models]
    names = dict.fromkeys(name for one in facts for name in one)
    rows = {name: [one.get(name) for one in facts] for name in names}
    rows[f"units of {found.models[0].name} that recur"] = [
        None if number == 0 else int((np.abs(model.matching.cosines) > ALIKE_COSINE).sum())
        for number, model in enumerate(found.models)
    ]
    told = {
        name: [_number(value, name) for value in values]
        for name, values in rows.items()
        if any(value is not None for value in values)
    }
    return told


def _number(value: float | None, name: str) -> str:
    if value is None:
        return "–"
    if name == "explained variance":
        return f"{value:.1%}"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _or_dash(value: str | None) -> str:
    return "–" if value is None else value
