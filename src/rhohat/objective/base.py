"""What all objectives share: the layout of their parameters, weight decay, and sums over rows.

Everything in an objective that depends on the data is a sum over rows. The sums of all blocks of
rows, added up, therefore give the exact loss and gradient.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from math import prod
from typing import Any, Generic, NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from rhohat.common.arrays import Float64Array, FloatArray, overflow_as_infinity
from rhohat.common.caching import cached_property
from rhohat.common.libraries import empty, host, like, ones, same_kind, total, wide
from rhohat.common.validation import check_real
from rhohat.objective.penalty import SparsityPenalty


class LossTerms(NamedTuple):
    """The three terms of the loss, in the order of the formula. They add up to `total`.

    The first is the error of the network's output: half the squared error of the reconstruction in
    an autoencoder, the cross-entropy of the labels in a classifier.
    """

    reconstruction: float
    weight_decay: float
    sparsity: float

    @property
    def total(self) -> float:
        """J, the number that the solver minimizes."""
        return self.reconstruction + self.weight_decay + self.sparsity


class Workspace(threading.local):
    """Arrays for a block's intermediate results, reused by the next; each thread has its own."""

    def __init__(self) -> None:
        self._arrays: dict[str, FloatArray] = {}

    def array(self, name: str, shape: tuple[int, int], rows: FloatArray) -> FloatArray:
        """An uninitialized array of that shape, of the kind that the rows are."""
        size = shape[0] * shape[1]
        held = self._arrays.get(name)
        if held is None or len(held) < size or not same_kind(held, rows):
            held = self._arrays[name] = empty((size,), rows)
        return held[:size].reshape(shape)


class Sums:
    """Sums over a block of rows, each row counted w_i times. Sums of two blocks can be added.

    Attributes
    ----------
    weight : float
        sum_i w_i, the number of rows if they are not weighted.
    activity : ndarray of shape (k,), float64
        sum_i w_i h(a_i), for every hidden unit.
    """

    weight: float
    activity: Float64Array

    @overflow_as_infinity()  # overflow shows in the loss
    def __iadd__(self, other: Self) -> Self:
        more = vars(other)
        vars(self).update({name: _added(sums, more[name]) for name, sums in vars(self).items()})
        return self

    def widened(self) -> Self:
        """The same in float64, for sums over many blocks."""
        return type(self)(*map(_wide, vars(self).values()))

    def in_memory(self) -> Self:
        """The same in NumPy's arrays, in the precision that it has."""
        return type(self)(*map(_held, vars(self).values()))

    @property
    def is_finite(self) -> bool:
        """Whether nothing has overflowed."""
        return all(map(_is_finite, vars(self).values()))


def row_weights(X: FloatArray, sample_weight: FloatArray | None) -> FloatArray:
    """How often each row of X counts, in the precision of X."""
    return ones(len(X), X) if sample_weight is None else like(sample_weight, X)


def counted(h: FloatArray, w: FloatArray) -> tuple[float, Float64Array]:
    """sum_i w_i, and sum_i w_i h(a_i)."""
    return total(w), wide(w @ h)


def _added(sums: Any, more: Any) -> Any:
    """Sum of both, in place where that is possible; an empty array adds nothing."""
    if isinstance(sums, list):
        return [_added(*parts) for parts in zip(sums, more, strict=True)]
    if isinstance(sums, Sums):
        sums += more
        return sums
    if _is_empty(more):
        return sums
    if _is_empty(sums):
        return more
    sums += more
    return sums


def _is_empty(sums: Any) -> bool:
    """Whether it is an array without numbers."""
    return 0 in getattr(sums, "shape", ())


def _wide(sums: Any) -> Any:
    """The same in NumPy's float64, which a float is already."""
    if isinstance(sums, list):
        return [part.widened() for part in sums]
    found = host(sums)
    return wide(found) if isinstance(found, np.ndarray) else found


def _held(sums: Any) -> Any:
    """The same in NumPy's library."""
    return [part.in_memory() for part in sums] if isinstance(sums, list) else host(sums)


def _is_finite(sums: Any) -> bool:
    """Whether all numbers are finite, in a list of sums in each."""
    if isinstance(sums, list):
        return all(part.is_finite for part in sums)
    return bool(np.isfinite(sums).all())


S = TypeVar("S", bound=Sums)


class Objective(ABC, Generic[S]):
    """What all objectives share: the layout of theta, weight decay, and the way from sums to loss.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        Name and shape of every parameter, in the order of theta. Those named W... decay.
    weight_decay : float
        lambda, at least 0.
    """

    penalty: SparsityPenalty

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], weight_decay: float) -> None:
        self.shapes = dict(shapes)
        self.weight_decay = check_real("weight_decay", weight_decay, low=0)

    @property
    @abstractmethod
    def is_continuous(self) -> bool:
        """Whether the loss is a continuous function of theta, and so has no jumps."""

    @cached_property
    def n_parameters(self) -> int:
        """p, the length of theta."""
        return sum(map(prod, self.shapes.values()))

    @cached_property
    def parts(self) -> dict[str, slice]:
        """Where each parameter lies in theta."""
        ends = np.cumsum([0, *map(prod, self.shapes.values())]).tolist()
        return dict(zip(self.shapes, map(slice, ends, ends[1:]), strict=True))

    def pack(self, parameters: Mapping[str, ArrayLike]) -> Float64Array:
        """Join named parameters into one vector.

        Parameters
        ----------
        parameters : mapping
            By the names in `shapes`: of an autoencoder "W_enc" (k, d), "b_enc" (k,), "W_dec" (k, d)
            unless the decoder is tied, "b_dec" (d,).

        Returns
        -------
        theta : ndarray of shape (p,)

        Raises
        ------
        ValueError
            If a name is missing or unknown, or a shape is not the expected one.
        """
        if set(parameters) != set(self.shapes):
            raise ValueError(
                f"expected the parameters {sorted(self.shapes)}, got {sorted(parameters)}."
            )
        parts = []
        for name, shape in self.shapes.items():
            part = np.asarray(parameters[name], dtype=np.float64)
            if part.shape != shape:
                raise ValueError(f"{name} must have shape {shape}, got {part.shape}.")
            parts.append(part.ravel())
        return np.concatenate(parts)

    def unpack(self, theta: FloatArray) -> dict[str, FloatArray]:
        """Split a vector in theta's layout into named views of it; the inverse of `pack`."""
        if theta.shape != (self.n_parameters,):
            raise ValueError(f"theta must have shape ({self.n_parameters},), got {theta.shape}.")
        return {name: theta[part].reshape(self.shapes[name]) for name, part in self.parts.items()}

    def average_activity(self, terms: Sums) -> Float64Array:
        """rho_hat: the average of h(a) for each hidden unit over all rows in `terms`, (k,)."""
        return terms.activity / terms.weight

    @abstractmethod
    def loss_terms(self, terms: S, theta: Float64Array) -> LossTerms:
        """The three terms of the exact loss over all rows summed in `terms`."""

    @abstractmethod
    def gradient(self, terms: S, theta: Float64Array) -> Float64Array:
        """Exact gradient over all rows summed in `terms`, (p,)."""

    def finish(self, terms: S, theta: Float64Array) -> tuple[float, Float64Array]:
        """Exact loss and gradient over all rows summed in `terms`.

        Returns
        -------
        loss : float
        grad : ndarray of shape (p,)
        """
        return self.loss_terms(terms, theta).total, self.gradient(terms, theta)

    def _decay(self, theta: Float64Array) -> float:
        """The loss's weight decay term, lambda/2 sum ||W||^2."""
        weights = (view for name, view in self.unpack(theta).items() if name.startswith("W"))
        return 0.5 * self.weight_decay * sum(float(np.vdot(W, W)) for W in weights)

    def _add_decay(self, gradient: Float64Array, theta: Float64Array) -> Float64Array:
        """Add that term's gradient, lambda W, in place, to as much of it as `gradient` holds."""
        for name, part in self.parts.items():
            if name.startswith("W") and part.stop <= gradient.size:
                gradient[part] += self.weight_decay * theta[part]
        return gradient
