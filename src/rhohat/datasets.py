"""Photographs that come with the package's own dependencies."""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple

import numpy as np

from rhohat._typing import FloatArray

__all__ = ["Photographs", "load_photographs"]

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


class Photographs(NamedTuple):
    """Images and what they are called.

    Attributes
    ----------
    images : list of ndarray of shape (height, width), or (height, width, 3) in colour
        float32 brightness, never negative; the standard deviation of each is 1.
    names : list of str
    """

    images: list[FloatArray]
    names: list[str]


def load_photographs(*, color: bool = False) -> Photographs:
    """Ten photographs, from scikit-learn (2) and scikit-image (8). Nothing is downloaded.

    Each is divided by the standard deviation of its brightness, so that all have the same contrast
    and none dominates the others.

    Parameters
    ----------
    color : bool, default=False
        Red, green and blue instead of gray. Gray photographs then have three equal channels.

    Returns
    -------
    photographs : Photographs

    Examples
    --------
    >>> from rhohat import load_photographs
    >>> load_photographs().images[0].shape
    (427, 640)
    """
    from skimage.color import gray2rgb, rgb2gray
    from skimage.io import imread
    from skimage.util import img_as_float32

    images, names = [], []
    for package, file_names in _PHOTOGRAPHS.items():
        for name in file_names:
            image = img_as_float32(imread(str(files(package) / name)))
            if color:
                image = gray2rgb(image) if image.ndim == 2 else image[..., :3]
            elif image.ndim == 3:
                image = rgb2gray(image[..., :3])
            images.append(np.asarray(image / image.std(dtype=np.float64), dtype=np.float32))
            names.append(name)
    return Photographs(images, names)
