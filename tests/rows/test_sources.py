"""Sources: rows that can be used, and rows that cannot."""

import numpy as np
import pytest

from rhohat.rows.sources import Rows, check_finite
from support.stored import X, as_npy, autoencoder


def test_values_whose_sum_overflows_are_not_taken_for_infinite():
    large = np.full((40, 2), 3e38, dtype=np.float32)
    check_finite(Rows(large), "large values")


def test_rows_outside_memory_that_weigh_nothing_are_refused(tmp_path):
    weight = np.ones(len(X))
    weight[9] = 0
    with pytest.raises(ValueError, match="zero for row 9"):
        autoencoder().fit(as_npy(tmp_path), sample_weight=weight)
