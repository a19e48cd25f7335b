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

    from rhohat.inspection.portrait import Portrait


def draw_features(
    portrait: Portrait,
    file: Path | IO[bytes],
    *,
    order: str = "unit",
    shape: tuple[int, ...] | None = None,
    kind: str | None = None,
) -> None:
    """Write the grid of a layer's maximally activating inputs.

    Rows that are no images are drawn as strips, one below the other.
    """
    from rhohat.inspection.figures import plot_features, save_figure

    tiles, average, units = portrait.tiles, portrait.layer.average, None
    n_columns = None
    if order == "activation":
        if average is None:
            raise ValueError("the model of partial_fit knows no average activation to sort by.")
        units = (-average).argsort(kind="stable")
    title = ", ".join(filter(None, ["Inputs that activate each hidden unit most", tiles.title]))
    with default_style():
        if shape is None and tiles.shape is None:
            shape, n_columns = (1, tiles.values.shape[1]), 1
        ax = plot_features(portrait, patch_shape=shape, order=units, n_columns=n_columns)
        save_figure(ax, file, kind=kind, title=title)


def draw_training(model: BaseEstimator, path: Path) -> None:
    """Write the loss over the iterations."""
    from rhohat.inspection.figures import plot_training, save_figure
    from rhohat.inspection.layers import top_layer

    with default_style():
        save_figure(
            plot_training(top_layer(model).estimator), path, title="Loss over the iterations"
        )


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
