"""Properties that are computed once, without a lock."""

import threading
from dataclasses import dataclass

import pytest

from rhohat.common.caching import cached_property


@dataclass(frozen=True)
class Asked:
    wait: threading.Event
    begun: threading.Event
    times: list

    @cached_property
    def answer(self):
        """It."""
        self.begun.set()
        self.wait.wait(10)
        self.times.append(1)
        return 42


def make(waits):
    asked = Asked(threading.Event(), threading.Event(), [])
    if not waits:
        asked.wait.set()
    return asked


def test_it_is_computed_once_for_each_object():
    first, second = make(waits=False), make(waits=False)
    assert [first.answer, first.answer, second.answer] == [42] * 3
    assert first.times == second.times == [1]


def test_the_class_gives_the_property_and_its_text():
    assert isinstance(Asked.answer, cached_property)
    assert Asked.answer.__doc__ == "It."


def test_what_fails_is_tried_again():
    class Fails:
        times = 0

        @cached_property
        def answer(self):
            self.times += 1
            raise LookupError

    fails = Fails()
    for _ in range(2):
        with pytest.raises(LookupError):
            _ = fails.answer
    assert fails.times == 2


def test_another_object_does_not_wait():
    slow, fast = make(waits=True), make(waits=False)
    thread = threading.Thread(target=lambda: slow.answer)
    thread.start()
    slow.begun.wait(10)
    assert fast.answer == 42
    assert not slow.times
    slow.wait.set()
    thread.join()
    assert slow.times == [1]
