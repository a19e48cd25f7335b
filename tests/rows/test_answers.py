"""Answers of workers: what is believed, and why something is not."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest

from rhohat.rows.answers import (
    RefusedAnswerError,
    digest_of,
    form,
    forms_of,
    holds_nan,
    packed,
    unpacked,
)
from rhohat.rows.engines import chunk_sum
from rhohat.rows.feature_sums import FeatureSums
from rhohat.rows.sources import ArraySource

CHUNKS = [(0, 500), (500, 700)]
ROWS = [(0, 500), (500, 200)]
WORK = pickle.dumps("the work")
DIGEST = digest_of(WORK, 100, CHUNKS)


def total(n=3, first=1.0):
    return SimpleNamespace(weight=2.0, first=np.full(n, first), parts=[np.zeros((2, n)), "text"])


FORMS = {form(total())}


def flipped(answer, place):
    changed = bytearray(answer)
    changed[place] ^= 1
    return bytes(changed)


def test_what_was_asked_for_is_believed():
    sums = unpacked(packed(DIGEST, ROWS, [total(), total()]), DIGEST, CHUNKS, FORMS)
    assert [part.first.tolist() for part in sums] == [[1.0] * 3] * 2


SOUND = packed(DIGEST, ROWS, [total(), total()])


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "cannot be read"),
        (None, "cannot be read"),
        (pickle.dumps(pickle.loads(SOUND)[:-1]), "cannot be read"),
        (pickle.dumps([total(), total()]), "cannot be read"),
        (SOUND[:-20], "cannot be read"),
        (flipped(SOUND, len(SOUND) - 40), "was corrupted in transit"),
        (
            packed(digest_of(b"other work", 100, CHUNKS), ROWS, [total()] * 2),
            "sums for other parameters",
        ),
        (packed(digest_of(WORK, 50, CHUNKS), ROWS, [total()] * 2), "other parameters or other"),
        (packed(digest_of(WORK, 100, CHUNKS[:1]), ROWS[:1], [total()]), "or other rows"),
        (packed(DIGEST, ROWS[:1], [total()]), "sums of 500 rows, expected 700"),
        (packed(DIGEST, [(0, 500), (500, 199)], [total()] * 2), "sums of 699 rows"),
        (packed(DIGEST, [(500, 500), (0, 200)], [total()] * 2), "sums of 700 rows"),
        (packed(DIGEST, ROWS, [total()]), "has 1 sums, expected 2"),
        (packed(DIGEST, ROWS, [total(), total(2)]), r"shapes, first \(2,\), parts\[0\] \(2, 2\)"),
        (packed(DIGEST, ROWS, [total(), 3.0]), "shapes, of no array"),
    ],
)
def test_everything_else_is_refused_with_the_reason(answer, why):
    with pytest.raises(RefusedAnswerError, match=why):
        unpacked(answer, DIGEST, CHUNKS, FORMS)


def test_no_bit_of_an_answer_can_flip_unnoticed():
    for place in range(len(SOUND)):
        try:
            sums = unpacked(flipped(SOUND, place), DIGEST, CHUNKS, FORMS)
        except RefusedAnswerError:
            continue
        assert packed(DIGEST, ROWS, sums) == SOUND, place


@pytest.mark.parametrize(
    ("change", "is_nan"),
    [
        ({}, False),
        ({"first": np.array([0, np.inf, 1])}, False),
        ({"first": np.array([0, np.nan, 1])}, True),
        ({"weight": float("nan")}, True),
        ({"weight": np.float32("nan")}, True),
        ({"parts": [np.array([[np.nan]])]}, True),
        ({"parts": [total(first=np.nan)]}, True),
        ({"first": np.array([1, 2])}, False),
    ],
)
def test_not_a_number_is_found_wherever_it_is(change, is_nan):
    assert holds_nan(SimpleNamespace(**(vars(total()) | change))) is is_nan


def moments(rows):
    return FeatureSums.of(rows, shift=np.zeros(4))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_form_is_known_from_one_row(dtype):
    source = ArraySource(np.random.RandomState(0).uniform(size=(700, 4)).astype(dtype))
    forms = forms_of(pickle.dumps((moments, source)), source, CHUNKS)
    assert forms == {form(chunk_sum(moments, source.read(*CHUNKS[1]), 100))}
