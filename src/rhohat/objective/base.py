"""What every objective has: a layout of its parameters, weight decay, and sums to finish.

Everything in an objective that depends on the data is a sum over rows, so that the sums of blocks
of rows, added, make loss and gradient of all.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from math import prod
from typing import Any, Generic, NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.common.validation import check_real


class LossTerms(NamedTuple):
    """The three terms of the loss, in the order of the formula. They add up to `total`.

    The first is the error in what a network is to reproduce: half the squared error of the input;
    of a classifier, the cross-entropy of the labels.
    """

    reconstruction: float
    weight_decay: float
    sparsity: float

    @property
    def total(self) -> float:
        """J, the number that the solver minimizes."""
        return self.reconstruction + self.weight_decay + self.sparsity


class Workspace(threading.local):
    """Arrays for the intermediate results of a block, kept for the next; own ones per thread."""

    def __init__(self) -> None:
        self._arrays: dict[str, FloatArray] = {}

    def array(self, name: str, shape: tuple[int, int], dtype: np.dtype[Any]) -> FloatArray:
        """An array of that shape, with whatever it held before."""
        size = shape[0] * shape[1]
        held = self._arrays.get(name)
        if held is None or held.size < size or held.dtype != dtype:
            held = self._arrays[name] = np.empty(size, dtype)
        return held[:size].reshape(shape)


@dataclass
class Sums:
    """Sums over a block of rows, each row counted w_i times. Sums of two blocks can be added.

    Attributes
    ----------
    weight : float
        sum_i w_i, the number of rows if they are not weighted.
    """

    weight: float

    @np.errstate(over="ignore", invalid="ignore")  # overflow shows in the loss
    def __iadd__(self, other: Self) -> Self:
        for field in fields(self):
            name = field.name
            setattr(self, name, _added(getattr(self, name), getattr(other, name)))
        return self

    def widened(self) -> Self:
        """The same in float64, for sums over many blocks."""
        return type(self)(*(_wide(getattr(self, field.name)) for field in fields(self)))


def counted(h: FloatArray, w: FloatArray) -> tuple[float, Float64Array]:
    """sum_i w_i, and sum_i w_i h(a_i)."""
    return float(w.sum(dtype=np.float64)), (w @ h).astype(np.float64)


def _added(sums: Any, more: Any) -> Any:
    """The sum, in place where it can be; an empty array is nothing."""
    if not np.size(more):
        return sums
    if not np.size(sums):
        return more
    sums += more
    return sums


def _wide(sums: Any) -> Any:
    """The same in float64; a float is."""
    return sums.astype(np.float64, copy=False) if isinstance(sums, np.ndarray) else sums


S = TypeVar("S", bound=Sums)


class Objective(ABC, Generic[S]):
    """What every objective has: a layout of its parameters, weight decay, and sums to finish.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        Name and shape of every parameter, in the order of theta. What begins with W decays.
    weight_decay : float
        lambda, at least 0.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], weight_decay: float) -> None:
        self.shapes = dict(shapes)
        self.weight_decay = check_real("weight_decay", weight_decay, low=0)

    @cached_property
    def n_parameters(self) -> int:
        """p, the length of theta."""
        return sum(map(prod, self.shapes.values()))

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
        views: dict[str, FloatArray] = {}
        start = 0
        for name, shape in self.shapes.items():
            stop = start + prod(shape)
            views[name] = theta[start:stop].reshape(shape)
            start = stop
        return views

    @abstractmethod
    def average_activity(self, terms: S) -> Float64Array:
        """rho_hat: the average of h(a) for each unit over all rows summed in `terms`, (k,)."""

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
        """The loss's part that is the weights' alone."""
        weights = (view for name, view in self.unpack(theta).items() if name.startswith("W"))
        return 0.5 * self.weight_decay * sum(float(np.vdot(W, W)) for W in weights)

    def _add_decay(self, gradient: Float64Array, theta: Float64Array) -> Float64Array:
        """`gradient` with that part's added in place."""
        decayed = self.unpack(gradient)
        for name, view in self.unpack(theta).items():
            if name.startswith("W"):
                decayed[name] += self.weight_decay * view
        return gradient
