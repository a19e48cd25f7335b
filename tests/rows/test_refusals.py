"""Files that are not read: why, and how to convert them."""

import pickle

import pytest

from rhohat.rows.formats import endings
from rhohat.rows.refusals import WAYS_ROUND, way_round


@pytest.mark.parametrize("ending", WAYS_ROUND)
def test_every_ending_has_a_way_round_and_no_format(ending, tmp_path):
    assert way_round(tmp_path / f"X{ending.upper()}") == WAYS_ROUND[ending]
    assert ending not in endings()


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_without_an_ending_are_known_by_how_they_begin(protocol, tmp_path):
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps({}, protocol))
    assert "can run any code" in (way_round(tmp_path / "data_batch_1") or "")


def test_of_others_nothing_is_known(tmp_path):
    (tmp_path / "notes").write_text("text")
    for name in ("notes", "x.unheard", "missing"):
        assert way_round(tmp_path / name) is None
