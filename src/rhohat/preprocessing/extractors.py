"""Extractors of pieces, one per row: patches of images, windows of series."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from numbers import Integral
from typing import Any, ClassVar, NamedTuple, Self, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from rhohat.common.arrays import FloatArray, as_floats
from rhohat.common.memory import check_memory
from rhohat.common.validation import check_integer, check_pair
from rhohat.files.images import each_image
from rhohat.files.lazy_sequence import LazySequence
from rhohat.files.recordings import each_recording
from rhohat.preprocessing.stacks import stacked
from rhohat.preprocessing.steps import Operation, Step, Wholes
from rhohat.rows.stores import ChunkedStore

#: Patches of a `LazySequence` that take more bytes are cut whenever they are read.
PATCH_BYTES = 1 << 30
#: Bytes that each patch takes besides its values while it is drawn: its image, shares and place.
DRAWN_BYTES = 64


class Places(NamedTuple):
    """Where patches were cut out.

    Attributes
    ----------
    image, top, left : ndarray of int of shape (n,)
        Number of the image, and row and column of the patch's first pixel in it.
    """

    image: NDArray[np.intp]
    top: NDArray[np.intp]
    left: NDArray[np.intp]

    def at(self, rows: NDArray[np.intp]) -> Places:
        """Those of the patches with these numbers."""
        return Places(self.image[rows], self.top[rows], self.left[rows])


class PatchSource(ChunkedStore):
    """Patches at random positions, cut out of images whenever they are read, image by image.

    Parameters
    ----------
    images : LazySequence
    extractor : Extractor
        Fitted.
    n_patches : int
    random_state : RandomState
        Draws how many patches each image gives, and where.
    """

    def __init__(
        self,
        images: LazySequence,
        extractor: Extractor,
        n_patches: int,
        random_state: np.random.RandomState,
    ) -> None:
        self.images = images
        self.extractor = copy(extractor)
        self.patch_shape = extractor.patch_shape_
        n_images = len(images)
        counts = random_state.multinomial(n_patches, np.full(n_images, 1 / n_images))
        self.seeds = random_state.randint(2**31, size=n_images)
        self.numbers = np.flatnonzero(counts)
        shape = n_patches, int(np.prod(self.patch_shape))
        ends = np.cumsum(counts[self.numbers])
        name = f"{extractor.pieces} of {n_images} {extractor.takes.kind}"
        super().__init__(name, shape, images.dtype, ends)

    def load_granule(self, start: int, stop: int) -> FloatArray:
        """All patches of one image."""
        image, corners = self._drawn(np.searchsorted(self.ends, start, side="right"))
        patches = _cut_out(image[None], self.patch_shape, 0, corners)
        return patches.astype(self.dtype, copy=False).reshape(len(corners), -1)

    def places(self, rows: NDArray[np.intp]) -> Places:
        """Where rows with these numbers were cut out; reads each of their images once."""
        granules = np.searchsorted(self.ends, rows, side="right")
        corners = np.empty((len(rows), 2), dtype=np.intp)
        for granule in np.unique(granules):
            mine = granules == granule
            corners[mine] = self._drawn(granule)[1][rows[mine] - self._begin(granule)]
        return Places(self.numbers[granules], *corners.T)

    def _drawn(self, granule: np.intp) -> tuple[FloatArray, NDArray[np.intp]]:
        """An image, and the first pixels of all patches that are drawn from it."""
        number, n_patches = self.numbers[granule], np.diff(self.ends, prepend=0)[granule]
        image = self.extractor._read(self.images, int(number))
        shares = np.random.RandomState(self.seeds[number]).uniform(size=(n_patches, 2))
        return image, _corners(image, self.patch_shape, shares)


class EveryPiece(ChunkedStore):
    """All pieces of arrays in order, cut out whenever they are read, array by array.

    Parameters
    ----------
    arrays : LazySequence
    extractor : Extractor
        Fitted.
    counts : sequence of int
        Pieces of each array.
    """

    def __init__(self, arrays: LazySequence, extractor: Extractor, counts: Sequence[int]) -> None:
        self.arrays = arrays
        self.extractor = copy(extractor)
        shape = int(np.sum(counts)), int(np.prod(extractor.patch_shape_))
        name = f"{extractor.pieces} of {len(arrays)} {extractor.takes.kind}"
        super().__init__(name, shape, arrays.dtype, np.cumsum(counts))

    def load_granule(self, start: int, stop: int) -> FloatArray:
        """All pieces of one array."""
        number = int(np.searchsorted(self.ends, start, side="right"))
        pieces = self.extractor._every(self.extractor._read(self.arrays, number))
        rows: FloatArray = pieces.reshape(-1, pieces.shape[-1]).astype(self.dtype, copy=False)
        return rows

    def places(self, rows: NDArray[np.intp]) -> Places:
        """Where rows with these numbers were cut out, of pieces that lie along one axis."""
        numbers = np.searchsorted(self.ends, rows, side="right")
        begins = np.concatenate([[0], self.ends])[numbers]
        left = (np.asarray(rows) - begins) * self.extractor._stride
        return Places(numbers, np.zeros_like(left), left)


def _corners(
    image: FloatArray, patch_shape: tuple[int, ...], shares: FloatArray
) -> NDArray[np.intp]:
    """First pixels of patches, (n, 2), from shares of the room in which the whole patch fits."""
    room = np.subtract(image.shape[:2], patch_shape[:2]) + 1
    corners: NDArray[np.intp] = (shares * room).astype(np.intp)
    return corners


def _cut_out(
    stack: FloatArray,
    patch_shape: tuple[int, ...],
    numbers: NDArray[np.intp] | int,
    corners: NDArray[np.intp],
) -> FloatArray:
    """Patches, (n, *patch_shape), by the numbers of their images in a stack and first pixels."""
    windows = np.lib.stride_tricks.sliding_window_view(stack, patch_shape[:2], axis=(1, 2))
    picked: FloatArray = windows[numbers, corners[:, 0], corners[:, 1]]
    return np.moveaxis(picked, 1, -1) if stack.ndim == 4 else picked


class Patches(NamedTuple):
    """Patches and where they come from.

    Attributes
    ----------
    rows : ndarray of shape (n_patches, n_features), PatchSource or EveryPiece
    places : callable
        ``places(rows) -> Places``: where the rows with these numbers were cut out.
    """

    rows: FloatArray | PatchSource | EveryPiece
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


class Extractor(Step):
    """What extractors of patches and of windows have in common: pieces of arrays, one per row.

    Attributes
    ----------
    patch_shape_ : tuple of int
        What a row reshapes to.
    seed_ : int
        What pieces are drawn by: `random_state` or, if that is no number, drawn by it in `fit`.
    """

    takes: Wholes
    #: What errors call pieces.
    pieces: ClassVar[str]
    #: Whether pieces are windows of time: all channels, or all frequencies, at some moments.
    is_along_time: ClassVar[bool] = False
    random_state: int | np.random.RandomState | None

    @property
    def takes_wholes(self) -> bool:
        """Whether each array gives one row, and no pieces are cut out."""
        return False

    def operation(self) -> Operation:
        """The shape of a piece, and from one to the next, if all are taken; None: there is one."""
        drawn = self._check()[1] is not None
        stride = None if self.takes_wholes else 1 if drawn else self._stride
        return Operation("patch", {"shape": self.patch_shape_, "stride": stride})

    def _check(self) -> tuple[tuple[int | None, int | None], int | None]:
        """Check the parameters; how far a piece reaches along both axes, and how many are drawn.

        None is the whole axis of the first array, which all others must share; a number of None
        takes all pieces, one after the other.
        """
        raise NotImplementedError

    def check_settings(self) -> None:
        """Raise TypeError or ValueError if a parameter is not as described."""
        self._check()
        check_random_state(self.random_state)

    def fit(self, X: Any, y: object = None) -> Self:
        """Learn the shape of a piece, and check that every array has room for it.

        Parameters
        ----------
        X : sequence of ndarray
            Or one array with them along its first axis.
        y : Ignored

        Returns
        -------
        self : Extractor
        """
        self.check_settings()
        (height, width), _ = self._check()
        self.seed_ = self._seed()
        arrays = X if isinstance(X, LazySequence) else list(self.takes.each(X))
        first = next(self.takes.each(arrays))
        self.patch_shape_ = (height or first.shape[0], width or first.shape[1], *first.shape[2:])
        if not isinstance(arrays, LazySequence):  # whose arrays are checked when they are cut
            for index, array in enumerate(arrays):
                self._check_fit(index, array)
        return self

    def _seed(self) -> int:
        """A number, so that the same arrays give the same pieces whenever they are cut up."""
        if isinstance(self.random_state, Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31))

    def transform(self, X: Any) -> FloatArray:
        """Cut out pieces, one per row; the same arrays always give the same pieces.

        Parameters
        ----------
        X : as in `fit`

        Returns
        -------
        pieces : ndarray of shape (n_pieces, n_values)
            More than 1 GiB of them, from a `LazySequence`, are a source, which cuts them out
            whenever they are read, array by array: later steps of a pipeline take it.
        """
        return cast(FloatArray, self.draw(X).rows)

    def draw(self, X: Any) -> Patches:
        """Cut out pieces, and say where each comes from.

        Parameters
        ----------
        X : as in `fit`

        Returns
        -------
        patches : Patches
            With rows as `transform` gives them.
        """
        check_is_fitted(self)
        _, n_pieces = self._check()
        lazy = X if isinstance(X, LazySequence) else None
        arrays = list(self.takes.each(X)) if lazy is None else lazy
        if lazy is None:  # of a lazy sequence, no more than `PATCH_BYTES` is held
            self._check_fit(0, arrays[0])  # before anything is allocated
        if n_pieces is None:
            return self._all(arrays)
        dtype = lazy.dtype if lazy is not None else np.result_type(*{x.dtype for x in arrays})
        n_arrays, n_features = len(arrays), int(np.prod(self.patch_shape_))
        # A model of an earlier version has no seed.
        random_state = check_random_state(getattr(self, "seed_", self.random_state))
        n_bytes = n_pieces * (n_features * dtype.itemsize + DRAWN_BYTES)
        if lazy is not None and n_bytes > PATCH_BYTES:
            source = PatchSource(lazy, self, n_pieces, random_state)
            return Patches(source, source.places)
        self._check_number(n_pieces, n_bytes)
        chosen = random_state.randint(n_arrays, size=n_pieces)
        shares = random_state.uniform(size=(n_pieces, 2))
        corners = np.empty(shares.shape, dtype=np.intp)
        patches = np.empty((n_pieces, *self.patch_shape_), dtype=dtype)
        order, first, n_places = np.argsort(chosen, kind="stable"), 0, 0
        ends = np.searchsorted(chosen, np.arange(n_arrays + 1), sorter=order)
        for stack in stacked(self._each_fitting(arrays)):
            mine = order[ends[first] : ends[first + len(stack)]]
            corners[mine] = _corners(stack[0], self.patch_shape_, shares[mine])
            numbers = chosen[mine] - first
            patches[mine] = _cut_out(stack, self.patch_shape_, numbers, corners[mine])
            room = np.subtract(stack.shape[1:3], self.patch_shape_[:2]) + 1
            n_places, first = n_places + len(stack) * int(np.prod(room)), first + len(stack)
        places = Places(chosen, *corners.T)
        if n_pieces > n_places:
            self._warn_of_repeats(places, n_places)
        return Patches(patches.reshape(n_pieces, -1), places.at)

    def _each_fitting(self, arrays: Sequence[FloatArray]) -> Iterator[FloatArray]:
        """All arrays, one after the other, each of which has room for a piece."""
        each = self.takes.each(arrays) if isinstance(arrays, LazySequence) else arrays
        for index, array in enumerate(each):
            self._check_fit(index, array)
            yield array

    def _check_number(self, n_pieces: int, n_bytes: int) -> None:
        """Raise ValueError if so many pieces do not fit into memory."""
        try:
            check_memory(
                n_bytes,
                f"drawing {n_pieces:,} {self.pieces} of {np.prod(self.patch_shape_):,} values",
                f"Draw fewer of them (n_{self.pieces}), or smaller ones.",
            )
        except MemoryError as error:
            raise ValueError(str(error)) from None

    def _warn_of_repeats(self, places: Places, n_places: int) -> None:
        """Say how many of the pieces that were drawn are different ones."""
        n_pieces, noun = len(places.image), self.takes.kind
        different = len(np.unique(np.stack(places), axis=1).T)
        warnings.warn(
            f"drew {n_pieces:,} {self.pieces} from {n_places:,} places, so only {different:,} are "
            f"different and {n_pieces - different:,} are repeats. Draw fewer (n_{self.pieces}), or "
            f"give more or larger {noun}.",
            UserWarning,
            stacklevel=4,
        )

    def _all(self, arrays: Sequence[FloatArray]) -> Patches:
        """Every piece of every array, in order."""
        if isinstance(arrays, LazySequence) and self.is_along_time:
            length = self.patch_shape_[1]
            counts = [
                (array.shape[1] - length) // self._stride + 1
                for array in self._each_fitting(arrays)
            ]
            n_values = int(np.sum(counts)) * int(np.prod(self.patch_shape_))
            if n_values * arrays.dtype.itemsize > PATCH_BYTES:
                source = EveryPiece(arrays, self, counts)
                return Patches(source, source.places)
        found, images, corners = [], [], []
        for index, array in enumerate(self._each_fitting(arrays)):
            pieces = self._every(array)
            found.append(pieces.reshape(-1, pieces.shape[-1]))
            images.append(np.full(len(found[-1]), index))
            steps = np.indices(pieces.shape[:2]).reshape(2, -1).T
            corners.append(steps * self._stride)
        places = Places(np.concatenate(images), *np.concatenate(corners).T)
        return Patches(np.concatenate(found), places.at)

    @property
    def _stride(self) -> int:
        """Values from one piece to the next, if all are taken."""
        return 1

    def _every(self, array: FloatArray) -> FloatArray:
        """Every piece of an array, (down, across, n_values)."""
        pieces: FloatArray = every_patch(array[None], self.patch_shape_, self._stride)[0]
        return pieces

    def _read(self, arrays: LazySequence, number: int) -> FloatArray:
        """One of the arrays, which has room for a piece."""
        array = next(self.takes.each([arrays[number]]))
        self._check_fit(number, array)
        return array

    def _check_fit(self, index: int, array: FloatArray) -> None:
        self.check_room(self.patch_shape_, index, array, self.takes)

    def check_room(
        self, piece_shape: tuple[int, ...], index: int, array: FloatArray, wholes: Wholes
    ) -> None:
        """Raise ValueError unless pieces of this shape can be cut out of an array.

        Parameters
        ----------
        piece_shape : tuple of int
        index : int
            The array's number.
        array : ndarray
        wholes : Wholes
            What errors call the array.
        """
        height, width, *channels = piece_shape
        this = f"{wholes.noun} {index}"
        if self.is_along_time and array.shape[0] > array.shape[1] < width:
            raise ValueError(
                f"{this} has {array.shape[0]:,} channels of {array.shape[1]:,} samples, too few "
                f"for windows of {width:,}. Channels must come first, (channels, samples): "
                "transpose series that have them last, as in [series.T for series in X]."
            )
        if self.is_along_time and array.shape[0] != height:
            raise ValueError(
                f"{this} has {array.shape[0]} channels, but the first has {height}: all must have "
                "the same number."
            )
        if array.shape[0] < height or array.shape[1] < width:
            raise ValueError(
                f"{this} has {array.shape[0]} x {array.shape[1]} {wholes.values}, too few for "
                f"{self.pieces} of {height} x {width}. Leave it out, or use smaller {self.pieces}."
            )
        if list(array.shape[2:]) != channels:
            raise ValueError(
                f"image {index} has shape {array.shape}, but the channels of the first image are "
                f"{channels or 'none'}. Convert all images to gray or all to color."
            )

    def adjoint(self, weights: FloatArray) -> FloatArray:
        """Weights on rows, in the shape of pieces.

        Parameters
        ----------
        weights : ndarray of shape (k, n_features)

        Returns
        -------
        directions : ndarray of shape (k, height, width[, channels])
        """
        check_is_fitted(self)
        return as_floats(weights).reshape(-1, *self.patch_shape_)


class PatchExtractor(Extractor):
    """Patches at random positions of random images, one per row; or each whole image as a row.

    All images are equally likely, and so are all positions at which the whole patch fits.

    Parameters
    ----------
    patch_size : int, tuple of int or None, default=10
        Height and width in pixels; one number for a square. None uses each image whole, in order;
        all must then have the same shape.
    n_patches : int, default=30000
        Number of patches; ignored for whole images.
    random_state : int, RandomState or None, default=None
        Determines the random images and positions.

    Attributes
    ----------
    patch_shape_ : tuple of int
        (height, width), or (height, width, channels) for color images: what a row reshapes to.
    seed_ : int
        What patches are drawn by: `random_state` or, if that is no number, drawn by it in `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import PatchExtractor
    >>> images = np.random.RandomState(0).rand(3, 20, 20)
    >>> PatchExtractor(8, n_patches=50, random_state=0).fit_transform(images).shape
    (50, 64)
    """

    takes, pieces = Wholes("image", each_image, "pixels"), "patches"

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

    @property
    def takes_wholes(self) -> bool:
        """Whether each image gives one row."""
        return self.patch_size is None

    def _check(self) -> tuple[tuple[int | None, int | None], int | None]:
        if self.patch_size is None:
            return (None, None), None
        n_patches = check_integer("n_patches", self.n_patches, low=1)
        return check_pair("patch_size", self.patch_size), n_patches

    def _check_fit(self, index: int, array: FloatArray) -> None:
        height, width = self.patch_shape_[:2]
        if self.patch_size is None and array.shape[:2] != (height, width):
            raise ValueError(
                f"image {index} has {array.shape[0]} x {array.shape[1]} pixels, others {height} x "
                f"{width}: whole images must have the same shape. Cut patches instead, as with "
                "patch_size=10."
            )
        super()._check_fit(index, array)


class WindowExtractor(Extractor):
    """Windows of series: of recordings, spectrograms, or any signals of one or more channels.

    All series are equally likely, and so are all moments at which the whole window fits. A window
    holds all channels, or all frequencies.

    Parameters
    ----------
    length : int, default=10
        Moments in a window: samples of a signal, columns of a spectrogram.
    n_windows : int or None, default=30000
        Number of windows, drawn at random. None takes all of them, in order, `stride` apart.
    stride : int, default=1
        Step from one window to the next, in moments, if all are taken.
    random_state : int, RandomState or None, default=None
        Determines the random series and moments.

    Attributes
    ----------
    patch_shape_ : tuple of int
        (channels, length): what a row reshapes to.
    seed_ : int
        What windows are drawn by: `random_state` or, if that is no number, drawn by it in `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import WindowExtractor
    >>> recording = np.random.RandomState(0).randn(8, 1000)  # 8 channels
    >>> WindowExtractor(50, n_windows=200, random_state=0).fit_transform([recording]).shape
    (200, 400)
    """

    takes, pieces, is_along_time = Wholes("series", each_recording), "windows", True

    def __init__(
        self,
        length: int = 10,
        *,
        n_windows: int | None = 30_000,
        stride: int = 1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.length = length
        self.n_windows = n_windows
        self.stride = stride
        self.random_state = random_state

    def _check(self) -> tuple[tuple[int | None, int | None], int | None]:
        length = check_integer("length", self.length, low=1)
        check_integer("stride", self.stride, low=1)
        if self.n_windows is None:
            return (None, length), None
        return (None, length), check_integer("n_windows", self.n_windows, low=1)

    @property
    def _stride(self) -> int:
        return self.stride
