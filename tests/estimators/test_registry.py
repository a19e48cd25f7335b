"""Model files hold the classes of the registry and of the tables, those of later too."""

import inspect

import pytest
from numpy.testing import assert_array_equal
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from rhohat import (
    LBFGS,
    KLSparsity,
    L1Sparsity,
    SparseAutoencoder,
    load,
    save,
)
from rhohat.common.errors import ModelFileError
from rhohat.estimators.registry import OPTIONAL, rows
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.decoders import DECODERS
from rhohat.objective.penalties import PENALTIES
from rhohat.training.solvers import SOLVERS
from support.forgeries import forge
from support.models import CASES, X, autoencoder, every_case, fitted_attributes, load_bytes


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


# --- what comes back -----------------------------------------------------------------------------


def test_every_class_has_a_case():
    def classes(value):
        if type(value).__name__ in rows():
            yield type(value).__name__
            value = [getattr(value, name) for name in inspect.signature(type(value)).parameters]
        if isinstance(value, list | tuple):
            for item in value:
                yield from classes(item)

    assert {name for model, _ in CASES.values() for name in classes(model)} == set(rows())


@every_case
def test_every_fitted_attribute_is_in_the_table(case):
    model, _ = CASES[case]
    row = rows()[type(model).__name__]
    declared = {*row.fitted, *row.learned.values()}
    assert declared - OPTIONAL <= fitted_attributes(model).keys() <= declared


# --- what save refuses ---------------------------------------------------------------------------


def test_save_refuses_steps_of_other_classes(file):
    model = Pipeline([("scale", StandardScaler()), ("units", autoencoder())]).fit(X)
    with pytest.raises(TypeError, match=r"scale is StandardScaler\(\)"):
        save(model, file)


@pytest.mark.parametrize(
    "value", [None, 5, SparseAutoencoder, KLSparsity(), LBFGS(), StandardScaler(), "model"]
)
def test_save_takes_models_only(value, file):
    with pytest.raises(TypeError, match=r"SparseAutoencoder, .* got "):
        save(value, file)


def test_a_subclass_is_another_class(file):
    class Whitening(CASES["zca"][0].__class__):
        pass

    with pytest.raises(TypeError, match="got Whitening"):
        save(Whitening().fit(X), file)


# --- forgeries: whole files with right checksums -------------------------------------------------


@pytest.mark.parametrize(
    "steps",
    [
        None,
        "units",
        [],
        [["units"]],
        [{"tuple": ["units", None, None]}],
        [{"tuple": [1, None]}],
        [{"tuple": ["units", "os.system"]}],
        [{"tuple": ["units", {"class": "LBFGS", "params": {}}]}],
        [None],
    ],
)
def test_pipelines_of_anything_else_are_refused(steps, contents, file):
    def edit(description, entries, data):
        description["model"]["params"]["steps"] = steps
        for part in (description["tensors"], entries, data):
            part.clear()

    with pytest.raises(ModelFileError, match=r"list of \(name, model\) pairs as Pipeline's steps"):
        load_bytes(forge(contents("pipeline"), edit), file)
