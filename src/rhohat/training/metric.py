r"""The solver's own metric: the inverse of J's Gauss-Newton blocks, from a sample of the rows.

In standardized inputs :math:`\tilde x = (x - \mu) / \sigma`, with :math:`V = \sigma W_{enc}`,
:math:`c = b_{enc} + W_{enc} \mu`, and :math:`\gamma_p = E[g'(z_p)^2]`, H is the inverse of

.. math::

    (v_j, c_j):& \quad s_j E[(\tilde x, 1)(\tilde x, 1)^T] + \tfrac{\lambda}{\sigma^2}
        \operatorname{diag}(1, 0) + \phi_j u_j u_j^T, \\
    & \quad s_j = E[f'(z_j)^2] \sum_p \gamma_p w_{jp}^2, \quad
        u_j = E[h'(a_j) f'(z_j) (\tilde x, 1)], \\
    (W_{dec}, b_{dec}):& \quad \bar\gamma E[(a, 1)(a, 1)^T] + \lambda \operatorname{diag}(1, 0),

where :math:`\phi_j` is the penalty's curvature at the unit's average. H is an approximation, and
nothing in J or its gradient is: a solver that has H reaches a minimum of the same J in fewer steps.

References
----------
J. Martens and R. Grosse (2015), Optimizing neural networks with Kronecker-factored approximate
curvature, ICML. J. Nocedal and S. Wright, Numerical Optimization, 2nd edition, section 7.2.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import cast

import numpy as np
from sklearn.utils.extmath import randomized_svd

from rhohat.common.arrays import Float64Array, FloatArray, overflow_as_infinity
from rhohat.common.caching import cached_property
from rhohat.common.devices import PROCESSOR, Device
from rhohat.common.libraries import Sent, library_of, like
from rhohat.objective.network import NetworkObjective
from rhohat.objective.projection import best_decoder
from rhohat.objective.sparse import SparseObjective
from rhohat.objective.systems import diagonal, eigen, factored, solved
from rhohat.rows.engines import Engine, device_of_engine
from rhohat.rows.partition import Partition
from rhohat.rows.placed import placed
from rhohat.rows.sources import Rows, Source
from rhohat.training.curvature import (
    CurvatureSums,
    InputSums,
    LayerSums,
    network_curvature,
    sparse_curvature,
)
from rhohat.training.solvers import Operator

#: Most columns of which all directions are looked at; of more, so many with the largest variance.
MOST_COLUMNS, LEADING_DIRECTIONS = 1024, 256
#: Variance, as a share of the mean, below which directions are not told apart.
LEAST_VARIANCE = 1e-2
#: Share of a block's mean curvature that is added to all of its directions, and to biases.
DAMPING, BIAS_DAMPING = 1e-3, 1e-2
#: Curvature that everything has, as a share of the variance of the data, or of 1.
LEAST_CURVATURE = 1e-9
#: Most that the penalty's curvature may exceed that of the rest along its direction.
MOST_RATIO = 1e8


@dataclass(frozen=True)
class Spectrum:
    """Directions in which rows vary: eigenvectors of E[x~ x~'], the leading ones.

    Attributes
    ----------
    values : ndarray of shape (r,)
        Their variances.
    vectors : ndarray of shape (d, r)
    rest : float
        Mean variance in all other directions.
    """

    values: Float64Array
    vectors: Float64Array
    rest: float

    @classmethod
    def of(cls, X: FloatArray, sample_weight: FloatArray | None, seed: int) -> Spectrum:
        """The spectrum of standardized rows; of many columns, an approximation drawn by `seed`."""
        n, d = X.shape
        w = np.ones(n) if sample_weight is None else sample_weight
        with overflow_as_infinity():
            S = X.astype(np.float64) * np.sqrt(w / w.sum())[:, None]
            total = float(np.vdot(S, S))
        if not 0 < total < np.inf:  # of which the loss will tell
            return cls(np.empty(0), np.empty((d, 0)), 1.0)
        if d <= MOST_COLUMNS:
            values, vectors = eigen(S.T @ S)
        else:
            size = min(LEADING_DIRECTIONS, n)
            _, roots, found = randomized_svd(S, size, random_state=seed)
            values, vectors = roots**2, found.T
        leading = values > LEAST_VARIANCE * total / d
        values, vectors = values[leading], vectors[:, leading]
        rest = max(total - float(values.sum()), 0.0) / max(d - len(values), 1)
        return cls(values, np.ascontiguousarray(vectors), rest)

    def apply(
        self, G: Float64Array, leading: FloatArray | Sent, rest: FloatArray | Sent
    ) -> Float64Array:
        """Scale the rows of G (k, d) by `leading` (k, r) along the vectors and `rest` elsewhere."""
        vectors, leading, rest = like(self._sent, G), like(leading, G), like(rest, G)
        R = G @ vectors
        if vectors.shape[0] == vectors.shape[1]:
            return (R * leading) @ vectors.T
        return G * rest + (R * (leading - rest)) @ vectors.T

    @cached_property
    def _sent(self) -> Sent:
        """The vectors, where they are used."""
        return Sent(self.vectors)


class Blocks(ABC):
    """An approximate second derivative by (W, b) of a layer, a block for each of its units.

    Blocks are made in memory, and solve where they are asked to: their arrays are sent there once.
    """

    @abstractmethod
    def solve(self, G: Float64Array) -> Float64Array:
        """The inverse of the blocks times the rows of G, (units, inputs + 1), where that is."""


class SpectralBlocks(Blocks):
    """s_j E[(x, 1)(x, 1)'] + decay diag(1, 0), for standardized x of known spectrum.

    Parameters
    ----------
    spectrum : Spectrum
    s : ndarray of shape (k,)
    decay, least : float
        `least` is added to everything, so that units that do nothing have a block, too.
    """

    def __init__(self, spectrum: Spectrum, s: Float64Array, decay: float, least: float) -> None:
        mean = float(s.mean())
        damping = DAMPING * (mean + decay) + least
        damped = decay + damping
        self._spectrum = spectrum
        self._leading = Sent(1 / (s[:, None] * spectrum.values + damped))
        self._rest = Sent(1 / (s[:, None] * spectrum.rest + damped))
        self._bias = Sent(1 / (s + BIAS_DAMPING * mean + damping))

    def solve(self, G: Float64Array) -> Float64Array:
        """Along the eigenvectors, all blocks are diagonal."""
        W = self._spectrum.apply(G[:, :-1], self._leading, self._rest)
        return _side_by_side(W, G[:, -1] * like(self._bias, G))


class SharedBlocks(Blocks):
    """s_j (E[(x, 1)(x, 1)'] + decay / mean s diag(1, 0)), with one inverse for all units.

    It is the diagonal alone where no more was summed.

    Parameters
    ----------
    sums : InputSums
    s : ndarray of shape (k,) or (1,)
    decay : float
    """

    def __init__(self, sums: InputSums, s: Float64Array, decay: float) -> None:
        mean = max(float(s.mean()), LEAST_CURVATURE)
        self._s = Sent(np.maximum(s, BIAS_DAMPING * mean))
        M = np.asarray(sums.moments / sums.weight, dtype=np.float64)
        own = M if M.ndim == 1 else diagonal(M)
        inputs = own[:-1]
        damping = DAMPING * (float(inputs.mean()) + decay / mean) + LEAST_CURVATURE
        own += np.append(np.full(len(inputs), decay / mean + damping), damping)
        self._block, self._is_diagonal, self._factor = Sent(M), M.ndim == 1, None

    def solve(self, G: Float64Array) -> Float64Array:
        """One system with as many right-hand sides as units."""
        s = like(self._s, G)[:, None]
        if self._is_diagonal:
            return G / like(self._block, G) / s
        if self._factor is None:
            self._factor = factored(cast(Float64Array, like(self._block, G)))
        return solved(self._factor, G.T).T / s


class PenalizedBlocks(Blocks):
    """Other blocks plus phi_j u_j u_j', the penalty's own curvature, by Sherman and Morrison.

    Parameters
    ----------
    blocks : Blocks
    layer : LayerSums
        Whose pulls are u.
    phi : ndarray of shape (k,)
    device : Device, default=PROCESSOR
        Where the others solve.
    """

    def __init__(
        self, blocks: Blocks, layer: LayerSums, phi: Float64Array, device: Device = PROCESSOR
    ) -> None:
        u = np.asarray(layer.pulls / layer.weight, dtype=np.float64)
        self._blocks = blocks
        solved = device.computed(blocks.solve, u)
        least = MOST_RATIO * np.finfo(float).tiny  # of a unit that is dead, u is 0
        along = np.maximum(np.einsum("ij,ij->i", solved, u), least)
        phi = np.minimum(phi, MOST_RATIO / along)
        self._solved = Sent(solved * np.sqrt(phi / (1 + phi * along))[:, None])

    def solve(self, G: Float64Array) -> Float64Array:
        """B^-1 g - B^-1 u (phi / (1 + phi u' B^-1 u)) (B^-1 u)' g."""
        own = like(self._solved, G)
        along = library_of(G).einsum("ij,ij->i", own, G)
        solved = self._blocks.solve(G)
        solved -= own * along[:, None]
        return solved


class DiagonalBlocks(Blocks):
    """Numbers s_j of a parameter of each unit, which has no weights.

    Parameters
    ----------
    s : ndarray of shape (k,)
    least : float
        Added to everything.
    """

    def __init__(self, s: Float64Array, least: float) -> None:
        self._s = Sent(s + BIAS_DAMPING * s.mean() + least)

    def solve(self, G: Float64Array) -> Float64Array:
        """Divide by them."""
        return G / like(self._s, G)[:, None]


class TiedBlocks(Blocks):
    """The block of an encoder that is the decoder, too: a Kronecker sum.

    With units divided by r_j = sqrt(s_j / mean s), so that s is one number for all of them, it is
    (R^-1 E[a a'] R^-1 + lambda) / sigma^2 in the units plus s E[x~ x~'] in the columns. Biases
    have their own diagonal, which includes the penalty's curvature. Where of E[a a'] the diagonal
    alone was summed, units are taken for uncorrelated.

    Parameters
    ----------
    spectrum : Spectrum
    layer : LayerSums
    codes : InputSums
    s, phi : ndarray of shape (k,)
    decay, least : float
        lambda, and what is added to everything.
    scale : float
        sigma.
    device : Device, default=PROCESSOR
        Where the eigenvectors are computed.
    """

    def __init__(
        self,
        spectrum: Spectrum,
        layer: LayerSums,
        codes: InputSums,
        s: Float64Array,
        phi: Float64Array,
        decay: float,
        least: float,
        scale: float,
        device: Device = PROCESSOR,
    ) -> None:
        mean = float(s.mean()) + least
        s = s + BIAS_DAMPING * mean
        self._spectrum = spectrum
        r, self._vectors = np.sqrt(s / mean)[:, None], None
        self._r = Sent(r)
        if codes.moments.ndim == 1:
            values = codes.moments[:-1] / codes.weight / np.square(r[:, 0])
        else:
            moments = codes.moments[:-1, :-1] / codes.weight / (r * r.T)
            values, vectors = device.computed(eigen, moments)
            self._vectors = Sent(vectors)
        own = ((np.maximum(values, 0) + decay) / scale**2)[:, None]
        damping = DAMPING * (mean + float(own.mean())) + least
        self._leading = Sent(1 / (own + mean * spectrum.values + damping))
        self._rest = Sent(1 / (own + mean * spectrum.rest + damping))
        along = layer.pulls[:, -1] / layer.weight
        self._bias = Sent(1 / (s + phi * along**2 + BIAS_DAMPING * mean + damping))

    def solve(self, G: Float64Array) -> Float64Array:
        """Along the eigenvectors of both, the block is diagonal."""
        r = like(self._r, G)
        W, vectors = G[:, :-1] / r, None
        if self._vectors is not None:
            vectors = like(self._vectors, G)
            W = vectors.T @ W
        W = self._spectrum.apply(W, self._leading, self._rest)
        W = W if vectors is None else vectors @ W
        return _side_by_side(W / r, G[:, -1] * like(self._bias, G))


def _side_by_side(W: FloatArray, b: FloatArray) -> Float64Array:
    """W with b as one more column."""
    return cast(Float64Array, library_of(W).column_stack([W, b]))


def _summed(
    function: Callable[[Rows], CurvatureSums], source: Source, engine: Engine, partition: Partition
) -> CurvatureSums:
    """Sums over a sample, where an engine computes."""
    rows = placed(source, device_of_engine(engine), keeps=False)
    with overflow_as_infinity():
        return engine.map_sum(function, rows, partition)


#: Views of a layer's W (units, inputs) and b (units,) in a vector.
Part = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class BlockInverse:
    """H: the inverse of blocks, each for a part of the vector; other parts stay as they are.

    Attributes
    ----------
    parts : callable
        Takes a vector and gives views of its parts, in the order of the blocks.
    blocks : list of Blocks
    device : Device, default=PROCESSOR
        Where they solve.
    """

    parts: Callable[[Float64Array], list[Part]]
    blocks: list[Blocks]
    device: Device = PROCESSOR

    def __call__(self, g: Float64Array) -> Float64Array:
        """H g."""
        product = g.copy()
        for (W, b), blocks in zip(self.parts(product), self.blocks, strict=True):
            solved = self.device.computed(blocks.solve, np.column_stack([W, b]))
            W[...], b[...] = solved[:, :-1], solved[:, -1]
        return product


@dataclass(frozen=True)
class Sample:
    """Rows drawn at random, standardized as the solver's variables are, in memory.

    Targets that they have are standardized by their own mean and deviation.

    Attributes
    ----------
    source : Source
    seed : int
    """

    source: Source
    seed: int

    @property
    def rows(self) -> Rows:
        """All of them."""
        return self.source.read(0, self.source.shape[0])

    @cached_property
    def spectrum(self) -> Spectrum:
        """The directions in which they vary."""
        return Spectrum.of(self.rows.X, self.rows.sample_weight, self.seed)


@dataclass(frozen=True)
class SparseMetric:
    """The metric of a sparse autoencoder.

    Attributes
    ----------
    objective : SparseObjective
    scale : float
        sigma.
    sample : Sample
    engine : Engine
    partition : Partition
    projected : bool
        Whether the solver sees the encoder alone, and the decoder is the best one.
    target_scale : float, default=None
        By which the sample's targets are divided, if it has some.
    """

    objective: SparseObjective
    scale: float
    sample: Sample
    engine: Engine
    partition: Partition
    projected: bool
    target_scale: float | None = None

    def at(self, q: Float64Array) -> Operator:
        """H at q."""
        objective, source, spectrum = self.objective, self.sample.source, self.sample.spectrum
        rows = self.sample.rows
        q = objective.settled_on(rows.X, q, rows.sample_weight)
        d, decay, tied = objective.n_outputs, objective.weight_decay, objective.decoder.tied
        output_scale = self.scale if self.target_scale is None else self.target_scale
        counts = objective.decoder.counts(objective.n_components)
        total = _summed(
            partial(sparse_curvature, objective, Sent(q.astype(source.dtype)), self.projected),
            *(source, self.engine, self.partition),
        )
        device = device_of_engine(self.engine)
        with overflow_as_infinity():
            if not total.is_finite:  # there is no H but 1
                return np.copy
            (codes,), (layer,) = total.inputs, total.layers
            if self.projected:
                W, _ = best_decoder(codes, decay, np.zeros(d), source.dtype, counts, device)
                gains = output_scale**2 * counts * np.einsum("ij,ij->i", W, W)
            else:
                outputs = codes.outputs / codes.weight
                V = objective.unpack(q)[objective.decoder_weights]
                gains = counts * (np.square(V) @ outputs / (self.scale**2 if tied else 1.0))
            s = layer.slopes / layer.weight * gains
            if not np.isfinite(s).all():
                return np.copy
        phi = objective.penalty.curvature(objective.average_activity(layer), objective.activation)
        least = LEAST_CURVATURE * d * output_scale**2
        device = device.for_products(q.size * max(spectrum.vectors.shape[1], 1))
        if tied:
            settings = spectrum, layer, codes, s, phi, decay, least, self.scale
            encoder: Blocks = TiedBlocks(*settings, device)
        else:
            encoder = SpectralBlocks(spectrum, s, decay / self.scale**2, least)
            encoder = PenalizedBlocks(encoder, layer, phi, device)
        blocks = [encoder]
        if layer.thresholds.size:
            blocks.append(DiagonalBlocks(layer.thresholds / layer.weight * gains, least))
        if not (tied or self.projected):
            blocks.append(SharedBlocks(codes, outputs.mean(keepdims=True), decay))
        return BlockInverse(self._parts, blocks, device)

    def _parts(self, vector: Float64Array) -> list[Part]:
        """W and b of the encoder, thresholds that are learned, and W' and b of the decoder."""
        views = self.objective.encoder(vector)
        parts = [(views["W_enc"], views["b_enc"])]
        if self.objective.activation.learns_thresholds:
            parts.append((np.empty((len(views["t_enc"]), 0)), views["t_enc"]))
        if not (self.objective.decoder.tied or self.projected):
            views = self.objective.unpack(vector)
            parts.append((views["W_dec"].T, views["b_dec"]))
        return parts


@dataclass(frozen=True)
class NetworkMetric:
    """The metric of a network.

    Attributes
    ----------
    objective : NetworkObjective
    means : list of ndarray
        Those that are subtracted from the inputs of all layers but the first.
    scale : float
        By which the first layer's inputs are divided.
    sample : Sample
    engine : Engine
    partition : Partition
    """

    objective: NetworkObjective
    means: list[Float64Array]
    scale: float
    sample: Sample
    engine: Engine
    partition: Partition

    def at(self, q: Float64Array) -> Operator:
        """H at q."""
        objective, source = self.objective, self.sample.source
        dtype = source.dtype
        means = [Sent(mean.astype(dtype)) for mean in self.means]
        total = _summed(
            partial(network_curvature, objective, Sent(q.astype(dtype)), means),
            *(source, self.engine, self.partition),
        )
        widest = max(len(part.moments) for part in total.inputs)
        device = device_of_engine(self.engine).for_products(q.size * widest)
        if not total.is_finite:
            return np.copy
        layers = objective.layers(q)
        # How J curves by the output of each unit, from the top down.
        s = [total.inputs[-1].outputs / total.weight]
        for (_, (W, _)), layer in reversed(list(zip(pairwise(layers), total.layers, strict=True))):
            s.insert(0, layer.slopes / layer.weight * ((W * W).T @ s[0]))
        decays = [objective.weight_decay] * len(layers)
        decays[0] /= self.scale**2
        blocks: list[Blocks] = [
            SharedBlocks(*parts) for parts in zip(total.inputs, s, decays, strict=True)
        ]
        for number, (layer, activation) in enumerate(
            zip(total.layers, objective.activations, strict=True)
        ):
            phi = objective.penalty.curvature(layer.activity / layer.weight, activation)
            if phi.any():
                blocks[number] = PenalizedBlocks(blocks[number], layer, phi, device)
        return BlockInverse(objective.layers, blocks, device)
