"""Decoders: how hidden activations become a reconstruction.

    Z3 = A W_dec + b_dec          X_hat = g(Z3)

A decoder is an output function g, and the choice whether W_dec is a matrix of its own or the
encoder's. Each is one row of `DECODERS`.
"""

from __future__ import annotations

from dataclasses import dataclass

from rhohat.objective.activations import ACTIVATIONS, Activation


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


#: Decoders by their names.
DECODERS: dict[str, Decoder] = {
    row.name: row
    for row in (
        Decoder("linear", ACTIVATIONS["identity"]),
        Decoder("sigmoid", ACTIVATIONS["sigmoid"]),
        Decoder("tied", ACTIVATIONS["identity"], tied=True),
    )
}
