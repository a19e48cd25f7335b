"""Streams: read once per sweep, and noticed where they are not the same again."""

import numpy as np
import pytest

from rhohat import DataChangedError
from rhohat.rows.opening import open_store
from rhohat.rows.stores import GRANULE_ROWS
from support.cases import sparse_data
from support.fits import bits
from support.stored import X, autoencoder


@pytest.fixture(scope="module")
def in_memory():
    return autoencoder().fit(X)


def test_a_stream_is_read_once_per_sweep(tmp_path):
    starts = []

    def blocks():
        starts.append(1)
        yield from np.array_split(sparse_data(3 * GRANULE_ROWS, 4), 30)

    source = open_store(blocks)
    starts.clear()
    for _ in range(3):
        for start in range(0, source.shape[0], 128):
            source.read(start, start + 128)
    assert len(starts) == 3


def test_a_stream_may_fill_the_same_block_anew(in_memory):
    def blocks():
        block = np.empty((100, 8), np.float32)
        for start in range(0, len(X), 100):
            block[:] = X[start : start + 100]
            yield block

    assert bits(autoencoder(verify=False).fit(blocks)) == bits(in_memory)


def test_a_stream_that_is_longer_the_second_time_is_noticed():
    calls = []

    def blocks():
        calls.append(1)
        yield X
        if len(calls) > 1:
            yield X

    with pytest.raises(DataChangedError, match="longer than the first time"):
        autoencoder().fit(blocks)


def test_a_stream_that_is_shorter_the_second_time_is_noticed():
    calls = []

    def blocks():
        calls.append(1)
        yield X if len(calls) == 1 else X[:-1]

    with pytest.raises(DataChangedError):
        autoencoder().fit(blocks)
