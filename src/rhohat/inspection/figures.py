"""Figures: the only module that draws; it imports matplotlib when it does."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.common.pictures import picture_shape, tile_grid
from rhohat.common.validation import check_integer
from rhohat.common.writing import replacing
from rhohat.estimators.autoencoder import SparseAutoencoder
from rhohat.estimators.classifier import StackedAutoencoderClassifier
from rhohat.inspection.activation_statistics import activation_statistics
from rhohat.inspection.examples import examples_of
from rhohat.inspection.layers import top_layer
from rhohat.inspection.portrait import Portrait
from rhohat.inspection.tiles import TileAxes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Colors of loss, reconstruction, weight decay and sparsity; the last three from Okabe and Ito's
#: palette, which color-blind readers can tell apart.
TERM_COLORS = ("black", "#0072B2", "#D55E00", "#009E73")


def plot_features(
    model: BaseEstimator | Portrait | ArrayLike,
    *,
    patch_shape: tuple[int, ...] | None = None,
    order: ArrayLike | None = None,
    n_columns: int | None = None,
    cmap: str = "gray",
    ax: Axes | None = None,
) -> Axes:
    """Draw the input that activates each unit most, one tile per unit.

    Tiles of a model of recordings are spectrograms, with frequency and time along one of them, or
    waveforms; tiles of other series have one line per channel.

    Parameters
    ----------
    model : estimator or array-like of shape (k, d) or (k, height, width[, 3])
        A fitted model, whose top layer is shown, or tiles to draw.
    patch_shape : tuple of int, default=None
        (height, width) or (height, width, 3) of a row of d values; square and gray if None.
    order : array-like of int, default=None
        Numbers of the units to draw, in this order; all if None.
    n_columns : int, default=None
        Tiles in a row; a square grid if None.
    cmap : str, default="gray"
        Colors for gray tiles, symmetric about zero.
    ax : Axes, default=None
        Where to draw; a new figure if None.

    Returns
    -------
    ax : Axes
    """
    axes, is_reshaped = None, patch_shape is not None
    portrait = Portrait(top_layer(model)) if isinstance(model, BaseEstimator) else model
    if isinstance(portrait, Portrait):
        axes, patch_shape = portrait.axes, patch_shape or portrait.tiles.shape
        tiles = portrait.tiles.values
    else:
        tiles = np.asarray(portrait)
    if tiles.ndim == 2:
        if patch_shape is None:
            side = round(np.sqrt(tiles.shape[1]))
            patch_shape = (side, side)
        if int(np.prod(patch_shape)) != tiles.shape[1]:
            raise ValueError(
                f"tiles of {tiles.shape[1]} values do not have shape {patch_shape}: pass "
                "patch_shape=(height, width) or (height, width, 3)."
            )
        tiles = tiles.reshape(len(tiles), *patch_shape)
    if order is not None:
        tiles = tiles[np.asarray(order)]
    if axes is not None and axes.kind == "trace" and not is_reshaped:
        return _draw_traces(tiles, n_columns, axes, ax)
    if axes is not None and axes.kind == "spectrogram" and tiles.shape[2] == axes.n_moments:
        return _draw_spectrograms(tiles, n_columns, cmap, axes, ax)
    return _draw_tiles(tiles, n_columns, cmap, ax)


def plot_top_examples(
    model: BaseEstimator,
    data: Any,
    *,
    units: ArrayLike | None = None,
    n_examples: int = 8,
    shape: tuple[int, ...] | None = None,
    cmap: str = "gray",
    ax: Axes | None = None,
) -> Axes:
    """Draw the real examples that activate units most, one row of tiles per unit.

    First comes the input that activates the unit most, as `plot_features` draws it, then the
    examples as they were given, the most active first; each tile from its least to its greatest
    value.

    Parameters
    ----------
    model : estimator
        A fitted model, whose top layer is shown.
    data : images or rows
        What the model's ``fit`` takes.
    units : array-like of int, default=None
        Numbers of the units; the first ten if None.
    n_examples : int, default=8
    shape : tuple of int, default=None
        (height, width) or (height, width, 3) of rows that are pictures; square if None. Patches
        have a shape of their own.
    cmap : str, default="gray"
        Colors of gray tiles.
    ax : Axes, default=None
        Where to draw; a new figure if None.

    Returns
    -------
    ax : Axes

    Raises
    ------
    ValueError
        If there is no such unit, or data and shape do not fit the model.
    """
    import matplotlib.pyplot as plt

    check_integer("n_examples", n_examples, low=1)
    layer = top_layer(model)
    tiles = Portrait(layer).tiles
    k, d = tiles.values.shape
    chosen = np.arange(min(k, 10)) if units is None else np.atleast_1d(np.asarray(units))
    if chosen.dtype.kind not in "iu" or chosen.size == 0 or chosen.min() < 0 or chosen.max() >= k:
        raise ValueError(f"units must be numbers from 0 to {k - 1}, got {units!r}.")
    shape = tiles.shape or shape or picture_shape(d)
    examples = examples_of(model, data, shape)
    activations = layer.encoded(examples.source)
    rows = activation_statistics(activations, layer.activation, n_examples=n_examples).rows[chosen]
    given = examples.given(rows.ravel()).reshape(*rows.shape, *shape)
    sought = tiles.values[chosen].reshape(-1, 1, *shape)
    shown = np.concatenate([sought, given], axis=1).reshape(-1, *shape)
    axes = tuple(range(1, shown.ndim))
    low, high = shown.min(axis=axes, keepdims=True), shown.max(axis=axes, keepdims=True)
    centered = (shown - (low + high) / 2) / np.where(high > low, high - low, 1)
    if ax is None:
        size = 0.6 * (1 + rows.shape[1]), 0.6 * len(chosen) * shape[0] / shape[1] + 0.4
        _, ax = plt.subplots(figsize=size, layout="constrained")
    _draw_tiles(centered, 1 + rows.shape[1], cmap, ax)
    ax.set_axis_on()
    ax.spines[:].set_visible(False)
    height, width = shape[:2]
    ax.set_yticks(1 + (height - 1) / 2 + (height + 1) * np.arange(len(chosen)), chosen.tolist())
    ranks = [str(rank + 1) for rank in range(rows.shape[1])]
    ax.set_xticks(1 + (width - 1) / 2 + (width + 1) * np.arange(1 + len(ranks)), ["unit", *ranks])
    ax.tick_params(length=0)
    return ax


def _draw_tiles(tiles: FloatArray, n_columns: int | None, cmap: str, ax: Axes | None) -> Axes:
    """Draw a grid of tiles, in a new figure of whole screen pixels if `ax` is None."""
    import matplotlib.pyplot as plt

    grid = tile_grid(tiles, n_columns=n_columns)
    ax = ax or _whole_pixels(grid.shape[1], grid.shape[0], 888)
    if grid.ndim == 3:
        shown = np.where(np.isnan(grid), 0.0, (grid + 1) / 2)
        ax.imshow(shown, interpolation="nearest")
    else:
        colors = plt.get_cmap(cmap).with_extremes(bad="black")
        ax.imshow(np.ma.masked_invalid(grid), cmap=colors, vmin=-1, vmax=1, interpolation="nearest")
    ax.set_axis_off()
    return ax


def _whole_pixels(
    width: int, height: int, longest: int, *, left: int = 0, below: int = 0, beside: int = 0
) -> Axes:
    """Axes of a new figure, in which pixels of a grid take whole pixels of the screen.

    Parameters
    ----------
    width, height : int
        Of the grid.
    longest : int
        Pixels of the screen that its longer side is to take, more or less.
    left, below, beside : int, default=0
        Pixels of the screen around it: left, below, and both right and above.
    """
    import matplotlib.pyplot as plt

    scale = max(1, round(longest / max(width, height)))
    width, height = width * scale, height * scale
    across, up = left + width + beside, below + height + beside
    figure = plt.figure(figsize=(across / 100, up / 100), dpi=100)
    return figure.add_axes((left / across, below / up, width / across, height / up))


def _draw_spectrograms(
    tiles: FloatArray, n_columns: int | None, cmap: str, axes: TileAxes, ax: Axes | None
) -> Axes:
    """Draw tiles, with frequency and time along the bottom one of the first column."""
    k, height, width = tiles.shape[:3]
    columns = n_columns or min(int(np.ceil(np.sqrt(1.5 * k * height / width))), k)
    rows = -(-k // columns)
    size = columns * (width + 1) + 1, rows * (height + 1) + 1
    ax = ax or _whole_pixels(*size, 900, left=62, below=26, beside=10)
    _draw_tiles(tiles, columns, cmap, ax)
    bottom = size[1] - 1.5
    ax.set_axis_on()
    ax.spines[:].set_visible(False)
    ax.set_xticks([0.5, 0.5 + width], ["0", axes.span])
    ax.get_xticklabels()[1].set_horizontalalignment("left")
    if axes.frequencies is None:
        ax.set_yticks([bottom - height / 2], [f"{height} bands"])
    else:
        high, low = axes.frequencies[[0, -1]]
        ends = [f"{high / 1000:.2g} kHz", f"{low:.0f} Hz"]
        ax.set_yticks([bottom - height + 1, bottom - 1], ends)
    ax.tick_params(labelsize="small", length=2)
    return ax


def _draw_traces(tiles: FloatArray, n_columns: int | None, axes: TileAxes, ax: Axes | None) -> Axes:
    """Draw series, (k, channels, moments), each scaled by its own largest absolute value."""
    import matplotlib.pyplot as plt
    from matplotlib.collections import LineCollection

    k, channels, moments = tiles.shape
    columns = n_columns or int(np.ceil(np.sqrt(k)))
    rows = -(-k // columns)
    largest = np.abs(tiles).max(axis=(1, 2), keepdims=True)
    scaled = tiles / np.where(largest > 0, largest, 1)
    if ax is None:
        size = max(6.0, 0.9 * columns), max(4.0, 0.6 * rows * max(1.0, channels / 4))
        _, ax = plt.subplots(figsize=size, layout="constrained")
    unit, channel = np.divmod(np.arange(k * channels), channels)
    x = np.linspace(0.05, 0.95, moments) + (unit % columns)[:, None]
    middle = unit // columns + 0.5 + 0.9 * ((channel + 0.5) / channels - 0.5)
    y = middle[:, None] - 0.42 / channels * scaled.reshape(-1, moments)
    lines = np.stack([x, y], axis=2)
    ax.hlines(middle, x[:, 0], x[:, -1], color="0.85", linewidth=0.6)
    ax.add_collection(LineCollection(list(lines), colors="black", linewidths=0.9))
    ax.set_xlim(0, columns)
    ax.set_ylim(rows, 0)
    ax.spines[:].set_visible(False)
    ax.set_yticks([])
    ax.set_xticks([0.05, 0.95], ["0", axes.span])
    ax.tick_params(labelsize="small", length=2)
    return ax


def plot_training(
    model: SparseAutoencoder | StackedAutoencoderClassifier, *, ax: Axes | None = None
) -> Axes:
    """Draw the loss and its three terms over the iterations.

    Parameters
    ----------
    model : SparseAutoencoder or StackedAutoencoderClassifier
        A fitted model; for a classifier its fine-tuning is drawn, for a stack give one of its
        `layers_`.
    ax : Axes, default=None
        Where to draw; a new figure if None.

    Returns
    -------
    ax : Axes

    Raises
    ------
    TypeError
        If the model is none of these.
    """
    import matplotlib.pyplot as plt

    check_is_fitted(model)
    if not hasattr(model, "loss_curve_"):
        raise TypeError(
            "expected a SparseAutoencoder, one of a stack's layers_ or a "
            f"StackedAutoencoderClassifier, got {type(model).__name__}."
        )
    if ax is None:
        _, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
    iterations = np.arange(len(model.loss_curve_))
    error = "cross-entropy" if hasattr(model, "classes_") else "reconstruction"
    curves = {
        "loss": model.loss_curve_,
        error: model.loss_terms_curve_[:, 0],
        "weight decay": model.loss_terms_curve_[:, 1],
        "sparsity": model.loss_terms_curve_[:, 2],
    }
    for (name, curve), color in zip(curves.items(), TERM_COLORS, strict=True):
        shown, width = np.where(curve > 0, curve, np.nan), 2.2 if name == "loss" else 1.4
        label = f"{name}, {curve[-1]:.3g} at the end"
        ax.plot(iterations, shown, color=color, linewidth=width, label=label)
    if hasattr(model, "validation_iterations_"):
        held_out = model.validation_terms_curve_.sum(axis=1)
        label = f"loss, held out, {held_out[-1]:.3g} at the end"
        ax.plot(model.validation_iterations_, held_out, color="0.35", linestyle="--", label=label)
    rows = getattr(model, "stage_rows_", np.zeros(len(iterations)))
    starts = [0, *(np.flatnonzero(np.diff(rows)) + 1)]
    above: dict[str, Any] = {"color": "0.35", "fontsize": "small", "va": "bottom"}
    for start in starts if len(starts) > 1 else ():
        if start:
            ax.axvline(start - 0.5, color="0.6", linewidth=0.8, linestyle=":")
        place, told = start + 0.01 * len(iterations), f"{int(rows[start]):,} rows"
        ax.text(place, 1.0, told, transform=ax.get_xaxis_transform(), **above)
    ax.legend(frameon=False, loc="best")
    ax.set_yscale("log")
    low = lowest_shown(model.loss_curve_, model.loss_terms_curve_)
    if low is not None:
        ax.set_ylim(bottom=low)
    ax.set_xlim(0, max(len(iterations) - 1, 1))
    ax.set_xlabel("iteration")
    ax.set_ylabel("loss and its terms")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def lowest_shown(loss: Float64Array, terms: Float64Array) -> float | None:
    """Where an axis of losses begins: terms below a thousandth of the loss do not stretch it."""
    positive = terms[terms > 0]
    return max(float(positive.min()), float(loss.min()) / 1000) if len(positive) else None


def save_figure(
    ax: Axes, file: str | PathLike[str] | IO[bytes], *, kind: str | None = None, title: str = ""
) -> None:
    """Write the figure of `ax` as PNG or SVG, the same bytes for the same picture, and close it.

    Parameters
    ----------
    ax : Axes
    file : path-like or binary stream
    kind : {"png", "svg"}, default=None
        None goes by the ending of the file's name.
    title : str, default=""
        Title in the file's metadata.

    Raises
    ------
    OSError
        If the file cannot be written.
    ValueError
        If the kind is another one.
    """
    import matplotlib.pyplot as plt

    figure = ax.figure.figure
    name = os.fspath(file) if isinstance(file, (str, PathLike)) else None
    kind = kind or Path(name or "").suffix.lower().removeprefix(".")
    unstable = {"svg": "Date", "png": "Software"}.get(kind)
    if unstable is None:
        raise ValueError(f"a figure's file must end in .png or .svg, got {name!r}.")
    whole: AbstractContextManager[Any] = nullcontext(file) if name is None else replacing(name)
    try:
        with whole as stream, plt.rc_context({"svg.hashsalt": "rhohat"}):
            metadata = {"Title": title, unstable: None}
            figure.savefig(stream, format=kind, dpi="figure", metadata=metadata)
    finally:
        plt.close(figure)
