"""What a report tells, as plain numbers, texts and pictures: the page only lays it out."""

from __future__ import annotations

import base64
import platform
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields
from importlib.metadata import version
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator

from rhohat.common.arrays import FloatArray
from rhohat.common.pictures import as_bytes, data_uri, quantize
from rhohat.estimators.anatomy import steps_of, thawed
from rhohat.estimators.classifier import StackedAutoencoderClassifier
from rhohat.inspection.activity import Activity, firing_together, survey
from rhohat.inspection.bands import band_pass
from rhohat.inspection.edges import EDGE_R2, PARAMETERS, alike_pairs, fit_gabors
from rhohat.inspection.examples import Examples
from rhohat.inspection.layers import Layer, layers_of
from rhohat.inspection.report.listening import excerpts, sought_sounds
from rhohat.inspection.tiles import TileAxes, Tiles, axes_of, input_tiles, pixel_tiles, tiles_of
from rhohat.objective.activations import Activation
from rhohat.objective.penalties import KLSparsity
from rhohat.preprocessing.steps import step_of
from rhohat.rows.sources import ArraySource, Source, sample_rows

__all__ = ["check_shape", "gather", "shaped"]

#: Longest side of the pictures that show where examples come from.
THUMBNAIL = 320
#: Bytes that all pictures, as they are in the page, may take.
PICTURE_BYTES = 1_000_000
#: Columns and rows of pictures of series, and rows up to which they are drawn as lines.
OVERVIEW, OVERVIEW_HEIGHT, TRACES = 600, 60, 12
#: Examples shown beside their reconstructions, and examples that the explained variance is of.
RECONSTRUCTIONS, EXPLAINED = 12, 4096
#: Sides from which a tile has pixels enough for the eight parameters of a Gabor function.
GABOR_SIDE = 6
#: Pairs of units that look alike which are listed.
LISTED = 60
#: Units of the layer below that are shown for each unit.
BELOW = 8
#: Parameters that say how a model was trained, and not what it is.
RUN = ("callback", "engine", "checkpoint", "resume", "verify", "n_jobs", "warm_start")


def gather(
    model: BaseEstimator,
    examples: Examples | None = None,
    *,
    shape: tuple[int, ...] | None = None,
    n_examples: int = 8,
    labels: Sequence[Any] | None = None,
) -> dict[str, Any]:
    """All that a report tells of a model, and of its units on examples if there are any."""
    layers = layers_of(model)
    shape = (examples.shape if examples is not None else None) or shape
    radius = 1.0 if examples is None else _norm_of(examples)
    axes = axes_of(layers[0])
    found: dict[str, Any] = {
        "layers": [_layer(layer, shape, radius) for layer in layers],
        "axes": None if axes is None else _axes(axes),
        "radius": numbers(radius),
        "spectrum": _spectrum(layers[0].before, examples),
        "settings": [_settings(step) for step in _trained(model)],
        "versions": _versions(),
        "code": _code(model),
        "fingerprint": getattr(layers[0].estimator, "data_fingerprint_", None),
    }
    if examples is not None:
        surveys = []
        for layer, told in zip(layers, found["layers"], strict=True):
            activations = layer.encoded(examples.source)
            activity = survey(activations, layer.activation, n_examples=n_examples)
            surveys.append(activity)
            told |= {
                "activity": _activity(activity, layer.activation),
                "together": _together(activations),
                "activations": numbers(activity.values),
                "reconstructions": _reconstructions(layer, examples),
            }
        rows, of_units = np.unique(
            np.concatenate([activity.rows.ravel() for activity in surveys]), return_inverse=True
        )
        ends = np.cumsum([activity.rows.size for activity in surveys])[:-1]
        for told, activity, mine in zip(
            found["layers"], surveys, np.split(of_units, ends), strict=True
        ):
            told["of_units"] = mine.reshape(activity.rows.shape).tolist()
        kind = "trace" if axes is not None and axes.kind == "trace" else "image"
        found |= {
            "examples": _examples(examples, rows, labels, kind),
            "images": _images(examples, rows),
        }
        if examples.sound is not None:
            heard = excerpts(examples, rows, [activity.rows for activity in surveys])
            found["examples"]["sounds"] = heard
            for layer, told, activity in zip(layers, found["layers"], surveys, strict=True):
                told["sounds"] = sought_sounds(layer, examples, activity, radius)
    return found


def _axes(axes: TileAxes) -> dict[str, Any]:
    """What a page writes along the sides of tiles."""
    frequencies = axes.frequencies
    return {
        "kind": axes.kind,
        "moments": axes.n_moments,
        "rate": numbers(axes.rate),
        "frequencies": None if frequencies is None else numbers(frequencies),
    }


def _layer(layer: Layer, shape: tuple[int, ...] | None, radius: float) -> dict[str, Any]:
    """What is known of a layer without data."""
    tiles = shaped(tiles_of(layer, radius), shape)
    decoder = layer.decoder_weights
    return {
        "name": layer.name,
        "units": layer.n_units,
        "activation": {
            "name": layer.activation.name,
            "range": list(layer.activation.range) if layer.activation.is_bounded else None,
        },
        "target": _target(layer.estimator),
        "average": numbers(layer.average),
        "decoder_norm": None if decoder is None else numbers(np.linalg.norm(decoder, axis=1)),
        "views": _views(layer, tiles, radius),
        "below": _below(layer),
        "gabor": _gabor(tiles) if axes_of(layer) is None else None,
        "bands": _bands(layer, tiles),
        "alike": _alike(tiles.values),
        "training": _training(layer.estimator),
        "activity": None,
        "together": None,
        "reconstructions": None,
    }


def _norm_of(examples: Examples) -> float:
    """Root mean square norm of the examples, as the first layer gets them."""
    rows = sample_rows(len(examples), EXPLAINED, seed=0)
    X = examples.inputs(rows)
    return float(np.sqrt(np.square(X, dtype=np.float64).sum(axis=1).mean())) or 1.0


def _trained(model: BaseEstimator) -> list[BaseEstimator]:
    """The estimators whose settings made the model; of a stack's layers each."""
    trained: list[BaseEstimator] = []
    for step in steps_of(model):
        trained.append(step)
        trained += getattr(step, "layers_", [])
    return trained


def _below(layer: Layer) -> dict[str, Any] | None:
    """Units of the layer below that count most for each unit, and their weights."""
    if not layer.is_deep:
        return None
    weights = layer.encoders[-1].weights
    units = np.argsort(-np.abs(weights), axis=1, kind="stable")[:, :BELOW]
    return {
        "units": units.tolist(),
        "weights": numbers(np.take_along_axis(weights, units, axis=1)),
    }


def numbers(values: ArrayLike | None) -> Any:
    """Numbers with six significant digits, nested as they are; None for what is not finite."""
    if values is None:
        return None
    array = np.asarray(values)
    if array.dtype.kind in "iub":
        return array.tolist()
    if array.ndim:
        return [numbers(value) for value in array]
    return float(f"{array:.6g}") if np.isfinite(array) else None


def pictures(
    values: FloatArray,
    shape: tuple[int, ...] | None,
    kind: str = "image",
    *,
    pairs: bool = False,
) -> dict[str, Any]:
    """Pictures in 8 bits as a page holds them; rows without a shape are traces."""
    n_values = int(np.prod(values.shape[1:]))
    quantized = quantize(values.reshape(-1, *(shape or (1, n_values))), pairs=pairs)
    return {
        "kind": "trace" if shape is None else kind,
        "shape": list(quantized.levels.shape),
        "signed": quantized.levels.dtype == np.int8,
        "low": numbers(quantized.low),
        "high": numbers(quantized.high),
        "data": base64.b64encode(quantized.levels.tobytes()).decode(),
    }


def shaped(tiles: Tiles, shape: tuple[int, ...] | None) -> Tiles:
    """Tiles with the user's shape, where they have none of their own and are as large."""
    fits = tiles.shape is None and shape is not None and np.prod(shape) == tiles.values.shape[1]
    return tiles._replace(shape=shape, kind="image") if fits else tiles


def check_shape(shape: tuple[int, ...], model: BaseEstimator) -> None:
    """Raise ValueError if what units look for does not reshape to `shape`."""
    tiles = tiles_of(layers_of(model)[0])
    width = tiles.values.shape[1]
    if tiles.shape is None and prod(shape) != width:
        raise ValueError(
            f"units that look at {width} values do not have shape {shape}: pass shape=(height, "
            "width) or (height, width, 3)."
        )


def _target(estimator: Any) -> float | None:
    """The average activity asked for, as a share of the range."""
    penalty = estimator.sparsity_penalty
    penalty = KLSparsity() if penalty == "kl" else penalty
    return float(penalty.target) if isinstance(penalty, KLSparsity) else None


def _views(layer: Layer, tiles: Tiles, radius: float) -> list[dict[str, Any]]:
    """Pictures of every unit: inputs that activate it most, the gallery's first, and weights."""
    seen = input_tiles(layer, tiles.shape, radius)
    pixels = pixel_tiles(layer, tiles.shape, radius)
    if layer.before and not tiles.title:
        tiles = tiles._replace(title=seen.title)
    most = [("gallery", tiles)]
    for name, other in (("input", seen), ("pixels", pixels)):
        if other is not None and not any(_is_same(other, view) for _, view in most):
            most.append((name, other))
    encoder, decoder = layer.encoders[-1].weights, layer.decoder_weights
    way = ", by gradient ascent from the middle of the data" if layer.is_deep else ""
    of_weights = seen._replace(values=encoder)
    if layer.is_deep:
        of_weights = of_weights._replace(shape=None, kind="trace")
    views = [
        *((name, f"Input that activates it most{way}, {view.title}", view) for name, view in most),
        ("encoder", "Encoder weights", of_weights),
    ]
    if decoder is not None:
        views.append(("decoder", "Decoder weights", of_weights._replace(values=decoder)))
    return [
        {
            "name": name,
            "title": title.removesuffix(", "),
            **pictures(view.values, view.shape, view.kind),
        }
        for name, title, view in views
    ]


def _is_same(tiles: Tiles, others: Tiles) -> bool:
    shapes = tiles.values.shape == others.values.shape
    return shapes and np.allclose(tiles.values, others.values)


def _gabor(tiles: Tiles) -> dict[str, Any] | None:
    """The Gabor function nearest to every tile, where tiles are gray pictures."""
    shape = tiles.shape
    if shape is None or len(shape) != 2 or min(shape) < GABOR_SIDE or tiles.kind == "trace":
        return None
    fit = fit_gabors(tiles.values.reshape(-1, *shape).astype(np.float64))
    return {
        "names": list(PARAMETERS),
        "parameters": numbers(fit.parameters),
        "r2": numbers(fit.r2),
        "edge": EDGE_R2,
    }


def _bands(layer: Layer, tiles: Tiles) -> dict[str, Any] | None:
    """Centre frequencies and bandwidths of units that look at one channel of known rate."""
    axes = axes_of(layer)
    if axes is None or axes.kind != "trace" or axes.rate is None or layer.is_deep:
        return None
    bands = band_pass(tiles.values, axes.rate)
    return {name: numbers(values) for name, values in bands._asdict().items()}


def _alike(tiles: FloatArray) -> dict[str, Any]:
    pairs = alike_pairs(tiles)
    return {
        "n_pairs": len(pairs.cosines),
        "units": numbers(pairs.units[:LISTED]),
        "cosines": numbers(pairs.cosines[:LISTED]),
    }


def _training(estimator: Any) -> dict[str, Any] | None:
    """Loss over the iterations; None for a model of `partial_fit`."""
    if not hasattr(estimator, "loss_curve_"):
        return None
    terms = estimator.loss_terms_curve_
    is_classifier = isinstance(estimator, StackedAutoencoderClassifier)
    return {
        "error": "cross-entropy" if is_classifier else "reconstruction",
        "loss": numbers(estimator.loss_curve_),
        "reconstruction": numbers(terms[:, 0]),
        "weight_decay": numbers(terms[:, 1]),
        "sparsity": numbers(terms[:, 2]),
        "rows": numbers(getattr(estimator, "stage_rows_", None)),
        "iterations": estimator.n_iter_,
        "sweeps": numbers(getattr(estimator, "n_evaluations_", None)),
        "stop_reason": estimator.stop_reason_,
        "n_dead": getattr(estimator, "n_dead_", None),
    }


def _spectrum(before: Sequence[BaseEstimator], examples: Examples | None) -> dict[str, Any] | None:
    """What whitening does to the data's variance, by component or by frequency."""
    images = None if examples is None else examples.images
    for step in before:
        found = step_of(step).spectrum(images)
        if found is not None:
            values = {field.name: numbers(getattr(found, field.name)) for field in fields(found)}
            return {"kind": found.kind, **values}
    return None


def _activity(activity: Activity, activation: Activation) -> dict[str, Any]:
    mean = activity.total / activity.n_rows
    constant = activity.extremes.constant(activation)
    high = np.zeros(len(mean), dtype=bool)
    if activation.is_bounded:
        high = mean > sum(activation.range) / 2
    return {
        "rows": activity.n_rows,
        "mean": numbers(mean),
        "low": numbers(activity.extremes.low),
        "high": numbers(activity.extremes.high),
        "edges": numbers(activity.edges),
        "counts": numbers(activity.counts),
        "dead": np.flatnonzero(constant & ~high).tolist(),
        "saturated": np.flatnonzero(high).tolist(),
    }


def _together(activations: Source) -> dict[str, Any]:
    together = firing_together(activations)
    return {
        "units": numbers(together.units),
        "correlations": [[round(float(r), 3) for r in row] for row in together.correlations],
        "rows": together.n_rows,
    }


def _examples(
    examples: Examples, rows: NDArray[np.intp], labels: Sequence[Any] | None, kind: str
) -> dict[str, Any]:
    """The rows that activate units most."""
    places = examples.places(rows)
    given = examples.given(rows)
    inputs = examples.inputs(rows)
    same = np.array_equal(given.reshape(len(rows), -1), inputs)
    found: dict[str, Any] = {
        "rows": rows.tolist(),
        "given": pictures(given, examples.shape, kind),
        "input": None if same else pictures(inputs, examples.input_shape, kind),
        "sounds": None,
        "labels": None,
        "places": None,
    }
    numbered = rows
    if places is not None:
        _, image = np.unique(places.image, return_inverse=True)
        found["places"] = np.stack([image, places.top, places.left], axis=1).tolist()
        numbered = places.image
    if labels is not None:
        found["labels"] = [str(labels[number]) for number in numbered]
    return found


def _images(examples: Examples, rows: NDArray[np.intp]) -> list[dict[str, Any]]:
    """The images that examples were cut from, those of most examples with a small picture."""
    places = examples.places(rows)
    if places is None or examples.images is None:
        return []
    draw = _thumbnail if examples.axes is None else _overview
    found, left = {}, PICTURE_BYTES
    for number, _ in Counter(places.image.tolist()).most_common():
        image = examples.image(number)
        whole = image.shape[:2] == (examples.shape or ())[:2]
        picture = draw(image) if left > 0 and not whole else None
        left -= len(picture or "")
        found[number] = {
            "name": examples.names[number],
            "begins": examples.begins(number),
            "height": image.shape[0],
            "width": image.shape[1],
            "picture": picture,
        }
    return [found[number] for number in sorted(found)]


def _thumbnail(image: FloatArray) -> str:
    return data_uri(as_bytes(image), "jpeg", longest=THUMBNAIL)


def _overview(series: FloatArray) -> str:
    """A series, (rows, moments), with its moments joined until they are few enough to be seen."""
    rows, moments = series.shape
    edges = np.linspace(0, moments, min(moments, OVERVIEW) + 1).astype(int)[:-1]
    if rows > TRACES:  # a spectrogram
        return data_uri(as_bytes(np.maximum.reduceat(series, edges, axis=1) - series.min()))
    low, high = np.minimum.reduceat(series, edges, 1), np.maximum.reduceat(series, edges, 1)
    band = OVERVIEW_HEIGHT // rows
    place = np.linspace(float(high.max()), float(low.min()), band)[:, None]
    drawn = [(place <= top) & (place >= bottom) for bottom, top in zip(low, high, strict=True)]
    return data_uri(np.where(np.concatenate(drawn), 30, 225).astype(np.uint8))


def _reconstructions(layer: Layer, examples: Examples) -> dict[str, Any] | None:
    """Random examples beside what the layer, and those below, make of them."""
    if layer.decoded is None:
        return None
    rows = sample_rows(len(examples), EXPLAINED, seed=0)
    X = examples.inputs(rows)
    X_hat = layer.decoded(layer.encoded(ArraySource(X)).read(0, len(X)).X)
    varied = np.square(X - X.mean(axis=0), dtype=np.float64).sum()
    missed = np.square(X_hat - X, dtype=np.float64).sum()
    few = slice(RECONSTRUCTIONS)
    kind = "trace" if examples.axes is not None and examples.axes.kind == "trace" else "image"
    return {
        "rows": rows[few].tolist(),
        "pictures": pictures(
            np.concatenate([X[few], X_hat[few]]), examples.input_shape, kind, pairs=True
        ),
        "explained": numbers(1 - missed / varied if varied else np.nan),
        "explained_rows": len(rows),
    }


def _settings(step: BaseEstimator) -> dict[str, Any]:
    """All parameters of a step that say what it is."""
    with config_context(print_changed_only=False):
        params = {name: repr(value) for name, value in step.get_params(deep=False).items()}
    return {
        "step": type(step).__name__,
        "parameters": {name: text for name, text in params.items() if name not in RUN},
    }


def _versions() -> dict[str, str]:
    packages = ("rhohat", "numpy", "scipy", "scikit-learn")
    return {"Python": platform.python_version(), **{name: version(name) for name in packages}}


def _code(model: BaseEstimator) -> str:
    """Python that makes the same model, not fitted but where a part of it is frozen."""
    model = thawed(model)
    text: str = _unfitted(model).__repr__(N_CHAR_MAX=10**6)
    made_of = sorted({_imported(step) for step in _estimators(model)})
    ours = [name for module, name in made_of if module == "rhohat"]
    lines = [f"from {module} import {name}" for module, name in made_of if module != "rhohat"]
    lines = [f"from rhohat import {', '.join(ours)}", *lines]
    labels = ", labels" if isinstance(steps_of(model)[-1], ClassifierMixin) else ""
    return "\n".join([*lines, "", f"model = {text}", f"model.fit(data{labels})"])


class _Text(NamedTuple):
    """What is shown as it is among parameters."""

    text: str

    def __repr__(self) -> str:
        return self.text


def _unfitted(value: Any) -> Any:
    """The same estimator, or list of them, without what concerns one run alone."""
    if type(value) in (list, tuple):
        return type(value)(map(_unfitted, value))
    if not isinstance(value, BaseEstimator):
        return value
    params = {
        name: _unfitted(param)
        for name, param in value.get_params(deep=False).items()
        if name not in RUN
    }
    if isinstance(value, FrozenEstimator):
        inner = params["estimator"].__repr__(N_CHAR_MAX=10**6)
        params["estimator"] = _Text(f"{inner}.fit(other_data)")
    return type(value)(**params)


def _estimators(value: Any) -> Iterator[BaseEstimator]:
    """Those that a representation holds, the value itself among them."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _estimators(item)
    elif isinstance(value, BaseEstimator):
        yield value
        yield from _estimators(list(value.get_params(deep=False).values()))


def _imported(step: BaseEstimator) -> tuple[str, str]:
    """Where a class is imported from, and its name."""
    module = type(step).__module__
    public = [part for part in module.split(".") if not part.startswith("_")]
    return "rhohat" if public[0] == "rhohat" else ".".join(public), type(step).__name__
