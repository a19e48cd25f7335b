"""Scenes: what units do at each place of a cube whose pixels are the rows, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from rhohat.common.arrays import Float64Array
from rhohat.rows.engines import Summable
from rhohat.rows.sources import Rows

#: Pixels of the longer side of a map.
LONGEST = 128


class Scene(NamedTuple):
    """Lines of samples, whose pixels are the rows; several scenes are one below another.

    Attributes
    ----------
    height, width : int
    """

    height: int
    width: int

    @classmethod
    def of(cls, shape: Sequence[int], n_rows: int) -> Scene:
        """The scene of a shape, ([scenes,] height, width); ValueError if the rows are others."""
        if len(shape) not in (2, 3) or np.prod(shape) != n_rows:
            raise ValueError(
                "scene must be (height, width) or (scenes, height, width) with one pixel for each "
                f"of {n_rows:,} rows, got {tuple(shape)}."
            )
        return cls(int(np.prod(shape[:-1])), int(shape[-1]))

    @property
    def map_shape(self) -> tuple[int, int]:
        """Height and width of a map, of which each pixel is the mean of a rectangle."""
        step = max(max(self) / LONGEST, 1)
        return max(int(self.height / step), 1), max(int(self.width / step), 1)

    def places(self, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Line and column of the map's pixels that rows with these numbers lie in."""
        (line, sample), (down, across) = np.divmod(rows, self.width), self.map_shape
        return line * down // self.height, sample * across // self.width

    def name_of(self, row: int) -> str:
        """What a row is called."""
        line, sample = divmod(row, self.width)
        return f"line {line:,}, sample {sample:,}"


@dataclass
class SceneSums(Summable):
    """Sums of activations in each pixel of a map, as far as rows were seen.

    Attributes
    ----------
    scene : Scene
    lines : dict of int to ndarray of shape (map width, k)
        By lines of the map.
    """

    scene: Scene
    lines: dict[int, Float64Array]

    @classmethod
    def of(cls, rows: Rows, scene: Scene) -> SceneSums:
        """Sums of one block of activations."""
        line, column = scene.places(rows.start + np.arange(len(rows.X)))
        across, first = scene.map_shape[1], int(line[0])
        pixels = (line - first) * across + column
        shape = (int(line[-1]) - first + 1) * across, len(pixels)
        ones = np.ones(len(pixels), rows.X.dtype)
        sums = scipy.sparse.csc_array((ones, pixels, np.arange(len(pixels) + 1)), shape) @ rows.X
        sums = sums.astype(np.float64, copy=False)
        return cls(scene, dict(enumerate(sums.reshape(-1, across, rows.X.shape[1]), first)))

    def __iadd__(self, other: SceneSums) -> SceneSums:
        for line, sums in other.lines.items():
            self.lines[line] = self.lines[line] + sums if line in self.lines else sums
        return self

    @property
    def means(self) -> Float64Array:
        """Maps of the mean activation of each unit, (k, height, width)."""
        (height, width), (down, across) = self.scene, self.scene.map_shape
        lines = np.bincount(np.arange(height) * down // height)
        columns = np.bincount(np.arange(width) * across // width)
        sums = np.stack([self.lines[line] for line in range(down)])
        means: Float64Array = np.moveaxis(sums / np.outer(lines, columns)[..., None], 2, 0)
        return means
