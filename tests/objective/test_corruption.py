"""Corruption: what happens to a value depends on the seed and on where it stands, and no more."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import stats
from sklearn.base import clone

from rhohat import GaussianNoise, Masking
from rhohat.objective.corruption import CORRUPTIONS, corruption_of, random_bits
from support.stored import X

every_corruption = pytest.mark.parametrize("name", CORRUPTIONS)
NUMBERS = np.arange(len(X))


def splitmix64(state):
    """Its output for a counter, by Python's own integers, as Steele, Lea and Flood have it."""
    most = 2**64 - 1
    z = state & most
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & most
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & most
    return z ^ (z >> 31)


def test_bits_are_those_of_a_counter():
    gamma, width = 0x9E3779B97F4A7C15, 5
    found = random_bits(7, np.array([0, 3, 2**40]), width)
    start = splitmix64(8 * gamma)
    for row, number in zip(found.tolist(), (0, 3, 2**40), strict=True):
        for column, bits in enumerate(row):
            assert bits == splitmix64(start + (number * width + column + 1) * gamma)


def test_bits_look_random_along_rows_columns_and_seeds():
    bits = random_bits(0, np.arange(500), 40)
    uniform = bits / 2.0**64
    assert stats.kstest(uniform.ravel(), "uniform").pvalue > 0.01
    assert abs(np.corrcoef(uniform[:-1].ravel(), uniform[1:].ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(uniform[:, :-1].ravel(), uniform[:, 1:].ravel())[0, 1]) < 0.02
    other = random_bits(1, np.arange(500), 40) / 2.0**64
    assert abs(np.corrcoef(uniform.ravel(), other.ravel())[0, 1]) < 0.02
    flips = np.unpackbits((bits[0] ^ random_bits(1, np.arange(1), 40)[0]).view(np.uint8))
    assert 0.45 < flips.mean() < 0.55


def test_gaussian_noise_has_its_scale_and_shape():
    zeros = np.zeros((2000, 20))
    noise = GaussianNoise(0.5).of(zeros, np.arange(2000)) / 0.5
    assert stats.kstest(noise.ravel(), "norm").pvalue > 0.01
    assert np.isfinite(noise).all()


def test_masking_silences_its_share_and_leaves_the_rest():
    rows = np.random.RandomState(0).uniform(1, 2, (2000, 20))
    masked = Masking(0.3).of(rows, np.arange(2000))
    silent = masked == 0
    assert silent.mean() == pytest.approx(0.3, abs=0.01)
    assert_array_equal(masked[~silent], rows[~silent])


@every_corruption
def test_single_precision_gets_the_same_noise(name):
    corruption = CORRUPTIONS[name]()
    single = corruption.of(X, NUMBERS)
    assert single.dtype == np.float32
    double = corruption.of(X.astype(np.float64), NUMBERS)
    np.testing.assert_allclose(single, double, atol=1e-6)


@every_corruption
def test_rows_are_corrupted_alike_however_they_are_divided(name):
    corruption = CORRUPTIONS[name]()
    whole = corruption.of(X, NUMBERS)
    for size in (1, 63, 64, 700):
        parts = [
            corruption.of(X[n : n + size], NUMBERS[n : n + size]) for n in range(0, 1400, size)
        ]
        assert_array_equal(np.concatenate(parts)[:1400], whole[:1400])
    some = np.array([0, 5, 64, 1023, 1024, 5299])
    assert_array_equal(corruption.of(X[some], some), whole[some])


@every_corruption
def test_names_and_clones_stand_for_themselves(name):
    made = corruption_of(name)
    assert type(made) is CORRUPTIONS[name]
    assert vars(clone(made)) == vars(made)
    assert corruption_of(made) is made
    assert corruption_of(None) is None


@pytest.mark.parametrize(
    ("corruption", "message"),
    [
        (GaussianNoise(0), "GaussianNoise scale"),
        (GaussianNoise(-1), "GaussianNoise scale"),
        (GaussianNoise(np.inf), "GaussianNoise scale"),
        (Masking(0), "Masking share"),
        (Masking(1), "Masking share"),
        (Masking(seed=-1), "Masking seed"),
        (GaussianNoise(seed=2**32), "seed must be below 2"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(corruption, message):
    with pytest.raises(ValueError, match=message):
        corruption.check()


def test_unknown_names_are_refused_with_a_list_of_the_known():
    with pytest.raises(ValueError, match="corruption must be one of 'gaussian', 'masking', got"):
        corruption_of("salt")
