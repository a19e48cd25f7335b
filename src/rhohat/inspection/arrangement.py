"""Arrangements of units by likeness: along a line, and on a grid."""

from __future__ import annotations

import numpy as np
import scipy.cluster.hierarchy
import scipy.ndimage
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist, pdist
from sklearn.utils.extmath import randomized_svd

from rhohat.common.arrays import Float64Array, FloatArray
from rhohat.rows.blas import BLAS

#: Units up to which their order is the best one of their tree, and up to which they have a tree.
OPTIMAL, MOST_UNITS = 500, 5000
#: Units up to which those on the grid are moved to be among their like.
MOVED = 500
#: Coordinates in which units are compared then, at most.
COORDINATES = 32
#: What the radius of neighborhoods on the grid is multiplied by, from one sweep to the next.
SHRINK = 0.75
#: Columns of the grid for each row.
ASPECT = 1.6


def likeness_order(tiles: FloatArray) -> NDArray[np.intp] | None:
    """Units in an order in which neighbors are alike.

    They are the leaves of the tree of average linkage over 1 - cosine, of up to 500 units in the
    order in which the distances between neighbors have the least sum (Z. Bar-Joseph, D. Gifford and
    T. Jaakkola (2001), Fast optimal leaf ordering for hierarchical clustering).

    Parameters
    ----------
    tiles : ndarray of shape (k, d)

    Returns
    -------
    order : ndarray of int of shape (k,) or None
        None for more than 5,000 units.
    """
    k = len(tiles)
    if k > MOST_UNITS:
        return None
    if k < 3:
        return np.arange(k)
    with BLAS.single_threaded():
        distances = pdist(unit_tiles(tiles), "sqeuclidean")  # 2 - 2 cosine
    tree = scipy.cluster.hierarchy.average(distances)
    if k <= OPTIMAL:
        tree = scipy.cluster.hierarchy.optimal_leaf_ordering(tree, distances)
    order: NDArray[np.intp] = scipy.cluster.hierarchy.leaves_list(tree).astype(np.intp)
    return order


def likeness_grid(tiles: FloatArray) -> NDArray[np.intp]:
    """Units on a grid, those that are alike near each other.

    Classical scaling of the cosines gives coordinates, of which the first two are cut into the rows
    of the grid and ordered along them. Up to 500 units are then moved: each sweep blurs the grid,
    and gives each unit the cell whose surroundings are most like it (K. U. Barthel, N. Hezel, K.
    Jung and K. Schall (2023), Improved evaluation and generation of grid layouts using distance
    preservation quality and linear assignment sorting).

    Parameters
    ----------
    tiles : ndarray of shape (k, d)

    Returns
    -------
    cells : ndarray of int of shape (k, 2)
        Row and column of each unit; there are about 1.6 times as many columns as rows, all of which
        are full but the last.
    """
    k = len(tiles)
    n_columns = int(np.ceil(np.sqrt(ASPECT * k)))
    cells = np.stack(np.divmod(np.arange(k), n_columns), axis=1)
    with BLAS.single_threaded():
        X = _coordinates(tiles)
        order = np.argsort(-X[:, -1 if X.shape[1] < 2 else 1], kind="stable")
        for start in range(0, k, n_columns):
            row = order[start : start + n_columns]
            order[start : start + n_columns] = row[np.argsort(X[row, 0], kind="stable")]
        radius = n_columns / 4 if k <= MOVED else 0.0
        while radius > 0.5:
            order = _moved(X, order, cells, radius)
            radius *= SHRINK
    where = np.empty_like(cells)
    where[order] = cells
    return where


def unit_tiles(tiles: FloatArray) -> Float64Array:
    """Tiles of norm 1; zero where they are zero."""
    norms = np.linalg.norm(tiles, axis=1, keepdims=True)
    return tiles / np.where(norms > 0, norms, 1).astype(np.float64)


def _coordinates(tiles: FloatArray) -> Float64Array:
    """Coordinates of units whose distances are nearest to those of their tiles, each of norm 1."""
    U = unit_tiles(tiles)
    U -= U.mean(axis=0)
    directions, lengths, _ = randomized_svd(U, min(COORDINATES, *U.shape), random_state=0)
    coordinates: Float64Array = directions * lengths
    return coordinates


def _moved(
    X: Float64Array, order: NDArray[np.intp], cells: NDArray[np.intp], radius: float
) -> NDArray[np.intp]:
    """The order of units in which each is in the cell whose surroundings are most like it."""
    rows, columns = cells.T
    grid = np.zeros((*cells.max(axis=0) + 1, X.shape[1] + 1))
    grid[rows, columns] = np.column_stack([X[order], np.ones(len(X))])
    sigma = (radius, radius, 0)
    blurred = scipy.ndimage.gaussian_filter(grid, sigma, mode="constant")[rows, columns]
    places, units = linear_sum_assignment(
        cdist(blurred[:, :-1] / blurred[:, -1:], X, "sqeuclidean")
    )
    moved: NDArray[np.intp] = units[np.argsort(places)]
    return moved
