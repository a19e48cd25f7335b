"""Axes of arrays: which of them are rows, images, their sides and their channels.

A letter stands for each axis: N for rows or images, H and W for height and width, C for the
columns of rows, the channels of images and the bands of cubes.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple, TypeAlias

from numpy.typing import NDArray

from rhohat.common.errors import DataFileError

#: In the order in which arrays are used, each with what it stands for.
LETTERS = {
    "N": "rows or images",
    "H": "height",
    "W": "width",
    "C": "columns, channels or bands",
}
#: What axes arrays may have.
_KNOWN = ("NC", "HW", "NHW", "HWC", "NHWC")
#: Channels of images; more are bands, whose pixels are rows.
CHANNELS = (1, 3, 4)
#: The least side of a scene, and the most bands, for which a stack is suspected to be a cube.
_SCENE, _BANDS = 16, 512


class Axes(NamedTuple):
    """Letters of an array's axes, and what else these may be.

    Attributes
    ----------
    letters : str
    note : str, default=""
        How to say so if they are others.
    """

    letters: str
    note: str = ""


#: Tells axes by a shape.
Guess: TypeAlias = Callable[[tuple[int, ...]], Axes]


def usual_axes(shape: tuple[int, ...]) -> Axes:
    """Axes of arrays as NumPy's users keep them: examples first, channels last.

    Raises
    ------
    DataFileError
        If no order of axes is plausible, or several are.
    """
    if len(shape) == 2:
        return Axes("NC")
    if len(shape) == 3:
        return _axes_of_three(shape)
    if len(shape) == 4:
        return Axes(_axes_of_four(shape, "NHWC"))
    raise DataFileError(_no_axes(shape))


def matlab_axes(shape: tuple[int, ...]) -> Axes:
    """Axes of arrays as MATLAB's users keep them: images are stacked along the last axis.

    Raises
    ------
    DataFileError
        If no order of axes is plausible, or several are.
    """
    if len(shape) == 3:
        n = shape[-1]
        if n == 3:
            height, width = shape[:2]
            return Axes(
                "HWC",
                f"is read as one color image of {height} x {width} pixels. If it holds 3 images, "
                "add --axes HWN",
            )
        note = ""
        if min(shape[:2]) >= _SCENE and _SCENE < n <= _BANDS:
            note = _cube_note(shape, f"{n} images of {shape[0]} x {shape[1]} pixels", "HWC")
        return Axes("HWN", note)
    if len(shape) == 4:
        return Axes(_axes_of_four(shape, "HWCN"))
    return usual_axes(shape)


def _axes_of_three(shape: tuple[int, ...]) -> Axes:
    n, height, width = shape
    if width in (3, 4):
        return Axes("HWC")
    note = ""
    if n == 3:
        note = (
            f"is read as 3 images of {height} x {width} pixels. If it is one image with channels "
            "first, add --axes CHW"
        )
    elif height != width and min(n, height) >= _SCENE and n <= 4 * height <= 16 * n and width > 4:
        note = _cube_note(shape, f"{n} images of {height} x {width} pixels", "HWC")
    return Axes("NHW", note)


def _cube_note(shape: tuple[int, ...], reading: str, letters: str) -> str:
    height, width, bands = shape
    return (
        f"is read as {reading}. If it is a cube of {height} x {width} pixels with {bands} bands, "
        f"add --axes {letters}"
    )


def _axes_of_four(shape: tuple[int, ...], usual: str) -> str:
    """Letters of a stack of images, by where an axis is as short as channels are."""
    if shape[usual.index("C")] in CHANNELS:
        return usual
    plausible = [
        letters for letters in ("NHWC", "NCHW", "HWCN") if shape[letters.index("C")] in CHANNELS
    ]
    if len(plausible) == 1:
        return plausible[0]
    options = " or ".join(f"--axes {letters}" for letters in plausible or ("NHWC", "NCHW"))
    raise DataFileError(
        f"holds an array of shape {shape}, in which no axis is clearly the channels (1, 3 or 4, on "
        f"the last axis or on axis 1). Say which axis is which: {options}"
    )


def _no_axes(shape: tuple[int, ...]) -> str:
    what = f"holds an array of shape {shape}, expected (rows, columns), (images, height, width) or "
    what += "(images, height, width, channels)"
    if len(shape) == 1 and shape[0] > 1:
        what += (
            ". An array with one axis is a series or labels; if it is a series, add --series to "
            "cut it into rows"
        )
    return what


class Arrangement(NamedTuple):
    """How an array is made rows or images.

    Attributes
    ----------
    kind : {"rows", "images"}
    order : tuple of int
        Its axes in the order N, H, W, C.
    shape : tuple of int
        As rows or images, once its axes are in order.
    scene : tuple of int, default=()
        ([scenes,] height, width), if each row is a pixel.
    note : str, default=""
    """

    kind: str
    order: tuple[int, ...]
    shape: tuple[int, ...]
    scene: tuple[int, ...] = ()
    note: str = ""

    @property
    def moves(self) -> bool:
        """Whether anything changes, so that rows cannot be read as they lie."""
        return self.order != (0, 1) or self.kind != "rows"

    def of(self, array: NDArray[Any]) -> NDArray[Any]:
        """The array, arranged."""
        return array.transpose(self.order).reshape(self.shape)


def arrange(shape: tuple[int, ...], axes: str | None, transpose: bool, guess: Guess) -> Arrangement:
    """How an array of a shape is to be arranged.

    Parameters
    ----------
    shape : tuple of int
    axes : str or None
        Letters that the user gives.
    transpose : bool
        Whether examples are columns.
    guess : callable
        ``guess(shape) -> Axes``, where the user says nothing.

    Raises
    ------
    DataFileError
        If the letters do not suit the shape, or nothing is plausible.
    """
    letters, note = _given(shape, axes, transpose) or guess(shape)
    order = tuple(letters.index(letter) for letter in LETTERS if letter in letters)
    sizes = {letter: shape[letters.index(letter)] for letter in LETTERS if letter in letters}
    places = tuple(sizes[letter] for letter in "NHW" if letter in sizes)
    if "H" not in sizes:
        return Arrangement("rows", order, tuple(sizes.values()), note=note)
    if "C" in sizes and sizes["C"] not in CHANNELS:
        return Arrangement("rows", order, (prod(places), sizes["C"]), places, note)
    images = tuple(sizes.values()) if "N" in sizes else (1, *sizes.values())
    return Arrangement("images", order, images, note=note)


def _given(shape: tuple[int, ...], axes: str | None, transpose: bool) -> Axes | None:
    """What the user says of axes, if anything."""
    if axes is not None:
        letters = axes.upper()
        if len(letters) != len(shape):
            raise DataFileError(
                f"holds an array of shape {shape}, which has {len(shape)} axes, but --axes {axes} "
                f"names {len(letters)}"
            )
        if transpose:
            raise DataFileError("is already transposed by --axes: leave out --transpose")
        return Axes(letters)
    if not transpose:
        return None
    if len(shape) != 2:
        raise DataFileError(
            f"holds an array of shape {shape}, but --transpose is only for rows: state the order "
            "of its axes with --axes"
        )
    return Axes("CN")


def check_axes(axes: str) -> str:
    """Letters in capitals; raise ValueError if they are not axes of rows or images."""
    letters = axes.upper()
    if sorted(letters) not in map(sorted, _KNOWN):
        told = ", ".join(f"{letter} {what}" for letter, what in LETTERS.items())
        raise ValueError(
            f"axes must be one of {', '.join(_KNOWN)}, in the order of the array ({told}), got "
            f"{axes!r}."
        )
    return letters
