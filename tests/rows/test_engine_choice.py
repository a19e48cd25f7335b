"""Which engine is meant by a name, an address, or an engine."""

import threading

import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from rhohat import (
    DaskEngine,
    SparseAutoencoder,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
    Whitening,
)
from rhohat.rows.engine_choice import ENGINES, engine_of
from rhohat.rows.engines import ThreadEngine


def test_every_name_stands_for_an_engine():
    kinds = {name: type(engine_of(name, 2)) for name in ENGINES}
    assert kinds == {"threads": ThreadEngine, "dask": DaskEngine}


def test_an_address_is_that_of_a_cluster():
    assert isinstance(engine_of("tcp://127.0.0.1:9", None), DaskEngine)


def test_an_engine_is_itself():
    engine = ThreadEngine(1)
    assert engine_of(engine, 5) is engine


@pytest.mark.parametrize("engine", ["thread", None, 3, "127.0.0.1:9"])
def test_anything_else_is_refused_with_the_names(engine):
    with pytest.raises(ValueError, match="engine must be one of 'threads', 'dask', got"):
        engine_of(engine, None)


def test_an_engine_that_is_made_already_has_its_device():
    with pytest.raises(ValueError, match="given its device when it was created"):
        engine_of(ThreadEngine(), None, "torch")
    for name in ENGINES:
        assert engine_of(name, None, "torch").device.name == "torch"


class Client:
    """A connection, which cannot be copied."""

    def __init__(self):
        self._lock = threading.Lock()

    def scheduler_info(self):
        return {}


@pytest.mark.parametrize(
    "make",
    [
        lambda client: SparseAutoencoder(3, engine=client),
        lambda client: StackedAutoencoder((3, 2), engine=client),
        lambda client: StackedAutoencoderClassifier((3, 2), engine=client),
    ],
)
def test_a_clone_has_the_same_client_and_all_other_settings(make):
    client = Client()
    model = make(client).set_params(n_jobs=2)
    copy = clone(clone(model))
    assert copy is not model
    assert copy.engine is model.engine is client
    others = [m.get_params(deep=False) | {"engine": None} for m in (model, copy)]
    assert repr(others[0]) == repr(others[1])


def test_pipelines_and_searches_clone_what_holds_a_client():
    client = Client()
    pipeline = make_pipeline(Whitening(), SparseAutoencoder(3, engine=client))
    assert clone(pipeline)[-1].engine is client
    search = GridSearchCV(SparseAutoencoder(3, engine=client), {"n_components": [2]})
    assert clone(search).estimator.engine is client


def test_a_clone_holds_an_engine_of_its_own_with_the_same_client():
    client = Client()
    model = SparseAutoencoder(3, engine=DaskEngine(client, timeout=5, hung_after=7))
    engine = clone(model).engine
    assert engine is not model.engine
    assert (engine._given, engine._timeout, engine._hung_after) == (client, 5, 7)


def test_a_clone_of_a_fitted_model_is_not_fitted_and_leaves_it_as_it_is():
    model = SparseAutoencoder(3, engine="threads", max_iter=2, random_state=0)
    model.fit([[0.1, 0.2], [0.3, 0.1], [0.2, 0.9]])
    model.engine = Client()
    assert not hasattr(clone(model), "encoder_weights_")
    assert hasattr(model, "encoder_weights_")
