"""Models as files: one safetensors file per model, and nothing in it that could run.

The file is as `rhohat.common.tensorfiles` has it. It describes the model by class names, parameters
and fitted values, nested as the model is. An array is named by its attribute, within a pipeline by
the way to it: ``steps.0.1.mean_``.

Each class that a file may hold is one row of `ROWS`; no name in a file is looked up anywhere else.
Every format that was released stays readable; a parameter that a file lacks has its default.
"""

from __future__ import annotations

import errno
import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from pathlib import Path
from reprlib import repr as short
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from rhohat.common.errors import ModelFileError
from rhohat.common.tensorfiles import (
    DTYPES,
    Arrays,
    dtype_name,
    expect,
    is_count,
    is_list,
    is_number,
    is_text,
    pack,
    unpack,
    write_whole,
)
from rhohat.estimators.anatomy import thawed
from rhohat.estimators.autoencoder import EXACT, RUNNING, SparseAutoencoder
from rhohat.estimators.convolution import ConvolutionalFeatures
from rhohat.estimators.stacked import StackedAutoencoder, StackedAutoencoderClassifier
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.decoders import DECODERS
from rhohat.objective.penalties import KLSparsity, L1Sparsity, NoSparsity
from rhohat.objective.sparse import LossTerms
from rhohat.preprocessing.patches import (
    ContrastNormalizer,
    PatchExtractor,
    PatchNormalizer,
    WindowExtractor,
)
from rhohat.preprocessing.sounds import SpectrogramExtractor, WaveformExtractor
from rhohat.preprocessing.whitening import OneOverFWhitening, Whitening
from rhohat.training.adam import Adam
from rhohat.training.solvers import LBFGS, GradientDescent

__all__ = ["load", "save"]


class Array(NamedTuple):
    """A fitted array. A symbol stands for the same size wherever it comes within a class."""

    shape: tuple[str | int, ...]
    dtypes: tuple[str, ...] = ("F32", "F64")


class Value(NamedTuple):
    """What the description says of a fitted attribute, or of a parameter.

    Attributes
    ----------
    expected : str
    is_valid : callable
        Whether a value is as expected.
    from_json : callable
        Makes the attribute of a valid value.
    size : str, default=""
        Symbol of the size that it tells: itself if it is a number, else its length.
    to_json : callable
        Describes the attribute.
    """

    expected: str
    is_valid: Callable[[Any], bool]
    from_json: Callable[[Any], Any] = lambda value: value
    size: str = ""
    to_json: Callable[[Any], Any] = lambda value: np.asarray(value).tolist()


class Models(NamedTuple):
    """A fitted list of models, all of one class, at least one."""

    cls: type[Any]


#: What labels may be, by the names of their types in NumPy; object is for texts.
LABEL_TYPES = (
    *("bool", "str", "object", "float16", "float32", "float64"),
    *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)),
)


def _describe_labels(labels: NDArray[Any]) -> dict[str, Any]:
    """Say of what type labels are, and which."""
    dtype = "str" if labels.dtype.kind == "U" else labels.dtype.name
    if dtype not in LABEL_TYPES:
        raise TypeError(
            f"labels of type {dtype} cannot be saved; a file holds {', '.join(LABEL_TYPES)}."
        )
    return {"dtype": dtype, "values": labels.tolist()}


def _restore_labels(described: dict[str, Any]) -> NDArray[Any]:
    return np.array(described["values"]).astype(described["dtype"])


def _are_labels(described: Any) -> bool:
    """Whether labels are of the type that is said, all of them alike."""
    if type(described) is not dict or described.keys() != {"dtype", "values"}:
        return False
    dtype, values = described["dtype"], described["values"]
    if dtype not in list(LABEL_TYPES) or not is_list(values, _is_plain) or None in values:
        return False
    try:
        with np.errstate(all="ignore"):
            found = _restore_labels(described).tolist()
    except (OverflowError, TypeError, ValueError):
        return False
    return found == values and len({type(value) for value in [*found, *values]}) == 1


def _is_step(step: Any) -> bool:
    pair = type(step) in (list, tuple) and len(step) == 2 and is_text(step[0])
    return pair and (step[1] is None or step[1] == "passthrough" or _is_model(thawed(step[1])))


def _one_of(names: Iterable[str]) -> Value:
    known = list(names)
    return Value(f"one of {', '.join(known)}", lambda name: name in known)


COUNT = Value("a whole number, at least 0", is_count)
NUMBER = Value("a finite number", is_number)
FLAG = Value("true or false", lambda value: type(value) is bool)
TEXT = Value("a text", is_text)
TERMS = Value(
    "a list of three numbers",
    lambda terms: is_list(terms, is_number, 3),
    lambda terms: LossTerms(*terms),
)
SHAPE = Value("two or three whole numbers", lambda sizes: is_list(sizes, is_count, 2, 3), tuple)
PAIR = Value("two whole numbers", lambda sizes: is_list(sizes, is_count, 2), tuple)
NAMES = Value(
    "a list of texts",
    lambda names: is_list(names, is_text),
    lambda names: np.array(names, dtype=object),
    size="d",
)
MODEL = Value("a model", lambda model: _is_model(thawed(model)))
SIZES = Value("a list of whole numbers", lambda sizes: is_list(sizes, is_count))
TEXTS = Value("a list of texts", lambda texts: is_list(texts, is_text))
LABELS = Value(
    "a dtype and values, labels of one type",
    _are_labels,
    _restore_labels,
    size="c",
    to_json=_describe_labels,
)
STEPS = Value(
    "a list of (name, model) pairs", lambda steps: bool(steps) and is_list(steps, _is_step)
)

#: What transformers of columns remember of them.
COLUMNS = {"n_features_in_": COUNT._replace(size="d"), "feature_names_in_": NAMES}
#: Attributes that a fitted model may lack, by its data or because an older version wrote it.
OPTIONAL = {"feature_names_in_", "block_size_", "chunk_size_", *RUNNING, *EXACT}


class Row(NamedTuple):
    """A class that files may hold.

    Attributes
    ----------
    cls : type
    fitted : mapping, default=None
        Fitted attributes. None for what is a parameter of models, but no model.
    left_out : tuple of str, default=()
        Parameters that are no part of a model, at their defaults after `load`.
    unfitted : tuple of str, default=()
        Parameters whose models are settings for `fit`, and saved without what they have learnt.
    checked : mapping, default={}
        Parameters that must be as described for the model to make sense.
    either : tuple of tuple of str, default=()
        Groups of fitted attributes, of which one must be complete.
    learned : mapping, default={}
        Parameters that are saved, and come back, as what `fit` made of them, by the attribute that
        holds it.
    fits_together : callable
        Whether a model's attributes agree where symbols of sizes cannot say it.
    """

    cls: type[Any]
    fitted: Mapping[str, Array | Value | Models] | None = None
    left_out: tuple[str, ...] = ()
    unfitted: tuple[str, ...] = ()
    checked: Mapping[str, Value] = {}
    either: tuple[tuple[str, ...], ...] = ()
    learned: Mapping[str, str] = {}
    fits_together: Callable[[Any], bool] = lambda model: True

    def keeps_learnt(self, parameter: str, is_fitted: bool) -> bool:
        """Whether a parameter's models are saved fitted, where those of this class are or not."""
        return (is_fitted or self.cls is FrozenEstimator) and parameter not in self.unfitted

    @property
    def parameters(self) -> set[str]:
        """Names of the constructor's parameters that are saved."""
        return set(inspect.signature(self.cls).parameters) - set(self.left_out)


def _layers_fit(stack: StackedAutoencoder) -> bool:
    """Whether each layer takes what the one below gives."""
    widths = [stack.n_features_in_, *(len(layer.components_) for layer in stack.layers_)]
    return all(
        layer.n_features_in_ == width for layer, width in zip(stack.layers_, widths, strict=False)
    )


def _network_fits(model: StackedAutoencoderClassifier) -> bool:
    """Whether there are as many parameters, averages and labels as the layers' sizes ask for."""
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


ROWS: dict[str, Row] = {
    row.cls.__name__: row
    for row in (
        Row(
            SparseAutoencoder,
            {
                **COLUMNS,
                "encoder_weights_": Array(("k", "d")),
                "encoder_bias_": Array(("k",)),
                "decoder_weights_": Array(("k", "d")),
                "decoder_bias_": Array(("d",)),
                "average_activation_": Array(("k",)),
                "loss_curve_": Array(("t",)),
                "loss_terms_curve_": Array(("t", 3)),
                "stage_rows_": Array(("t",), ("I64",)),
                "loss_": NUMBER,
                "loss_terms_": TERMS,
                "n_iter_": COUNT,
                "n_evaluations_": NUMBER,
                "converged_": FLAG,
                "stop_reason_": TEXT,
                "n_dead_": COUNT,
                "block_size_": COUNT,
                "chunk_size_": COUNT,
                "data_fingerprint_": TEXT,
                "running_average_activation_": Array(("k",)),
                "running_loss_": NUMBER,
                "n_rows_seen_": NUMBER,
            },
            left_out=("callback", "engine", "checkpoint", "resume", "verify"),
            checked={"activation": _one_of(ACTIVATIONS), "decoder": _one_of(DECODERS)},
            either=(EXACT, RUNNING),
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
                "average_activation_": Array(("k",)),
                "loss_curve_": Array(("t",)),
                "loss_terms_curve_": Array(("t", 3)),
                "loss_": NUMBER,
                "loss_terms_": TERMS,
                "n_iter_": COUNT,
                "converged_": FLAG,
                "stop_reason_": TEXT,
                "data_fingerprint_": TEXT,
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
            },
        ),
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
        Row(KLSparsity),
        Row(L1Sparsity),
        Row(NoSparsity),
        Row(LBFGS),
        Row(GradientDescent),
        Row(Adam),
        Row(FrozenEstimator),
    )
}


def _row_of(value: object) -> Row | None:
    """Find the row of the value's class; a subclass is a class of its own."""
    row = ROWS.get(type(value).__name__)
    return row if row is not None and row.cls is type(value) else None


def _is_model(value: object) -> bool:
    row = _row_of(value)
    return row is not None and row.fitted is not None


def save(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted model to a file, for `load`.

    The file changes all at once: whatever goes wrong, be it a crash, it holds what it held before
    or the whole new model.

    Parameters
    ----------
    model : estimator
        Any transformer or classifier of this package, or a Pipeline of them. Not saved are an
        autoencoder's ``callback``, a pipeline's ``memory``, what ``set_output`` set, and what the
        prototypes of a stack or of a classifier's layers have learnt, unless they are frozen.
    path : str or path-like
        Overwritten if it exists. Usually ends in ``.safetensors``.

    Raises
    ------
    TypeError
        If the model is of another class, or a parameter holds what no file can, for instance a
        RandomState; says which.
    sklearn.exceptions.NotFittedError
        If the model, or a step of the pipeline, is not fitted.
    ValueError
        If a fitted attribute is not as `fit` makes it, for instance NaN.
    OSError
        If the file cannot be written.
    """
    if not _is_model(model):
        models = ", ".join(row.cls.__name__ for row in ROWS.values() if row.fitted is not None)
        raise TypeError(f"save takes one of {models}, got {type(model).__name__}.")
    content = _pack(model)
    try:
        _unpack(BytesIO(content), len(content))
    except ModelFileError as error:
        raise ValueError(f"{type(model).__name__} cannot be saved: {error}.") from error

    write_whole(path, content)


def load(path: str | os.PathLike[str]) -> Any:
    """Read a model that `save` wrote.

    Nothing in the file is ever run, so that files from anywhere can be loaded. Pickles are refused.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    model : estimator
        Equal to the one saved, to the last bit.

    Raises
    ------
    ModelFileError
        If the file is not a model, is damaged, or needs a newer version of rhohat.
    OSError
        If the file does not exist or cannot be read.
    """
    file = Path(path)
    if not file.exists():
        raise FileNotFoundError(errno.ENOENT, "No such model file", os.fspath(path))
    try:
        expect(file.is_file(), "a file", words="a folder" if file.is_dir() else "a device")
        with file.open("rb") as stream:
            return _unpack(stream, os.fstat(stream.fileno()).st_size)
    except ModelFileError as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}.") from None


def _pack(model: Any) -> bytes:
    """Make the bytes of a file."""
    arrays: Arrays = {}
    described = _describe(model, "", "", arrays)
    return pack(described, arrays)


def _describe(value: Any, label: str, prefix: str, arrays: Arrays, is_fitted: bool = True) -> Any:
    """Say in JSON's terms what a model or a parameter is; its arrays go to `arrays`.

    `label` is what set_params calls the value, `prefix` begins the names of its arrays. What a
    model has learnt is left out unless `is_fitted`.
    """
    value = value.item() if isinstance(value, np.generic) else value
    if _is_plain(value):
        return value
    if type(value) in (list, tuple):
        if label.endswith("steps") and len(value) == 2 and is_text(value[0]):
            label = label.removesuffix("steps") + value[0]
        items = [
            _describe(item, label, f"{prefix}{i}.", arrays, is_fitted)
            for i, item in enumerate(value)
        ]
        return items if type(value) is list else {"tuple": items}
    row = _row_of(value)
    if row is None:
        example = "None" if label.endswith("random_state") else "..."
        raise TypeError(
            f"The parameter {label} is {value!r}, which cannot be saved: a file holds None, bool, "
            "int, finite float, str, lists and tuples of these, and rhohat's own classes. Change "
            f"it before saving: set_params({label}={example})."
        )
    name = row.cls.__name__
    inner = f"{label}__" if label else ""
    if row.fitted and is_fitted:
        check_is_fitted(value, sorted(row.fitted.keys() - OPTIONAL))
    params = {
        p: _describe(
            getattr(value, row.learned.get(p, p) if is_fitted else p),
            inner + p,
            f"{prefix}{p}.",
            arrays,
            row.keeps_learnt(p, is_fitted),
        )
        for p in sorted(row.parameters)
    }
    if row.fitted is None or not is_fitted:
        return {"class": name, "params": params}
    fitted = {}
    for attribute, spec in row.fitted.items():
        if not hasattr(value, attribute):
            continue
        if isinstance(spec, Array):
            array = _little_endian(getattr(value, attribute), spec, f"{name}'s {attribute}")
            arrays[prefix + attribute] = array
        elif isinstance(spec, Models):
            models = list(getattr(value, attribute))
            fitted[attribute] = _describe(models, attribute, f"{prefix}{attribute}.", arrays)
        else:
            fitted[attribute] = spec.to_json(getattr(value, attribute))
    return {"class": name, "params": params, "fitted": fitted}


def _little_endian(value: Any, spec: Array, label: str) -> NDArray[Any]:
    """Lay an array out row by row in the first type of `spec` that holds its values."""
    array = np.asarray(value)
    for dtype in map(DTYPES.__getitem__, spec.dtypes):
        if array.dtype.kind == dtype.kind and np.can_cast(array.dtype, dtype, "safe"):
            return np.asarray(array, dtype=dtype, order="C")
    raise TypeError(f"{label} must be an array of {' or '.join(spec.dtypes)}, got {array.dtype}.")


def _unpack(stream: BinaryIO, size: int) -> Any:
    """Make the model that a file of `size` bytes describes."""
    described, arrays = unpack(stream, size)
    try:
        model = _restore(described, "", arrays)
    except RecursionError:
        raise ModelFileError("expected a model, found one nested without end") from None
    expect(_is_model(model), "a model", model)
    expect(not arrays, "the model's arrays only", sorted(arrays))
    return model


def _restore(node: Any, prefix: str, arrays: Arrays, is_fitted: bool = True) -> Any:
    """Make what `_describe` described; takes its arrays out of `arrays`."""
    if _is_plain(node):
        return node
    if type(node) is list:
        return [_restore(item, f"{prefix}{i}.", arrays, is_fitted) for i, item in enumerate(node)]
    expect(type(node) is dict, "a finite number", node)
    if node.keys() == {"tuple"} and type(node["tuple"]) is list:
        return tuple(_restore(node["tuple"], prefix, arrays, is_fitted))
    name = node.get("class")
    more = "(a newer rhohat may have more)"
    expect(name in list(ROWS), f"a class among {', '.join(ROWS)} {more}", name)
    row = ROWS[name]
    has_fitted = row.fitted is not None and is_fitted
    keys = {"class", "params", "fitted"} if has_fitted else {"class", "params"}
    params = node.get("params")
    expect(node.keys() == keys and type(params) is dict, f"{sorted(keys)} of {name}", node)
    known = f"parameters of {name} among {', '.join(sorted(row.parameters))}"
    unknown = sorted(params.keys() - row.parameters)
    expect(not unknown, f"{known} {more}", unknown)
    params = {
        p: _restore(params[p], f"{prefix}{p}.", arrays, row.keeps_learnt(p, is_fitted))
        for p in params
    }
    defaults = inspect.signature(row.cls).parameters
    for p, value in row.checked.items():
        given = params.get(p, defaults[p].default)
        expect(value.is_valid(given), f"{value.expected} as {name}'s {p}", given)
    model = row.cls(**params)
    if has_fitted:
        vars(model).update(_restore_fitted(row, node["fitted"], prefix, arrays))
        vars(model).update({fitted: params[p] for p, fitted in row.learned.items()})
        expect(row.fits_together(model), f"attributes of {name} that fit together", words="others")
    return model


def _restore_fitted(row: Row, values: Any, prefix: str, arrays: Arrays) -> dict[str, Any]:
    """Check the fitted attributes of one model, each by itself and their sizes together."""
    name = row.cls.__name__
    specs = row.fitted or {}
    allowed = {attribute for attribute, spec in specs.items() if not isinstance(spec, Array)}
    known = type(values) is dict and allowed - OPTIONAL <= values.keys() <= allowed
    expect(known, f"{name}'s {', '.join(sorted(allowed))}", values)
    sizes: dict[str, int] = {}
    fitted = {}
    for attribute, spec in specs.items():
        label = f"{name}'s {attribute}"
        if isinstance(spec, Array):
            key = prefix + attribute
            if attribute in OPTIONAL and key not in arrays:
                continue
            expect(key in arrays, f"{label} as the array {short(key)}", words="none of this name")
            array = arrays.pop(key)
            expect(dtype_name(array) in spec.dtypes, f"{label} in {spec.dtypes}", array.dtype)
            fitted[attribute] = array
            symbols, found = spec.shape, array.shape
        elif isinstance(spec, Models):
            models = _restore(values[attribute], f"{prefix}{attribute}.", arrays)
            of_class = type(models) is list and set(map(type, models)) == {spec.cls}
            expect(of_class, f"a list of {spec.cls.__name__} as {label}", models)
            fitted[attribute] = models
            continue
        elif attribute in values:
            value = values[attribute]
            expect(spec.is_valid(value), f"{spec.expected} as {label}", value)
            fitted[attribute] = made = spec.from_json(value)
            symbols = (spec.size,) if spec.size else ()
            found = (made if is_count(made) else len(made),) if spec.size else ()
        else:
            continue
        for symbol, size in zip(symbols, found, strict=False):
            if isinstance(symbol, str):
                sizes.setdefault(symbol, size)
        expected = tuple(sizes.get(s, s) if isinstance(s, str) else s for s in symbols)
        expect(found == expected, f"{label} of size {expected}", found)
    whole = not row.either or any(set(group) <= fitted.keys() for group in row.either)
    expect(whole, f"{name}'s {' or '.join(map(str, row.either))}", sorted(fitted))
    return fitted


def _is_plain(value: Any) -> bool:
    return value is None or type(value) in (bool, int, str) or is_number(value)
