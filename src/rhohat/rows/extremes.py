"""The range of each unit's activation over all rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rhohat.common.arrays import FloatArray, overflow_as_infinity
from rhohat.common.libraries import host, library_of
from rhohat.rows.engines import Summable
from rhohat.rows.sources import Rows


@dataclass
class Extremes(Summable):
    """Least and greatest activation of every unit, each (k,)."""

    low: FloatArray
    high: FloatArray

    @classmethod
    def of(cls, rows: Rows, encode: Callable[[FloatArray], FloatArray]) -> Extremes:
        """Extremes over one block of the units' inputs."""
        with overflow_as_infinity():  # the loss reports it
            A = encode(rows.X)
        xp = library_of(A)
        return cls(host(xp.amin(A, axis=0)), host(xp.amax(A, axis=0)))

    def __iadd__(self, other: Extremes) -> Extremes:
        np.minimum(self.low, other.low, out=self.low)
        np.maximum(self.high, other.high, out=self.high)
        return self

    def constant(self, bounds: tuple[float, float]) -> NDArray[np.bool_]:
        """Units that vary by at most a thousandth of the activation's range.

        Parameters
        ----------
        bounds : tuple of float
            Infimum and supremum of the activation; if one is infinite, the range of the unit that
            varies most is taken.

        Returns
        -------
        constant : ndarray of bool of shape (k,)
        """
        with np.errstate(invalid="ignore"):  # of infinities
            spread = np.subtract(self.high, self.low, dtype=np.float64)
        low, high = bounds
        width = high - low if np.isfinite(bounds).all() else spread.max()
        return np.asarray(spread <= 1e-3 * width)
