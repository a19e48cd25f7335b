"""Images: in memory, or more of them than memory holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from rhohat.common.arrays import PRECISIONS, FloatArray, Images


class ImageSequence(Sequence[FloatArray]):
    """Images that are read whenever they are asked for, for more than memory holds.

    Transformers of images go through it one image at a time, and make another such sequence of it.
    A slice is one as well.

    Attributes
    ----------
    dtype : dtype
        That holds the values of all images.
    """

    dtype: np.dtype[Any]

    def __getitem__(self, index: Any) -> Any:
        numbers = range(len(self))[index]
        return SlicedImages(self, numbers) if isinstance(numbers, range) else self._read(numbers)

    def _read(self, number: int) -> FloatArray:
        """The image of this number, from 0 on."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)}>"


class SlicedImages(ImageSequence):
    """Some of other images.

    Parameters
    ----------
    images : ImageSequence
    numbers : range
    """

    def __init__(self, images: ImageSequence, numbers: range) -> None:
        self.images = images
        self.numbers = numbers
        self.dtype = images.dtype

    @property
    def rate(self) -> int | None:
        """Samples per second, if they are recordings."""
        return getattr(self.images, "rate", None)

    def __len__(self) -> int:
        return len(self.numbers)

    def _read(self, number: int) -> FloatArray:
        image: FloatArray = self.images[self.numbers[number]]
        return image


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

    def _read(self, number: int) -> FloatArray:
        return self.function(self.images[number])


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
