"""Comparison: which units of one model return in others, and what else differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.common.printable import enumerated
from rhohat.estimators.anatomy import Anatomy
from rhohat.estimators.measures import Matching, explained_variance, matching
from rhohat.inspection.edges import ALIKE_COSINE
from rhohat.inspection.examples import examples_of
from rhohat.inspection.layers import Layer
from rhohat.inspection.portrait import Portrait, View, portraits_of
from rhohat.inspection.report.provenance import settings_of
from rhohat.objective.penalties import penalty_of
from rhohat.rows.sources import ArraySource

#: Settings that a sentence names, at most.
NAMED = 3


@dataclass(frozen=True, eq=False)
class ComparedModel:
    """One of the models that are compared.

    Attributes
    ----------
    name : str
    portrait : Portrait
        Of its top layer.
    view : View
        The picture of every unit by which models are compared.
    matching : Matching
        Its partners of the first model's units.
    activations : ndarray of shape (n, k) or None
        On some examples, the same for all models; None without data.
    explained : float or None
        Share of these examples' variance that the model explains, as its first layer gets them;
        None without data, or if it does not rebuild them.
    """

    name: str
    portrait: Portrait
    view: View
    matching: Matching
    activations: FloatArray | None = None
    explained: float | None = None

    @property
    def layer(self) -> Layer:
        """Its top layer."""
        return self.portrait.layer

    @property
    def facts(self) -> dict[str, int | float | None]:
        """What its training came to, by name; None for what is not known."""
        estimator: Any = self.layer.estimator
        terms, average = getattr(estimator, "loss_terms_", None), self.layer.average
        edges, k = self.portrait.edges, self.layer.n_units
        penalty = penalty_of(estimator.sparsity_penalty)
        error = "cross-entropy" if hasattr(estimator, "classes_") else "reconstruction"
        return {
            "units": k,
            "loss": None if terms is None else float(estimator.loss_),
            error: None if terms is None else float(terms[0]),
            "weight decay": None if terms is None else float(terms[1]),
            "sparsity": None if terms is None else float(terms[2]),
            "average activation": None if average is None else float(average.mean()),
            "target": penalty.asked_average(self.layer.activation),
            "dead units": getattr(estimator, "n_dead_", None),
            "pairs of duplicates": len(self.portrait.alike.same.cosines),
            "edges": None if edges is None else round(edges.edge_share * k),
            "explained variance": self.explained,
        }


@dataclass(frozen=True, eq=False)
class Comparison:
    """Models of the same input, side by side.

    Attributes
    ----------
    models : sequence of ComparedModel
        The others are compared with the first one.
    settings : dict of str to tuple of (str or None)
        Settings that differ, with the value of each model; None where it has no such setting.
    n_rows : int
        Examples on which activations are compared; 0 without data.
    """

    models: Sequence[ComparedModel]
    settings: Mapping[str, tuple[str | None, ...]]
    n_rows: int = 0

    @property
    def partners(self) -> NDArray[np.intp]:
        """Each model's partner of every unit of the first one, (k, n_models); -1 for none."""
        return np.stack([model.matching.partners for model in self.models], axis=1)

    @property
    def cosines(self) -> Float64Array:
        """Cosines between every unit of the first model and its partners, (k, n_models)."""
        return np.stack([model.matching.cosines for model in self.models], axis=1)

    @property
    def correlations(self) -> Float64Array | None:
        """Correlations of their activations, 0 where one is constant; None without data."""
        first = self.models[0].activations
        if first is None:
            return None
        Z = _standardized(first)
        found = np.zeros(self.partners.shape)
        for number, model in enumerate(self.models):
            assert model.activations is not None
            known = self.partners[:, number] >= 0
            others = _standardized(model.activations)[:, self.partners[known, number]]
            found[known, number] = np.einsum("ij,ij->j", Z[:, known], others) / len(Z)
        return found

    @property
    def returns(self) -> NDArray[np.bool_]:
        """Which units of the first model have a matching partner in every other model, (k,).

        Up to sign, by a cosine above 0.9.
        """
        return np.asarray((np.abs(self.cosines) > ALIKE_COSINE).all(axis=1))

    @property
    def new(self) -> list[NDArray[np.intp]]:
        """For each model, its units that match none of the first model."""
        found = []
        for model in self.models:
            is_same = np.abs(model.matching.cosines) > ALIKE_COSINE
            units = np.arange(model.layer.n_units)
            found.append(np.setdiff1d(units, model.matching.partners[is_same]))
        return found

    @property
    def learned_from_same_rows(self) -> bool | None:
        """Whether all learned from the same rows; None if that is not known."""
        prints = {getattr(m.layer.estimator, "data_fingerprint_", None) for m in self.models}
        return None if None in prints else len(prints) == 1

    def __str__(self) -> str:
        """What returns, and what differs, in sentences."""
        return " ".join(self._sentences())

    def _sentences(self) -> list[str]:
        first, *others = self.models
        k, n = first.layer.n_units, int(self.returns.sum())
        where = others[0].name if len(others) == 1 else "every other model"
        how = f"|cosine| above {ALIKE_COSINE:g}"
        if n == k and all(model.layer.n_units == k for model in others):
            told = [f"The models have the same units: all {k:,} of {first.name} recur in {where}"]
        else:
            told = [f"{n:,} of the {k:,} units of {first.name} recur in {where}"]
        middle = float(np.median(np.abs(self.cosines[:, 1:])))
        told[0] += f", up to order and sign ({how}; median {middle:.2f})."
        correlations = self.correlations
        if correlations is not None and self.returns.any():
            typical = float(np.median(np.abs(correlations[self.returns, 1:])))
            told.append(
                f"On {self.n_rows:,} examples, the activations of units that recur have a median "
                f"correlation of {typical:.2f}."
            )
        names = list(self.settings)
        if not names:
            told.append("All settings are the same.")
        elif len(names) <= NAMED:
            verb = "differs" if len(names) == 1 else "differ"
            told.append(f"Of all settings, only {enumerated(names)} {verb}.")
        else:
            told.append(f"{len(names)} settings differ.")
        if self.learned_from_same_rows is not None:
            which = "the same rows" if self.learned_from_same_rows else "different rows"
            told.append(f"They learned from {which}.")
        return told


def compared(
    models: Mapping[str, BaseEstimator],
    data: Any = None,
    *,
    shape: tuple[int, ...] | None = None,
    columns: Sequence[Any] | None = None,
) -> Comparison:
    """Compare models by their top layers; for the parameters see `rhohat.compare`."""
    if len(models) < 2:
        raise ValueError(f"compare needs at least two models, got {len(models)}.")
    first = next(iter(models.values()))
    portraits = {
        name: portraits_of(model, None, shape, columns=columns)[-1]
        for name, model in models.items()
    }
    views = _views(portraits)
    own, found, n_rows = next(iter(views.values())).tiles.values, [], 0
    for name, model in models.items():
        one = ComparedModel(
            name, portraits[name], views[name], matching(own, views[name].tiles.values)
        )
        if data is not None:
            examples = examples_of(_on_pieces_of(first, model), data, shape)
            X = examples.inputs(np.sort(examples.sample()))
            one, n_rows = _on_rows(one, X), len(X)
        found.append(one)
    return Comparison(found, _differing(models), n_rows)


def _views(portraits: Mapping[str, Portrait]) -> dict[str, View]:
    """A picture of every unit that all models have, in which they have the same size."""
    usual: str | None = None
    if len({portrait.usual for portrait in portraits.values()}) > 1:
        rebuild = all(portrait.patterns is not None for portrait in portraits.values())
        usual = "stands-for" if rebuild else "looks-for"
    views = {name: portrait.view(usual) for name, portrait in portraits.items()}
    sizes = {name: _size(view) for name, view in views.items()}
    first = next(iter(sizes))
    for name, size in sizes.items():
        if size != sizes[first]:
            raise ValueError(
                f"only models of the same input can be compared: the units of {first} see "
                f"{sizes[first]}, those of {name} see {size}."
            )
    return views


def _on_rows(model: ComparedModel, X: FloatArray) -> ComparedModel:
    """The model with what it does on rows as its first layer gets them."""
    layer = model.layer
    A = layer.encoded(ArraySource(X)).read(0, len(X)).X
    explained = None if layer.decoded is None else explained_variance(X, layer.decoded(A))
    return replace(model, activations=A, explained=explained)


def _size(view: View) -> str:
    """The size of what a view shows of a unit, in words."""
    values, shape, *_ = view.tiles
    return f"{values.shape[1]:,} values" if shape is None else " x ".join(map(str, shape))


def _on_pieces_of(first: BaseEstimator, model: BaseEstimator) -> BaseEstimator:
    """The model on the same pieces that the first one cuts out."""
    anatomy, extractor = Anatomy.of(model), Anatomy.of(first).extractor
    if anatomy.extractor is None or extractor is None:
        return model
    aligned: BaseEstimator = make_pipeline(*replace(anatomy, extractor=extractor).steps)
    return aligned


def _differing(models: Mapping[str, BaseEstimator]) -> dict[str, tuple[str | None, ...]]:
    """Settings that are not the same in all models."""
    settings = [settings_of(model) for model in models.values()]
    names = dict.fromkeys(name for one in settings for name in one)
    rows = {name: tuple(one.get(name) for one in settings) for name in names}
    return {name: values for name, values in rows.items() if len(set(values)) > 1}


def _standardized(activations: FloatArray) -> Float64Array:
    """Columns of mean 0 and standard deviation 1; 0 where they are constant."""
    Z: Float64Array = activations - activations.mean(axis=0, dtype=np.float64)
    deviation = Z.std(axis=0)
    return Z / np.where(deviation > 0, deviation, 1)
