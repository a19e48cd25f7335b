"""Rows outside memory: wherever they lie the result has the same bits, and changes are noticed."""

import os
from pathlib import Path

import dask.array
import h5py
import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from sklearn.pipeline import make_pipeline

from rhohat import DataChangedError, PatchNormalizer, SparseAutoencoder, Whitening
from rhohat.rows.checksums import PIECE_ROWS
from rhohat.rows.opening import open_store
from rhohat.rows.sampling import sample_rows
from rhohat.rows.sources import ArraySource, Rows, check_finite
from rhohat.rows.stores import GRANULE_ROWS
from support.cases import laws, relative, sparse_data
from training.test_training import bits

#: More than a growing stage takes, and than two pieces of a manifest.
X = sparse_data(5300, 8, dtype=np.float32)


def as_npy(folder, X=X, name="x.npy"):
    np.save(folder / name, X)
    return folder / name


def as_zarr(folder, X=X, rows=700):
    path = folder / "x.zarr"
    array = zarr.create_array(path, shape=X.shape, chunks=(rows, X.shape[1]), dtype=X.dtype)
    array[:] = X
    return array


def as_hdf5(folder, X=X, **options):
    with h5py.File(folder / "x.h5", "w") as file:
        file.create_dataset("group/x", data=X, **options)
        file["labels"] = np.zeros(3)
    return folder / "x.h5"


def as_stream(folder, X=X):
    def blocks():
        for start in range(0, len(X), 333):
            yield X[start : start + 333]

    return blocks


#: Ways in which the same rows are given.
WAYS = {
    "path of .npy": as_npy,
    "text": lambda folder: str(as_npy(folder)),
    "memmap": lambda folder: np.load(as_npy(folder), mmap_mode="r"),
    "part of a memmap": lambda folder: np.load(
        as_npy(folder, np.vstack([X[:7], X])), mmap_mode="r"
    )[7:],
    "column-major .npy": lambda folder: as_npy(folder, np.asfortranarray(X)),
    "zarr": as_zarr,
    "path of .zarr": lambda folder: as_zarr(folder).store_path.store.root,
    "HDF5": as_hdf5,
    "HDF5 in chunks": lambda folder: as_hdf5(folder, chunks=(501, 3), compression="gzip"),
    "name in HDF5": lambda folder: f"{as_hdf5(folder)}::group/x",
    "HDF5 dataset": lambda folder: h5py.File(as_hdf5(folder))["group/x"],
    "Dask": lambda folder: dask.array.from_zarr(as_zarr(folder)).rechunk((900, 4)),
    "blocks": lambda folder: [X[:10], X[10:3000], X[3000:]],
    "paths": lambda folder: [as_npy(folder, X[:900], "a.npy"), as_npy(folder, X[900:], "b.npy")],
    "stream": as_stream,
}
every_way = pytest.mark.parametrize("way", WAYS)


def autoencoder(**changes):
    settings = {"n_components": 5, "max_iter": 12, "random_state": 0, "n_jobs": 2}
    return SparseAutoencoder(**(settings | changes))


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


def test_a_pipeline_on_a_file_learns_what_one_in_memory_does(tmp_path):
    """Whitened rows are computed as they are read, without a copy; last bits may differ."""
    pipeline = make_pipeline(Whitening(), autoencoder())
    on_file, steps = pipeline.fit(as_npy(tmp_path))[-1].loss_, pipeline[-1].n_iter_
    assert on_file == pytest.approx(pipeline.fit(X)[-1].loss_, rel=1e-3)
    assert pipeline[-1].n_iter_ == steps
    codes = pipeline.transform(as_npy(tmp_path))
    assert codes.shape == (5300, 5)
    np.testing.assert_allclose(np.asarray(codes), pipeline.transform(X), rtol=1e-4, atol=1e-6)


def test_rows_computed_as_they_are_read_have_the_same_bits_in_every_store(tmp_path):
    """Stores differ in how they are read, not in what is computed of them."""
    models = []
    for way in ("path of .npy", "zarr", "stream"):
        rows = WAYS[way](tmp_path)
        models.append(bits(make_pipeline(Whitening(), autoencoder()).fit(rows)[-1]))
    assert models[0] == models[1] == models[2]


@given(block=st.integers(1, 900), blocks_per_chunk=st.integers(1, 5))
@laws(8)
def test_other_sizes_of_blocks_and_chunks_agree_to_twelve_digits(
    tmp_path_factory, block, blocks_per_chunk
):
    path = as_npy(tmp_path_factory.mktemp("sizes"), X.astype(np.float64))
    sizes = {"block_size": block, "chunk_size": block * blocks_per_chunk}
    models = [autoencoder(max_iter=1, growth=False, **chosen).fit(path) for chosen in ({}, sizes)]
    assert models[1].loss_curve_[0] == pytest.approx(models[0].loss_curve_[0], rel=1e-12)
    assert models[1].loss_ == pytest.approx(models[0].loss_, rel=1e-11)


@pytest.mark.parametrize("way", ["path of .npy", "zarr", "stream"])
def test_weights_count_outside_memory_as_inside(way, tmp_path):
    weight = np.random.RandomState(0).uniform(0.5, 2, len(X))
    stored = autoencoder().fit(WAYS[way](tmp_path), sample_weight=weight)
    assert bits(stored) == bits(autoencoder().fit(X, sample_weight=weight))


@pytest.mark.parametrize("dtype", ["f2", "i1", "u2", ">f4", ">f8", "?"])
def test_other_types_are_converted_as_arrays_are(dtype, tmp_path):
    values = (100 * X[:300]).astype(dtype)
    stored = autoencoder(max_iter=2).fit(as_npy(tmp_path, values))
    assert bits(stored) == bits(autoencoder(max_iter=2).fit(values))


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


def test_values_whose_sum_overflows_are_not_taken_for_infinite():
    large = np.full((40, 2), 3e38, dtype=np.float32)
    check_finite(Rows(large), "large values")


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ("missing.npy", FileNotFoundError, "missing.npy"),
        ("rows.parquet", ValueError, "ends in none of .npy, .zarr, .h5, .hdf5"),
        ((block for block in [X]), TypeError, "pass the function that makes it"),
        (lambda: iter([]), ValueError, "is empty"),
        (lambda: [X[0]], ValueError, "block 0 .* has shape"),
        (lambda: [X, X[:, :3]], ValueError, "columns"),
        ([X, X[:, :3]], ValueError, "one width"),
        ([np.array([["a"]])], TypeError, "real numbers"),
    ],
)
def test_what_is_no_store_of_rows_is_told_so(rows, error, message):
    with pytest.raises(error, match=message):
        autoencoder().fit(rows)


def test_a_store_of_several_arrays_asks_for_a_name(tmp_path):
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["a"], file["b"] = X, X[:9]
    with pytest.raises(ValueError, match=r"a \(5300, 8\), b \(9, 8\)"):
        autoencoder().fit(tmp_path / "two.h5")
    assert open_store(f"{tmp_path}/two.h5::b").shape == (9, 8)


def test_another_number_of_columns_is_refused(tmp_path, in_memory):
    with pytest.raises(ValueError, match="has 3 columns, but SparseAutoencoder was fitted on 8"):
        in_memory.transform(as_npy(tmp_path, X[:, :3].copy()))


# Data that change.


def edit(path):
    mapped = np.load(path, mmap_mode="r+")
    mapped[4000, 2] += 1


def flip_a_bit(path):
    with open(path, "r+b") as file:
        file.seek(-1000, os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-1000, os.SEEK_END)
        file.write(bytes([byte ^ 1]))


def shorten(path):
    os.truncate(path, path.stat().st_size - 50_000)


CHANGES = {
    edit: "rows 3072 to 4095",
    flip_a_bit: "rows 5120 to 5299",
    shorten: "shortened",
    Path.unlink: "is gone",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_is_noticed_at_the_next_sweep_and_named(change, tmp_path):
    path = as_npy(tmp_path)

    def after(progress):
        if progress.n_iter == 9:
            change(path)

    with pytest.raises(DataChangedError, match=CHANGES[change]) as raised:
        autoencoder(callback=after, growth=False).fit(path)
    assert "x.npy" in str(raised.value)


def test_a_missing_chunk_of_zarr_is_noticed(tmp_path):
    array = as_zarr(tmp_path)

    def after(progress):
        if progress.n_iter == 3:
            (tmp_path / "x.zarr" / "c" / "4" / "0").unlink()

    with pytest.raises(
        DataChangedError, match=r"rows (2048|3072) to .* of the zarr array .*x\.zarr"
    ):
        autoencoder(callback=after, growth=False).fit(array)


def test_changes_go_unnoticed_only_where_that_is_asked_for(tmp_path):
    path = as_npy(tmp_path)
    model = autoencoder(callback=lambda p: edit(path), growth=False, verify=False, max_iter=3)
    model.fit(path)
    assert model.n_iter_ == 3


def test_any_single_flipped_bit_is_noticed(tmp_path):
    path = as_npy(tmp_path, X[: PIECE_ROWS + 10])
    random = np.random.RandomState(0)
    content = path.read_bytes()

    for _ in range(25):
        position = random.randint(128, len(content))

        def after(progress, position=position):
            damaged = bytearray(content)
            damaged[position] ^= 1 << random.randint(8)
            path.write_bytes(damaged)

        with pytest.raises(DataChangedError):
            autoencoder(callback=after, max_iter=2).fit(path)
        path.write_bytes(content)


# The growing part.


@given(n_rows=st.integers(1, 10**6), size=st.integers(1, 500), seed=st.integers(0, 2**31 - 1))
@laws(100)
def test_a_reservoir_holds_different_rows_of_those_there_are(n_rows, size, seed):
    rows = sample_rows(n_rows, size, seed)
    assert len(set(rows.tolist())) == len(rows) == min(size, n_rows)
    assert rows.min() >= 0
    assert rows.max() < n_rows
    np.testing.assert_array_equal(rows, sample_rows(n_rows, size, seed))


def test_every_row_is_as_likely_in_the_reservoir_and_in_each_of_its_places():
    held = np.array([sample_rows(40, 10, seed) for seed in range(4000)])
    for rows, expected in ((held, 1000), (held[:, :3], 300)):
        counts = np.bincount(rows.ravel(), minlength=40)
        assert abs(counts - expected).max() < 5 * np.sqrt(expected)


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


# What a reviewer found.


@pytest.mark.parametrize("dtype", ["u1", "f2", "i4", ">f4", "f8", "?"])
def test_column_major_files_are_converted_as_arrays_are(dtype, tmp_path):
    values = np.asfortranarray((100 * X[:300]).astype(dtype))
    stored = autoencoder(max_iter=2).fit(as_npy(tmp_path, values))
    assert bits(stored) == bits(autoencoder(max_iter=2).fit(values))


def test_not_a_number_is_named_where_features_are_computed_too(tmp_path, in_memory):
    spoiled = X.copy()
    spoiled[77, 2] = np.nan
    with pytest.raises(ValueError, match="row 77, column 2"):
        np.asarray(in_memory.transform(as_npy(tmp_path, spoiled)))


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


def test_a_file_that_grows_is_noticed(tmp_path):
    path = as_npy(tmp_path)

    def after(progress):
        with open(path, "ab") as file:
            file.write(X.tobytes())

    with pytest.raises(DataChangedError, match="has grown"):
        autoencoder(callback=after, growth=False).fit(path)


def test_rows_outside_memory_that_weigh_nothing_are_refused(tmp_path):
    weight = np.ones(len(X))
    weight[9] = 0
    with pytest.raises(ValueError, match="zero for row 9"):
        autoencoder().fit(as_npy(tmp_path), sample_weight=weight)


def test_what_is_computed_later_follows_the_transformer_as_it_was(tmp_path):
    path = as_npy(tmp_path)
    normalizer = PatchNormalizer().fit(X)
    lazy, expected = normalizer.transform(path), normalizer.transform(X)
    normalizer.fit(100 * X)
    np.testing.assert_array_equal(np.asarray(lazy), expected)


def test_no_file_is_left_open(tmp_path):
    path = as_hdf5(tmp_path)
    model = autoencoder(max_iter=2).fit(path)
    np.asarray(model.transform(path))
    with pytest.raises(ValueError, match="Choose one"):
        open_store(f"{path}::missing")
    with h5py.File(path, "w"):  # which fails while it is open elsewhere
        pass


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([np.empty((0, 6)), np.empty((0, 6))], ValueError, "no rows"),
        (dask.array.from_array(np.array(1.0)), ValueError, r"has shape \(\)"),
        (lambda: 3, TypeError, "expected an iterable of arrays"),
    ],
)
def test_what_holds_no_rows_is_told_so(rows, error, message):
    with pytest.raises(error, match=message):
        autoencoder().fit(rows)


@pytest.mark.parametrize("name", ["x.npy", "x.h5"])
def test_what_is_no_such_file_is_named(name, tmp_path):
    (tmp_path / name).write_bytes(b"hello")
    with pytest.raises(ValueError, match=name):
        autoencoder().fit(tmp_path / name)
