"""Arrays of Dask are read as they are computed."""

import dask.array
import numpy as np
import pytest

from rhohat.rows.dask_arrays import DaskArray
from support.stored import X


@pytest.mark.parametrize("chunks", [(5300, 8), (700, 3), ((1, 5000, 299), 8)])
def test_runs_are_those_of_the_array_however_it_is_cut(chunks):
    source = DaskArray(dask.array.from_array(X, chunks=chunks) * 2)
    assert (source.shape, source.dtype) == (X.shape, X.dtype)
    for start, stop in ((0, 1), (699, 1401), (5299, 5300), (0, 5300)):
        np.testing.assert_array_equal(source.read(start, stop).X, 2 * X[start:stop])


def test_an_array_of_unknown_length_says_what_to_call():
    array = dask.array.from_array(X, chunks=(700, 8))
    with pytest.raises(ValueError, match=r"compute_chunk_sizes\(\) first"):
        DaskArray(array[array[:, 0] > 0.5])
