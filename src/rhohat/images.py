"""Images: in memory, or more of them than memory holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from rhohat._typing import FloatArray
from rhohat._validation import PRECISIONS

__all__ = ["ImageSequence", "Images", "MappedImages", "each_image", "precision_of"]

#: Images of any shapes, (height, width) or (height, width, channels), or one array of equal ones.
Images: TypeAlias = Sequence[FloatArray] | FloatArray


class ImageSequence(Sequence[FloatArray]):
    """Images that are read whenever they are asked for, for more than memory holds.

    Transformers of images go through it one image at a time, and make another such sequence of it.

    Attributes
    ----------
    dtype : dtype
        That holds the values of all images.
    """

    dtype: np.dtype[Any]


class MappedImages(ImageSequence):
    """What a function makes of other images, computed whenever it is asked for.

    Parameters
    ----------
    images : ImageSequence
    function : callable
        ``function(image) -> image``.
    """

    def __init__(self, images: ImageSequence, function: Callable[[FloatArray], FloatArray]) -> None:
        self.images = images
        self.function = function
        self.dtype = images.dtype

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Any) -> Any:
        return self.function(self.images[index])


def each_image(X: Images) -> Iterator[FloatArray]:
    """Images as finite float arrays, one after the other.

    Raises
    ------
    ValueError
        If there are none, or one is not a finite image; says which.
    """
    from sklearn.utils.validation import check_array  # here, so that readers need no sklearn

    if isinstance(X, np.ndarray) and X.ndim not in (3, 4):
        raise ValueError(
            f"expected a sequence of images, or an array (images, height, width[, channels]); got "
            f"an array of shape {X.shape}. Put a single image in a list: [image]."
        )
    if not hasattr(X, "__len__"):
        raise ValueError(f"expected a sequence of images, got {type(X).__name__}.")
    if len(X) == 0:
        raise ValueError("expected at least one image, got an empty sequence.")
    for index, image in enumerate(X):
        checked: FloatArray = check_array(
            image,
            dtype=PRECISIONS,
            allow_nd=True,
            ensure_2d=False,
            ensure_min_samples=0,
            ensure_min_features=0,
            input_name=f"image {index}",
        )
        if checked.ndim not in (2, 3) or 0 in checked.shape:
            raise ValueError(
                f"image {index} must have shape (height, width) or (height, width, channels), "
                f"got {checked.shape}."
            )
        yield checked


def precision_of(X: Images) -> np.dtype[Any]:
    """float32 if all images are, else float64."""
    images = [X] if hasattr(X, "dtype") else X
    single = all(getattr(image, "dtype", None) == np.float32 for image in images)
    return np.dtype(np.float32 if single else np.float64)
