"""Partitions: how rows are cut up decides the last digits only."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhohat.rows.partition import CHUNK_ROWS, NARROW_CHUNK_ROWS, Partition
from support.cases import laws
from support.stored import X, as_npy, autoencoder


@pytest.mark.slow
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


@given(n_features=st.integers(1, 5000), n_components=st.integers(1, 5000))
@laws(30)
def test_chunks_cover_every_row_once_in_whole_blocks(n_features, n_components):
    partition = Partition.for_shape(n_features, n_components, np.dtype(np.float32))
    assert partition.chunk_size % partition.block_size == 0
    for n_rows in (1, partition.chunk_size, 3 * partition.chunk_size + 1):
        chunks = list(partition.chunks(n_rows))
        assert [row for chunk in chunks for row in range(*chunk)] == list(range(n_rows))


@given(n_features=st.integers(1, 5000), n_components=st.integers(1, 5000))
@laws(30)
def test_training_takes_larger_chunks_of_narrow_rows_in_whole_multiples(n_features, n_components):
    """Of the pieces for which there are checksums, and whose bits a transform has."""
    shape = n_features, n_components, np.dtype(np.float32)
    plain, training = (
        Partition.for_shape(*shape, most_rows=most) for most in (CHUNK_ROWS, NARROW_CHUNK_ROWS)
    )
    assert plain.chunk_size == CHUNK_ROWS
    assert training.chunk_size % CHUNK_ROWS == 0
    assert CHUNK_ROWS <= training.chunk_size <= NARROW_CHUNK_ROWS
    assert (training == plain) == (n_features + n_components >= 171)


@pytest.mark.parametrize(
    ("shape", "plain", "training"),
    [
        ((64, 25, np.float32), (1024, 1024), (3072, 3072)),
        ((64, 25, np.float64), (1024, 1024), (1024, 1024)),
        ((8, 4, np.float32), (1024, 1024), (4096, 4096)),
        ((1000, 366, np.float64), (512, 1024), (512, 1024)),  # 1,024 would take 32.02 MiB
        ((4096, 8192, np.float64), (64, 1024), (64, 1024)),
    ],
)
def test_sizes_are_those_that_bits_of_models_rest_on(shape, plain, training):
    n_features, n_components, dtype = shape
    for sizes, most in ((plain, CHUNK_ROWS), (training, NARROW_CHUNK_ROWS)):
        dtype = np.dtype(dtype)
        assert Partition.for_shape(n_features, n_components, dtype, most_rows=most) == sizes


@pytest.mark.parametrize(
    ("block", "chunk", "expected"),
    [(10, None, (10, 1020)), (2000, None, (2000, 2000)), (None, 100, (100, 100)), (5, 15, (5, 15))],
)
def test_sizes_that_are_given_are_taken(block, chunk, expected):
    assert Partition.for_shape(64, 25, np.dtype(np.float32), block, chunk) == expected


@pytest.mark.parametrize(
    ("block", "chunk", "message"),
    [
        (10, 25, "chunk_size must be a multiple of block_size=10, got 25"),
        (0, None, "block_size must be at least 1"),
        (None, 0, "chunk_size must be at least 1"),
        (2.5, None, "block_size must be"),
    ],
)
def test_chunks_that_are_no_whole_blocks_are_refused(block, chunk, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Partition.for_shape(64, 25, np.dtype(np.float32), block, chunk)
