r"""Corruption: rows are encoded with noise, or with values masked, and reconstructed as they were.

.. math:: \frac1m \sum_i \tfrac12 \|g(f(\tilde x_i)) - x_i\|^2

What happens to value j of row i depends on the seed, i and j alone. So it is the same in every
sweep, which makes J one function with a gradient, and wherever the row lies.

References
----------
P. Vincent et al. (2010), Stacked denoising autoencoders, JMLR 11. G. Steele, D. Lea and C. Flood
(2014), Fast splittable pseudorandom number generators, OOPSLA: SplitMix64, whose output is a
function of a counter.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from sklearn.base import BaseEstimator

from rhohat.common.arrays import FloatArray
from rhohat.common.validation import check_integer, check_real, look_up

#: Rows corrupted at a time, few enough for their random bits to stay in cache.
PIECE_ROWS = 64
#: Seeds are below this.
MOST_SEEDS = 2**32


class Corruption(BaseEstimator):
    """Base class of corruptions; its parameters work as scikit-learn's do, for grid search."""

    seed: int

    @abstractmethod
    def check(self) -> None:
        """Raise TypeError or ValueError if a parameter makes no sense."""

    @abstractmethod
    def corrupted(self, X: FloatArray, bits: NDArray[np.uint64]) -> FloatArray:
        """Rows of X as they are encoded, given 64 random bits for each value."""

    def of(self, X: FloatArray, numbers: NDArray[np.intp]) -> FloatArray:
        """Rows of X, which have these numbers, as they are encoded; in the precision of X."""
        out = np.empty_like(X)
        for start in range(0, len(X), PIECE_ROWS):
            piece = slice(start, start + PIECE_ROWS)
            bits = random_bits(self.seed, numbers[piece], X.shape[1])
            out[piece] = self.corrupted(X[piece], bits)
        return out

    def _check_seed(self) -> None:
        name = f"{type(self).__name__} seed"
        if check_integer(name, self.seed, low=0) >= MOST_SEEDS:
            raise ValueError(f"{name} must be below 2^32, got {self.seed}.")


class GaussianNoise(Corruption):
    r"""Gaussian noise is added: :math:`\tilde x_{ij} = x_{ij} + \text{scale} \cdot n_{ij}`.

    Parameters
    ----------
    scale : float, default=0.3
        Standard deviation of the noise, above 0, in units of the preprocessed data: whitened data
        have a standard deviation of about 1.
    seed : int, default=0
        Determines the noise, together with the number of the row.
    """

    def __init__(self, scale: float = 0.3, seed: int = 0) -> None:
        self.scale = scale
        self.seed = seed

    def check(self) -> None:
        """Raise TypeError or ValueError unless scale > 0."""
        check_real("GaussianNoise scale", self.scale, low=0, open_ends=True)
        self._check_seed()

    def corrupted(self, X: FloatArray, bits: NDArray[np.uint64]) -> FloatArray:
        """X plus noise, the quantiles of uniform numbers between 0 and 1."""
        noise = ndtri(((bits >> np.uint64(12)) + 0.5) * 2.0**-52)
        return X + (self.scale * noise).astype(X.dtype)


class Masking(Corruption):
    r"""Some values are 0: :math:`\tilde x_{ij} = x_{ij} 1[u_{ij} \ge \text{share}]`.

    Parameters
    ----------
    share : float, default=0.25
        Share of the values to mask, on average, between 0 and 1.
    seed : int, default=0
        Determines which values are masked, together with the number of the row.
    """

    def __init__(self, share: float = 0.25, seed: int = 0) -> None:
        self.share = share
        self.seed = seed

    def check(self) -> None:
        """Raise TypeError or ValueError unless 0 < share < 1."""
        check_real("Masking share", self.share, low=0, high=1, open_ends=True)
        self._check_seed()

    def corrupted(self, X: FloatArray, bits: NDArray[np.uint64]) -> FloatArray:
        """X with 0 where the bits, as a number below 2^64, are below the share."""
        return np.where(bits < np.uint64(self.share * 2.0**64), X.dtype.type(0), X)


#: Corruptions by their names.
CORRUPTIONS: dict[str, type[Corruption]] = {"gaussian": GaussianNoise, "masking": Masking}


def corruption_of(corruption: str | Corruption | None) -> Corruption | None:
    """The corruption that a name stands for, the one given, or None."""
    if corruption is None or isinstance(corruption, Corruption):
        return corruption
    return look_up("corruption", corruption, CORRUPTIONS)()


def random_bits(seed: int, numbers: NDArray[np.intp], width: int) -> NDArray[np.uint64]:
    """64 random bits for each value of rows that have these numbers, (len(numbers), width).

    SplitMix64 at the counter ``number * width + column``, from a start that the seed decides.
    """
    start = _mixed(np.array([seed + 1], dtype=np.uint64) * GAMMA)
    firsts = numbers.astype(np.uint64)[:, None] * np.uint64(width)
    counters = (firsts + np.arange(1, width + 1, dtype=np.uint64)).astype(np.uint64)
    counters *= GAMMA
    counters += start
    return _mixed(counters)


#: The counter's step, odd and near 2^64 divided by the golden ratio.
GAMMA = np.uint64(0x9E3779B97F4A7C15)


def _mixed(Z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Overwrite Z with bits that look random, one to one (Stafford's variant 13)."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        Z ^= Z >> np.uint64(shift)
        Z *= np.uint64(factor)
    Z ^= Z >> np.uint64(31)
    return Z
