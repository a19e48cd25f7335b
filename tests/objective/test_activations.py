"""Laws that every row of `ACTIVATIONS` keeps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.base import clone

from rhohat import SparseAutoencoder, SparseObjective, TopK
from rhohat.objective.activations import ACTIVATIONS, REFUSED
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
    seen = z if row.sees_input else f(0)
    slope = row.derivative(seen, np.empty_like(z))
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


@pytest.mark.parametrize("name", [name for name, row in ACTIVATIONS.items() if row.is_bounded])
def test_a_share_of_the_range_leads_back_to_its_value(name):
    row = ACTIVATIONS[name]
    assert [row.at_share(0), row.at_share(1)] == list(row.range)
    shares = np.linspace(0, 1, 11)
    np.testing.assert_allclose(
        row.share(np.array([row.at_share(share) for share in shares])), shares
    )


# The k largest of each row.


@given(
    rows=st.lists(
        st.lists(st.sampled_from([-1.0, -0.0, 0.0, 0.5, 1.0, 2.0]), min_size=6, max_size=6),
        min_size=1,
        max_size=8,
    ),
    n_active=st.integers(1, 6),
)
@laws(200)
def test_of_equal_inputs_those_of_lower_numbers_are_active(rows, n_active):
    """Also whatever the rest of the block is, so that bits do not depend on blocks."""
    Z = np.array(rows)
    A = TopK(n_active).function(Z.copy())
    for z, a in zip(Z, A, strict=True):
        order = sorted(range(6), key=lambda j: (-max(z[j], 0), j))[:n_active]
        expected = [max(z[j], 0) if j in order else 0 for j in range(6)]
        np.testing.assert_array_equal(a, expected)
        np.testing.assert_array_equal(TopK(n_active).function(z[None].copy())[0], a)


def test_where_two_units_swap_ranks_the_loss_jumps_and_the_gradient_is_that_of_the_side():
    """At a tie itself it is that of the unit of lower number."""
    objective = SparseObjective(1, 2, activation=TopK(1), penalty="none", weight_decay=0)
    X = np.ones((1, 1))

    def at(shift):
        return objective.loss_grad(
            objective.pack(
                {"W_enc": [[1], [1 + shift]], "b_enc": [0, 0], "W_dec": [[1], [3]], "b_dec": [0]}
            ),
            X,
        )

    below, tied, above = at(-1e-9), at(0.0), at(1e-9)
    assert tied[0] == pytest.approx(below[0])
    assert above[0] - tied[0] == pytest.approx(2)
    np.testing.assert_allclose(tied[1], below[1], atol=1e-8)
    assert np.flatnonzero(objective.unpack(tied[1])["W_dec"]).size == 0  # unit 0 is right
    assert np.flatnonzero(objective.unpack(above[1])["W_dec"]) == [1]


@pytest.mark.parametrize(("n_units", "n_active"), [(1, 1), (9, 1), (10, 1), (11, 2), (100, 10)])
def test_a_tenth_of_the_units_is_active_unless_a_number_is_given(n_units, n_active, rng):
    A = TopK().function(np.abs(rng.normal(size=(20, n_units))))
    np.testing.assert_array_equal(np.count_nonzero(A, axis=1), n_active)


@pytest.mark.parametrize("n_active", [0, -1, 5, 1.5, "2", True])
def test_a_number_of_active_units_that_cannot_be_is_refused(n_active):
    with pytest.raises((ValueError, TypeError), match="TopK n_active"):
        SparseObjective(3, 4, activation=TopK(n_active), penalty="none")


def test_topk_has_the_parameters_of_scikit_learn():
    model = SparseAutoencoder(activation=TopK(3), sparsity_penalty="none")
    other = clone(model).set_params(activation__n_active=5)
    assert model.activation == TopK(3) != other.activation
    assert other.activation == TopK(5)
    assert {TopK(5), other.activation, TopK()} == {TopK(5), TopK()}
    assert repr(other.activation) == "TopK(5)"
    with pytest.raises(ValueError, match="has only the parameter n_active"):
        TopK().set_params(k=3)


def test_only_units_chosen_by_rank_jump():
    jumping = {name for name, row in ACTIVATIONS.items() if not row.is_continuous}
    assert jumping == {"topk", "batchtopk"}


@pytest.mark.parametrize("name", REFUSED)
def test_units_without_an_objective_are_refused_with_the_reason_and_the_nearest(name):
    with pytest.raises(ValueError, match=r"not the gradient of any objective.* Use activation="):
        SparseObjective(3, 2, activation=name)
