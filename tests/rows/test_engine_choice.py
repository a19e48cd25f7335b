"""Which engine is meant by a name, an address, or an engine."""

import pytest

from rhohat import DaskEngine
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
