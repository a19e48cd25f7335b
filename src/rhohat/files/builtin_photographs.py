"""Photographs that come with rhohat's dependencies."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from rhohat.files.images import LoadedImages, load_images

_PHOTOGRAPHS = {
    "sklearn.datasets.images": ("china.jpg", "flower.jpg"),
    "skimage.data": (
        "astronaut.png",
        "camera.png",
        "coffee.png",
        "chelsea.png",
        "rocket.jpg",
        "grass.png",
        "gravel.png",
        "brick.png",
    ),
}


def load_photographs(*, color: bool = False) -> LoadedImages:
    """Load ten photographs, from scikit-learn (2) and scikit-image (8); nothing is downloaded.

    Each is divided by the standard deviation of its brightness, so that all have the same contrast
    and none dominates the others.

    Parameters
    ----------
    color : bool, default=False
        Red, green and blue instead of gray. Gray photographs then have three equal channels.

    Returns
    -------
    photographs : LoadedImages

    Examples
    --------
    >>> from rhohat import load_photographs
    >>> load_photographs().images[0].shape
    (427, 640)
    """
    paths = [
        Path(str(files(package) / name))
        for package, names in _PHOTOGRAPHS.items()
        for name in names
    ]
    return load_images(paths, color=color)._replace(names=[path.name for path in paths])
