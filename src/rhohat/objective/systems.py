"""Symmetric systems of equations, in the library that their matrix is of."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, cast

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh

from rhohat.common.arrays import Float64Array
from rhohat.common.libraries import is_tensor, library_of


def diagonal(A: Float64Array) -> Float64Array:
    """The diagonal of A, as a view that can be written to."""
    return cast(Float64Array, library_of(A).einsum("ii->i", A))


def factored(A: Float64Array) -> Any:
    """The Cholesky factor of A, for `solved`.

    Raises
    ------
    LinAlgError
        If A is not positive definite.
    """
    if is_tensor(A):
        factor, failed = library_of(A).linalg.cholesky_ex(A)
        if not failed:
            return factor
    else:
        with suppress(LinAlgError):  # SciPy's versions word it differently
            return cho_factor(A, check_finite=False)
    raise LinAlgError("the matrix is not positive definite.")


def solved(factor: Any, B: Float64Array) -> Float64Array:
    """A^-1 B, given the factor of A."""
    if is_tensor(B):
        return cast(Float64Array, library_of(B).cholesky_solve(B, factor))
    return np.asarray(cho_solve(factor, B))


def eigen(A: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Eigenvalues of A, which ascend, and its eigenvectors, in columns."""
    values, vectors = library_of(A).linalg.eigh(A) if is_tensor(A) else eigh(A)
    return values, vectors
