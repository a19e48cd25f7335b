"""Rows that are computed as they are read."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from rhohat import PatchNormalizer, Whitening
from rhohat.rows.derived import Concatenation, Mapped
from rhohat.rows.partition import CHUNK_ROWS
from rhohat.rows.sources import ArraySource
from support.fits import bits
from support.stored import WAYS, X, as_npy, autoencoder


@pytest.fixture(scope="module")
def in_memory():
    return autoencoder().fit(X)


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


def test_not_a_number_is_named_where_features_are_computed_too(tmp_path, in_memory):
    spoiled = X.copy()
    spoiled[77, 2] = np.nan
    with pytest.raises(ValueError, match="row 77, column 2"):
        np.asarray(in_memory.transform(as_npy(tmp_path, spoiled)))


def test_what_is_computed_later_follows_the_transformer_as_it_was(tmp_path):
    path = as_npy(tmp_path)
    normalizer = PatchNormalizer().fit(X)
    lazy, expected = normalizer.transform(path), normalizer.transform(X)
    normalizer.fit(100 * X)
    np.testing.assert_array_equal(np.asarray(lazy), expected)


def test_a_function_sees_at_most_a_chunk_of_rows_at_a_time():
    seen = []
    made = Mapped(ArraySource(np.ones((3000, 2))), lambda X: seen.append(len(X)) or X, 2)
    assert len(made.read(0, 3000).X) == 3000
    assert seen == [CHUNK_ROWS, CHUNK_ROWS, 3000 - 2 * CHUNK_ROWS]


def test_blocks_have_the_columns_of_the_first():
    first, second = (ArraySource(np.ones((3, 2))) for _ in range(2))
    assert Concatenation([first, second]).columns == ()
    first.columns = ("a", "b")
    assert Concatenation([first, second]).columns == ("a", "b")
