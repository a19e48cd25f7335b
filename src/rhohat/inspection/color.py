"""Color: how much of what units look for is color rather than brightness."""

from __future__ import annotations

import numpy as np

from rhohat.common.arrays import Float64Array, FloatArray


def chromatic_share(tiles: FloatArray) -> Float64Array:
    r"""How much of each tile is color rather than brightness.

    .. math:: 1 - \frac{\sum_p (r_p + g_p + b_p)^2 / 3}{\sum_p r_p^2 + g_p^2 + b_p^2}

    Parameters
    ----------
    tiles : ndarray of shape (k, height, width, 3)

    Returns
    -------
    share : ndarray of shape (k,)
        Share of the squared values that lies off the gray axis: 0 for black and white, 1 for
        opponent colors of equal brightness; 0 for a tile of zeros.
    """
    tiles = tiles.astype(np.float64)
    energy = np.square(tiles).sum(axis=(1, 2, 3))
    gray = np.square(tiles.sum(axis=3)).sum(axis=(1, 2)) / 3
    share: Float64Array = 1 - np.divide(gray, energy, out=np.ones_like(gray), where=energy > 0)
    return share
