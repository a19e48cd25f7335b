"""Photographs that come with the package's own dependencies."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.resources import as_file, files

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
    """Ten photographs, from scikit-learn (2) and scikit-image (8). Nothing is downloaded.

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
    named = {
        name: files(package) / name for package in _PHOTOGRAPHS for name in _PHOTOGRAPHS[package]
    }
    with ExitStack() as stack:
        paths = [stack.enter_context(as_file(resource)) for resource in named.values()]
        return load_images(paths, color=color)._replace(names=list(named))
