"""Random samples of rows, drawn by their numbers alone."""

from __future__ import annotations

import random
from math import floor, log, log1p

import numpy as np
from numpy.typing import NDArray


def sample_rows(n_rows: int, size: int, seed: int) -> NDArray[np.intp]:
    """Numbers of `size` random rows in random order; each set of them is equally likely.

    They are those that a reservoir of this size holds after all rows have passed. Which rows enter
    it depends on their numbers alone, so that the data are not needed, and memory and time grow
    with `size` and the logarithm of `n_rows`.

    Parameters
    ----------
    n_rows, size, seed : int

    Returns
    -------
    indices : ndarray of int of shape (min(size, n_rows),)

    References
    ----------
    K.-H. Li (1994), Reservoir-sampling algorithms of time complexity O(n(1 + log(N/n))), ACM
    Transactions on Mathematical Software 20: algorithm L.
    """
    draw = random.Random(seed).random
    reservoir = np.arange(min(size, n_rows))
    weight, row = 1.0, size - 1
    while row < n_rows:
        weight *= draw() ** (1 / size)
        row += floor(log(1 - draw()) / log1p(-weight)) + 1
        if row < n_rows:
            reservoir[int(size * draw())] = row
    return np.random.RandomState(seed).permutation(reservoir)
