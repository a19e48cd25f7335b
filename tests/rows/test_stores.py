"""Rows outside memory: wherever they lie the result has the same bits, and changes are noticed."""

import os

import numpy as np
import pytest

from rhohat import DataChangedError, Whitening
from rhohat.rows import stores
from rhohat.rows.opening import open_store
from rhohat.rows.sources import ArraySource
from rhohat.rows.stores import ChunkedStore, Store
from support.cases import relative
from support.fits import bits
from support.stored import WAYS, X, as_hdf5, as_npy, as_stream, as_zarr, autoencoder

every_way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(scope="module")
def in_memory():
    return autoencoder().fit(X)


@every_way
def test_fit_has_the_same_bits_wherever_the_rows_lie(way, tmp_path, in_memory):
    model = autoencoder().fit(WAYS[way](tmp_path))
    assert bits(model) == bits(in_memory)
    assert model.data_fingerprint_ == in_memory.data_fingerprint_
    assert model.n_features_in_ == 8


@every_way
def test_runs_and_chosen_rows_are_read_as_an_array_would_give_them(way, tmp_path):
    source = open_store(WAYS[way](tmp_path))
    source = ArraySource(X) if source is None else source
    assert source.shape == X.shape
    assert source.dtype == X.dtype
    for start, stop in [(0, 1), (5200, 5300), (698, 1702), (0, 5300), (3, 9)]:
        rows = source.read(start, stop)
        assert rows.start == start
        assert rows.X.flags.c_contiguous
        np.testing.assert_array_equal(rows.X, X[start:stop])
    indices = np.array([0, 1, 8, 9, 10, 699, 700, 2999, 3000, 5299])
    np.testing.assert_array_equal(source.take(indices).X, X[indices])


@every_way
def test_whitening_a_store_is_whitening_the_array(way, tmp_path):
    given_rows = WAYS[way](tmp_path)
    streamed, whole = Whitening().fit(given_rows), Whitening().fit(X)
    assert relative(streamed.components_, whole.components_) < 1e-10
    assert relative(streamed.mean_, whole.mean_) < 1e-10
    np.testing.assert_allclose(
        np.asarray(streamed.transform(given_rows)), whole.transform(X), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("way", ["path of .npy", "zarr", "stream"])
def test_weights_count_outside_memory_as_inside(way, tmp_path):
    weight = np.random.RandomState(0).uniform(0.5, 2, len(X))
    stored = autoencoder().fit(WAYS[way](tmp_path), sample_weight=weight)
    assert bits(stored) == bits(autoencoder().fit(X, sample_weight=weight))


# What is wrong is said.


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("way", ["npy", "zarr", "hdf5", "stream"])
def test_not_a_number_is_named_by_row_and_file_before_training(way, value, tmp_path):
    spoiled = X.copy()
    spoiled[4100, 3] = value
    make = {"npy": as_npy, "zarr": as_zarr, "hdf5": as_hdf5, "stream": as_stream}[way]
    rows = make(tmp_path, spoiled)
    called = []
    with pytest.raises(ValueError, match=r"row 4100, column 3, in the block of rows 4096 to 5119"):
        autoencoder(callback=called.append).fit(rows)
    with pytest.raises(ValueError, match="row 4100, column 3"):
        Whitening().fit(rows)
    assert not called


class Shortened(Store):
    def load(self, start, stop):
        return np.zeros((stop - start - 1, 3))


def test_rows_that_are_gone_are_said_with_their_numbers():
    source = Shortened("x.npy", (50, 3), np.float64)
    message = r"x.npy gave \(9, 3\) for rows 20 to 29, expected \(10, 3\): it was shortened"
    with pytest.raises(DataChangedError, match=message):
        source.read(20, 30)


@pytest.mark.parametrize("shape", [(5,), (5, 3, 1), (0, 3), (5, 0)])
def test_what_has_no_rows_and_columns_is_refused(shape):
    with pytest.raises(ValueError, match=r"x.npy has shape .*, expected \(rows, columns\)"):
        Shortened("x.npy", shape, np.float64)


class Counted(ChunkedStore):
    """Eight granules of a file, and how many were read."""

    def __init__(self, path):
        self.path, self.n_read = path, 0
        super().__init__(str(path), (80, 2), np.dtype(np.float64), np.arange(10, 81, 10))

    def load_granule(self, start, stop):
        self.n_read += 1
        return np.full((stop - start, 2), float(self.path.read_text()))


@pytest.mark.parametrize("held_bytes", [80 * 16, 80 * 16 - 1])
def test_rows_of_a_small_file_are_decoded_again_only_once_it_was_changed(
    held_bytes, tmp_path, monkeypatch
):
    monkeypatch.setattr(stores, "HELD_BYTES", held_bytes)
    path = tmp_path / "x"
    path.write_text("1")
    store = Counted(path)
    for _ in range(3):
        assert [store.read(start, start + 5).X[0, 0] for start in range(0, 80, 5)] == 16 * [1.0]
    assert store.n_read == (8 if held_bytes == 80 * 16 else 24)
    path.write_text("2")
    os.utime(path, ns=(0, 1))  # however coarse the clock of the file system is
    assert store.read(0, 5).X[0, 0] == 2.0
    path.unlink()
    with pytest.raises(FileNotFoundError):
        store.read(0, 5)
