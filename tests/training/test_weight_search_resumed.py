"""A search that is cut off anywhere goes on to the same weight, and the same bits."""

import os

import numpy as np
import pytest

from rhohat import CheckpointError, KLSparsity
from rhohat.common.tensorfiles import unpack
from rhohat.common.writing import write_whole
from rhohat.objective.decoders import DECODERS
from rhohat.training.checkpoints import FILE
from rhohat.training.solvers import SOLVERS
from rhohat.training.stages import growth_stages
from rhohat.training.weight_search import with_legs
from support.dictionaries import planted
from support.fits import GROWING, Killed, bits, killed_after, make_model

pytestmark = pytest.mark.slow

X = planted(1200)[0]
FIRST_WEIGHT, N_ITER = 4e-9, 20
#: Iterations at most, with those of the legs after the last stage.
MOST = 30


@pytest.fixture(autouse=True)
def a_long_search_in_few_iterations(monkeypatch):
    """It begins so far from the weight that it needs all legs, of three stages, and further ones.

    Every iteration is written.
    """
    monkeypatch.setattr("rhohat.training.stages.FIRST_ROWS", 100)
    monkeypatch.setattr("rhohat.training.weight_search.FIRST_WEIGHT", FIRST_WEIGHT)
    monkeypatch.setattr("rhohat.training.weight_search.FIRST_LEG", 3)
    monkeypatch.setattr("rhohat.training.weight_search.LEG", 2)
    monkeypatch.setattr("rhohat.training.checkpoints.SPACING", 0)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # no power fails here


def searching(folder=None, **changes):
    settings = {
        "n_components": 8,
        "sparsity_penalty": KLSparsity(0.1, "auto"),
        "max_iter": N_ITER,
        "checkpoint": folder,
    }
    return make_model(**(settings | changes))


def ends():
    """The last iterations of all legs and stages."""
    stages = with_legs(growth_stages(len(X), N_ITER))
    return np.cumsum([stage.max_iter for stage in stages]).tolist()


def written(folder):
    with (folder / FILE).open("rb") as stream:
        return unpack(stream, (folder / FILE).stat().st_size)


@pytest.fixture
def undisturbed():
    """The models that are not cut off, by their settings; each is fitted once."""
    fitted = {}

    def of(**changes):
        key = str(sorted(changes.items()))
        if key not in fitted:
            fitted[key] = searching(**changes).fit(X)
        return fitted[key]

    return of


#: Within legs and at their ends, also in further legs, of which the last ends the run.
CUTS = [1, 3, 4, 6, 12, 19, 20, 23, 25, MOST]


@pytest.mark.slow
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_search_that_was_cut_off_goes_on_to_the_same_bits(solver, undisturbed, tmp_path):
    whole = undisturbed(solver=solver)
    for iteration in CUTS:
        folder = tmp_path / str(iteration)
        with pytest.raises(Killed):
            searching(folder, solver=solver, callback=killed_after(iteration)).fit(X)
        seen = []
        resumed = searching(
            folder, solver=solver, resume=True, callback=lambda p, seen=seen: seen.append(p.n_iter)
        )
        assert bits(resumed.fit(X)) == bits(whole)
        assert seen == list(range(iteration, MOST + 1))  # the one cut off was not written yet
        assert bits(resumed.fit(X)) == bits(whole)  # ended, and told again


def test_what_is_cut_off_above_has_legs_stages_and_further_legs(undisturbed):
    whole = undisturbed()
    assert ends() == [3, 5, 7, 9, 11, 12, 19, N_ITER]
    assert list(dict.fromkeys(whole.stage_rows_)) == [100, 400, 1200]
    assert whole.n_iter_ == MOST


@pytest.mark.filterwarnings("ignore:the average activation is")
@pytest.mark.parametrize("change", [{"decoder": name} for name in DECODERS if name != "linear"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_so_does_one_of_any_decoder_and_precision(change, dtype, tmp_path):
    rows = GROWING[:1200].astype(dtype)
    weight = np.random.RandomState(0).uniform(0.5, 2, len(rows))
    whole = bits(searching(**change).fit(rows, sample_weight=weight))
    assert whole["n_iter_"] == MOST
    for iteration in CUTS[1::3]:
        folder = tmp_path / str(iteration)
        with pytest.raises(Killed):
            searching(folder, callback=killed_after(iteration), **change).fit(
                rows, sample_weight=weight
            )
        resumed = searching(folder, resume=True, n_jobs=2, **change)
        assert bits(resumed.fit(rows, sample_weight=weight)) == whole


@pytest.mark.slow
def test_so_does_one_cut_off_after_any_of_its_checkpoints(undisturbed, tmp_path, monkeypatch):
    """Also after the last one, which tells that the run has ended."""
    whole = undisturbed()
    for number in range(1, whole.n_iter_ + 2):
        folder, count = tmp_path / str(number), []

        def cut(path, content, number=number, count=count):
            write_whole(path, content)
            count.append(path)
            if len(count) == number:
                raise Killed

        with monkeypatch.context() as patch:
            patch.setattr("rhohat.training.checkpoints.write_whole", cut)
            with pytest.raises(Killed):
                searching(folder).fit(X)
        assert bits(searching(folder, resume=True).fit(X)) == bits(whole)


def test_the_checkpoint_holds_the_weight_of_the_leg_under_way(undisturbed, tmp_path):
    weights = []
    for iteration in (3, 4, 5, 6):
        folder = tmp_path / str(iteration)
        with pytest.raises(Killed):
            searching(folder, callback=killed_after(iteration + 1)).fit(X)
        described, _ = written(folder)
        weights.append(described["weight"])
    first, second, same, third = weights
    assert first == pytest.approx(FIRST_WEIGHT * X.var(axis=0).sum())
    assert first != second
    assert second == same
    assert second != third
    searching(tmp_path / "whole").fit(X)
    assert written(tmp_path / "whole")[0]["weight"] == undisturbed().sparsity_weight_


def test_without_a_search_the_checkpoint_holds_no_weight(tmp_path):
    searching(tmp_path, sparsity_penalty=KLSparsity(0.1, 3.0)).fit(X)
    assert written(tmp_path)[0]["weight"] is None


@pytest.mark.parametrize(
    "penalty",
    [
        KLSparsity(0.1, 3.0),
        KLSparsity(0.2, "auto"),
        KLSparsity(0.1, "auto", 0.2),
    ],
)
def test_the_checkpoint_of_another_search_is_refused(penalty, tmp_path):
    with pytest.raises(Killed):
        searching(tmp_path, callback=killed_after(4)).fit(X)
    with pytest.raises(CheckpointError, match="belongs to another run: its sparsity_penalty"):
        searching(tmp_path, resume=True, sparsity_penalty=penalty).fit(X)
