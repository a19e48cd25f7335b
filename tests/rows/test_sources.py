"""Sources: rows that can be used, and rows that cannot."""

import numpy as np
import pytest

from rhohat.rows.sources import Holders, Rows, check_finite
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
