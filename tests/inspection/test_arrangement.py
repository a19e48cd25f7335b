"""Units by likeness: along a line, and on a grid."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rhohat.inspection import arrangement
from rhohat.inspection.arrangement import likeness_grid, likeness_order, unit_tiles


def fan(k, rng):
    """Tiles that turn by equal angles, in random order and of random norms; and that order."""
    angles = np.linspace(0, np.pi / 2, k)
    order = rng.permutation(k)
    lengths = rng.uniform(1, 3, (k, 1))
    return lengths * np.stack([np.cos(angles), np.sin(angles)], axis=1)[order], order


def steps(tiles, order):
    """Sum of distances from each unit to the next."""
    U = unit_tiles(tiles)[order]
    return np.square(np.diff(U, axis=0)).sum()


@pytest.mark.parametrize("k", [1, 2, 3, 10, 60])
def test_an_order_is_a_permutation_and_a_fan_is_put_in_order(k, rng):
    tiles, place = fan(k, rng)
    order = likeness_order(tiles)
    assert sorted(order) == list(range(k))
    found = place[order]
    assert_array_equal(found if found[0] < found[-1] else found[::-1], np.arange(k))


def test_neighbors_are_more_alike_than_by_chance(rng, monkeypatch):
    tiles = rng.randn(4, 20)[rng.randint(4, size=80)] + 0.5 * rng.randn(80, 20)
    best = steps(tiles, likeness_order(tiles))
    assert best < min(steps(tiles, rng.permutation(80)) for _ in range(20))
    monkeypatch.setattr(arrangement, "OPTIMAL", 10)
    some = steps(tiles, likeness_order(tiles))
    assert best <= some < min(steps(tiles, rng.permutation(80)) for _ in range(20))
    monkeypatch.setattr(arrangement, "MOST_UNITS", 79)
    assert likeness_order(tiles) is None


@pytest.mark.parametrize("k", [1, 2, 5, 40, 97])
@pytest.mark.parametrize("moved", [0, 500])
def test_each_cell_of_the_grid_has_one_unit(k, moved, rng, monkeypatch):
    monkeypatch.setattr(arrangement, "MOVED", moved)
    tiles = rng.randn(k, 12)
    tiles[k // 2] = 0
    cells = likeness_grid(tiles)
    n_columns = cells[:, 1].max() + 1
    assert sorted(cells @ [n_columns, 1]) == list(range(k))
    assert_array_equal(likeness_grid(tiles), cells)


def test_on_the_grid_neighbors_are_more_alike_than_by_chance(rng):
    tiles = rng.randn(5, 20)[rng.randint(5, size=90)] + 0.3 * rng.randn(90, 20)
    cells, U = likeness_grid(tiles), unit_tiles(tiles)

    def between(units):
        grid = {tuple(cell): unit for cell, unit in zip(cells.tolist(), units, strict=True)}
        return sum(
            np.square(U[grid[y, x]] - U[grid[other]]).sum()
            for y, x in grid
            for other in ((y + 1, x), (y, x + 1))
            if other in grid
        )

    assert between(range(90)) < 0.6 * min(between(rng.permutation(90)) for _ in range(20))
