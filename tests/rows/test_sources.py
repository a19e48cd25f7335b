"""Sources: rows that can be used, and rows that cannot."""

import numpy as np
import pytest

from rhohat.rows.sources import ArraySource, Holders, Rows, check_finite
from support.stored import X, as_npy, autoencoder


def test_values_whose_sum_overflows_are_not_taken_for_infinite():
    large = np.full((40, 2), 3e38, dtype=np.float32)
    check_finite(Rows(large), "large values")


def test_rows_outside_memory_that_weigh_nothing_are_refused(tmp_path):
    weight = np.ones(len(X))
    weight[9] = 0
    with pytest.raises(ValueError, match="zero for row 9"):
        autoencoder().fit(as_npy(tmp_path), sample_weight=weight)


def test_values_that_are_not_finite_are_named_by_file_row_and_column():
    rows = np.zeros((40, 3))
    rows[21, 2] = np.inf
    rows[30, 0] = np.nan
    holders = Holders(("one.npy", "two.npy"), (110, 160))
    with pytest.raises(ValueError) as raised:
        check_finite(Rows(rows, start=100), holders)
    assert str(raised.value).startswith(
        "two.npy holds inf in row 11 (121 of all), column 2, in the block of rows 100 to 139."
    )
    with pytest.raises(ValueError, match=r"x holds inf in row 121, column 2, in the block"):
        check_finite(Rows(rows, start=100), "x")


def test_blocks_of_rows_keep_their_numbers_weights_and_classes():
    rows = Rows(np.arange(14.0).reshape(7, 2), np.arange(7.0), 100, np.arange(7))
    blocks = list(rows.blocks(3))
    assert [block.start for block in blocks] == [100, 103, 106]
    assert [len(block.X) for block in blocks] == [3, 3, 1]
    values = [np.concatenate([block[i] for block in blocks]) for i in (0, 1, 3)]
    assert all(map(np.array_equal, values, (rows.X, rows.sample_weight, rows.y)))
    assert rows.part(2, 4)[2] == 102
    assert Rows(rows.X).part(2, 4)[1:] == (None, 2, None, None)


def test_an_array_is_its_own_origin_and_gives_way_to_another():
    source, other = ArraySource(np.eye(5)[:, ::2]), ArraySource(np.ones((5, 3)))
    assert source.origin is source
    assert source.portion(0, 3) is source
    assert source.over(other) is other
    assert source.shape == (5, 3)
    for rows in (source.read(1, 3), source.take(np.array([1, 2]))):
        assert rows.X.flags.c_contiguous
        np.testing.assert_array_equal(rows.X, np.eye(5)[1:3, ::2])
    assert (source.read(1, 3).start, source.take(np.array([1, 2])).start) == (1, 0)
