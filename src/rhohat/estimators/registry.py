"""The registry of model files: each class that a file may hold is one row; no other is loaded."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from functools import cache
from itertools import chain
from math import prod
from typing import Any, NamedTuple

from sklearn.base import OneToOneFeatureMixin
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from rhohat.common.tensorfiles import is_list, is_text
from rhohat.common.validation import check_pair
from rhohat.estimators.anatomy import Anatomy, steps_of, thawed
from rhohat.estimators.anomalies import AnomalyDetector
from rhohat.estimators.autoencoder import (
    EXACT,
    FOUND,
    HELD_OUT,
    PARTITION,
    RUNNING,
    WEIGHTS,
    SparseAutoencoder,
    has_thresholds_of,
)
from rhohat.estimators.classifier import StackedAutoencoderClassifier
from rhohat.estimators.convolution import ConvolutionalFeatures
from rhohat.estimators.fields import (
    COLUMNS,
    COUNT,
    FLAG,
    LABELS,
    NOT_NEGATIVE,
    NUMBER,
    PAIR,
    POSITIVE,
    SHAPE,
    SIZE,
    SIZES,
    TINY,
    Array,
    Model,
    Models,
    Value,
)
from rhohat.estimators.fitted_attributes import OUTCOME, fields_of
from rhohat.estimators.stack import StackedAutoencoder
from rhohat.estimators.transcoder import SparseTranscoder
from rhohat.objective.activations import ACTIVATIONS, Activation
from rhohat.objective.corruption import CORRUPTIONS
from rhohat.objective.decoders import DECODERS, Decoder
from rhohat.objective.penalties import PENALTIES
from rhohat.preprocessing.extractors import Extractor, PatchExtractor, WindowExtractor
from rhohat.preprocessing.filters import OneOverFWhitening
from rhohat.preprocessing.normalizers import ContrastNormalizer, PatchNormalizer
from rhohat.preprocessing.series import ChannelScaling, SeriesSpectra, SeriesSpectrogram
from rhohat.preprocessing.sounds import SpectrogramExtractor, WaveformExtractor
from rhohat.preprocessing.standardization import Standardization
from rhohat.preprocessing.whitening import Whitening
from rhohat.training.adam import Adam
from rhohat.training.solvers import SOLVERS

#: Attributes that a fitted model may lack, because of its data or its training, or because an older
#: version wrote the file.
OPTIONAL = {
    "feature_names_in_",
    "noise_",
    "seed_",
    "thresholds_",
    *PARTITION,
    *FOUND,
    *HELD_OUT,
    *RUNNING,
    *EXACT,
}


class Row(NamedTuple):
    """A class that files may hold.

    Attributes
    ----------
    cls : type
    fitted : mapping, default=None
        Fitted attributes. None for a class that is a parameter of models, but no model itself.
    left_out : tuple of str, default=()
        Parameters that are not saved; after `load` they have their defaults.
    unused : tuple of str, default=()
        Likewise, but files of earlier versions hold them: they are about the machine that the file
        was written on.
    unfitted : tuple of str, default=()
        Parameters whose models are settings for `fit`, saved without what they have learned.
    checked : mapping, default={}
        Parameters that must be as described, where the class has no ``check_settings`` that would
        say so.
    either : tuple of tuple of str, default=()
        Groups of fitted attributes, of which one must be complete. An empty group allows for none
        of them, as in models whose weights come from elsewhere.
    learned : mapping, default={}
        Parameters that are saved, and come back, as `fit` left them; each with the name of the
        fitted attribute that holds it.
    fits_together : callable
        Whether a model's attributes agree in ways that symbols of sizes cannot express.
    """

    cls: type[Any]
    fitted: Mapping[str, Array | Value | Model | Models] | None = None
    left_out: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    unfitted: tuple[str, ...] = ()
    checked: Mapping[str, Value] = {}
    either: tuple[tuple[str, ...], ...] = ()
    learned: Mapping[str, str] = {}
    fits_together: Callable[[Any], bool] = lambda model: True

    def is_whole(self, fitted: Collection[str]) -> bool:
        """Whether fitted attributes are those of one of the groups in `either`."""
        any_of_them = set(fitted).intersection(*[chain(*self.either)])
        groups = (set(group) <= set(fitted) if group else not any_of_them for group in self.either)
        return not self.either or any(groups)

    def keeps_learned(self, parameter: str, is_fitted: bool) -> bool:
        """Whether a parameter's models are saved fitted, given whether this one is."""
        return (is_fitted or self.cls is FrozenEstimator) and parameter not in self.unfitted

    @property
    def defaults(self) -> Mapping[str, Any]:
        """The constructor's parameters with their defaults; `NEEDED` for those that have none."""
        cls: Any = self.cls
        return _defaults(cls)

    @property
    def parameters(self) -> set[str]:
        """Names of the constructor's parameters that are saved."""
        return self.defaults.keys() - {*self.left_out, *self.unused}

    def check_settings(self, model: Any) -> None:
        """Raise TypeError or ValueError unless parameters are as `fit` takes them."""
        if hasattr(model, "check_settings"):
            model.check_settings()


#: The default of parameters that have none.
NEEDED = inspect.Parameter.empty


@cache
def _defaults(cls: type[Any]) -> Mapping[str, Any]:
    """Parameters and their defaults; looking at a signature takes long."""
    return {name: p.default for name, p in inspect.signature(cls).parameters.items()}


def _is_step(step: Any) -> bool:
    """Whether this may be a step of a pipeline."""
    pair = type(step) in (list, tuple) and len(step) == 2 and is_text(step[0])
    return pair and (step[1] is None or step[1] == "passthrough" or is_model(thawed(step[1])))


MODEL = Value("a model", lambda model: is_model(thawed(model)))
STEPS = Value("a pipeline's list of (name, model) pairs", lambda steps: _are_steps(steps))
TEXTS_OR_NONE = Value(
    "a list of texts, or None", lambda texts: texts is None or is_list(texts, is_text)
)


def _are_steps(steps: Any) -> bool:
    """Whether these may be all steps of a pipeline."""
    if not steps or not is_list(steps, _is_step):
        return False
    names = {name for name, _ in steps}
    return len(names) == len(steps) and not any("__" in name or name == "steps" for name in names)


def _steps_fit(pipeline: Pipeline) -> bool:
    """Whether each step takes as many columns as the one before gives, as far as both tell."""
    width = None
    for step in steps_of(pipeline):
        taken = getattr(step, "n_features_in_", None)
        if None not in (width, taken) and taken != width:
            return False
        width = _width_of(step)
    return True


def _width_of(step: Any) -> int | None:
    """Columns that a fitted step gives; None if it gives none."""
    if isinstance(step, Extractor):
        return int(prod(step.patch_shape_))
    if isinstance(step, OneToOneFeatureMixin):
        return int(step.n_features_in_)
    width: int | None = getattr(step, "_n_features_out", None)
    return width


def _has_parameters(row: str | Activation | Decoder) -> bool:
    """Whether it is an activation or decoder with parameters, and not the name of one."""
    return hasattr(row, "get_params")


def _describe_activations(activations: list[Any]) -> list[Any]:
    """Names, and names with parameters."""
    return [{a.name: a.get_params()} if _has_parameters(a) else a for a in activations]


def _restore_activation(described: Any) -> Any:
    if is_text(described):
        return described
    ((name, parameters),) = described.items()
    made: Any = type(ACTIVATIONS[name])
    return made(**parameters)


def _is_activation(described: Any) -> bool:
    """Whether it is a text, or a name with all parameters of its activation."""
    if type(described) is not dict or len(described) != 1:
        return is_text(described)
    ((name, parameters),) = described.items()
    row: Any = ACTIVATIONS.get(name)
    known = row is not None and _has_parameters(row) and type(parameters) is dict
    return known and parameters.keys() == row.get_params().keys()


ACTIVATIONS_OF_LAYERS = Value(
    "a list of activations",
    lambda activations: is_list(activations, _is_activation),
    lambda activations: list(map(_restore_activation, activations)),
    to_json=_describe_activations,
)


def _curves_fit(model: SparseAutoencoder | StackedAutoencoderClassifier) -> bool:
    """Whether the curve of the loss goes over all iterations, if there is one."""
    return not hasattr(model, "loss_curve_") or len(model.loss_curve_) == model.n_iter_ + 1


def _units_fit(model: SparseAutoencoder) -> bool:
    """Whether there are as many units as asked for."""
    right = len(model.encoder_weights_) == model.n_components and has_thresholds_of(model)
    return right and _curves_fit(model)


def _components_fit(model: Whitening) -> bool:
    """Whether there are as many components as asked for, and as the columns allow."""
    kept, asked = model.n_components_, model.n_components
    return kept <= model.n_features_in_ and (kept == asked or not isinstance(asked, int))


def _piece_fits(model: PatchExtractor | WindowExtractor) -> bool:
    """Whether pieces have the size asked for."""
    (height, width), _ = model._check()
    found = model.patch_shape_[:2]
    return found == (height or found[0], width or found[1])


def _bands_fit(model: SpectrogramExtractor) -> bool:
    """Whether there are as many bands as asked for."""
    return len(model.frequencies_) == model.n_mels


def _positions_fit(model: ConvolutionalFeatures) -> bool:
    """Whether patches have as many values as the model takes, and the grid is as asked for."""
    anatomy = Anatomy.of(model.model_)
    if anatomy.encoder is None:
        return False
    taken = getattr([*anatomy.of_rows, *anatomy.units][0], "n_features_in_", None)
    asked = check_pair("grid", model.grid)
    along_time = (1, asked[1])  # where one number is that of cells along time
    grids = (model.grid_,) if model.window is not None else (asked, along_time)
    return taken in (None, prod(model.patch_shape_)) and model.grid_ in grids


def _layers_fit(stack: StackedAutoencoder) -> bool:
    """Whether each layer takes what the one below returns."""
    widths = [stack.n_features_in_, *(len(layer.components_) for layer in stack.layers_)]
    return len(stack.layers_) == len(stack.layers) and all(
        layer.n_features_in_ == width for layer, width in zip(stack.layers_, widths, strict=False)
    )


def _detector_fits(detector: AnomalyDetector) -> bool:
    """Whether the autoencoder has as many columns, and its averages are known."""
    model = detector.autoencoder_
    same_columns: bool = model.n_features_in_ == detector.n_features_in_
    return same_columns and hasattr(model, "average_activation_")


def _network_fits(model: StackedAutoencoderClassifier) -> bool:
    """Whether the numbers of parameters, averages and classes agree with the layers' sizes."""
    try:
        objective = model.objective()
    except (TypeError, ValueError):
        return False
    if not _curves_fit(model):
        return False
    sizes = objective.layer_sizes
    return (len(model.theta_), len(model.average_activation_), sizes[0], sizes[-1]) == (
        objective.n_parameters,
        objective.n_hidden,
        model.n_features_in_,
        len(model.classes_),
    )


def _row_of_units(cls: type[SparseAutoencoder], weights: Mapping[str, Array]) -> Row:
    """The row of an autoencoder, or of one that reconstructs something else."""
    return Row(
        cls,
        {**COLUMNS, **weights, **fields_of(EXACT | PARTITION | HELD_OUT), **FOUND, **RUNNING},
        left_out=("callback", "engine", "device", "checkpoint", "resume", "verify"),
        unused=("n_jobs",),
        either=(tuple(EXACT), tuple(RUNNING), ()),
        fits_together=_units_fit,
    )


#: Estimators, and what their parameters hold; penalties, solvers, corruptions and activations with
#: parameters are those of their tables.
ROWS: dict[str, Row] = {
    row.cls.__name__: row
    for row in (
        _row_of_units(SparseAutoencoder, WEIGHTS),
        _row_of_units(
            SparseTranscoder,
            {
                **WEIGHTS,
                "decoder_weights_": Array(("k", "o")),
                "decoder_bias_": Array(("o",)),
            },
        ),
        Row(
            StackedAutoencoder,
            {**COLUMNS, "layers_": Models(SparseAutoencoder)},
            left_out=("engine", "device", "checkpoint", "resume"),
            unused=("n_jobs",),
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
                "activations_": ACTIVATIONS_OF_LAYERS,
                **fields_of(OUTCOME),
            },
            left_out=("callback", "engine", "device", "checkpoint", "resume", "verify"),
            unused=("n_jobs",),
            unfitted=("estimator",),
            fits_together=_network_fits,
        ),
        Row(
            AnomalyDetector,
            {
                **COLUMNS,
                "location_": Array(("d",)),
                "spread_": Array(("d",), least=TINY),
                "mean_": Array(("d",)),
                "scale_": Array(("d",), least=TINY),
                "residual_variance_": Array(("d",), least=TINY),
                "offset_": NUMBER,
                "autoencoder_": Model(SparseAutoencoder),
            },
            unfitted=("estimator",),
            fits_together=_detector_fits,
        ),
        Row(
            Whitening,
            {
                **COLUMNS,
                "n_components_": SIZE._replace(size="k"),
                "mean_": Array(("d",)),
                "components_": Array(("k", "d")),
                "explained_variance_": Array(("k",), least=0),
                "explained_variance_ratio_": Array(("k",), least=0),
                "noise_": NOT_NEGATIVE,
            },
            fits_together=_components_fit,
        ),
        Row(
            Standardization,
            {**COLUMNS, "mean_": Array(("d",)), "scale_": Array(("d",), least=TINY)},
        ),
        Row(OneOverFWhitening, {"scale_": POSITIVE}),
        Row(PatchExtractor, {"patch_shape_": SHAPE, "seed_": COUNT}, fits_together=_piece_fits),
        Row(WindowExtractor, {"patch_shape_": SHAPE, "seed_": COUNT}, fits_together=_piece_fits),
        Row(
            SpectrogramExtractor,
            {"frequencies_": Array(("b",), least=0), "mean_": Array(("b",)), "scale_": POSITIVE},
            fits_together=_bands_fit,
        ),
        Row(WaveformExtractor, {"n_recordings_": COUNT}),
        *(
            Row(cls, {"mean_": Array(("c",)), "scale_": Array(("c",), least=TINY)})
            for cls in (ChannelScaling, SeriesSpectra, SeriesSpectrogram)
        ),
        Row(PatchNormalizer, {**COLUMNS, "scale_": POSITIVE}),
        Row(ContrastNormalizer, COLUMNS),
        Row(
            ConvolutionalFeatures,
            {"patch_shape_": SHAPE, "grid_": PAIR},
            unused=("n_jobs",),
            checked={"model": MODEL},
            learned={"model": "model_"},
            fits_together=_positions_fit,
        ),
        Row(
            Pipeline,
            {},
            left_out=("memory",),
            checked={"steps": STEPS, "verbose": FLAG, "transform_input": TEXTS_OR_NONE},
            fits_together=_steps_fit,
        ),
        Row(Adam),
        Row(FrozenEstimator, checked={"estimator": MODEL}),
    )
}


def rows() -> dict[str, Row]:
    """Every class that a file may hold, by name: `ROWS`, and those of the tables."""
    tables: tuple[Any, ...] = (*ACTIVATIONS.values(), *DECODERS.values())
    rows_with_parameters = [type(row) for row in tables if _has_parameters(row)]
    parts = (*PENALTIES.values(), *SOLVERS.values(), *CORRUPTIONS.values(), *rows_with_parameters)
    return {**ROWS, **{cls.__name__: Row(cls) for cls in parts}}


def row_of(value: object) -> Row | None:
    """The row of the value's class, if it has one; that of a base class does not count."""
    row = rows().get(type(value).__name__)
    return row if row is not None and row.cls is type(value) else None


def is_model(value: object) -> bool:
    """Whether a file may hold the value by itself."""
    row = row_of(value)
    return row is not None and row.fitted is not None
