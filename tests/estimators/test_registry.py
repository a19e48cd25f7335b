"""Model files hold the classes of the registry and of the tables, those of later too."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rhohat import LBFGS, L1Sparsity, SparseAutoencoder, load, save
from rhohat.estimators.registry import rows
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.decoders import DECODERS
from rhohat.objective.penalties import PENALTIES
from rhohat.training.solvers import SOLVERS

X = np.random.RandomState(0).uniform(size=(60, 6))


class HalvedL1(L1Sparsity):
    """A penalty that is not of this package."""


class OtherLBFGS(LBFGS):
    """A solver that is not of this package."""


TABLES = {"sparsity_penalty": (PENALTIES, HalvedL1(0.25)), "solver": (SOLVERS, OtherLBFGS())}


@pytest.mark.parametrize("table", [PENALTIES, SOLVERS], ids=["penalties", "solvers"])
def test_every_row_of_a_table_is_a_class_that_files_hold(table):
    assert {cls.__name__ for cls in table.values()} <= rows().keys()


@pytest.mark.parametrize("parameter", TABLES)
def test_what_is_registered_in_its_table_is_saved_and_loaded(parameter, tmp_path, monkeypatch):
    table, value = TABLES[parameter]
    model = SparseAutoencoder(3, max_iter=3, random_state=0, **{parameter: value}).fit(X)
    with pytest.raises(TypeError, match=f"{parameter} is .*cannot be saved"):
        save(model, tmp_path / "model")
    monkeypatch.setitem(table, "mine", type(value))
    save(model, tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert type(getattr(loaded, parameter)) is type(value)
    assert vars(getattr(loaded, parameter)) == vars(value)
    assert_array_equal(loaded.transform(X), model.transform(X), strict=True)


@pytest.mark.parametrize(
    ("parameter", "table", "like"),
    [("activation", ACTIVATIONS, "tanh"), ("decoder", DECODERS, "tied")],
)
def test_a_name_that_is_added_to_a_table_is_loaded(parameter, table, like, tmp_path, monkeypatch):
    made = table[like]
    monkeypatch.setitem(table, "mine", made)
    model = SparseAutoencoder(3, max_iter=3, random_state=0, **{parameter: "mine"}).fit(X)
    save(model, tmp_path / "model")
    assert_array_equal(load(tmp_path / "model").transform(X), model.transform(X), strict=True)
