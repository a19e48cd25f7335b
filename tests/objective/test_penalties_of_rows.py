"""Groups and neighborhoods: what is pooled, and which maps are refused."""

import numpy as np
import pytest

from rhohat import GroupSparsity, SparseObjective, TopographicSparsity
from rhohat.objective.activations import ACTIVATIONS


def near_on_sheet(rows, columns, radius):
    """Whether units are near, (k, k), in plain loops."""
    places = [(i, j) for i in range(rows) for j in range(columns)]

    def close(a, b, n):
        return min((a - b) % n, (b - a) % n) <= radius

    return np.array(
        [[close(a, c, rows) and close(b, d, columns) for c, d in places] for a, b in places]
    )


@pytest.mark.parametrize("radius", [0, 1, 2, 3, 9])
@pytest.mark.parametrize("shape", [(4, 5), (1, 7), (6, 1), (2, 2), (7, 6)])
def test_neighborhoods_on_a_sheet_wrap_and_hold_each_unit_once(shape, radius, rng):
    A = rng.normal(size=(9, shape[0] * shape[1]))
    h, _ = TopographicSparsity(shape=shape, radius=radius, epsilon=0.2).pointwise(A)
    expected = np.sqrt(0.2 + A**2 @ near_on_sheet(*shape, radius))
    np.testing.assert_allclose(h, expected, rtol=1e-12)


@pytest.mark.parametrize("n_units", [1, 2, 3, 8])
def test_a_ring_is_a_sheet_of_one_row(n_units, rng):
    A = rng.normal(size=(5, n_units))
    ring = TopographicSparsity().pointwise(A)[0]
    np.testing.assert_array_equal(ring, TopographicSparsity(shape=(1, n_units)).pointwise(A)[0])


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_groups_are_of_consecutive_units_and_share_what_they_cost(size, rng):
    A, penalty = rng.normal(size=(7, 6)), GroupSparsity(0.5, size, epsilon=0.1)
    h, _ = penalty.pointwise(A)
    norms = np.sqrt(0.1 + (A.reshape(7, -1, size) ** 2).sum(axis=2))
    value, _ = penalty.on_average(h.mean(axis=0), ACTIVATIONS["identity"])
    assert value == pytest.approx(0.5 * norms.mean(axis=0).sum(), rel=1e-12)
    np.testing.assert_allclose(h, np.repeat(norms, size, axis=1) / size, rtol=1e-12)


@pytest.mark.parametrize(("n_units", "size"), [(1, 1), (2, 2), (9, 3), (100, 2), (7, 7)])
def test_without_a_size_groups_are_as_small_as_the_number_of_units_allows(n_units, size, rng):
    A = rng.normal(size=(3, n_units))
    expected = GroupSparsity(size=size).pointwise(A)[0]
    np.testing.assert_array_equal(GroupSparsity().pointwise(A)[0], expected)


def test_a_size_that_does_not_divide_the_units_is_refused_with_those_that_do():
    with pytest.raises(ValueError, match=r"Use n_components=8, or a size among 1, 2, 3, 6\."):
        SparseObjective(4, 6, penalty=GroupSparsity(size=4))


def test_a_map_of_other_places_is_refused():
    with pytest.raises(ValueError, match=r"has 12 places, but there are 10 units\. Use n_comp"):
        SparseObjective(4, 10, penalty=TopographicSparsity(shape=(3, 4)))


@pytest.mark.parametrize(
    "penalty",
    [
        GroupSparsity(size=0),
        GroupSparsity(size=1.5),
        GroupSparsity(epsilon=0),
        TopographicSparsity(radius=-1),
        TopographicSparsity(radius="1"),
        TopographicSparsity(shape=(2, 0)),
        TopographicSparsity(shape="ring"),
        TopographicSparsity(epsilon=-1),
    ],
    ids=repr,
)
def test_parameters_out_of_range_are_refused(penalty):
    with pytest.raises((ValueError, TypeError), match=type(penalty).__name__):
        penalty.check(ACTIVATIONS["sigmoid"])
