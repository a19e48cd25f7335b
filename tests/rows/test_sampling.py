"""Samples: different rows, each as likely as the others."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rhohat.rows.sampling import sample_rows
from support.cases import laws


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
