"""Figures of a model, drawn the same by every command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from rhohat.estimators.autoencoder import SparseAutoencoder
    from rhohat.inspection.portrait import Portrait


def draw_features(
    portrait: Portrait,
    file: Path | IO[bytes],
    *,
    picture: str | None = None,
    by_activation: bool = False,
    shape: tuple[int, ...] | None = None,
    kind: str | None = None,
) -> None:
    """Write a picture of each unit of a layer, the usual one unless another is named."""
    from rhohat.inspection.figures import plot_features, save_figure

    average, units = portrait.layer.average, None
    if by_activation:
        if average is None:
            raise ValueError(
                "a model trained by partial_fit has no average activations to sort by: leave out "
                "--sort."
            )
        units = (-average).argsort(kind="stable")
    with default_style():
        ax = plot_features(portrait, picture=picture, patch_shape=shape, order=units)
        save_figure(ax, file, kind=kind, title=f"{portrait.view(picture).title}, of each unit")


def draw_training(autoencoder: SparseAutoencoder, path: Path) -> None:
    """Write the curve of the loss over the iterations."""
    from rhohat.inspection.figures import plot_training, save_figure

    with default_style():
        ax = plot_training(autoencoder)
        save_figure(ax, path, title="Loss over the iterations")


@contextmanager
def default_style() -> Iterator[None]:
    """Draw without a display, and the same picture whatever style the user has set."""
    import matplotlib as mpl

    mpl.use("Agg")
    with mpl.rc_context():
        mpl.rcdefaults()
        yield
