"""Parts of the search for the penalty's weight, each by itself: legs, next weights, complaints."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhohat import KLSparsity, SparseObjective
from rhohat.objective.activations import ACTIVATIONS
from rhohat.training.stages import growth_stages
from rhohat.training.weight_search import (
    FURTHER,
    FURTHER_SHARE,
    LEGS_SHARE,
    MOST_WEIGHT,
    WeightSearch,
    further_leg,
    most_iterations,
    with_legs,
)
from support.cases import laws

BOUNDED = [name for name, row in ACTIVATIONS.items() if row.is_bounded]


@given(n_rows=st.integers(1, 10**6), max_iter=st.integers(1, 1000), growth=st.booleans())
@laws(200)
def test_legs_divide_the_first_stage_which_is_long_enough_for_them(n_rows, max_iter, growth):
    stages = growth_stages(n_rows, max_iter, growth)
    divided = with_legs(stages)
    legs = divided[: len(divided) - len(stages) + 1]
    assert [stage.n_rows for stage in divided[len(legs) :]] == [s.n_rows for s in stages[1:]]
    assert divided[len(legs) + 1 :] == stages[2:]
    assert {leg.n_rows for leg in legs} == {stages[0].n_rows}
    assert sum(stage.max_iter for stage in divided) == max_iter
    # It is as long as it was, or as all legs, if the stage after it can lend the rest.
    longer = min(int(LEGS_SHARE * max_iter), sum(stage.max_iter for stage in stages[:2]) - 1)
    expected = stages[0].max_iter if len(stages) == 1 else max(stages[0].max_iter, longer)
    assert sum(leg.max_iter for leg in legs) == expected
    assert all(leg.max_iter > 0 for leg in legs)
    # The last leg goes on to the minimum, and has some of the iterations for that.
    assert sum(leg.max_iter for leg in legs[:-1]) <= LEGS_SHARE * max_iter
    assert sum(stage.max_iter for stage in divided[len(legs) - 1 :]) >= (1 - LEGS_SHARE) * max_iter


@given(n_rows=st.integers(1, 10**6), max_iter=st.integers(1, 1000))
@laws(100)
def test_further_legs_are_on_all_rows_and_together_half_of_the_iterations(n_rows, max_iter):
    stages = growth_stages(n_rows, max_iter)
    for counted in (stages, with_legs(stages)):
        leg = further_leg(counted)
        assert leg.n_rows == n_rows
        assert leg.max_iter == max(int(FURTHER_SHARE * max_iter), 1)
        assert most_iterations(counted) == max_iter + FURTHER * leg.max_iter


def search_for(target=0.05, variance=2.0, activation="sigmoid"):
    penalty = KLSparsity(target, "auto", 0.1)
    return WeightSearch(SparseObjective(4, 3, activation=activation, penalty=penalty), variance)


@given(weight=st.floats(1e-3, 20.0), share=st.floats(0, 1))
@laws(100)
def test_the_next_weight_is_the_penalty_s_but_at_most_the_greatest(weight, share):
    search, average = search_for(), np.full(3, share)
    asked = KLSparsity(0.05, weight, 0.1).next_weight(average, search.objective.activation)
    assert search.after(weight, average) == min(asked, search.most)
    assert search.most == MOST_WEIGHT * 2.0


@pytest.mark.parametrize("activation", BOUNDED)
def test_there_is_a_complaint_where_the_target_is_missed_and_no_other(activation):
    search = search_for(activation=activation)
    low, high = ACTIVATIONS[activation].range
    for share in (0.046, 0.05, 0.054):
        assert search.complaint(1.0, np.full(3, low + share * (high - low))) == ""
    missed = low + np.array([0.05, 0.09, 0.06]) * (high - low)
    assert "is 0.0667 of the range, the target 0.05, and" in search.complaint(1.0, missed)
    assert "Unit 1 is the most active, at 0.09" in search.complaint(search.most, missed)
