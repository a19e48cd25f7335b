"""Stacks of arrays that follow one another and have one shape."""

import numpy as np
from numpy.testing import assert_array_equal

from rhohat import OneOverFWhitening
from rhohat.preprocessing import stacks
from rhohat.preprocessing.stacks import stacked


def test_stacks_hold_every_array_in_order(monkeypatch):
    monkeypatch.setattr(stacks, "STACK_BYTES", 4 * 12 * 8)
    shapes = [(3, 4)] * 10 + [(2, 4)] + [(3, 4)] * 3
    arrays = [np.full(shape, number, float) for number, shape in enumerate(shapes)]
    found = list(stacked(arrays))
    assert [len(stack) for stack in found] == [4, 4, 2, 1, 3]
    for array, again in zip(arrays, [image for stack in found for image in stack], strict=True):
        assert_array_equal(array, again)


def test_no_array_gives_no_stack():
    assert list(stacked([])) == []


def test_images_are_whitened_in_a_stack_as_each_alone(rng):
    images = rng.randn(30, 24, 20).astype("f4")
    whitening = OneOverFWhitening().fit(images)
    alone = [whitening.transform([image])[0] for image in images]
    assert_array_equal(whitening.transform(list(images)), alone)
