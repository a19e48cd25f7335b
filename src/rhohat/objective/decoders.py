"""Decoders: how hidden activations become a reconstruction.

    Z3 = A W_dec + b_dec          X_hat = g(Z3)

A decoder is an output function g, and the choice whether W_dec is a matrix of its own or the
encoder's. What it costs is the error of all units together, or also of some of them alone. Each is
one row of `DECODERS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rhohat.common.arrays import Float64Array
from rhohat.common.validation import check_integer
from rhohat.objective.activations import ACTIVATIONS, Activation
from rhohat.objective.parameter import WithParameter


@dataclass(frozen=True)
class Decoder:
    """One way back from hidden activations to the input.

    Attributes
    ----------
    name : str
        The key in `DECODERS`.
    output : Activation
        g, applied to A W_dec + b_dec.
    tied : bool
        Whether W_dec is W_enc itself: one matrix of weights, whose decay counts once.
    """

    name: str
    output: Activation
    tied: bool = False

    @property
    def is_solvable(self) -> bool:
        """Whether, for given A, the best W_dec and b_dec solve a linear system.

        They do where g is the identity and W_dec is a matrix of its own: J is then quadratic in
        both, unless the penalty sees W_dec; `SparseObjective.is_solvable` asks both.
        """
        return self.output == ACTIVATIONS["identity"] and not self.tied

    @property
    def words(self) -> str:
        """What decides what it does: the name, and parameters where it has some."""
        return self.name

    def check_units(self, n_units: int) -> None:
        """Raise TypeError or ValueError if a parameter makes no sense for so many units."""

    def prefixes(self, n_units: int) -> tuple[int, ...]:
        """How many units, from the first on, reconstruct each time; the errors are added up."""
        return (n_units,)

    def parts(self, n_units: int) -> list[slice]:
        """Units of each prefix that are not in the one before."""
        ends = self.prefixes(n_units)
        return [slice(*ends_of) for ends_of in zip((0, *ends), ends, strict=False)]

    def counts(self, n_units: int) -> Float64Array:
        """How many prefixes each unit is in, (k,)."""
        units = np.arange(n_units)[:, None]
        is_in = units < np.array(self.prefixes(n_units))
        return np.asarray(is_in.sum(axis=1), np.float64)


class Matryoshka(WithParameter, Decoder):
    r"""A linear decoder that must also reconstruct from the first units alone.

    .. math:: \frac1m \sum_i \sum_{p} \tfrac12
        \Bigl\| \sum_{j < p} a_{ij} w_j + b_{dec} - x_i \Bigr\|^2

    replaces the error: the sum is over nested prefixes of p units. The first units learn what
    explains most by itself, and later ones learn details. The best weights and bias for given
    activations solve one linear system, as for a plain linear decoder.

    Parameters
    ----------
    sizes : sequence of int, default=None
        Sizes of the prefixes, in increasing order; all units are added as the last prefix if they
        are not. None: an eighth, a quarter and half of the units, rounded up.

    References
    ----------
    B. Bussmann, N. Nabeshima, A. Karvonen and N. Nanda (2025), Learning multi-level features with
    Matryoshka sparse autoencoders.
    """

    name = "matryoshka"
    parameter = "sizes"
    output = ACTIVATIONS["identity"]
    tied = False

    sizes: Sequence[int] | None

    def __init__(self, sizes: Sequence[int] | None = None) -> None:
        vars(self)["sizes"] = sizes

    @property
    def _key(self) -> tuple[int, ...] | None:
        """The sizes, as a tuple."""
        return None if self.sizes is None else tuple(self.sizes)

    def check_units(self, n_units: int) -> None:
        """Raise TypeError or ValueError unless sizes are numbers of units that increase."""
        if self.sizes is None:
            return
        if isinstance(self.sizes, str) or not isinstance(self.sizes, Sequence) or not self.sizes:
            raise TypeError(
                f"Matryoshka sizes must be a sequence of numbers of units, got {self.sizes!r}."
            )
        sizes = [check_integer("a size of Matryoshka", size, low=1) for size in self.sizes]
        if sizes != sorted(set(sizes)) or sizes[-1] > n_units:
            raise ValueError(
                f"Matryoshka sizes must increase and be at most {n_units}, the number of units, "
                f"got {self.sizes!r}."
            )

    def prefixes(self, n_units: int) -> tuple[int, ...]:
        """The sizes, and all units."""
        sizes = [-(-n_units // part) for part in (8, 4, 2)] if self.sizes is None else self.sizes
        return tuple(sorted({*map(int, sizes), n_units}))


#: Decoders by their names.
DECODERS: dict[str, Decoder] = {
    row.name: row
    for row in (
        Decoder("linear", ACTIVATIONS["identity"]),
        Decoder("sigmoid", ACTIVATIONS["sigmoid"]),
        Decoder("tied", ACTIVATIONS["identity"], tied=True),
        Matryoshka(),
    )
}
