"""Files of NumPy: rows in any type and any order of memory."""

import numpy as np
import pytest

from rhohat.common.errors import DataChangedError
from rhohat.rows.opening import open_file
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


@pytest.mark.parametrize("harm", ["removed", "replaced"])
def test_a_column_major_file_that_is_gone_is_said(harm, tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.asfortranarray(X[:300]))
    source = open_file(path)
    assert source.read(0, 5).X.shape == (5, X.shape[1])
    path.unlink()
    if harm == "replaced":
        path.write_bytes(b"no array")
    with pytest.raises(DataChangedError, match="can no longer be read"):
        source.read(0, 5)


@pytest.mark.parametrize("read", ["read", "take"])
def test_a_file_that_is_gone_or_shorter_is_said(read, tmp_path):
    path = as_npy(tmp_path, X[:300])
    source = open_file(path)
    asked = (290, 300) if read == "read" else (np.arange(290, 300),)
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size - 1)
    with pytest.raises(DataChangedError, match="ends before row 299 of 300: it was shortened"):
        getattr(source, read)(*asked)
    path.unlink()
    with pytest.raises(DataChangedError, match="has disappeared since it was opened"):
        getattr(source, read)(*asked)
