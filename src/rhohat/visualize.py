"""Pictures. Only this module draws, and matplotlib is imported when it does."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from rhohat._typing import FloatArray
from rhohat._validation import check_integer
from rhohat.autoencoder import SparseAutoencoder
from rhohat.diagnostics import maximal_inputs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Loss, reconstruction, weight decay, sparsity; the last three from Okabe and Ito's palette, which
#: colour-blind readers tell apart.
TERM_COLORS = ("black", "#0072B2", "#D55E00", "#009E73")

__all__ = ["plot_features", "plot_training", "save_figure", "tile_grid"]


def tile_grid(tiles: ArrayLike, *, n_columns: int | None = None, border: int = 1) -> FloatArray:
    """Tiles side by side as one image, each divided by its own largest absolute value.

    Parameters
    ----------
    tiles : array-like of shape (k, height, width) or (k, height, width, 3)
    n_columns : int, default=None
        Tiles in a row; a square grid if None.
    border : int, default=1
        Pixels between tiles and around them.

    Returns
    -------
    grid : ndarray of shape (rows, columns) or (rows, columns, 3)
        Values in [-1, 1]; NaN in the border and where the last row has no tile.
    """
    tiles = np.asarray(tiles, dtype=np.float64)
    if len(tiles) == 0 or tiles.ndim not in (3, 4) or tiles.shape[3:] not in ((), (3,)):
        raise ValueError(
            "expected tiles of shape (k >= 1, height, width) or (k, height, width, 3), got "
            f"{tiles.shape}."
        )
    if n_columns is not None:
        check_integer("n_columns", n_columns, low=1)
    k, height, width = tiles.shape[:3]
    columns = n_columns or int(np.ceil(np.sqrt(k)))
    rows = -(-k // columns)
    axes = tuple(range(1, tiles.ndim))
    largest = np.abs(tiles).max(axis=axes, keepdims=True)
    tiles = tiles / np.where(largest > 0, largest, 1)
    step_y, step_x = height + border, width + border
    grid = np.full((rows * step_y + border, columns * step_x + border, *tiles.shape[3:]), np.nan)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, columns)
        y, x = row * step_y + border, column * step_x + border
        grid[y : y + height, x : x + width] = tile
    return grid


def plot_features(
    model: SparseAutoencoder | ArrayLike,
    *,
    patch_shape: tuple[int, ...] | None = None,
    n_columns: int | None = None,
    cmap: str = "gray",
    ax: Axes | None = None,
) -> Axes:
    """Draw the input that activates each unit most, one tile per unit.

    Parameters
    ----------
    model : SparseAutoencoder or array-like of shape (k, d) or (k, height, width[, 3])
        A fitted model, or tiles to draw.
    patch_shape : tuple of int, default=None
        (height, width) or (height, width, 3) of a row of d values; square and gray if None.
    n_columns : int, default=None
        Tiles in a row; a square grid if None.
    cmap : str, default="gray"
        Colours for gray tiles, symmetric about zero.
    ax : Axes, default=None
        Where to draw; a new figure if None.

    Returns
    -------
    ax : Axes
    """
    import matplotlib.pyplot as plt

    tiles = maximal_inputs(model) if isinstance(model, SparseAutoencoder) else np.asarray(model)
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
    grid = tile_grid(tiles, n_columns=n_columns)
    if ax is None:
        # Whole screen pixels per pixel of the grid, and nothing around it.
        scale = max(1, round(888 / max(grid.shape[:2])))
        size = (grid.shape[1] * scale / 100, grid.shape[0] * scale / 100)
        ax = plt.figure(figsize=size, dpi=100).add_axes((0, 0, 1, 1))
    if grid.ndim == 3:
        shown = np.where(np.isnan(grid), 0.0, (grid + 1) / 2)
        ax.imshow(shown, interpolation="nearest")
    else:
        colors = plt.get_cmap(cmap).with_extremes(bad="black")
        ax.imshow(np.ma.masked_invalid(grid), cmap=colors, vmin=-1, vmax=1, interpolation="nearest")
    ax.set_axis_off()
    return ax


def plot_training(model: SparseAutoencoder, *, ax: Axes | None = None) -> Axes:
    """Draw the loss and its three terms over the iterations.

    Parameters
    ----------
    model : SparseAutoencoder
        A fitted model.
    ax : Axes, default=None
        Where to draw; a new figure if None.

    Returns
    -------
    ax : Axes
    """
    import matplotlib.pyplot as plt

    check_is_fitted(model)
    if ax is None:
        _, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
    iterations = np.arange(len(model.loss_curve_))
    curves = {
        "loss": model.loss_curve_,
        "reconstruction": model.loss_terms_curve_[:, 0],
        "weight decay": model.loss_terms_curve_[:, 1],
        "sparsity": model.loss_terms_curve_[:, 2],
    }
    for (name, curve), color in zip(curves.items(), TERM_COLORS, strict=True):
        shown = np.where(curve > 0, curve, np.nan)
        ax.plot(
            iterations,
            shown,
            color=color,
            linewidth=2.2 if name == "loss" else 1.4,
            label=f"{name}, {curve[-1]:.3g} at the end",
        )
    rows = model.stage_rows_
    starts = [0, *(np.flatnonzero(np.diff(rows)) + 1)]
    for start in starts:
        if start:
            ax.axvline(start - 0.5, color="0.6", linewidth=0.8, linestyle=":")
        if len(starts) > 1:
            ax.text(
                start + 0.01 * len(iterations),
                1.0,
                f"{int(rows[start]):,} rows",
                color="0.35",
                fontsize="small",
                va="bottom",
                transform=ax.get_xaxis_transform(),
            )
    ax.legend(frameon=False, loc="upper right")
    ax.set_yscale("log")
    ax.set_xlim(0, max(len(iterations) - 1, 1))
    ax.set_xlabel("iteration")
    ax.set_ylabel("loss and its terms")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


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
        Says in the file's metadata what is shown.

    Raises
    ------
    OSError
        If the file cannot be written.
    ValueError
        If it is to be of another kind.
    """
    import matplotlib.pyplot as plt

    figure = ax.figure.figure
    name = os.fspath(file) if isinstance(file, (str, PathLike)) else None
    kind = kind or Path(name or "").suffix.lower().removeprefix(".")
    unstable = {"svg": "Date", "png": "Software"}.get(kind)
    if unstable is None:
        raise ValueError(f"a figure's file must end in .png or .svg, got {name!r}.")
    try:
        with plt.rc_context({"svg.hashsalt": "rhohat"}):
            metadata = {"Title": title, unstable: None}
            figure.savefig(file, format=kind, dpi="figure", metadata=metadata)
    except OSError as error:
        raise OSError(error.errno, error.strerror, name) from error
    finally:
        plt.close(figure)
