"""The search for the penalty's weight: it ends at the target, with the exact J of that weight."""

from itertools import pairwise, product

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning

from rhohat import KLSparsity, SparseObjective
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.decoders import DECODERS
from rhohat.training.stages import growth_stages
from rhohat.training.weight_search import (
    FIRST_WEIGHT,
    MOST_WEIGHT,
    WeightSearch,
    with_legs,
)
from support.dictionaries import SHARE, found, planted
from support.fits import (
    WEIGHTS,
    assert_report_is_true,
    bits,
    make_model,
    objective_of,
)
from support.stored import as_npy

pytestmark = pytest.mark.slow

PLANTED, ATOMS = planted(2000)
#: Rows that tell nothing about one another, of which units can learn one each.
FEW = np.random.RandomState(0).normal(size=(45, 20))
BOUNDED = [name for name, row in ACTIVATIONS.items() if row.is_bounded]


def standardized(X):
    """Every column that varies, with mean 0 and variance 1."""
    X = X[:, X.std(axis=0) > 0]
    return (X - X.mean(axis=0)) / X.std(axis=0)


#: Data by their names; only the last are within a sigmoid decoder's reach.
DATA = {
    "planted": PLANTED,
    "digits": standardized(load_digits().data),
    "breast cancer": standardized(load_breast_cancer().data),
    "digits in [0, 1]": load_digits().data / 16,
}


def auto(target, tolerance=0.1):
    return KLSparsity(target, "auto", tolerance)


def searching(target=0.05, **changes):
    settings = {"n_components": 16, "sparsity_penalty": auto(target), "max_iter": 100}
    return make_model(**(settings | changes))


def shares_of(model, average=None):
    """Every unit's share of activity, as `target` counts it."""
    low, high = ACTIVATIONS[model.activation].range
    average = model.average_activation_ if average is None else average
    return (average - low) / (high - low)


def assert_target_is_met(model, tolerance=0.1):
    shares = shares_of(model) / model.sparsity_penalty.target
    assert shares.mean() == pytest.approx(1, abs=tolerance)
    assert 0.5 < shares.min() <= shares.max() < 2


# What it finds.

SETTINGS = [
    {},
    {"decoder": "tied"},
    {"activation": "tanh"},
    {"decoder": "tied", "activation": "tanh"},
    {"solver": "gradient-descent"},
]


@pytest.mark.parametrize("target", [0.02, 0.2])
@pytest.mark.parametrize(
    ("name", "setting"),
    [
        *product(["planted", "digits", "breast cancer"], SETTINGS),
        ("digits in [0, 1]", {"decoder": "sigmoid"}),
        ("digits in [0, 1]", {"decoder": "sigmoid", "activation": "tanh"}),
    ],
    ids=str,
)
def test_the_mean_is_at_the_target_and_no_unit_at_twice_or_half(name, setting, target):
    X = DATA[name]
    model = searching(target, **setting).fit(X)
    assert_target_is_met(model)
    assert_report_is_true(model, X)


@pytest.mark.parametrize("k", [1, 4, 60])
@pytest.mark.parametrize("name", ["planted", "digits"])
def test_it_is_met_by_few_units_and_by_many(name, k):
    assert_target_is_met(searching(n_components=k).fit(DATA[name]))


@pytest.mark.parametrize("target", [0.5, 0.7, 0.95])
def test_targets_above_a_half_are_met_from_below(target):
    model = searching(target).fit(PLANTED)
    assert_target_is_met(model)


@pytest.mark.parametrize("tolerance", [0.02, 0.05, 0.3])
def test_the_tolerance_is_kept(tolerance):
    model = searching(sparsity_penalty=auto(0.05, tolerance)).fit(PLANTED)
    assert shares_of(model).mean() == pytest.approx(0.05, rel=tolerance)


@pytest.mark.parametrize("target", [SHARE / 2, SHARE])
@pytest.mark.parametrize("decoder", ["linear", "tied"])
def test_units_find_a_dictionary_that_is_known(decoder, target):
    assert found(searching(target, decoder=decoder).fit(PLANTED), ATOMS) == 1


@pytest.mark.parametrize("name", ["planted", "digits", "breast cancer"])
def test_a_fit_with_the_number_that_was_found_is_as_good_and_tells_it(name):
    X = DATA[name]
    sought = searching().fit(X)
    given = searching(sparsity_penalty=KLSparsity(0.05, sought.sparsity_weight_)).fit(X)
    assert type(sought.sparsity_weight_) is float
    assert given.sparsity_weight_ == sought.sparsity_weight_
    assert_target_is_met(given)
    assert given.loss_ == pytest.approx(sought.loss_, rel=0.02)
    # and gives bits of its own, from the start on
    assert given.loss_curve_[0] != sought.loss_curve_[0]


@pytest.mark.parametrize("name", ["planted", "digits", "breast cancer"])
def test_the_weight_is_about_the_least_that_will_do(name):
    weight = searching().fit(DATA[name]).sparsity_weight_
    lighter = searching(sparsity_penalty=KLSparsity(0.05, weight / 3)).fit(DATA[name])
    assert lighter.average_activation_.mean() > 1.1 * 0.05


@pytest.mark.parametrize("factor", [2.0**-10, 2.0**6])
def test_the_weight_is_a_part_of_the_variance_whatever_the_data_s_scale(factor):
    """To the bit, where weights do not decay: a power of two rounds nothing."""
    once = searching(weight_decay=0).fit(PLANTED)
    scaled = searching(weight_decay=0).fit(factor * PLANTED)
    assert scaled.sparsity_weight_ == factor**2 * once.sparsity_weight_
    np.testing.assert_array_equal(scaled.average_activation_, once.average_activation_)


# What it leaves: J with the weight that was found, and nothing else.


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("activation", BOUNDED)
def test_the_loss_is_the_exact_objective_with_that_weight(activation, decoder, dtype, weighted):
    X = DATA["digits in [0, 1]"][:600].astype(dtype)
    sample_weight = np.random.RandomState(1).uniform(0.2, 3, len(X)) if weighted else None
    model = searching(activation=activation, decoder=decoder).fit(X, sample_weight=sample_weight)
    weight = model.sparsity_weight_
    objective = SparseObjective(
        64,
        16,
        activation=activation,
        decoder=decoder,
        penalty=KLSparsity(0.05, weight),
        weight_decay=model.weight_decay,
    )
    parts = {"W_enc": model.encoder_weights_, "b_enc": model.encoder_bias_}
    parts |= {"W_dec": model.decoder_weights_, "b_dec": model.decoder_bias_}
    theta = objective.pack({name: parts[name] for name in objective.shapes})
    rows = X.astype(np.float64)
    expected = objective.loss_terms(objective.terms(rows, theta, sample_weight), theta)
    tolerance = 1e-12 if dtype == np.float64 else 2e-5
    np.testing.assert_allclose(model.loss_terms_, expected, rtol=0, atol=tolerance * model.loss_)
    loss, grad = objective.loss_grad(theta, rows, sample_weight)
    assert model.loss_ == pytest.approx(loss, rel=tolerance)
    # and it is that one's minimum: little can be gained by a step along the gradient
    steps = [loss - objective.loss_grad(theta - t * grad, rows, sample_weight)[0] for t in (0.1, 1)]
    assert max(steps) < 0.02 * loss


def weights_told(told, target, activation="sigmoid"):
    """The weight after every iteration, from the penalty and the averages that were told."""
    penalty, f = KLSparsity(target, 1.0), ACTIVATIONS[activation]
    return [p.loss.sparsity / penalty.on_average(p.average_activation, f)[0] for p in told]


@pytest.mark.parametrize("activation", BOUNDED)
def test_within_a_leg_the_weight_stays_and_the_loss_falls(activation):
    """A leg goes on where the one before has ended: at its first step, too, the loss is lower."""
    told = []
    model = searching(0.02, activation=activation, tol=0.0, callback=told.append)
    model.fit(DATA["digits"])
    weights, losses = weights_told(told, 0.02, activation), model.loss_curve_[1:]
    legs = [stage.max_iter for stage in with_legs(growth_stages(1797, 100))]
    ends = np.cumsum(legs)
    assert ends[-1] == len(told)
    first = FIRST_WEIGHT * DATA["digits"].var(axis=0).sum()
    assert weights[0] == pytest.approx(first, rel=1e-9)
    assert weights[-1] == pytest.approx(model.sparsity_weight_, rel=1e-9)
    for start, end in pairwise([0, *ends]):
        np.testing.assert_allclose(weights[start:end], weights[start], rtol=1e-6)
        assert np.all(np.diff(losses[start:end]) < 0)
    changes = np.array(weights)[ends[:-1]] / np.array(weights)[ends[:-1] - 1]
    assert np.all((changes > 0.1 * (1 - 1e-9)) & (changes < 10 * (1 + 1e-9)))
    assert not np.allclose(changes, 1)


def test_every_change_of_the_weight_is_the_one_that_the_penalty_asks_for():
    told = []
    model = searching(0.02, tol=0.0, callback=told.append).fit(DATA["digits"])
    weights = weights_told(told, 0.02)
    objective = objective_of(model)
    search = WeightSearch(objective, DATA["digits"].var(axis=0).sum())
    ends = np.cumsum([stage.max_iter for stage in with_legs(growth_stages(1797, 100))])
    for end in ends[:-1]:
        after = search.after(weights[end - 1], told[end - 1].average_activation)
        assert weights[end] == pytest.approx(after, rel=1e-6)


def test_progress_never_exceeds_what_is_allowed():
    """Also where more iterations are needed than were given, of which there are half as many."""
    told = []
    model = searching(0.02, max_iter=30, tol=0.0, callback=told.append).fit(PLANTED)
    assert 30 < model.n_iter_ <= 45
    assert_target_is_met(model)
    assert [p.n_iter for p in told] == list(range(1, model.n_iter_ + 1))
    for progress in told:
        assert progress.n_iter <= progress.max_iter <= 45
        assert 0 < progress.work_done <= 1
    assert told[-1].work_done == 1
    assert told[-1].max_iter == model.n_iter_


# The same bits.


@pytest.mark.slow
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("decoder", ["linear", "tied"])
def test_threads_and_files_change_no_bit(decoder, dtype, weighted, tmp_path):
    X = planted(1500, dtype=dtype)[0]
    weight = np.random.RandomState(0).uniform(0.5, 2, len(X)) if weighted else None
    settings = {"decoder": decoder, "max_iter": 40, "block_size": 100, "chunk_size": 300}
    undisturbed = bits(searching(**settings).fit(X, sample_weight=weight))
    path = as_npy(tmp_path, X)
    for n_jobs, rows in [(2, X), (5, X), (1, path), (3, path)]:
        model = searching(n_jobs=n_jobs, **settings).fit(rows, sample_weight=weight)
        assert bits(model) == undisturbed


def test_single_precision_finds_about_the_weight_of_double():
    fits = [searching().fit(PLANTED.astype(dtype)) for dtype in (np.float32, np.float64)]
    assert fits[0].sparsity_weight_ == pytest.approx(fits[1].sparsity_weight_, rel=0.05)
    assert [type(model.sparsity_weight_) for model in fits] == [float, float]


def test_rows_count_as_often_as_they_weigh():
    counts = np.arange(600) % 3 + 1
    X = PLANTED[:600]
    weighted = searching().fit(X, sample_weight=counts)
    repeated = searching().fit(np.repeat(X, counts, axis=0))
    assert_target_is_met(weighted)
    assert weighted.sparsity_weight_ == pytest.approx(repeated.sparsity_weight_, rel=0.05)


def test_rows_of_weight_zero_have_no_part_in_it():
    weight = np.ones(700)
    weight[600:] = 0
    X = np.vstack([PLANTED[:600], np.full((100, 16), 30.0)])
    model = searching().fit(X, sample_weight=weight)
    assert model.sparsity_weight_ == pytest.approx(
        searching().fit(PLANTED[:600]).sparsity_weight_, rel=0.05
    )


# Growing parts of the data, and starts from an earlier fit.


@pytest.mark.parametrize("n_rows", [24_000, 45_000])
def test_legs_run_on_few_rows_and_the_target_is_met_on_all(n_rows):
    X = planted(n_rows)[0]
    model = searching(n_jobs=2).fit(X)
    assert list(dict.fromkeys(model.stage_rows_)) == [s.n_rows for s in growth_stages(n_rows, 100)]
    assert_target_is_met(model)
    assert_report_is_true(model, X)


def test_further_legs_run_on_all_rows(early_growth):
    """Of a run of three stages that has not found the weight by their end."""
    X = planted(6000)[0]
    model = searching(sparsity_penalty=auto(0.2, 0.05), max_iter=8, tol=0.0).fit(X)
    assert len(growth_stages(len(X), 8)) == 3
    assert 8 < model.n_iter_ <= 12
    assert set(model.stage_rows_[8:]) == {6000}
    assert_target_is_met(model, 0.05)
    assert_report_is_true(model, X)


def test_a_run_that_is_ended_on_few_rows_tells_the_loss_of_all_with_its_weight(early_growth):
    X = planted(6000)[0]
    model = searching(
        sparsity_penalty=auto(0.05, 0.9), tol=0.0, callback=lambda progress: progress.n_iter == 25
    ).fit(X)
    assert set(model.stage_rows_) == {500}
    assert model.sparsity_weight_ != pytest.approx(FIRST_WEIGHT * X.var(axis=0).sum(), rel=0.1)
    assert_report_is_true(model, X)


def test_a_warm_start_seeks_the_weight_anew():
    model = searching(warm_start=True).fit(PLANTED)
    weight, loss = model.sparsity_weight_, model.loss_
    model.fit(PLANTED)
    assert model.sparsity_weight_ == pytest.approx(weight, rel=0.1)
    assert model.loss_ < 1.05 * loss
    model.set_params(sparsity_penalty=auto(0.1)).fit(PLANTED)
    assert_target_is_met(model)


# Targets that are not met.


@pytest.mark.parametrize("activation", BOUNDED)
def test_a_target_that_cannot_be_met_ends_at_the_greatest_weight_with_one_warning(activation):
    """Of 45 rows, each activates a unit of its own, whatever that costs."""
    model = searching(0.0001, activation=activation, n_components=100, weight_decay=1e-4)
    with pytest.warns(ConvergenceWarning, match="the target cannot be met") as warned:
        model.fit(FEW)
    assert model.sparsity_weight_ == pytest.approx(MOST_WEIGHT * FEW.var(axis=0).sum())
    shares = shares_of(model)
    assert shares.mean() > 1.1 * 0.0001
    (warning,) = warned
    text = str(warning.message)
    assert f"the average activation is {shares.mean():.3g} of the range, the target 0.0001" in text
    assert f"the penalty's weight is {model.sparsity_weight_:.3g}, 100 times the data's" in text
    assert f"Unit {shares.argmax()} is the most active, at {shares.max():.3g}" in text
    assert "Raise the target" in text
    assert model.n_iter_ <= 100  # at the greatest weight, no more is tried
    assert_report_is_true(model, FEW)


@pytest.mark.parametrize("iteration", [1, 20, 25])
@pytest.mark.parametrize("tolerance", [0.9, 0.001])
def test_a_run_that_is_ended_has_the_weight_of_its_leg(tolerance, iteration):
    """And says nothing of the target: who ends a run knows that it is not done."""
    told, X = [], DATA["digits"]

    def stop(progress):
        told.append(progress)
        return progress.n_iter == iteration

    model = searching(sparsity_penalty=auto(0.05, tolerance), callback=stop)
    model.fit(X)
    assert model.n_iter_ == iteration
    assert model.sparsity_weight_ == pytest.approx(weights_told(told, 0.05)[-1], rel=1e-9)
    assert model.sparsity_weight_ < MOST_WEIGHT * X.var(axis=0).sum()
    assert_report_is_true(model, X)


@pytest.mark.parametrize("X", [np.full((9, 4), 0.3), np.zeros((5, 4)), np.full((1, 4), 0.3)])
@pytest.mark.parametrize("decoder", DECODERS)
def test_data_that_do_not_vary_have_a_weight(decoder, X):
    model = searching(n_components=3, decoder=decoder).fit(X)
    assert np.isfinite(model.sparsity_weight_)
    for name in WEIGHTS:
        assert np.isfinite(getattr(model, name)).all()
    assert_target_is_met(model)
