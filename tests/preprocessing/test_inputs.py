"""Inputs of estimators: rows of the width that was seen in fit."""

import pytest

from support.stored import X, as_npy, autoencoder


@pytest.fixture(scope="module")
def in_memory():
    return autoencoder().fit(X)


def test_another_number_of_columns_is_refused(tmp_path, in_memory):
    with pytest.raises(ValueError, match="has 3 columns, but SparseAutoencoder was fitted on 8"):
        in_memory.transform(as_npy(tmp_path, X[:, :3].copy()))
