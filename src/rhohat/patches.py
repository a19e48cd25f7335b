"""Patches: small windows of images, as rows."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Self, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted

from rhohat._typing import FloatArray
from rhohat._validation import as_floats, check_integer, check_pair, check_real
from rhohat.engines import ThreadEngine
from rhohat.images import Images, ImageSequence, check_images, each_image
from rhohat.sources import ArraySource, Partition, Rows, check_finite
from rhohat.stores import ChunkedStore, Mapped, RowData, rows_of

__all__ = [
    "ContrastNormalizer",
    "PatchExtractor",
    "PatchNormalizer",
    "PatchSource",
    "Patches",
    "Places",
    "check_fit",
    "every_patch",
]

#: Bytes from which patches of an `ImageSequence` are cut whenever they are read.
PATCH_BYTES = 1 << 30


class Places(NamedTuple):
    """Where patches were cut out.

    Attributes
    ----------
    image, top, left : ndarray of int of shape (n,)
        Number of the image, and of the row and column of the patch's first pixel in it.
    """

    image: NDArray[np.intp]
    top: NDArray[np.intp]
    left: NDArray[np.intp]


class PatchSource(ChunkedStore):
    """Patches at random positions, cut out of images whenever they are read, image by image.

    Parameters
    ----------
    images : ImageSequence
    patch_shape : tuple of int
        (height, width[, channels]).
    n_patches : int
    random_state : RandomState
        Draws how many patches each image gives, and where.
    """

    def __init__(
        self,
        images: ImageSequence,
        patch_shape: tuple[int, ...],
        n_patches: int,
        random_state: np.random.RandomState,
    ) -> None:
        self.images = images
        self.patch_shape = patch_shape
        n_images = len(images)
        counts = random_state.multinomial(n_patches, np.full(n_images, 1 / n_images))
        self.seeds = random_state.randint(2**31, size=n_images)
        self.numbers = np.flatnonzero(counts)
        shape = n_patches, int(np.prod(patch_shape))
        ends = np.cumsum(counts[self.numbers])
        super().__init__(f"patches of {n_images} images", shape, images.dtype, ends)

    def load_granule(self, start: int, stop: int) -> FloatArray:
        """All patches of one image."""
        number = self.numbers[np.searchsorted(self.ends, start, side="right")]
        image = next(each_image([self.images[number]]))
        check_fit(self.patch_shape, number, image)
        corners = self._corners(number, image, stop - start)
        patches = _cut_out(image, self.patch_shape, corners)
        return patches.astype(self.dtype, copy=False).reshape(len(corners), -1)

    def places(self, rows: NDArray[np.intp]) -> Places:
        """Where these rows were cut out; reads each of their images once."""
        granules = np.searchsorted(self.ends, rows, side="right")
        corners = np.empty((len(rows), 2), dtype=np.intp)
        for granule in np.unique(granules):
            start, stop = (0, *self.ends)[granule], self.ends[granule]
            number, mine = self.numbers[granule], granules == granule
            drawn = self._corners(number, self.images[number], stop - start)
            corners[mine] = drawn[rows[mine] - start]
        return Places(self.numbers[granules], *corners.T)

    def _corners(self, number: int, image: FloatArray, n_patches: int) -> NDArray[np.intp]:
        shares = np.random.RandomState(self.seeds[number]).uniform(size=(n_patches, 2))
        return _corners(image, self.patch_shape, shares)


def _corners(
    image: FloatArray, patch_shape: tuple[int, ...], shares: FloatArray
) -> NDArray[np.intp]:
    """First pixels of patches, (n, 2), given as shares of where the whole patch fits."""
    room = np.subtract(image.shape[:2], patch_shape[:2]) + 1
    corners: NDArray[np.intp] = (shares * room).astype(np.intp)
    return corners


def _cut_out(
    image: FloatArray, patch_shape: tuple[int, ...], corners: NDArray[np.intp]
) -> FloatArray:
    """Patches, (n, *patch_shape), by their first pixels."""
    windows = np.lib.stride_tricks.sliding_window_view(image, patch_shape[:2], axis=(0, 1))
    picked: FloatArray = windows[corners[:, 0], corners[:, 1]]
    return np.moveaxis(picked, 1, -1) if image.ndim == 3 else picked


class Patches(NamedTuple):
    """Patches and where they come from.

    Attributes
    ----------
    rows : ndarray of shape (n_patches, n_features), or PatchSource
    places : callable
        ``places(rows) -> Places``, of the rows with these numbers.
    """

    rows: FloatArray | PatchSource
    places: Callable[[NDArray[np.intp]], Places]


def every_patch(images: FloatArray, patch_shape: tuple[int, ...], stride: int = 1) -> FloatArray:
    """All patches of images, (n, height, width[, channels]), as rows: (n, rows, columns, d)."""
    height, width = patch_shape[:2]
    channels = int(np.prod(patch_shape[2:]))
    flat = images.reshape(*images.shape[:2], -1)  # a pixel's channels beside each other
    window = height, width * channels
    windows = np.lib.stride_tricks.sliding_window_view(flat, window, axis=(1, 2))
    picked = windows[:, ::stride, :: stride * channels]
    return picked.reshape(*picked.shape[:3], -1)


def check_fit(patch_shape: tuple[int, ...], index: int, image: FloatArray) -> None:
    """Raise ValueError unless patches of this shape can be cut out of the image."""
    height, width, *channels = patch_shape
    if image.shape[0] < height or image.shape[1] < width:
        raise ValueError(
            f"image {index} has {image.shape[0]} x {image.shape[1]} pixels, too few for "
            f"patches of {height} x {width}. Leave it out, or use smaller patches."
        )
    if list(image.shape[2:]) != channels:
        raise ValueError(
            f"image {index} has shape {image.shape}, but the first image's channels are "
            f"{channels or 'none'}. Convert all images to gray or all to colour."
        )


class PatchExtractor(TransformerMixin, BaseEstimator):
    """Patches at random positions of random images, one per row; or each whole image as a row.

    Every image is as likely as every other, and so is every position in it where the whole patch
    fits.

    Parameters
    ----------
    patch_size : int, tuple of int or None, default=10
        Height and width in pixels; one number for a square. None takes each image whole, in order;
        all must have the same shape.
    n_patches : int, default=30000
        Patches in all. Without a meaning for whole images.
    random_state : int, RandomState or None, default=None
        Draws images and positions.

    Attributes
    ----------
    patch_shape_ : tuple of int
        (height, width), or (height, width, channels) for colour images: what a row reshapes to.
    """

    def __init__(
        self,
        patch_size: int | tuple[int, int] | None = 10,
        *,
        n_patches: int = 30_000,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.patch_size = patch_size
        self.n_patches = n_patches
        self.random_state = random_state

    def fit(self, X: Images, y: object = None) -> Self:
        """Learn the patches' shape, and check that they fit into every image.

        Parameters
        ----------
        X : sequence of ndarray of shape (height, width) or (height, width, channels)
            Or one array with the images along its first axis.
        y : Ignored

        Returns
        -------
        self : PatchExtractor
        """
        size = None if self.patch_size is None else check_pair("patch_size", self.patch_size)
        if size is not None:
            check_integer("n_patches", self.n_patches, low=1)
        images = check_images(X)
        first = next(each_image(images))
        self.patch_shape_ = (*(size or first.shape[:2]), *first.shape[2:])
        if not isinstance(images, ImageSequence):  # which are checked when they are cut
            for index, image in enumerate(images):
                self._check_fit(index, image)
        return self

    def transform(self, X: Images) -> FloatArray:
        """Draw patches.

        Parameters
        ----------
        X : as in `fit`

        Returns
        -------
        patches : ndarray of shape (n_patches, height * width [* channels])
            Or one row per image, where they are taken whole. More than 1 GiB of patches of an
            `ImageSequence` are a `PatchSource`, which cuts them whenever they are read, image by
            image: what follows in a pipeline takes it.
        """
        return cast(FloatArray, self.draw(X).rows)

    def draw(self, X: Images) -> Patches:
        """Draw patches, and say where each comes from.

        Parameters
        ----------
        X : as in `fit`

        Returns
        -------
        patches : Patches
            Their rows as `transform` gives them.
        """
        check_is_fitted(self)
        images = check_images(X)
        dtype = images.dtype if isinstance(images, ImageSequence) else np.result_type(*images)
        n_images, n_features = len(images), int(np.prod(self.patch_shape_))
        if self.patch_size is None:
            whole = np.empty((n_images, n_features), dtype)
            for index, image in enumerate(each_image(images)):
                self._check_fit(index, image)
                whole[index] = image.ravel()
            return Patches(whole, lambda rows: Places(rows, 0 * rows, 0 * rows))
        random_state = check_random_state(self.random_state)
        n_bytes = self.n_patches * n_features * dtype.itemsize
        if isinstance(images, ImageSequence) and n_bytes > PATCH_BYTES:
            source = PatchSource(images, self.patch_shape_, self.n_patches, random_state)
            return Patches(source, source.places)
        chosen = random_state.randint(n_images, size=self.n_patches)
        shares = random_state.uniform(size=(self.n_patches, 2))
        corners = np.empty(shares.shape, dtype=np.intp)
        patches = np.empty((self.n_patches, *self.patch_shape_), dtype=dtype)
        for index, image in enumerate(each_image(images)):
            self._check_fit(index, image)
            mine = np.flatnonzero(chosen == index)
            corners[mine] = _corners(image, self.patch_shape_, shares[mine])
            patches[mine] = _cut_out(image, self.patch_shape_, corners[mine])
        return Patches(
            patches.reshape(self.n_patches, -1),
            lambda rows: Places(chosen[rows], *corners[rows].T),
        )

    def adjoint(self, weights: FloatArray) -> FloatArray:
        """Weights on patches as patches.

        Parameters
        ----------
        weights : ndarray of shape (k, n_features)

        Returns
        -------
        directions : ndarray of shape (k, height, width[, channels])
        """
        check_is_fitted(self)
        directions: FloatArray = as_floats(weights).reshape(-1, *self.patch_shape_)
        return directions

    def _check_fit(self, index: int, image: FloatArray) -> None:
        height, width = self.patch_shape_[:2]
        if self.patch_size is None and image.shape[:2] != (height, width):
            raise ValueError(
                f"image {index} has {image.shape[0]} x {image.shape[1]} pixels, others "
                f"{height} x {width}: whole images must have one shape. Cut patches instead, "
                "patch_size=10 for instance."
            )
        check_fit(self.patch_shape_, index, image)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _without_mean(X: FloatArray) -> FloatArray:
    """Rows without their own mean."""
    centred: FloatArray = X - X.mean(axis=1, keepdims=True)
    return centred


class _Normalizer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """What normalisers of patches have in common: rows in memory or not, one by one."""

    def transform(self, X: RowData) -> FloatArray:
        """Normalise patches.

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory, as in `fit`

        Returns
        -------
        X_normalised : ndarray of shape (m, n_features)
            Of rows outside memory a `Mapped` source, computed whenever it is read.
        """
        check_is_fitted(self)
        source = rows_of(self, X, reset=False)
        if isinstance(source, ArraySource):
            return self._normalised(source.X)
        return cast(FloatArray, Mapped(source, copy(self)._normalised, source.shape[1]))

    def _normalised(self, X: FloatArray) -> FloatArray:
        raise NotImplementedError

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


@dataclass
class _Spread:
    """Sums over rows of 1, d and d^2, for all deviations d from a row's own mean; the largest x."""

    n_values: int
    first: float
    second: float
    largest: float

    @classmethod
    def of(cls, rows: Rows, name: str) -> _Spread:
        """Sums over one block."""
        check_finite(rows, name)
        d = _without_mean(rows.X).astype(np.float64)
        return cls(d.size, float(d.sum()), float(np.vdot(d, d)), float(np.abs(rows.X).max()))

    def __iadd__(self, other: _Spread) -> _Spread:
        self.n_values += other.n_values
        self.first += other.first
        self.second += other.second
        self.largest = max(self.largest, other.largest)
        return self

    def widened(self) -> _Spread:
        """Itself: the sums are float64."""
        return self

    @property
    def deviation(self) -> float:
        """Standard deviation, ddof 1."""
        squares = self.second - self.first**2 / self.n_values
        return float(np.sqrt(max(squares, 0.0) / max(self.n_values - 1, 1)))


class PatchNormalizer(_Normalizer):
    r"""Patches without their mean, clipped and brought into the reach of a sigmoid decoder.

    Each row's own mean is subtracted; then, with s three standard deviations (ddof 1) of all values
    in `fit`,

    .. math:: x' = (\mathrm{clip}(x, -s, s) / s + 1) \cdot 0.4 + 0.1 \in [0.1, 0.9].

    Parameters
    ----------
    n_deviations : float, default=3.0
        Standard deviations at which values are clipped.
    feature_range : tuple of float, default=(0.1, 0.9)
        Where the clipped values end up.

    Attributes
    ----------
    scale_ : float
        s; 1 where all patches are constant but for rounding noise.
    n_features_in_ : int

    References
    ----------
    CS294A / UFLDL exercise "Sparse Autoencoder", step 1.
    """

    def __init__(
        self,
        *,
        n_deviations: float = 3.0,
        feature_range: tuple[float, float] = (0.1, 0.9),
    ) -> None:
        self.n_deviations = n_deviations
        self.feature_range = feature_range

    def fit(self, X: RowData, y: object = None) -> Self:
        """Learn the scale.

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory
            One patch per row. Outside memory as `SparseAutoencoder.fit` takes them.
        y : Ignored

        Returns
        -------
        self : PatchNormalizer
        """
        check_real("n_deviations", self.n_deviations, low=0, open_ends=True)
        if not isinstance(self.feature_range, tuple) or len(self.feature_range) != 2:
            raise ValueError(f"feature_range must be (low, high), got {self.feature_range!r}.")
        low, high = (check_real("feature_range", end) for end in self.feature_range)
        if not -np.inf < low < high:
            raise ValueError(f"feature_range must be finite with low < high, got {(low, high)}.")
        source = rows_of(self, X, reset=True)
        if isinstance(source, ArraySource):
            deviations = _without_mean(source.X)
            largest = float(np.abs(source.X).max())
            deviation = float(deviations.std(ddof=min(1, deviations.size - 1), dtype=np.float64))
        else:
            engine = ThreadEngine()
            with engine.running():
                partition = Partition.for_shape(source.shape[1], source.shape[1], source.dtype)
                spread = engine.map_sum(partial(_Spread.of, name=source.name), source, partition)
            deviation, largest = spread.deviation, spread.largest
        noise = 10 * np.finfo(source.dtype).eps * largest
        self.scale_ = self.n_deviations * deviation if deviation > noise else 1.0
        return self

    def _normalised(self, X: FloatArray) -> FloatArray:
        low, high = self.feature_range
        patches = _without_mean(X)
        np.clip(patches, -self.scale_, self.scale_, out=patches)
        patches /= self.scale_
        patches += 1
        patches *= (high - low) / 2
        patches += low
        return patches

    def adjoint(self, weights: FloatArray) -> FloatArray:
        """Directions in the patch that linear functions of the normalised patch look along.

        Subtracting the patch's own mean is its own adjoint; clipping is left out.

        Parameters
        ----------
        weights : ndarray of shape (k, n_features)

        Returns
        -------
        directions : ndarray of shape (k, n_features)
        """
        check_is_fitted(self)
        low, high = self.feature_range
        weights = as_floats(weights)
        if weights.ndim != 2 or weights.shape[1] != self.n_features_in_:
            raise ValueError(
                f"weights must have shape (k, {self.n_features_in_}), got {weights.shape}."
            )
        return _without_mean(weights) * ((high - low) / (2 * self.scale_))


class ContrastNormalizer(_Normalizer):
    r"""Patches of mean 0 and about unit variance, each by itself.

    .. math:: x' = (x - \bar x) / \sqrt{\mathrm{var}(x) + \epsilon},

    so that neither brightness nor contrast of a patch matters. Learns nothing from the data.

    Parameters
    ----------
    epsilon : float, default=1.5e-4
        Added to every variance, so that flat patches stay small. The default, for data in [0, 1],
        is the reference's 10 for data in [0, 255].

    Attributes
    ----------
    n_features_in_ : int

    References
    ----------
    A. Coates, H. Lee and A. Ng (2011), An analysis of single-layer networks in unsupervised feature
    learning. AISTATS.
    """

    def __init__(self, *, epsilon: float = 1.5e-4) -> None:
        self.epsilon = epsilon

    def fit(self, X: RowData, y: object = None) -> Self:
        """Check parameter and data.

        Parameters
        ----------
        X : array-like of shape (m, n_features), or rows outside memory
            One patch per row. Outside memory as `SparseAutoencoder.fit` takes them.
        y : Ignored

        Returns
        -------
        self : ContrastNormalizer
        """
        check_real("epsilon", self.epsilon, low=0, open_ends=True)
        rows_of(self, X, reset=True)
        return self

    def _normalised(self, X: FloatArray) -> FloatArray:
        centred = _without_mean(X)
        variance = np.einsum("ij,ij->i", centred, centred) / centred.shape[1]
        centred /= np.sqrt(variance + variance.dtype.type(self.epsilon))[:, None]
        return centred
