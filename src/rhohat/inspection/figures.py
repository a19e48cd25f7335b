"""Figures; matplotlib is imported when one is drawn."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.common.pictures import tile_grid
from rhohat.common.validation import check_integer
from rhohat.common.writing import replacing
from rhohat.estimators.autoencoder import SparseAutoencoder
from rhohat.estimators.classifier import StackedAutoencoderClassifier
from rhohat.inspection.examples import examples_of
from rhohat.inspection.portrait import Portrait, View, portraits_of
from rhohat.inspection.row_figures import draw_rows, grid_of_rows
from rhohat.inspection.tiles import TileAxes
from rhohat.objective.activations import Activation, activation_of
from rhohat.objective.penalties import penalty_of
from rhohat.objective.penalty import SparsityPenalty

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Colors of loss, reconstruction, weight decay and sparsity; the last three from Okabe and Ito's
#: palette, which color-blind readers can tell apart.
TERM_COLORS = ("black", "#0072B2", "#D55E00", "#009E73")


def plot_features(
    model: BaseEstimator | Portrait | ArrayLike,
    *,
    picture: str | None = None,
    data: Any = None,
    columns: Sequence[Any] | None = None,
    patch_shape: tuple[int, ...] | None = None,
    order: ArrayLike | None = None,
    n_columns: int | None = None,
    cmap: str = "gray",
    ax: Axes | None = None,
) -> Axes:
    """Draw a picture of each unit, one tile per unit.

    Units of image models are drawn as tiles of pixels. Those of rows are curves over the columns,
    or bars with the names of the columns if these are few and have no order. Units of recordings
    are spectrograms, one of which has axes of frequency and time, or waveforms; other series have
    one line per channel. Each picture is divided by its own largest absolute value.

    Parameters
    ----------
    model : estimator or array-like of shape (k, d) or (k, height, width[, 3])
        A fitted model, whose top layer is shown, or tiles to draw.
    picture : {"looks-for", "stands-for", "examples", "encoder", "decoder"}, default=None
        For a model: the input that activates a unit most; what it adds to the data when it fires;
        the mean of the examples that activate it most, minus the mean of all; or its weights. None:
        what a unit looks for, in patches of images, or what it stands for, in all other data.
    data : images, rows or recordings, default=None
        What the model's ``fit`` takes; "examples" needs it.
    columns : sequence of str, default=None
        Names of the data's columns; those that the model was fitted on if None. Names that are
        numbers, such as wavelengths, become the axis.
    patch_shape : tuple of int, default=None
        (height, width) or (height, width, 3) of a row of d values. If None, tiles given as an array
        are square and gray, and units of a model of rows are curves.
    order : array-like of int, default=None
        Numbers of the units to draw, in this order; all if None.
    n_columns : int, default=None
        Tiles in a row; chosen by their shape if None.
    cmap : str, default="gray"
        Colors for gray tiles, symmetric about zero.
    ax : Axes, default=None
        Where to draw; a new figure if None.

    Returns
    -------
    ax : Axes

    Raises
    ------
    ValueError
        If the model has no such picture, or tiles do not have the shape.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from rhohat import SparseAutoencoder, plot_features
    >>> model = SparseAutoencoder(16, max_iter=5, random_state=0).fit(load_digits().data / 16)
    >>> ax = plot_features(model, patch_shape=(8, 8))
    """
    if isinstance(model, BaseEstimator):
        examples = None if data is None else examples_of(model, data, patch_shape)
        model = portraits_of(model, examples, patch_shape, columns=columns)[-1]
    if isinstance(model, Portrait):
        view = model.view(picture)
        return _draw_view(model, view, patch_shape, order, n_columns, cmap, ax)
    if picture is not None or data is not None or columns is not None:
        raise ValueError(
            "picture, data and columns are for models, but an array of tiles was given: leave them "
            "out."
        )
    tiles = np.asarray(model)
    if tiles.ndim == 2:
        if patch_shape is None:
            side = round(np.sqrt(tiles.shape[1]))
            patch_shape = (side, side)
        tiles = _shaped(tiles, patch_shape)
    return _draw_tiles(tiles if order is None else tiles[np.asarray(order)], n_columns, cmap, ax)


def _draw_view(
    portrait: Portrait,
    view: View,
    shape: tuple[int, ...] | None,
    order: ArrayLike | None,
    n_columns: int | None,
    cmap: str,
    ax: Axes | None,
) -> Axes:
    """Draw a view of a layer's units as what it is; see `plot_features`."""
    axes, tiles = portrait.axes, view.tiles
    if shape is not None and tiles.shape is not None and tuple(shape) != tuple(tiles.shape):
        raise ValueError(
            f"units of this model have shape {tiles.shape}, got {tuple(shape)}: leave the shape "
            "out."
        )
    units = np.arange(len(tiles.values)) if order is None else np.atleast_1d(np.asarray(order))
    values = tiles.values[units]
    known = tiles.shape
    if axes is not None and axes.kind == "trace" and known is not None:
        return _draw_traces(values.reshape(-1, *known), n_columns, axes, ax)
    if axes is not None and axes.kind == "spectrogram" and known is not None:
        return _draw_spectrograms(values.reshape(-1, *known), n_columns, cmap, axes, ax)
    if known is None and (shape is None or tiles.across):
        title = f"{view.title}; each on its own scale"
        grid = grid_of_rows(values, units.tolist(), n_columns)
        return draw_rows(grid, portrait.along(tiles), title, ax)
    return _draw_tiles(_shaped(values, known or shape or ()), n_columns, cmap, ax)


def _shaped(tiles: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Tiles, (k, d), in this shape; raise ValueError if it does not fit."""
    if int(np.prod(shape)) != tiles.shape[1]:
        raise ValueError(
            f"tiles of {tiles.shape[1]} values cannot have shape {shape}: pass "
            "patch_shape=(height, width) or (height, width, 3)."
        )
    return tiles.reshape(len(tiles), *shape)


def plot_top_examples(
    model: BaseEstimator,
    data: Any,
    *,
    units: ArrayLike | None = None,
    n_examples: int = 8,
    shape: tuple[int, ...] | None = None,
    picture: str | None = None,
    columns: Sequence[Any] | None = None,
    cmap: str = "gray",
    ax: Axes | None = None,
) -> Axes:
    """Draw the real examples that activate units most, one row of tiles per unit.

    First comes the picture of the unit that `plot_features` draws, then the examples as they were
    given, the most activating first, with their numbers; each is scaled from its lowest to its
    highest value. Rows are drawn as curves or bars over their columns.

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
        (height, width) or (height, width, 3) of rows that are pictures. Patches have a shape of
        their own.
    picture : str, default=None
        The unit's picture, as `plot_features` takes it.
    columns : sequence of str, default=None
        Names of the data's columns; those that the model was fitted on if None.
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

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from rhohat import SparseAutoencoder, plot_top_examples
    >>> X = load_digits().data / 16
    >>> model = SparseAutoencoder(16, max_iter=5, random_state=0).fit(X)
    >>> ax = plot_top_examples(model, X, units=[0, 3], shape=(8, 8))
    """
    import matplotlib.pyplot as plt

    check_integer("n_examples", n_examples, low=1)
    examples = examples_of(model, data, shape)
    portrait = portraits_of(model, examples, shape, n_examples=n_examples, columns=columns)[-1]
    view, k = portrait.view(picture), portrait.layer.n_units
    chosen = np.arange(min(k, 10)) if units is None else np.atleast_1d(np.asarray(units))
    if chosen.dtype.kind not in "iu" or chosen.size == 0 or chosen.min() < 0 or chosen.max() >= k:
        raise ValueError(f"units must be numbers from 0 to {k - 1}, got {units!r}.")
    assert portrait.responses is not None  # there are examples
    rows = portrait.responses.statistics.rows[chosen]
    given = examples.given(rows.ravel())
    if portrait.is_mixed:
        given = (given - portrait.responses.middle) / portrait.responses.spread
    values, shape = view.tiles.values[chosen], examples.shape
    fits = values.shape[1] == given[0].size
    if shape is None:
        sought = values if fits else np.full((len(chosen), given.shape[1]), np.nan)
        cells = np.concatenate([sought[:, None], given.reshape(*rows.shape, -1)], axis=1)
        called = [
            name
            for unit, tops in zip(chosen.tolist(), rows.tolist(), strict=True)
            for name in (f"unit {unit}", *map(examples.name_of, tops))
        ]
        grid = grid_of_rows(
            cells.reshape(len(called), -1), called, 1 + rows.shape[1], is_centered=portrait.is_mixed
        )
        own = ", in standard deviations" if portrait.is_mixed else ""
        title = f"{view.title}; then the examples themselves{own}; each on its own scale"
        return draw_rows(grid, portrait.along(view.tiles._replace(values=given)), title, ax)
    given = given.reshape(*rows.shape, *shape)
    sought = values if fits else np.zeros((len(chosen), int(np.prod(shape))))
    shown = np.concatenate([sought.reshape(-1, 1, *shape), given], axis=1).reshape(-1, *shape)
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
    ax.set_yticks(
        1 + (height - 1) / 2 + (height + 1) * np.arange(len(chosen)),
        list(map(str, chosen.tolist())),
    )
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
        A fitted model. For a classifier, its fine-tuning is drawn; of a stack, pass one of its
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

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from rhohat import SparseAutoencoder, plot_training
    >>> ax = plot_training(SparseAutoencoder(16, max_iter=5).fit(load_digits().data / 16))
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
        label = f"loss on held-out rows, {held_out[-1]:.3g} at the end"
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


def plot_penalty(
    penalty: SparsityPenalty | str,
    *,
    activation: str | Activation = "sigmoid",
    ax: Axes | None = None,
) -> Axes:
    r"""Draw what one unit costs, by its activation.

    .. math:: \text{penalty}\bigl(h(a)\bigr)

    for a unit whose activation is a for all examples, which is then its average, too. For
    `KLSparsity`, this is the curve of the CS294A notes, :math:`\beta KL(\rho \| \hat\rho)`; its
    target is marked. Draw several penalties into the same axes to compare them.

    Parameters
    ----------
    penalty : SparsityPenalty or str
        Or its name, such as "kl".
    activation : str or Activation, default="sigmoid"
        Of the unit. The curve covers its range, or what lies between -3 and 3.
    ax : Axes, default=None
        Where to draw; a new figure if None.

    Returns
    -------
    ax : Axes

    Raises
    ------
    ValueError
        If penalty and activation do not suit each other, if the weight is "auto", or if the cost
        depends on more than the unit's own activation, as that of groups and of decoder norms does.

    References
    ----------
    A. Ng, CS294A lecture notes "Sparse autoencoder", section 3.

    Examples
    --------
    >>> from rhohat import KLSparsity, plot_penalty
    >>> ax = plot_penalty(KLSparsity(target=0.2, weight=1))
    """
    import matplotlib.pyplot as plt

    penalty, unit = penalty_of(penalty), activation_of(activation)
    penalty.check(unit)
    if not penalty.sees_own_activation_alone:
        raise ValueError(
            f"the cost of a unit with {penalty} is no curve over its activation: it depends on "
            "other units, gates or weights, too."
        )
    if ax is None:
        _, ax = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
    low, high = np.clip(unit.range, -3, 3)
    edge = 0.002 * (high - low) if unit.is_bounded else 0.0  # at the ends, KL is infinite
    values = np.linspace(low + edge, high - edge, 501)
    h, _ = penalty.pointwise(values[:, None])
    cost = [penalty.on_average(average, unit)[0] for average in h]
    (line,) = ax.plot(values, cost, label=str(penalty))
    target = penalty.asked_average(unit)
    if target is not None:
        ax.axvline(target, color=line.get_color(), linewidth=0.8, linestyle=":")
    ax.legend(frameon=False, loc="best")
    ax.set_xlabel(f"average activation of a {unit.name} unit")
    ax.set_ylabel("cost of the unit")
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
        raise ValueError(f"a figure's file name must end in .png or .svg, got {name!r}.")
    whole: AbstractContextManager[Any] = nullcontext(file) if name is None else replacing(name)
    try:
        with (
            whole as stream,
            plt.rc_context({"svg.hashsalt": "rhohat"}),
            warnings.catch_warnings(),
        ):
            warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
            metadata = {"Title": title, unstable: None}
            figure.savefig(stream, format=kind, dpi="figure", metadata=metadata)
    finally:
        plt.close(figure)
