r"""Edges: Gabor functions fitted to features tell how far they are edges.

A Gabor function is a wave under a Gaussian window. With u along the wave and v across it,

.. math::

    g(x, y) = a\, e^{-u^2 / 2\sigma_u^2 - v^2 / 2\sigma_v^2} \cos(2\pi f u + \varphi), \quad
    u = (x - x_0) \cos\theta + (y - y_0) \sin\theta, \quad
    v = -(x - x_0) \sin\theta + (y - y_0) \cos\theta.

Eight parameters, fitted by least squares from the best of a fixed set of starts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple

import joblib
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.rows.engines import effective_n_jobs

#: Order of the parameters in `GaborFit.parameters`.
PARAMETERS = ("amplitude", "x0", "y0", "orientation", "frequency", "phase", "sigma_u", "sigma_v")
#: Share of a tile's variance that its Gabor must explain for the tile to count as an edge.
EDGE_R2 = 0.7
#: Bins of orientation over half a turn.
ORIENTATION_BINS = 8
#: |cosine| above which two units count as alike, or as opposite.
ALIKE_COSINE = 0.9
#: Tiles that a process is given at a time.
PART = 256
#: Units that are compared with all others at a time.
UNITS_COMPARED = 512


class GaborFit(NamedTuple):
    """One Gabor function per tile.

    Attributes
    ----------
    parameters : ndarray of shape (k, 8)
        Columns as in `PARAMETERS`: lengths in pixels, the frequency in cycles per pixel, angles in
        radians, the amplitude for a tile of unit norm.
    r2 : ndarray of shape (k,)
        Share of each tile's variance explained. 0 for a tile that is the same everywhere.
    """

    parameters: Float64Array
    r2: Float64Array


class EdgeScore(NamedTuple):
    """To what extent features are edges, at different positions and orientations.

    Attributes
    ----------
    edge_share : float
        Share of units whose Gabor function explains at least 0.7 of the variance.
    median_r2 : float
    orientation_coverage : float
        Entropy of the edges' orientations over 8 bins, as a share of the maximum.
    n_alike : int
        Pairs of units with a cosine above 0.9: they look for the same.
    n_opposite : int
        Pairs with a cosine below -0.9: what activates one silences the other. A code of units that
        are mostly silent needs such partners.
    fit : GaborFit
    """

    edge_share: float
    median_r2: float
    orientation_coverage: float
    n_alike: int
    n_opposite: int
    fit: GaborFit


class AlikePairs(NamedTuple):
    """Units that look for the same, or for the opposite.

    Attributes
    ----------
    units : ndarray of int of shape (n, 2)
    cosines : ndarray of shape (n,)
    """

    units: NDArray[np.intp]
    cosines: FloatArray

    @property
    def same(self) -> AlikePairs:
        """Those of positive cosine: duplicates."""
        return AlikePairs(self.units[self.cosines > 0], self.cosines[self.cosines > 0])

    @property
    def opposite(self) -> AlikePairs:
        """Those of negative cosine: partners, as light left of dark and dark left of light."""
        return AlikePairs(self.units[self.cosines < 0], self.cosines[self.cosines < 0])


def edge_score(weights: ArrayLike, patch_shape: tuple[int, int] | None = None) -> EdgeScore:
    """Fit a Gabor function to every unit, and summarize.

    Parameters
    ----------
    weights : array-like of shape (k, height * width) or (k, height, width)
        One gray tile per unit, for instance `components_`. With its eight parameters, a Gabor
        function fits any tile of fewer than about 6 x 6 pixels: noise scores 0% at 6 x 6, but about
        20% at 4 x 4.
    patch_shape : tuple of int, default=None
        (height, width) of flat tiles; square if None.

    Returns
    -------
    score : EdgeScore

    Raises
    ------
    ValueError
        If the tiles have no such shape.

    Examples
    --------
    >>> import numpy as np
    >>> from rhohat import edge_score
    >>> x, y = np.meshgrid(np.arange(10), np.arange(10))
    >>> edge_score([np.exp(-((x - 4) ** 2 + (y - 5) ** 2) / 9) * np.cos(x)]).edge_share
    1.0
    """
    tiles = _tiles(weights, patch_shape)
    return score_edges(fit_gabors(tiles), alike_pairs(tiles.reshape(len(tiles), -1)))


def score_edges(fit: GaborFit, pairs: AlikePairs) -> EdgeScore:
    """Summarize Gabor functions fitted to the tiles of units, and pairs of units that are alike."""
    edges = fit.r2 >= EDGE_R2
    turn = np.mod(fit.parameters[edges, PARAMETERS.index("orientation")], np.pi) / np.pi
    # an angle just below half a turn may round to it
    counts = np.bincount(
        np.minimum((turn * ORIENTATION_BINS).astype(int), ORIENTATION_BINS - 1),
        minlength=ORIENTATION_BINS,
    )
    shares = counts[counts > 0] / max(counts.sum(), 1)
    return EdgeScore(
        edge_share=float(edges.mean()),
        median_r2=float(np.median(fit.r2)),
        orientation_coverage=float(-(shares * np.log(shares)).sum() / np.log(ORIENTATION_BINS))
        + 0.0,
        n_alike=len(pairs.same.cosines),
        n_opposite=len(pairs.opposite.cosines),
        fit=fit,
    )


def alike_pairs(weights: FloatArray) -> AlikePairs:
    """Pairs of units with |cosine| > 0.9 between their weights, the most alike first.

    Parameters
    ----------
    weights : ndarray of shape (k, d)

    Returns
    -------
    pairs : AlikePairs
    """
    norms = np.linalg.norm(weights, axis=1, keepdims=True)
    unit = weights / np.where(norms > 0, norms, 1)
    pairs, cosines = [np.empty((0, 2), dtype=np.intp)], [np.empty(0)]
    for start in range(0, len(unit), UNITS_COMPARED):
        block = np.triu(unit[start : start + UNITS_COMPARED] @ unit.T, start + 1)
        alike = np.argwhere(np.abs(block) > ALIKE_COSINE)
        pairs.append(alike + np.array([start, 0]))
        cosines.append(block[tuple(alike.T)])
    cosine = np.concatenate(cosines)
    order = np.argsort(-np.abs(cosine), kind="stable")
    return AlikePairs(np.concatenate(pairs)[order], cosine[order])


def fit_gabors(tiles: Float64Array) -> GaborFit:
    """Fit a Gabor function to each tile.

    Parameters
    ----------
    tiles : ndarray of shape (k, height, width)

    Returns
    -------
    fit : GaborFit
        The same bits whether or not several processes share the tiles, as they do if there are
        many.
    """
    parts = [tiles[start : start + PART] for start in range(0, len(tiles), PART)]
    n_jobs = min(effective_n_jobs(None), len(parts))
    fits = joblib.Parallel(n_jobs)(joblib.delayed(_fit_part)(part) for part in parts)
    return GaborFit(*map(np.concatenate, zip(*fits, strict=True)))


def _fit_part(tiles: Float64Array) -> GaborFit:
    """Fit to some tiles, one after the other."""
    height, width = tiles.shape[1:]
    y, x = (axis.ravel().astype(float) for axis in np.mgrid[:height, :width])
    start_of = _start_finder(height, width, x, y)
    longest = float(max(height, width))
    lower = np.array([-np.inf, -1, -1, -np.inf, 0, -np.inf, 0.6, 0.6])
    upper = np.array([np.inf, width, height, np.inf, 0.5, np.inf, longest, longest])
    scale = np.array([0.2, 1, 1, 0.3, 0.05, 0.5, 1, 1])

    latest: tuple[Any, ...] = (None, None, None)

    def evaluate(p: Float64Array) -> tuple[Float64Array, Float64Array]:
        nonlocal latest  # the solver asks for both at the same place
        if not np.array_equal(p, latest[0]):
            latest = (p.copy(), *gabor(p, x, y))
        return latest[1], latest[2]

    def jacobian(p: Float64Array) -> Float64Array:
        return evaluate(p)[1]

    parameters = np.zeros((len(tiles), len(PARAMETERS)))
    parameters[:, -2:] = 1
    r2 = np.zeros(len(tiles))
    for index, tile in enumerate(tiles.reshape(len(tiles), -1)):
        norm = np.linalg.norm(tile)
        if norm == 0 or np.ptp(tile) == 0:
            continue
        target = tile / norm

        def residuals(p: Float64Array, target: Float64Array = target) -> Float64Array:
            return evaluate(p)[0] - target

        found = least_squares(
            residuals,
            np.clip(start_of(target), lower + 1e-6, upper - 1e-6),
            jac=jacobian,
            bounds=(lower, upper),
            x_scale=scale,
            max_nfev=60,
        )
        parameters[index] = found.x
        r2[index] = 1 - 2 * found.cost / np.sum((target - target.mean()) ** 2)
    return GaborFit(parameters, np.maximum(r2, 0))


def _start_finder(
    height: int, width: int, x: Float64Array, y: Float64Array
) -> Callable[[Float64Array], Float64Array]:
    """``start_of(target)``: the parameters of the start nearest to a flat tile of unit norm.

    Amplitude and phase that suit a tile best are linear in a pair of waves; the pair is made
    orthonormal, so that the share explained is a sum of two squares.
    """
    starts = _starts(height, width)
    x0, y0, theta, f, su, sv = starts.T[:, :, None]
    _, _, window, angle = _window_and_angle((x0, y0, theta, f, 0.0, su, sv), x, y)
    cosine_waves = window * np.cos(angle)
    sine_waves = window * np.cos(angle + np.pi / 2)
    del window, angle  # of thousands of starts, as large as the waves
    first = cosine_waves / np.linalg.norm(cosine_waves, axis=1, keepdims=True)
    along = np.einsum("ij,ij->i", sine_waves, first)[:, None]
    second = sine_waves - along * first
    length = np.linalg.norm(second, axis=1, keepdims=True)
    second = np.divide(second, length, out=np.zeros_like(second), where=length > 1e-6)

    def start_of(target: Float64Array) -> Float64Array:
        best = int(np.argmax((first @ target) ** 2 + (second @ target) ** 2))
        waves = np.stack([cosine_waves[best], sine_waves[best]], axis=1)
        c, s = np.linalg.lstsq(waves, target, rcond=None)[0]
        return np.insert(starts[best], [0, 4], [np.hypot(c, s), np.arctan2(s, c)])

    return start_of


def gabor(
    parameters: Sequence[Any] | Float64Array, x: Float64Array, y: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """The Gabor function at pixels (x, y), and its derivatives by the parameters on a last axis."""
    a, _, _, theta, f, _, su, sv = parameters
    c, s = np.cos(theta), np.sin(theta)
    u, v, window, angle = _window_and_angle(parameters[1:], x, y)
    wave = window * np.cos(angle)
    quadrature = -a * window * np.sin(angle)
    g = a * wave
    du = -g * u / su**2 + quadrature * 2 * np.pi * f
    dv = -g * v / sv**2
    jacobian = [
        wave,
        -du * c + dv * s,
        -du * s - dv * c,
        du * v - dv * u,
        quadrature * 2 * np.pi * u,
        quadrature,
        g * u**2 / su**3,
        g * v**2 / sv**3,
    ]
    return g, np.stack(jacobian, axis=-1)


def _window_and_angle(
    parameters: Sequence[Any] | Float64Array, x: Float64Array, y: Float64Array
) -> tuple[Float64Array, Float64Array, Float64Array, Float64Array]:
    """Pixels (x, y) along and across the wave, and the Gabor function's window and angle there."""
    x0, y0, theta, f, phase, su, sv = parameters
    c, s = np.cos(theta), np.sin(theta)
    u = (x - x0) * c + (y - y0) * s
    v = -(x - x0) * s + (y - y0) * c
    window = np.exp(-(u**2) / (2 * su**2) - v**2 / (2 * sv**2))
    return u, v, window, 2 * np.pi * f * u + phase


def _starts(height: int, width: int) -> Float64Array:
    """The starts for a tile, rows of x0, y0, orientation, frequency, sigma_u and sigma_v."""
    size = (height + width) / 20  # the values below are for tiles of 10 x 10
    windows = [(size, 1.5 * size), (1.5 * size, 2.5 * size), (2 * size, 4 * size)]
    frequencies = np.minimum(np.array([0.05, 0.1, 0.17, 0.25, 0.35]) / size, 0.45)
    columns, rows = np.linspace(0, width - 1, 7), np.linspace(0, height - 1, 7)
    orientations = np.arange(8) * np.pi / 8
    return np.array(
        [
            (*place, *window)
            for *place, window in product(columns, rows, orientations, frequencies, windows)
        ]
    )


def _tiles(weights: ArrayLike, patch_shape: tuple[int, int] | None) -> Float64Array:
    """The tiles, (k, height, width), that weights are, else raise."""
    tiles = np.asarray(weights, dtype=np.float64)
    if tiles.ndim == 3 and patch_shape is None:
        patch_shape = (tiles.shape[1], tiles.shape[2])
    if patch_shape is None and tiles.ndim == 2:
        side = round(np.sqrt(tiles.shape[1]))
        patch_shape = (side, side)
    if (
        tiles.ndim not in (2, 3)
        or patch_shape is None
        or len(patch_shape) != 2
        or len(tiles) == 0
        or tiles[0].size != patch_shape[0] * patch_shape[1]
    ):
        raise ValueError(
            "edge_score expects gray tiles of shape (k, height, width), or (k, height * width) "
            f"with patch_shape=(height, width); got shape {tiles.shape} with "
            f"patch_shape={patch_shape}."
        )
    if not np.isfinite(tiles).all():
        raise ValueError("edge_score expects finite weights, got NaN or infinity.")
    return tiles.reshape(len(tiles), *patch_shape)
