"""Systems: factors, solutions and eigenvectors in NumPy's library and torch's."""

import numpy as np
import pytest
from scipy.linalg import LinAlgError

from rhohat.objective.systems import diagonal, eigen, factored, solved


@pytest.fixture(params=["NumPy", pytest.param("torch", marks=pytest.mark.torch)])
def library(request):
    """Makes arrays of a library."""
    return np.array if request.param == "NumPy" else pytest.importorskip("torch").from_numpy


@pytest.fixture
def matrix(rng):
    """A positive definite one."""
    F = rng.normal(size=(9, 6))
    return F.T @ F


def test_a_solution_solves_the_system(matrix, library, rng):
    B = rng.normal(size=(6, 3))
    A = library(matrix.copy())
    found = solved(factored(A), library(B))
    np.testing.assert_allclose(matrix @ np.asarray(found), B, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(np.asarray(A), matrix)


def test_what_is_not_positive_definite_has_no_factor(matrix, library):
    with pytest.raises(LinAlgError, match="positive definite"):
        factored(library(-matrix))


def test_the_diagonal_can_be_written_to(matrix, library):
    A = library(matrix.copy())
    own = diagonal(A)
    own += 2
    np.testing.assert_array_equal(np.asarray(A), matrix + 2 * np.eye(6))


def test_eigenvectors_are_in_columns_and_their_values_ascend(matrix, library):
    values, vectors = map(np.asarray, eigen(library(matrix)))
    assert (np.diff(values) > 0).all()
    np.testing.assert_allclose(matrix @ vectors, vectors * values, atol=1e-9)
