"""Figures of a model, drawn the same by every command."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from rhohat._typing import FloatArray

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from rhohat.autoencoder import SparseAutoencoder

__all__ = [
    "Tiles",
    "autoencoder_of",
    "draw_features",
    "draw_training",
    "keep_matplotlib_cache_in_venv",
    "steps_of",
    "tiles_of",
]


class Tiles(NamedTuple):
    """The input that activates each unit most.

    Attributes
    ----------
    values : ndarray of shape (k, d)
    shape : tuple of int or None
        What each reshapes to, where it is a patch.
    title : str
        What is shown.
    """

    values: FloatArray
    shape: tuple[int, ...] | None
    title: str


def steps_of(model: BaseEstimator) -> list[BaseEstimator]:
    """The estimators of a pipeline in order, or the model itself."""
    return [step for _, step in getattr(model, "steps", [("", model)])]


def autoencoder_of(model: BaseEstimator) -> SparseAutoencoder:
    """The autoencoder in a model.

    Raises
    ------
    ValueError
        If there is none.
    """
    from rhohat.autoencoder import SparseAutoencoder

    steps = steps_of(model)
    autoencoders = [step for step in steps if isinstance(step, SparseAutoencoder)]
    if not autoencoders:
        raise ValueError(
            f"the file holds {' and '.join(type(step).__name__ for step in steps)}, but no "
            "SparseAutoencoder, whose units could be shown."
        )
    return autoencoders[-1]


def tiles_of(model: BaseEstimator) -> Tiles:
    """Maximally activating inputs; before PCA or ZCA, if that is part of the model."""
    from rhohat.diagnostics import maximal_inputs
    from rhohat.whitening import Whitening

    autoencoder = autoencoder_of(model)
    steps = steps_of(model)
    shapes = [step.patch_shape_ for step in steps if hasattr(step, "patch_shape_")]
    before = steps[: steps.index(autoencoder)]
    title = "Inputs that activate each hidden unit most"
    whitener = before[-1] if before and isinstance(before[-1], Whitening) else None
    if whitener is not None:
        title += ", before whitening"
    return Tiles(maximal_inputs(autoencoder, whitener), shapes[-1] if shapes else None, title)


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
    from rhohat.visualize import plot_features, save_figure

    tiles = tiles_of(model)
    values = tiles.values
    if order == "activation":
        average = autoencoder_of(model).average_activation_
        values = values[(-average).argsort(kind="stable")]
    shape = shape or tiles.shape
    with default_style():
        if shape is None:
            ax = plot_features(values, patch_shape=(1, values.shape[1]), n_columns=1)
        else:
            ax = plot_features(values, patch_shape=shape)
        save_figure(ax, file, kind=kind, title=tiles.title)


def draw_training(model: BaseEstimator, path: Path) -> None:
    """Write the loss over the iterations."""
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
