"""Convolution and pooling: the features that a model learned on patches, all over an image.

Likewise for recordings and other series: those that it learned on windows, at every moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise, product
from numbers import Integral
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from rhohat.common.arrays import FloatArray, Images, Recordings
from rhohat.common.devices import device_of
from rhohat.common.libraries import Sent, host, library_of
from rhohat.common.validation import check_integer, check_pair, check_real, look_up
from rhohat.estimators.anatomy import Anatomy
from rhohat.estimators.autoencoder import SparseAutoencoder
from rhohat.estimators.conversion import ConvertibleEstimator
from rhohat.preprocessing.extractors import PatchExtractor, every_patch
from rhohat.preprocessing.inputs import precision_of
from rhohat.preprocessing.steps import AffineMap, Operation, Wholes, folded
from rhohat.rows.engines import ThreadEngine, check_n_jobs

#: Bytes of responses computed at a time: few enough to stay in cache until they are pooled.
BLOCK_BYTES = 4 << 20


class Pooling(NamedTuple):
    """How the features of a cell are joined.

    Attributes
    ----------
    function : str
        Of NumPy and torch, which joins those of a piece.
    join : ufunc
        Joins pieces.
    """

    function: str
    join: np.ufunc


#: How the features of a cell are joined; for the mean, their sum is divided afterwards.
POOLINGS: dict[str, Pooling] = {
    "mean": Pooling("sum", np.add),
    "max": Pooling("amax", np.maximum),
    "sum": Pooling("sum", np.add),
}


class _Encoding(NamedTuple):
    """An affine map of the whitened patch, and the features made of its responses.

    Attributes
    ----------
    affine : AffineMap
    features : callable
        ``features(Z)`` gives one or more arrays of Z's shape, and may overwrite Z.
    n_features : int
        Number of features, over all these arrays.
    operation : Operation
        `features`, told; its arrays side by side.
    """

    affine: AffineMap
    features: Callable[[FloatArray], Iterable[FloatArray]]
    n_features: int
    operation: Operation


def _activation(model: SparseAutoencoder, threshold: float) -> _Encoding:
    """f(z), as the autoencoder encodes."""
    f = model.fitted_activation
    weights = model.encoder_weights_
    operation = Operation(f.name, f.parameters_among(len(weights)))
    own = AffineMap(weights, model.encoder_bias_)
    return _Encoding(own, lambda Z: [f.function(Z)], len(weights), operation)


def _soft_threshold(model: SparseAutoencoder, threshold: float) -> _Encoding:
    """max(0, z - t) and max(0, -z - t), for filters of unit length."""
    weights = model.encoder_weights_
    norms = np.linalg.norm(weights, axis=1, keepdims=True)
    unit = np.divide(weights, norms, out=np.zeros_like(weights), where=norms > 0)

    def both_signs(above: FloatArray) -> Iterator[FloatArray]:  # above = z - t
        xp = library_of(above)
        yield xp.clip(above, 0, None)
        below = xp.negative(above, out=above)
        below -= 2 * threshold
        yield xp.clip(below, 0, None, out=below)

    shifted = AffineMap(unit, np.full(len(unit), -threshold))
    operation = Operation("both_signs", {"threshold": threshold})
    return _Encoding(shifted, both_signs, 2 * len(unit), operation)


#: How responses become features.
ENCODINGS: dict[str, Callable[[SparseAutoencoder, float], _Encoding]] = {
    "activation": _activation,
    "soft-threshold": _soft_threshold,
}


class ConvolutionalFeatures(
    ConvertibleEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    r"""Features of the patch at every position of an image, pooled over the cells of a grid.

    Whitening and encoder are one affine map of the patch x,

    .. math::

        a(x) = f\bigl((W_{enc} T)\, x + b_{enc} - W_{enc} T \mu\bigr),

    and each cell of the grid yields the mean, maximum or sum of a over its positions.

    Parameters
    ----------
    model : SparseAutoencoder or Pipeline
        Model that turns a patch into features: an autoencoder, or a pipeline that ends in one. A
        fitted model is used as it is; otherwise, `fit` trains it on patches of the images, for
        which the pipeline must contain a `PatchExtractor`. Steps before the extractor are applied
        to whole images. A copy made by `sklearn.base.clone`, as in grid search, is not fitted;
        ``FrozenEstimator(model)`` stays fitted.
    patch_size : int, tuple of int or None, default=None
        Height and width of a patch. If None, those of the model's `PatchExtractor`.
    stride : int, default=1
        Step from one position to the next along both axes, in pixels.
    encoding : {"activation", "soft-threshold"}, default="activation"
        "activation" is a, as the autoencoder computes it. "soft-threshold" maps the linear
        responses z of filters of unit length, without bias, to max(0, z - threshold) and
        max(0, -z - threshold): two features per unit, first all positive parts, then all negative
        ones. Classifiers do better with it.
    threshold : float, default=0.5
        For "soft-threshold"; whitened patches have a standard deviation of about 1.
    pooling : {"mean", "max", "sum"} or sequence of them, default="mean"
        How to pool within a cell; with several, first all features of the first kind, then all of
        the next.
    grid : int or tuple of int, default=2
        Rows and columns of cells into which the positions in each image are divided, as equally as
        possible; the default is quadrants. Every image yields the same number of features, whatever
        its size. For windows of series, one number gives the cells along time.
    window : int or tuple of int, default=None
        Rows and columns of positions in a cell, instead of a grid; along time likewise. Positions
        beyond the last whole window are left out, and all images must have room for the same
        number of windows.
    n_jobs : int, default=None
        Threads. None means as many as NumPy's BLAS would use, -1 every core.

    Attributes
    ----------
    model_ : SparseAutoencoder, Pipeline or FrozenEstimator
        `model`, fitted.
    patch_shape_ : tuple of int
        (height, width), or (height, width, channels) for color images.
    grid_ : tuple of int
        Rows and columns of cells.

    Notes
    -----
    The features of an image are laid out as (poolings, rows of cells, columns of cells, features of
    a patch). Responses are pooled block by block: except for the features themselves, memory does
    not grow with the size or the number of images.

    References
    ----------
    UFLDL tutorial, "Feature extraction using convolution" and "Pooling".

    A. Coates and A. Ng (2011), The importance of encoding versus training with sparse coding and
    vector quantization. ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from rhohat import ConvolutionalFeatures, PatchExtractor, SparseAutoencoder, Whitening
    >>> images = load_digits().images / 16
    >>> model = make_pipeline(
    ...     PatchExtractor(4, n_patches=2000, random_state=0),
    ...     Whitening(),
    ...     SparseAutoencoder(20, weight_decay=3e-3, random_state=0),
    ... )
    >>> ConvolutionalFeatures(model).fit_transform(images).shape
    (1797, 80)
    """

    def __init__(
        self,
        model: SparseAutoencoder | Pipeline,
        *,
        patch_size: int | tuple[int, int] | None = None,
        stride: int = 1,
        encoding: str = "activation",
        threshold: float = 0.5,
        pooling: str | Sequence[str] = "mean",
        grid: int | tuple[int, int] = 2,
        window: int | tuple[int, int] | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.model = model
        self.patch_size = patch_size
        self.stride = stride
        self.encoding = encoding
        self.threshold = threshold
        self.pooling = pooling
        self.grid = grid
        self.window = window
        self.n_jobs = n_jobs

    def fit(self, X: Images | Recordings, y: object = None) -> Self:
        """Fit the model, if it is not fitted, and check that it suits the images.

        Parameters
        ----------
        X : sequence of ndarray of shape (height, width) or (height, width, channels)
            Or one array with the images along its first axis; recordings for a model of these. If
            the model is fitted, only the first is checked.
        y : Ignored

        Returns
        -------
        self : ConvolutionalFeatures

        Raises
        ------
        ValueError, TypeError
            If a parameter, the model or the images are not as described.
        """
        self.check_settings()
        size = None if self.patch_size is None else check_pair("patch_size", self.patch_size)
        model = self._fitted_model(X)
        anatomy = Anatomy.of(model)
        first = anatomy.filtered(next(_wholes(anatomy).each(X))[None])[0]
        learned = () if anatomy.extractor is None else anatomy.extractor.patch_shape_
        if size is None and not learned:
            raise ValueError(
                "patch_size must be given, since the model has no PatchExtractor: pass the "
                "(height, width) of the patches that it learned from."
            )
        if size is not None and learned and size != learned[:2]:
            raise ValueError(
                f"patch_size is {size}, but the model learned from pieces of {learned[:2]}: leave "
                "patch_size out."
            )
        shape = learned if size is None else (*size, *first.shape[2:])
        n_features = [*anatomy.of_rows, *anatomy.units][0].n_features_in_
        if np.prod(shape) != n_features:
            raise ValueError(
                f"patches of shape {shape} have {np.prod(shape)} values, but the model was fitted "
                f"on {n_features}. Pass the patch_size that it learned from, and images with as "
                "many channels."
            )
        rows, columns = self._cells(anatomy, shape, 0, first)
        self.model_, self.patch_shape_ = model, shape
        self.grid_ = len(rows) - 1, len(columns) - 1
        return self

    def check_settings(self) -> None:
        """Raise TypeError or ValueError if a parameter is not as described."""
        check_integer("stride", self.stride, low=1)
        look_up("encoding", self.encoding, ENCODINGS)
        check_real("threshold", self.threshold, low=0)
        self._poolings()
        check_pair("grid", self.grid)
        if self.window is not None:
            check_pair("window", self.window)
        if self.patch_size is not None:
            check_pair("patch_size", self.patch_size)
        check_n_jobs(self.n_jobs)

    def _fitted_model(self, X: Images | Recordings) -> Any:
        """The model as it is if it is fitted, else a copy fitted on pieces of X."""
        model, anatomy = self.model, Anatomy.of(self.model)
        _autoencoder_of(anatomy)
        if not _is_fitted(model):
            if anatomy.extractor is None:
                raise ValueError(
                    "the model is not fitted, and cannot learn from images or series without a "
                    "PatchExtractor or WindowExtractor. Fit it on pieces first, or put an "
                    "extractor before it in a pipeline."
                )
            model = clone(model).fit(X)
        for step in Anatomy.of(model).steps:
            check_is_fitted(step)
        return model

    def transform(self, X: Images) -> FloatArray:
        """Pool the features of every patch.

        Parameters
        ----------
        X : as in `fit`
            Images may have any sizes if the cells are those of a grid.

        Returns
        -------
        features : ndarray of shape (n_images, poolings * rows * columns * features of a patch)
            float32 if all images are, else float64.
        """
        check_is_fitted(self)
        if not hasattr(X, "__len__"):
            raise ValueError(f"expected a sequence of images, got {type(X).__name__}.")
        dtype = precision_of(X)
        anatomy = Anatomy.of(self.model_)
        device = device_of(_autoencoder_of(anatomy).device)
        device.check(dtype)
        poolings = self._poolings()
        encoding = self._encoding()
        of_rows, affine = folded([*anatomy.of_rows, *anatomy.units[:-1]], encoding.affine)
        weights = Sent(np.ascontiguousarray(affine.weights.T.astype(dtype)))
        bias = Sent(affine.bias.astype(dtype))
        block_size = max(BLOCK_BYTES // (len(affine.bias) * dtype.itemsize), 1)
        out = np.empty((len(X), len(poolings), *self.grid_, encoding.n_features), dtype)

        def features(patches: FloatArray) -> Iterator[FloatArray]:
            rows = patches.reshape(-1, patches.shape[-1])
            for step in of_rows:
                rows = step.transform(rows)
            X = device.place(np.ascontiguousarray(rows))
            Z: FloatArray = X @ weights.like(X)
            Z += bias.like(X)
            for part in encoding.features(Z):
                yield part.reshape(*patches.shape[:3], -1)

        def work(start: int, images: FloatArray) -> None:
            images = anatomy.filtered(images)
            cells = self._cells(anatomy, self.patch_shape_, start, images[0], self.grid_)
            pooled = dict(
                zip(poolings, np.moveaxis(out[start : start + len(images)], 1, 0), strict=True)
            )
            self._pool(features, images, cells, block_size, pooled)

        with ThreadEngine(self.n_jobs, device).running() as engine:
            engine.share(work, _runs(_wholes(anatomy).each(X), dtype, block_size))
        return out.reshape(len(X), -1)

    def _pool(
        self,
        features: Callable[[FloatArray], Iterator[FloatArray]],
        images: FloatArray,
        cells: list[NDArray[np.intp]],
        block_size: int,
        out: dict[str, FloatArray],
    ) -> None:
        """Pool the features of images of one shape, piece by piece, into an array per pooling."""
        rows, columns = cells
        height, width = self.patch_shape_[:2]
        n_strips = -(-rows[-1] * columns[-1] * len(images) // block_size)
        tops = np.linspace(0, rows[-1], min(n_strips, rows[-1]) + 1).astype(int)
        n_parts = -(-columns[-1] * len(images) // block_size)  # of a strip of one row
        lefts = np.linspace(0, columns[-1], min(n_parts, columns[-1]) + 1).astype(int)
        for pooling, pooled in out.items():
            pooled[...] = -np.inf if pooling == "max" else 0
        for (top, bottom), (left, right) in product(pairwise(tops), pairwise(lefts)):
            piece = images[
                :,
                top * self.stride : (bottom - 1) * self.stride + height,
                left * self.stride : (right - 1) * self.stride + width,
            ]
            down, across = rows.clip(top, bottom) - top, columns.clip(left, right) - left
            first = 0
            for part in features(every_patch(piece, self.patch_shape_, self.stride)):
                last = first + part.shape[-1]
                for i, j in np.ndindex(*self.grid_):
                    cell = part[:, down[i] : down[i + 1], across[j] : across[j + 1]]
                    if 0 in cell.shape:
                        continue
                    for pooling, pooled in out.items():
                        function, join = POOLINGS[pooling]
                        joined = pooled[:, i, j, first:last]
                        own = host(getattr(library_of(cell), function)(cell, axis=(1, 2)))
                        join(joined, own, out=joined)
                first = last
        if "mean" in out:
            out["mean"] /= np.multiply.outer(np.diff(rows), np.diff(columns))[..., None]

    def _poolings(self) -> list[str]:
        """Names of the poolings, each once."""
        several = list(self.pooling) if isinstance(self.pooling, Sequence) else []
        names = [self.pooling] if isinstance(self.pooling, str) else several
        for name in names:
            look_up("pooling", name, POOLINGS)
        if not names or len(set(names)) < len(names):
            raise ValueError(
                f"pooling must name at least one kind, each only once, got {self.pooling!r}."
            )
        return names

    def _cells(
        self,
        anatomy: Anatomy,
        shape: tuple[int, ...],
        index: int,
        image: FloatArray,
        fitted: tuple[int, int] | None = None,
    ) -> list[NDArray[np.intp]]:
        """Where cells begin, and the last ends, among the rows and columns of an image's positions.

        `fitted` is the number of cells that `fit` found, if it has.
        """
        wholes, cutter = _wholes(anatomy), anatomy.extractor or PatchExtractor()
        cutter.check_room(shape, index, image, wholes)
        rows, columns = ((image.shape[i] - shape[i]) // self.stride + 1 for i in range(2))
        room = f"{wholes.noun} {index} has {rows} x {columns} positions, room for"
        n_down, n_across = fitted or _cells_of("grid", self.grid, cutter.is_along_time)
        if self.window is None:
            if rows < n_down or columns < n_across:
                raise ValueError(
                    f"{room} fewer than {n_down} x {n_across} cells. Use a coarser grid or a "
                    "smaller stride, or leave it out."
                )
            return [
                np.arange(n_down + 1) * rows // n_down,
                np.arange(n_across + 1) * columns // n_across,
            ]
        height, width = _cells_of("window", self.window, cutter.is_along_time)
        found = rows // height, columns // width
        if fitted is not None and found != fitted:
            raise ValueError(
                f"{room} {found[0]} x {found[1]} windows, but fit saw {n_down} x {n_across}. Use "
                "smaller windows, or a grid, which divides images of any size."
            )
        if 0 in found:
            raise ValueError(f"{room} no window of {height} x {width}. Use smaller windows.")
        return [np.arange(found[0] + 1) * height, np.arange(found[1] + 1) * width]

    def operations(self) -> list[Operation]:
        """Operations on the responses of every patch: their encoding and pooling."""
        anatomy = Anatomy.of(self.model_)
        cutter = anatomy.extractor or PatchExtractor()
        along_time, window = cutter.is_along_time, self.window
        cell = None if window is None else _cells_of("window", window, along_time)
        cells = {"poolings": self._poolings(), "grid": self.grid_, "window": cell}
        return [self._encoding().operation, Operation("pool", cells)]

    def _encoding(self) -> _Encoding:
        """How responses of the fitted model become features."""
        return ENCODINGS[self.encoding](_autoencoder_of(Anatomy.of(self.model_)), self.threshold)

    @property
    def _n_features_out(self) -> int:
        return len(self._poolings()) * int(np.prod(self.grid_)) * self._encoding().n_features

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _is_fitted(model: Any) -> bool:
    """Whether scikit-learn takes the model for fitted."""
    try:
        check_is_fitted(model)
    except NotFittedError:
        return False
    return True


def _autoencoder_of(anatomy: Anatomy) -> SparseAutoencoder:
    """The autoencoder whose units are applied at every position."""
    if anatomy.encoder is None:
        raise TypeError(
            "model must be a SparseAutoencoder or a Pipeline that ends in one, got "
            f"{type(anatomy.steps[-1]).__name__}."
        )
    return anatomy.encoder


def _wholes(anatomy: Anatomy) -> Wholes:
    """What the model is applied to: images, unless it says otherwise."""
    return anatomy.takes or PatchExtractor.takes


def _cells_of(name: str, value: Any, along_time: bool) -> tuple[int, int]:
    """Rows and columns, given as a pair or as one number, which along time is that of columns."""
    if along_time and isinstance(value, Integral):
        return 1, check_integer(name, value, low=1)
    return check_pair(name, value)


def _runs(
    images: Iterable[FloatArray], dtype: np.dtype[Any], n_pixels: int
) -> Iterator[tuple[int, FloatArray]]:
    """Runs of successive images of one shape, of about so many pixels in total.

    Each run comes with the index of its first image.
    """
    run: list[FloatArray] = []
    start = 0
    for index, image in enumerate(images):
        n_run = (len(run) + 1) * int(np.prod(image.shape[:2]))
        if run and (image.shape != run[0].shape or n_run > n_pixels):
            yield start, np.stack(run).astype(dtype, copy=False)
            run, start = [], index
        run.append(image)
    yield start, np.stack(run).astype(dtype, copy=False)
