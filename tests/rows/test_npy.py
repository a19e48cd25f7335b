"""Files of NumPy: rows in any type and any order of memory."""

import numpy as np
import pytest

from support.fits import bits
from support.stored import X, as_npy, autoencoder


@pytest.mark.parametrize("dtype", ["f2", "i1", "u2", ">f4", ">f8", "?"])
def test_other_types_are_converted_as_arrays_are(dtype, tmp_path):
    values = (100 * X[:300]).astype(dtype)
    stored = autoencoder(max_iter=2).fit(as_npy(tmp_path, values))
    assert bits(stored) == bits(autoencoder(max_iter=2).fit(values))


@pytest.mark.parametrize("dtype", ["u1", "f2", "i4", ">f4", "f8", "?"])
def test_column_major_files_are_converted_as_arrays_are(dtype, tmp_path):
    values = np.asfortranarray((100 * X[:300]).astype(dtype))
    stored = autoencoder(max_iter=2).fit(as_npy(tmp_path, values))
    assert bits(stored) == bits(autoencoder(max_iter=2).fit(values))
