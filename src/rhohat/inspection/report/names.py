"""Names on a page that others may get: of files without their folders, of rows and of pieces."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rhohat.inspection.examples import Examples, PieceExamples


def without_folder(names: Sequence[str]) -> list[str]:
    """Names in which absolute paths begin below the folder that all of them have in common.

    >>> without_folder(["/home/ann/pictures/a.png", "/home/ann/pictures/sea/b.npy[3]", "c.png"])
    ['a.png', 'sea/b.npy[3]', 'c.png']
    """
    folders = {os.path.dirname(name) for name in names if os.path.isabs(name)}
    try:
        common = os.path.commonpath(folders) if folders else ""
    except ValueError:  # on several drives
        return [os.path.basename(name) if os.path.isabs(name) else name for name in names]
    return [os.path.relpath(name, common) if os.path.isabs(name) else name for name in names]


def names_of(examples: Examples, rows: NDArray[np.intp]) -> list[str]:
    """What rows with these numbers are called: "row 7", or "moon.png, row 3, column 20"."""
    if isinstance(examples, PieceExamples):
        names, places = without_folder(examples.names), np.stack(examples.places(rows), axis=1)
        return [names[place[0]] + _within(examples, *place) for place in places.tolist()]
    return [examples.name_of(row) for row in rows.tolist()]


def _within(examples: PieceExamples, image: int, top: int, left: int) -> str:
    """Where a piece lies in its image or series, in words; empty if it is all of it."""
    axes, begins = examples.axes, examples.begins(image)
    if axes is not None and axes.rate is not None:
        return f", at {begins + left / axes.rate:.2f} s"
    if axes is not None:
        return f", at sample {begins + left * axes.hop:,.0f}"
    extractor = examples.layer.anatomy.extractor
    is_whole = extractor is not None and extractor.takes_wholes
    return "" if is_whole else f", row {top}, column {left}"
