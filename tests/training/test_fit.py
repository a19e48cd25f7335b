"""A fit: what it reports is true, and repeats bit for bit; rows count as they weigh."""

import numpy as np
import pytest

from rhohat import SparseAutoencoder
from rhohat.training.solvers import SOLVERS
from support.cases import COMBINATIONS, make_penalty
from support.fits import GROWING, N_ITER, SMALL, STAGE_ROWS, assert_report_is_true, bits, make_model

every_combination = pytest.mark.parametrize(("activation", "decoder", "penalty"), COMBINATIONS)
every_solver = pytest.mark.parametrize("solver", SOLVERS)
both_precisions = pytest.mark.parametrize("dtype", [np.float32, np.float64])


# Reports.


@every_combination
def test_what_a_fit_reports_is_true(activation, decoder, penalty):
    model = make_model(
        activation=activation, decoder=decoder, sparsity_penalty=make_penalty(penalty), max_iter=8
    ).fit(SMALL)
    assert_report_is_true(model, SMALL)
    assert model.loss_curve_[-1] == model.loss_
    assert np.all(np.diff(model.loss_curve_) < 0)
    assert model.n_iter_ == len(model.loss_curve_) - 1 == 8


@both_precisions
@every_solver
@pytest.mark.parametrize("weighted", [False, True])
def test_what_a_growing_fit_reports_is_true(dtype, solver, weighted, early_growth):
    X = GROWING.astype(dtype)
    weight = np.random.RandomState(1).uniform(0, 2, len(X)) if weighted else None
    model = make_model(solver=solver).fit(X, sample_weight=weight)
    assert_report_is_true(model, X, weight)
    assert model.encoder_weights_.dtype == dtype
    assert model.n_iter_ == N_ITER
    assert list(dict.fromkeys(model.stage_rows_)) == STAGE_ROWS
    assert model.loss_curve_[-1] == model.loss_
    for rows in STAGE_ROWS:
        of_stage = model.loss_curve_[model.stage_rows_ == rows]
        assert np.all(np.diff(of_stage) < 0)


# Repetition.


@both_precisions
@every_solver
def test_same_seed_gives_the_same_bits_for_any_number_of_threads(dtype, solver):
    X = GROWING.astype(dtype)
    expected = bits(make_model(solver=solver, max_iter=8).fit(X))
    for n_jobs in (1, 2, 4):
        assert bits(make_model(solver=solver, max_iter=8, n_jobs=n_jobs).fit(X)) == expected
    assert bits(make_model(solver=solver, max_iter=8, random_state=1).fit(X)) != expected


def test_a_callback_that_only_looks_changes_no_bit():
    expected = bits(make_model().fit(SMALL))
    assert bits(make_model(callback=lambda progress: None).fit(SMALL)) == expected
    assert bits(make_model(callback=lambda progress: False).fit(SMALL)) == expected


def test_single_precision_ends_near_double():
    double = make_model(max_iter=60).fit(SMALL)
    single = make_model(max_iter=60).fit(SMALL.astype(np.float32))
    assert single.loss_ == pytest.approx(double.loss_, rel=1e-3)


# Weights of rows.


# Not a number, and too large a number.


@pytest.mark.parametrize("value", [0.0, 0.1, 0.7])
@pytest.mark.parametrize("shape", [(1, 1), (1, 8), (37, 1), (37, 5)])
def test_data_that_do_not_vary_are_reconstructed(shape, value):
    X = np.full(shape, value)
    model = make_model(max_iter=100, tol=1e-4, sparsity_penalty="none").fit(X)
    np.testing.assert_allclose(model.inverse_transform(model.transform(X)), X, atol=0.05)


def test_sizes_of_blocks_and_chunks_are_recorded_and_decide_the_last_bits_only(digits):
    def fit(**sizes):
        return SparseAutoencoder(9, max_iter=5, random_state=0, **sizes).fit(digits)

    plain, small, again = (
        fit(),
        fit(block_size=64, chunk_size=256),
        fit(block_size=64, chunk_size=256),
    )
    assert (plain.block_size_, plain.chunk_size_) == (1024, 1024)
    assert (small.block_size_, small.chunk_size_) == (64, 256)
    assert bits(small) == bits(again)
    assert small.data_fingerprint_ == plain.data_fingerprint_
    assert small.loss_ == pytest.approx(plain.loss_, rel=1e-9)
    with pytest.raises(ValueError, match="multiple of block_size=64, got 100"):
        fit(block_size=64, chunk_size=100)
