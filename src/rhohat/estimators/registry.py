"""The registry of model files: each class that a file may hold is one row; no other is loaded."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from rhohat.common.tensorfiles import is_list, is_text
from rhohat.estimators.anatomy import thawed
from rhohat.estimators.autoencoder import (
    EXACT,
    FOUND,
    HELD_OUT,
    PARTITION,
    RUNNING,
    WEIGHTS,
    SparseAutoencoder,
)
from rhohat.estimators.classifier import StackedAutoencoderClassifier
from rhohat.estimators.convolution import ConvolutionalFeatures
from rhohat.estimators.fields import (
    COLUMNS,
    COUNT,
    LABELS,
    NUMBER,
    PAIR,
    SHAPE,
    SIZES,
    TEXTS,
    Array,
    Models,
    OneOf,
    Value,
)
from rhohat.estimators.fitted_attributes import OUTCOME, fields_of
from rhohat.estimators.stack import StackedAutoencoder
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.decoders import DECODERS
from rhohat.objective.penalties import PENALTIES
from rhohat.preprocessing.extractors import PatchExtractor, WindowExtractor
from rhohat.preprocessing.filters import OneOverFWhitening
from rhohat.preprocessing.normalizers import ContrastNormalizer, PatchNormalizer
from rhohat.preprocessing.sounds import SpectrogramExtractor, WaveformExtractor
from rhohat.preprocessing.standardization import Standardization
from rhohat.preprocessing.whitening import Whitening
from rhohat.training.adam import Adam
from rhohat.training.solvers import SOLVERS

#: Attributes that a fitted model may lack, because of its data or its training, or because an older
#: version wrote the file.
OPTIONAL = {"feature_names_in_", "noise_", *PARTITION, *FOUND, *HELD_OUT, *RUNNING, *EXACT}


class Row(NamedTuple):
    """A class that files may hold.

    Attributes
    ----------
    cls : type
    fitted : mapping, default=None
        Fitted attributes. None for a class that is a parameter of models, but no model itself.
    left_out : tuple of str, default=()
        Parameters that are not saved; after `load` they have their defaults.
    unfitted : tuple of str, default=()
        Parameters whose models are settings for `fit`, saved without what they have learned.
    checked : mapping, default={}
        Parameters that must be as described for the model to make sense.
    either : tuple of tuple of str, default=()
        Groups of fitted attributes, of which one must be complete.
    learned : mapping, default={}
        Parameters that are saved, and come back, as `fit` left them; each with the name of the
        fitted attribute that holds it.
    fits_together : callable
        Whether a model's attributes agree in ways that symbols of sizes cannot express.
    """

    cls: type[Any]
    fitted: Mapping[str, Array | Value | Models] | None = None
    left_out: tuple[str, ...] = ()
    unfitted: tuple[str, ...] = ()
    checked: Mapping[str, Value | OneOf] = {}
    either: tuple[tuple[str, ...], ...] = ()
    learned: Mapping[str, str] = {}
    fits_together: Callable[[Any], bool] = lambda model: True

    def keeps_learned(self, parameter: str, is_fitted: bool) -> bool:
        """Whether a parameter's models are saved fitted, given whether this one is."""
        return (is_fitted or self.cls is FrozenEstimator) and parameter not in self.unfitted

    @property
    def parameters(self) -> set[str]:
        """Names of the constructor's parameters that are saved."""
        return set(inspect.signature(self.cls).parameters) - set(self.left_out)


def _is_step(step: Any) -> bool:
    """Whether this may be a step of a pipeline."""
    pair = type(step) in (list, tuple) and len(step) == 2 and is_text(step[0])
    return pair and (step[1] is None or step[1] == "passthrough" or is_model(thawed(step[1])))


MODEL = Value("a model", lambda model: is_model(thawed(model)))
STEPS = Value(
    "a list of (name, model) pairs", lambda steps: bool(steps) and is_list(steps, _is_step)
)


def _layers_fit(stack: StackedAutoencoder) -> bool:
    """Whether each layer takes what the one below returns."""
    widths = [stack.n_features_in_, *(len(layer.components_) for layer in stack.layers_)]
    return all(
        layer.n_features_in_ == width for layer, width in zip(stack.layers_, widths, strict=False)
    )


def _network_fits(model: StackedAutoencoderClassifier) -> bool:
    """Whether the numbers of parameters, averages and classes agree with the layers' sizes."""
    try:
        objective = model.objective()
    except (TypeError, ValueError):
        return False
    sizes = objective.layer_sizes
    return (len(model.theta_), len(model.average_activation_), sizes[0], sizes[-1]) == (
        objective.n_parameters,
        objective.n_hidden,
        model.n_features_in_,
        len(model.classes_),
    )


#: Estimators, and what their parameters hold; penalties and solvers are those of their tables.
ROWS: dict[str, Row] = {
    row.cls.__name__: row
    for row in (
        Row(
            SparseAutoencoder,
            {**COLUMNS, **WEIGHTS, **fields_of(EXACT | PARTITION | HELD_OUT), **FOUND, **RUNNING},
            left_out=("callback", "engine", "checkpoint", "resume", "verify"),
            checked={"activation": OneOf(ACTIVATIONS), "decoder": OneOf(DECODERS)},
            either=(tuple(EXACT), tuple(RUNNING)),
        ),
        Row(
            StackedAutoencoder,
            {**COLUMNS, "layers_": Models(SparseAutoencoder)},
            left_out=("engine", "checkpoint", "resume"),
            unfitted=("layers", "estimator"),
            fits_together=_layers_fit,
        ),
        Row(
            StackedAutoencoderClassifier,
            {
                **COLUMNS,
                "classes_": LABELS,
                "theta_": Array(("p",)),
                "layer_sizes_": SIZES,
                "activations_": TEXTS,
                **fields_of(OUTCOME),
            },
            left_out=("callback", "engine", "checkpoint", "resume", "verify"),
            unfitted=("estimator",),
            fits_together=_network_fits,
        ),
        Row(
            Whitening,
            {
                **COLUMNS,
                "n_components_": COUNT._replace(size="k"),
                "mean_": Array(("d",)),
                "components_": Array(("k", "d")),
                "explained_variance_": Array(("k",)),
                "explained_variance_ratio_": Array(("k",)),
                "noise_": NUMBER,
            },
        ),
        Row(Standardization, {**COLUMNS, "mean_": Array(("d",)), "scale_": Array(("d",))}),
        Row(OneOverFWhitening, {"scale_": NUMBER}),
        Row(PatchExtractor, {"patch_shape_": SHAPE}),
        Row(WindowExtractor, {"patch_shape_": SHAPE}),
        Row(
            SpectrogramExtractor,
            {"frequencies_": Array(("b",)), "mean_": Array(("b",)), "scale_": NUMBER},
        ),
        Row(WaveformExtractor, {"n_recordings_": COUNT}),
        Row(PatchNormalizer, {**COLUMNS, "scale_": NUMBER}),
        Row(ContrastNormalizer, COLUMNS),
        Row(
            ConvolutionalFeatures,
            {"patch_shape_": SHAPE, "grid_": PAIR},
            checked={"model": MODEL},
            learned={"model": "model_"},
        ),
        Row(Pipeline, {}, left_out=("memory",), checked={"steps": STEPS}),
        Row(Adam),
        Row(FrozenEstimator),
    )
}


def rows() -> dict[str, Row]:
    """Every class that a file may hold, by name: `ROWS`, and all penalties and solvers."""
    parts = (*PENALTIES.values(), *SOLVERS.values())
    return {**ROWS, **{cls.__name__: Row(cls) for cls in parts}}


def row_of(value: object) -> Row | None:
    """The row of the value's class, if it has one; that of a base class does not count."""
    row = rows().get(type(value).__name__)
    return row if row is not None and row.cls is type(value) else None


def is_model(value: object) -> bool:
    """Whether a file may hold the value by itself."""
    row = row_of(value)
    return row is not None and row.fitted is not None
