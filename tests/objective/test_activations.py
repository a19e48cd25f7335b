"""Laws that every row of `ACTIVATIONS` keeps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from rhohat.objective.activations import ACTIVATIONS
from support.cases import laws

every_activation = pytest.mark.parametrize("name", ACTIVATIONS)
both_precisions = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@every_activation
def test_rows_are_found_under_their_name(name):
    assert ACTIVATIONS[name].name == name


@every_activation
@both_precisions
def test_function_overwrites_its_argument_and_keeps_the_precision(name, dtype):
    Z = np.linspace(-2, 2, 12, dtype=dtype).reshape(3, 4)
    A = ACTIVATIONS[name].function(Z)
    assert A is Z
    before = A.copy()
    out = np.empty_like(A)
    D = ACTIVATIONS[name].derivative(A, out)
    assert D is out
    assert D.dtype == dtype
    np.testing.assert_array_equal(A, before)


@every_activation
def test_derivative_from_the_output_agrees_with_differences(name):
    row = ACTIVATIONS[name]
    z = np.concatenate([np.linspace(-6, -0.05, 80), np.linspace(0.05, 6, 80)])
    e = 1e-3

    def f(shift):
        return row.function(z + shift)

    numerical = (8 * (f(e) - f(-e)) - (f(2 * e) - f(-2 * e))) / (12 * e)
    slope = row.derivative(f(0), np.empty_like(z))
    np.testing.assert_allclose(slope, numerical, rtol=0, atol=1e-11)


@every_activation
def test_inverse_leads_back_except_close_to_the_ends_of_a_bounded_range(name):
    row = ACTIVATIONS[name]
    a = row.function(np.linspace(-2.5, 2.5, 101))
    np.testing.assert_allclose(row.function(row.inverse(a)), a, rtol=1e-12)
    if row.is_bounded:
        ends = row.function(row.inverse(np.array([-1e6, 1e6])))
        assert row.range[0] < ends[0] < ends[1] < row.range[1]


@every_activation
@both_precisions
def test_values_stay_in_the_range_and_never_fall(name, dtype):
    row = ACTIVATIONS[name]
    z = np.concatenate([np.linspace(-1e4, 1e4, 2001), np.linspace(-30, 30, 2001)])
    a = row.function(np.sort(z).astype(dtype))
    low, high = row.range
    assert np.all((a >= low) & (a <= high))
    assert np.all(np.diff(a) >= 0)


@pytest.mark.parametrize("name", [name for name, row in ACTIVATIONS.items() if row.is_bounded])
@both_precisions
def test_bounded_units_saturate_silently_with_derivative_zero(name, dtype):
    row = ACTIVATIONS[name]
    with np.errstate(all="raise", under="ignore"):
        a = row.function(np.array([-1e4, -800, 800, 1e4], dtype=dtype))
        slope = row.derivative(a, np.empty_like(a))
    low, high = row.range
    np.testing.assert_array_equal(a, [low, low, high, high])
    np.testing.assert_array_equal(slope, 0)


@both_precisions
@given(z=st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=20))
@laws(50)
def test_sigmoid_agrees_with_scipy_up_to_ten_thousand(dtype, z):
    z = np.array(z, dtype=dtype)
    a = ACTIVATIONS["sigmoid"].function(z.copy())
    assert a.dtype == dtype
    assert np.all((a >= 0) & (a <= 1))
    tiny = 4 * np.finfo(dtype).tiny  # denormals may be flushed
    np.testing.assert_allclose(a, expit(z), rtol=8 * np.finfo(dtype).eps, atol=tiny)


@every_activation
def test_nan_stays_nan(name):
    assert np.isnan(ACTIVATIONS[name].function(np.array([np.nan]))).all()


def test_only_units_of_bounded_range_have_a_share_of_activity():
    bounded = {name for name, row in ACTIVATIONS.items() if row.is_bounded}
    assert bounded == {name for name, row in ACTIVATIONS.items() if np.isfinite(row.range).all()}
    assert {"sigmoid", "tanh"} <= bounded
    assert not {"relu", "identity"} & bounded
