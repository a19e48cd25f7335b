"""Sequences of arrays that are read on request."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from rhohat.files.lazy_sequence import LazySequence, MappedSequence


class Counted(LazySequence):
    """Arrays that hold the number of their item."""

    def __init__(self, n_items):
        super().__init__(range(n_items), np.dtype(np.float32))
        self.rate = 8000
        self.read = []

    def _read(self, item):
        self.read.append(item)
        return np.full((2, 3), item, np.float32)


def halved(array):
    return array / 2


SLICES = [slice(2, 5), slice(None, None, -2), slice(-3, None), slice(9, 3)]


@pytest.mark.parametrize("chosen", SLICES)
@pytest.mark.parametrize("made_of", [lambda arrays: arrays, lambda arrays: arrays[1:][::2]])
def test_a_slice_is_of_the_same_kind_and_holds_the_arrays_of_a_list(chosen, made_of):
    lazy = made_of(Counted(8))
    part = lazy[chosen]
    assert (type(part), part.rate, part.dtype) == (Counted, 8000, lazy.dtype)
    assert [array[0, 0] for array in part] == [array[0, 0] for array in list(lazy)[chosen]]
    assert len(part) == len(list(lazy)[chosen])


@pytest.mark.parametrize("chosen", SLICES)
def test_a_slice_of_mapped_arrays_is_mapped(chosen):
    lazy = Counted(8)
    part = MappedSequence(lazy, halved)[chosen]
    assert isinstance(part, MappedSequence)
    assert [array[0, 0] for array in part] == [array[0, 0] / 2 for array in lazy[chosen]]


def test_an_array_is_read_when_it_is_asked_for_and_no_other():
    lazy = Counted(8)
    assert_array_equal(MappedSequence(lazy, halved)[2:][np.int64(-1)], np.full((2, 3), 3.5))
    assert lazy.read == [7]
    with pytest.raises(IndexError):
        lazy[8]


def test_numbers_count_from_the_end_too_and_end_where_the_arrays_do():
    lazy = Counted(3)
    assert lazy[-1][0, 0] == 2
    for number in (3, -4):
        with pytest.raises(IndexError):
            lazy[number]
