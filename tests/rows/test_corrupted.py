"""Corrupted rows: the same wherever they lie, beside the rows as they were."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from rhohat import Masking
from rhohat.objective.corruption import CORRUPTIONS
from rhohat.rows.corrupted import Corrupted, corrupted
from rhohat.rows.opening import open_store
from rhohat.rows.sources import ArraySource, Paired, in_memory
from rhohat.rows.sparse_rows import SparseRows, taken
from support.stored import WAYS, X, as_npy

every_corruption = pytest.mark.parametrize("name", CORRUPTIONS)
NUMBERS = np.arange(len(X))


@every_corruption
@pytest.mark.parametrize("way", WAYS)
def test_rows_are_corrupted_alike_wherever_they_lie(name, way, tmp_path):
    corruption = CORRUPTIONS[name]()
    expected = corruption.of(X, NUMBERS)
    given = WAYS[way](tmp_path)
    source = corrupted(open_store(given) or ArraySource(given), corruption)
    assert source.n_targets == X.shape[1]
    for start, stop in [(0, 1), (698, 1702), (5200, 5300)]:
        rows = source.read(start, stop)
        assert_array_equal(rows.X, expected[start:stop])
        assert_array_equal(rows.target, X[start:stop])
    some = np.array([3, 700, 2999, 5299])
    for rows in (source.take(some), taken(source, some).read(0, 4)):
        assert_array_equal(rows.X, expected[some])
        assert_array_equal(rows.target, X[some])


@every_corruption
def test_a_process_that_is_sent_a_portion_corrupts_it_alike(name, tmp_path):
    source = Corrupted(open_store(as_npy(tmp_path)), CORRUPTIONS[name]())
    portion = pickle.loads(pickle.dumps(source.portion(1024, 2048)))
    for one, other in zip(portion.read(1024, 2048), source.read(1024, 2048), strict=True):
        assert_array_equal(one, other)


@every_corruption
def test_weights_and_targets_of_their_own_are_kept(name):
    weight, target = np.arange(1.0, len(X) + 1), X[:, :3].copy()
    source = corrupted(in_memory(X, weight, target=target), CORRUPTIONS[name]())
    rows = source.read(10, 20)
    assert_array_equal(rows.sample_weight, weight[10:20])
    assert_array_equal(rows.target, target[10:20])
    assert_array_equal(rows.X, CORRUPTIONS[name]().of(X, NUMBERS)[10:20])


@every_corruption
def test_sparse_rows_stay_sparse_until_they_are_read(name):
    rows = sparse.random_array((300, 6), density=0.3, random_state=0, format="csr")
    source = corrupted(SparseRows(rows), CORRUPTIONS[name]())
    assert isinstance(source.origin, SparseRows)
    dense = corrupted(ArraySource(rows.toarray()), CORRUPTIONS[name]())
    for one, other in zip(source.read(7, 90), dense.read(7, 90), strict=True):
        assert_array_equal(one, other)


def test_rows_in_memory_are_corrupted_once():
    source = corrupted(ArraySource(X), Masking())
    assert isinstance(source, Paired)
    assert source.read(0, 9).X.base is source.source.X
    assert source.target.X is X


@every_corruption
def test_seeds_and_numbers_of_rows_make_a_difference(name):
    corruption, other = CORRUPTIONS[name](), CORRUPTIONS[name](seed=1)
    whole = corruption.of(X, NUMBERS)
    assert (whole != other.of(X, NUMBERS)).mean() > 0.3
    later = Corrupted(ArraySource(X), corruption, first=10).read(0, 5)
    assert_array_equal(later.X, corruption.of(X[:5], np.arange(10, 15)))


def test_without_a_corruption_a_source_stays_what_it_is():
    source = ArraySource(X)
    assert corrupted(source, None) is source
