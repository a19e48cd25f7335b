"""Another process that takes the crash: what goes wrong there is an error here."""

import os
import threading
import time

import pytest

from rhohat import DataFileError
from rhohat.rows import apart
from support.faulty import break_down, crash, echo, fill, loop, print_much, refuse


@pytest.fixture(autouse=True)
def process(monkeypatch):
    """A process of the test's own."""
    own = apart._Process()
    monkeypatch.setattr(apart, "_PROCESS", own)
    yield own
    own.end()


def test_answers_are_those_of_the_function():
    assert apart.run_apart(echo, "ü\udcff", 3) == ["ü\udcff", 3]
    assert apart.run_apart(print_much) is None
    assert apart.run_apart(echo, "a", None) == ["a", None]


def test_errors_are_told_and_the_process_goes_on(process):
    apart.run_apart(echo, "a", 1)
    (started,) = process._started.values()
    with pytest.raises(DataFileError, match="the reason"):
        apart.run_apart(refuse, "the reason")
    with pytest.raises(DataFileError, match="cannot be decoded: 'missing'"):
        apart.run_apart(break_down)
    assert list(process._started.values()) == [started]


def test_a_crash_is_an_error_and_the_next_question_is_answered():
    with pytest.raises(DataFileError, match="crashes the library that reads it"):
        apart.run_apart(crash)
    assert apart.run_apart(echo, "a", 1) == ["a", 1]


@pytest.mark.skipif(os.name != "posix", reason="calls sleep of C")
def test_a_loop_in_c_is_ended(monkeypatch, process):
    real = apart.subprocess.Popen

    def hasty(command, **options):
        code = "from rhohat.rows import apart; apart.SECONDS = 1; apart._serve()"
        return real([*command[:2], "-c", code], **options)

    monkeypatch.setattr(apart.subprocess, "Popen", hasty)
    began = time.monotonic()
    with pytest.raises(DataFileError, match="was not decoded within"):
        apart.run_apart(loop)
    assert time.monotonic() - began < 10


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="memory cannot be limited")
def test_too_much_memory_is_an_error():
    with pytest.raises(DataFileError, match="needs more memory"):
        apart.run_apart(fill)


def test_threads_get_their_own_answers():
    found = {}

    def ask(number):
        found[number] = apart.run_apart(echo, "a", number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: ["a", number] for number in range(8)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_asks_a_process_of_its_own(process):
    apart.run_apart(echo, "a", 1)
    pid = os.fork()
    if pid == 0:
        right = apart.run_apart(echo, "child", 2) == ["child", 2] and len(process._started) == 2
        process.end()
        os._exit(0 if right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert apart.run_apart(echo, "parent", 3) == ["parent", 3]
