"""Figures of a model, drawn the same by every command."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

__all__ = ["draw_features", "draw_training", "keep_matplotlib_cache_in_venv"]


def draw_features(
    model: BaseEstimator,
    file: Path | IO[bytes],
    *,
    order: str = "unit",
    shape: tuple[int, ...] | None = None,
    kind: str | None = None,
) -> None:
    """Write the grid of maximally activating inputs of the autoencoder in `model`.

    Rows that are no images are drawn as strips, one below the other.
    """
    from rhohat.diagnostics import autoencoder_of, tiles_of
    from rhohat.visualize import plot_features, save_figure

    tiles = tiles_of(model)
    values = tiles.values
    if order == "activation":
        average = autoencoder_of(model).average_activation_
        values = values[(-average).argsort(kind="stable")]
    shape = shape or tiles.shape
    title = ", ".join(filter(None, ["Inputs that activate each hidden unit most", tiles.title]))
    with default_style():
        if shape is None:
            ax = plot_features(values, patch_shape=(1, values.shape[1]), n_columns=1)
        else:
            ax = plot_features(values, patch_shape=shape)
        save_figure(ax, file, kind=kind, title=title)


def draw_training(model: BaseEstimator, path: Path) -> None:
    """Write the loss over the iterations."""
    from rhohat.diagnostics import autoencoder_of
    from rhohat.visualize import plot_training, save_figure

    with default_style():
        save_figure(plot_training(autoencoder_of(model)), path, title="Loss over the iterations")


@contextmanager
def default_style() -> Iterator[None]:
    """Draw without a display, and the same picture whatever the user's own style."""
    import matplotlib as mpl

    mpl.use("Agg")
    with mpl.rc_context():
        mpl.rcdefaults()
        yield


def keep_matplotlib_cache_in_venv() -> None:
    """In a virtual environment, have matplotlib cache its list of fonts there, not in the home."""
    if sys.prefix != sys.base_prefix:
        os.environ.setdefault("MPLCONFIGDIR", str(Path(sys.prefix) / "var" / "matplotlib"))
