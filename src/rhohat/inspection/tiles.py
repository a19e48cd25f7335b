"""Tiles: what each unit looks for, in the space of the input, of the pixels or in between."""

from __future__ import annotations

from math import prod
from typing import NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from rhohat.common.arrays import FloatArray, as_floats
from rhohat.common.validation import check_real
from rhohat.estimators.measures import in_columns
from rhohat.inspection.ascent import ascend
from rhohat.inspection.layers import Layer, top_layer
from rhohat.preprocessing.steps import Step, step_of


class HasAdjoint(Protocol):
    """A fitted linear transformer that can carry weights back to its input."""

    def adjoint(self, weights: FloatArray) -> FloatArray:
        """Directions in the input along which `weights` on the output look."""
        ...


def maximal_inputs(
    model: BaseEstimator | ArrayLike, whitener: HasAdjoint | None = None, *, radius: float = 1.0
) -> FloatArray:
    r"""The input of norm `radius` that activates each unit most.

    .. math:: x_j = W_{1,ij} / \sqrt{\textstyle\sum_j W_{1,ij}^2}

    With a whitener x' = T (x - mean) before the autoencoder, the maximizer in the space before
    whitening (pixel space, if the whitener works on pixels) has the direction W1 T.

    For a layer above others, there is no closed form: gradient ascent in the ball of that radius,
    from several starts, keeps the best of the local optima that it finds.

    Parameters
    ----------
    model : SparseAutoencoder, stack, classifier or array-like of shape (k, d)
        A fitted model, or encoder weights.
    whitener : fitted transformer with an ``adjoint`` method, default=None
        `Whitening`, `PatchNormalizer` or `OneOverFWhitening` (weights then as (k, height, width)).
        None stays in the space of the model's own input.
    radius : float, default=1.0
        Norm of the model's own input. For one layer, it is just a factor; what a deeper layer looks
        for depends on it, and the typical norm of examples is a good choice.

    Returns
    -------
    inputs : ndarray of shape (k, d), or as the whitener's adjoint returns them
        One per unit, of norm `radius`; zero if the unit's weights are zero. For deeper layers, of
        at most that norm in the space of the model's own input.

    References
    ----------
    UFLDL tutorial, "Visualizing a Trained Autoencoder".

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import SparseAutoencoder, maximal_inputs
    >>> X = np.random.RandomState(0).rand(200, 9)
    >>> inputs = maximal_inputs(SparseAutoencoder(4, max_iter=5, random_state=0).fit(X))
    >>> inputs.shape, np.linalg.norm(inputs, axis=1).round(6).tolist()
    ((4, 9), [1.0, 1.0, 1.0, 1.0])
    """
    check_real("radius", radius, low=0, open_ends=True)
    layer = top_layer(model) if isinstance(model, BaseEstimator) else None
    weights = as_floats(cast(ArrayLike, model) if layer is None else layer.encoders[0].weights)
    directions = weights if whitener is None else whitener.adjoint(weights)
    if layer is not None and layer.is_deep:
        sought = _sought(layer, directions.reshape(len(directions), -1), radius)
        return sought.reshape(-1, *directions.shape[1:])
    return _of_norm(directions, radius)


def _of_norm(directions: FloatArray, radius: float) -> FloatArray:
    """Directions, (k, ...), brought to one norm."""
    axes = tuple(range(1, directions.ndim))
    norms = np.sqrt(np.sum(directions**2, axis=axes, keepdims=True))
    return directions * (radius / np.where(norms > 0, norms, 1))


def _sought(layer: Layer, directions: FloatArray, radius: float) -> FloatArray:
    """What a layer's units look for, if `directions`, (k, d), are those of the units of layer one.

    In any other space than the input of layer one, the ball is scaled so that it moves those units
    as much, on average over all directions.
    """
    if not layer.is_deep:
        return _of_norm(directions, 1.0)
    first, *others = layer.encoders
    sizes = float(np.linalg.norm(first.weights)), float(np.linalg.norm(directions))
    radius = radius * sizes[0] / sizes[1] if all(sizes) else radius
    bias = first.bias + first.weights @ _at_rest(layer)
    sought = ascend([first._replace(weights=directions, bias=bias), *others], radius)
    return sought.astype(directions.dtype)


def _at_rest(layer: Layer) -> FloatArray:
    """The middle of the data, around which the maximal inputs of deeper layers are sought.

    It is the middle of the last step that knows its own, transformed by the steps that follow.
    """
    rest: FloatArray | None = None
    for step in layer.before:
        middle = step_of(step).middle
        if middle is not None:
            rest = middle
        elif rest is not None:
            rest = np.asarray(step.transform(rest[None]))[0]
    return np.zeros(layer.n_features) if rest is None else rest


class TileAxes(NamedTuple):
    """The axes of tiles, if a model learned from series.

    Attributes
    ----------
    kind : {"spectrogram", "trace"}
    n_moments : int
        In a tile.
    rate : float or None
        Moments per second; None if unknown.
    frequencies : ndarray or None
        Of the rows of a tile in Hz, from the highest down; None if tiles may lie anywhere.
    told : str, default=""
        How far a tile reaches, in words, if its moments are not in time.
    hop : float, default=1
        Samples of a series from one moment to the next.
    """

    kind: str
    n_moments: int
    rate: float | None
    frequencies: FloatArray | None
    told: str = ""
    hop: float = 1.0

    @property
    def span(self) -> str:
        """How long a tile is, in words."""
        if self.told:
            return self.told
        if self.rate is None:
            return f"{self.n_moments * self.hop:,.0f} samples"
        return f"{1000 * self.n_moments / self.rate:.3g} ms"


def axes_of(layer: Layer) -> TileAxes | None:
    """The axes of a layer's tiles; None if they are pieces of images, or plain rows."""
    extractor, sound = layer.anatomy.extractor, layer.anatomy.sound
    if extractor is None or (sound is None and not extractor.is_along_time):
        return None
    height, n_moments = extractor.patch_shape_[:2]
    series = layer.anatomy.series
    if series is not None:
        hop = series.hop_per_moment
        is_trace = height == len(series.mean_)
        rate = None if series.rate is None else series.rate / hop
        known = None if is_trace else series.frequencies
        kind, told = "trace" if is_trace else "spectrogram", series.told(n_moments)
        return TileAxes(kind, n_moments, rate, known, told, hop)
    rate = None if sound is None else 1 / sound.seconds_per_moment
    frequencies = None if sound is None else sound.frequencies
    if frequencies is None:
        return TileAxes("trace", n_moments, rate, None)
    whole = height == len(frequencies)
    return TileAxes("spectrogram", n_moments, rate, frequencies if whole else None)


class Tiles(NamedTuple):
    """One picture per unit.

    Attributes
    ----------
    values : ndarray of shape (k, d)
    shape : tuple of int or None
        What each reshapes to, if it is a picture.
    title : str
        The space in which the input lies; empty for that of the first layer.
    kind : {"image", "trace"}
        How each is drawn: as pixels, or as one line per row.
    across : str, default=""
        What each value of a row belongs to, if not to a column of the data: "component".
    """

    values: FloatArray
    shape: tuple[int, ...] | None
    title: str
    kind: str
    across: str = ""


def _tiles(
    layer: Layer, directions: FloatArray, radius: float, shape: tuple[int, ...] | None, title: str
) -> Tiles:
    """Tiles in the space of `directions`, those of the units of layer one."""
    axes = axes_of(layer)
    is_trace = shape is None or (axes is not None and axes.kind == "trace")
    values = _sought(layer, directions.reshape(len(directions), -1), radius)
    return Tiles(values, shape, title, "trace" if is_trace else "image")


def tiles_of(model: BaseEstimator | Layer, radius: float = 1.0) -> Tiles:
    """Maximally activating inputs; before PCA or ZCA, if that directly precedes the first layer.

    Parameters
    ----------
    model : estimator or Layer
        A model stands for its top layer.
    radius : float, default=1.0
        Matters for deeper layers only; see `maximal_inputs`.
    """
    layer = top_layer(model)
    shapes = [step.patch_shape_ for step in layer.before if hasattr(step, "patch_shape_")]
    directions, title = layer.encoders[0].weights, ""
    last = step_of(layer.before[-1]) if layer.before else Step()
    back = last.carried_back(directions) if last.shown_before else None
    if back is not None:
        directions, title = back.values, last.shown_before
    return _tiles(layer, directions, radius, shapes[-1] if shapes else None, title)


def input_tiles(
    model: BaseEstimator | Layer, shape: tuple[int, ...] | None = None, radius: float = 1.0
) -> Tiles:
    """Maximally activating inputs as the first layer gets them.

    Parameters
    ----------
    model : estimator or Layer
    shape : tuple of int, default=None
        Of a row as a picture; ignored after PCA, which turns the axes.
    radius : float, default=1.0
        Matters for deeper layers only; see `maximal_inputs`.
    """
    layer = top_layer(model)
    turned = any(step_of(step).turns_axes for step in layer.before)
    fits = shape is not None and prod(shape) == layer.n_features and not turned
    tiles = _tiles(layer, layer.encoders[0].weights, radius, shape if fits else None, "")
    return tiles._replace(across="component") if turned else tiles


def pixel_tiles(
    model: BaseEstimator | Layer, shape: tuple[int, ...] | None = None, radius: float = 1.0
) -> Tiles | None:
    """Maximally activating inputs of the whole model, in the space of the data that it is given.

    Weights are carried back through every step by its ``adjoint``. A filter of whole images reaches
    beyond the patch: half a patch on every side is shown, what lies farther out is cropped.

    Parameters
    ----------
    model : estimator or Layer
    shape : tuple of int, default=None
        Of a row of data as a picture.
    radius : float, default=1.0
        Matters for deeper layers only; see `maximal_inputs`.

    Returns
    -------
    tiles : Tiles or None
        None if a step has no ``adjoint``.
    """
    layer = top_layer(model)
    directions: FloatArray = layer.encoders[0].weights
    title = "before all preprocessing"
    for step in reversed(layer.before):
        back = step_of(step).carried_back(directions)
        if back is None:
            return None
        directions, title = back.values, back.title or title
    shape = directions.shape[1:] if directions.ndim > 2 else shape
    return _tiles(layer, directions, radius, shape, title)


def scales_columns(step: BaseEstimator) -> bool:
    """Whether a step does no more than shift each column and divide it by a number of its own."""
    d = getattr(step, "n_features_in_", None)
    if d is None:
        return False
    probes = np.random.RandomState(0).uniform(1, 2, (2, d))
    back = step_of(step).as_change_of_input(probes)
    return back is not None and back.shape == probes.shape and np.allclose(*(back / probes))


def pattern_tiles(
    model: BaseEstimator | Layer,
    shape: tuple[int, ...] | None = None,
    *,
    by_column: bool = False,
) -> Tiles:
    """What units stand for: what each adds to a row, or piece, of the data when it fires.

    Decoder weights, carried back through the inverses of the steps of rows. For a unit of a deeper
    layer, what all decoders make of average activations with the unit at its highest, less what
    they make of them with the unit at its lowest.

    Parameters
    ----------
    model : estimator or Layer
    shape : tuple of int, default=None
        Of a row of data as a picture. Pieces have their own.
    by_column : bool, default=False
        Whether columns have units of their own: changes then stay on the scales to which the first
        steps bring each column, lest the column of the largest numbers hides all others.

    Raises
    ------
    ValueError
        If the layer does not reconstruct, or a step before it has no inverse.
    """
    layer = top_layer(model)
    extractor = layer.anatomy.extractor
    changes = layer.decoder_weights
    if changes is None or layer.decoded is None:
        raise ValueError(
            "the units do not reconstruct their input, so they stand for nothing in it."
        )
    if layer.is_deep:
        low, high = (end if np.isfinite(end) else 0.0 for end in layer.activation.range)
        rest = np.full(layer.n_units, low) if layer.average is None else layer.average
        rest = rest.astype(changes.dtype)
        off, on = np.tile(rest, (len(rest), 1)), np.tile(rest, (len(rest), 1))
        np.fill_diagonal(off, low)
        np.fill_diagonal(on, high if high > low else low + 1)
        changes = layer.decoded(on) - layer.decoded(off)
    steps = layer.anatomy.of_rows
    title = "on the scale of the data"
    while by_column and steps and scales_columns(steps[0]):
        steps, title = steps[1:], "on the scale of each column"
    values = in_columns(steps, changes.astype(np.float64)).astype(changes.dtype)
    shape = shape if extractor is None else extractor.patch_shape_
    if shape is not None and prod(shape) != values.shape[1]:
        shape = None
    title = title if layer.anatomy.series is None else "on the scale of each channel"
    axes = axes_of(layer)
    is_trace = shape is None or (axes is not None and axes.kind == "trace")
    title = "after the filter of whole images" if layer.anatomy.image_filters else title
    return Tiles(values, shape, title, "trace" if is_trace else "image")
