"""Mean variances, in a pass over the data."""

import numpy as np
import pytest

from rhohat.preprocessing.variances import variance_of_pixels, variance_of_rows
from rhohat.rows.opening import open_file


def test_variance_of_pixels_is_that_of_all_images_together(rng):
    images = [100 + rng.randn(5, 7), 101 + rng.randn(9, 4).astype(np.float32)]
    together = np.concatenate([image.ravel() for image in images])
    assert variance_of_pixels(images) == pytest.approx(together.var())


def test_far_from_zero_no_digits_are_lost(rng):
    images = [1e8 + rng.randn(50, 50)]
    assert variance_of_pixels(images) == pytest.approx(images[0].var(), rel=1e-6)
    assert variance_of_pixels([np.full((3, 3), 7.7)]) == 0


def test_variance_of_rows_is_the_mean_over_columns_wherever_they_lie(rng, tmp_path):
    X = rng.randn(3000, 5) * np.arange(1, 6)
    np.save(tmp_path / "x.npy", X)
    expected = X.var(axis=0).mean()
    assert variance_of_rows(X) == pytest.approx(expected)
    assert variance_of_rows(open_file(tmp_path / "x.npy", None)) == variance_of_rows(X)


def test_rows_that_are_not_finite_are_refused():
    X = np.ones((4, 3))
    X[2, 1] = np.nan
    with pytest.raises(ValueError, match="row 2, column 1"):
        variance_of_rows(X)
