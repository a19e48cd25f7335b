"""Sparse matrices of files: made whole where they are small and sound."""

import numpy as np
import pytest
import scipy.sparse

from rhohat import DataFileError
from rhohat.rows.densify import WHOLE_BYTES, check_whole, whole


def test_zeros_are_put_in_in_the_type_that_is_asked_for():
    matrix = scipy.sparse.random(9, 5, 0.3, format="csr", random_state=0)
    array = whole(matrix, np.dtype("f4"))
    np.testing.assert_array_equal(array, matrix.toarray().astype("f4"))
    assert array.dtype == np.float32


def test_only_what_fits_is_made_whole():
    check_whole((WHOLE_BYTES // 8, 1), np.dtype(float))
    with pytest.raises(DataFileError, match=r"which would take 8\.0 GiB"):
        check_whole((2**20, 2**10), np.dtype(float))
    for shape in ((WHOLE_BYTES // 8 + 1, 1), (10**9, 10**9), (3,), (-1, 5)):
        with pytest.raises(DataFileError, match="sparse matrix"):
            check_whole(shape, np.dtype(float))


@pytest.mark.parametrize("column", [-1, 5, 2**31 - 1])
def test_numbers_beside_the_matrix_are_refused(column):
    matrix = scipy.sparse.random(9, 5, 0.3, format="csr", random_state=0)
    matrix.indices[0] = column
    with pytest.raises(DataFileError, match="damaged sparse matrix"):
        whole(matrix, np.dtype(float))


@pytest.mark.parametrize("last", [0, -1])
def test_pointers_that_fall_are_refused(last):
    matrix = scipy.sparse.random(9, 5, 0.3, format="csr", random_state=0)
    matrix.indptr[1:] = [*[2**30] * 8, last]
    with pytest.raises(DataFileError, match=r"damaged sparse matrix: its index pointers fall"):
        whole(matrix, np.dtype(float))
