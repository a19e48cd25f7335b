"""Rows in files: those of several follow each other."""

import numpy as np
import scipy.io
from numpy.testing import assert_array_equal

from rhohat import load_rows


def test_rows_of_several_files_follow_each_other(tmp_path):
    np.save(tmp_path / "a.npy", np.eye(3, dtype="f4"))
    scipy.io.savemat(tmp_path / "b.mat", {"x": np.ones((2, 3))})
    np.savez(tmp_path / "c.npz", np.zeros((1, 3)))
    X = load_rows(tmp_path)
    assert_array_equal(X, np.vstack([np.eye(3), np.ones((2, 3)), np.zeros((1, 3))]))
