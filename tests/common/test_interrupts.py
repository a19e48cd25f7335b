"""Signals that ask for an end: requests where something is kept, raised elsewhere; given back."""

import os
import signal
import sys
import threading
import time
import warnings
from contextlib import suppress

import pytest
from sklearn.exceptions import ConvergenceWarning

from rhohat.common import interrupts
from rhohat.common.interrupts import (
    SIGNALS,
    Interrupted,
    current_request,
    interrupts_as_requests,
    interrupts_raised,
)
from rhohat.training.solvers import StopReason
from support.fits import GROWING, SMALL, assert_report_is_true, bits, make_model

every_signal = pytest.mark.parametrize("number", SIGNALS)


def send(number):
    os.kill(os.getpid(), number)


def sends_at(n_iter, *numbers):
    """A callback that sends signals after an iteration."""

    def callback(progress):
        if progress.n_iter == n_iter:
            for number in numbers:
                send(number)
                time.sleep(0.05)

    return callback


@pytest.fixture
def handlers():
    """Signal handlers of one's own, which training must give back."""
    called = []

    def own(number, frame):
        called.append(number)

    previous = {number: signal.signal(number, own) for number in SIGNALS}
    yield own, called
    for number, handler in previous.items():
        signal.signal(number, handler)


def assert_are_own(own):
    assert [signal.getsignal(number) for number in SIGNALS] == [own] * len(SIGNALS)


@every_signal
@pytest.mark.parametrize("iteration", [2, 9])
def test_first_signal_ends_the_run_with_the_best_model_and_goes_to_whom_it_was_for(
    handlers, number, iteration
):
    own, called = handlers
    model = make_model(callback=sends_at(iteration, number))
    with pytest.warns(ConvergenceWarning, match="interrupted; the best model so far is kept"):
        model.fit(GROWING)
    assert model.n_iter_ == iteration
    assert not model.converged_
    assert model.stop_reason_ == StopReason.INTERRUPTED.value
    assert_report_is_true(model, GROWING)
    assert called == [number]
    assert_are_own(own)


def test_second_signal_goes_to_a_handler_of_the_users_own_at_once(handlers):
    own, called = handlers
    seen = []

    def callback(progress):
        send(signal.SIGTERM)
        send(signal.SIGINT)
        time.sleep(0.05)
        seen.extend(called)

    with pytest.warns(ConvergenceWarning, match="interrupted"):
        make_model(callback=callback).fit(SMALL)
    assert seen == [signal.SIGINT]
    assert called == [signal.SIGINT, signal.SIGTERM]
    assert_are_own(own)


def test_handlers_are_given_back_after_an_undisturbed_run(handlers):
    own, called = handlers
    make_model(max_iter=1).fit(SMALL)
    assert_are_own(own)
    send(signal.SIGINT)
    assert called == [signal.SIGINT]


def test_ctrl_c_is_raised_when_the_model_is_kept():
    model = make_model(callback=sends_at(3, signal.SIGINT))
    with pytest.warns(ConvergenceWarning, match="kept"), pytest.raises(KeyboardInterrupt):
        model.fit(SMALL)
    assert model.n_iter_ == 3
    assert_report_is_true(model, SMALL)


@pytest.mark.parametrize("error", [None, ValueError("of the block")])
def test_no_signal_is_lost_whatever_ends_the_block(handlers, error):
    own, called = handlers
    with suppress(ValueError), interrupts_as_requests():
        send(signal.SIGTERM)
        if error is not None:
            raise error
    assert called == [signal.SIGTERM]
    assert_are_own(own)


def test_blocks_within_each_other_share_one_request():
    @interrupts_as_requests()
    def work():
        outer = current_request()
        send(signal.SIGINT)
        with interrupts_as_requests() as inner:
            assert inner is outer
            assert inner.requested
        assert outer.is_due
        done.append(outer)

    done = []
    with pytest.raises(KeyboardInterrupt):
        work()
    assert done


@every_signal
def test_what_cannot_be_kept_is_cut_off_at_once(number):
    before = [signal.getsignal(each) for each in SIGNALS]
    done = []

    @interrupts_raised()
    def keep():
        with interrupts_as_requests():
            send(number)
            time.sleep(0.01)
            done.append("kept")
        done.append("went on")

    @interrupts_raised()
    def work():
        send(number)
        time.sleep(10)

    for function in (work, keep):
        with pytest.raises(Interrupted) as raised:
            function()
        assert raised.value.number == number
    assert done == ["kept"]
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_a_second_ctrl_c_does_not_end_an_interactive_session(monkeypatch):
    """Which holds more than this work: it is Python's own there."""
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    done = []

    @interrupts_as_requests()
    def work():
        send(signal.SIGINT)
        time.sleep(0.01)
        done.append("went on")
        send(signal.SIGINT)
        time.sleep(10)

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["went on"]
    assert time.monotonic() - started < 5


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no such signal here")
def test_signals_that_are_ignored_stay_so():
    """As SIGHUP is by nohup."""
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupts_as_requests() as request:
            send(signal.SIGHUP)
            assert not request.requested
    finally:
        signal.signal(signal.SIGHUP, previous)


def test_grace_is_counted_from_the_signal():
    @interrupts_as_requests()
    def work():
        request = current_request()
        with request.grace(0.2):
            request.check()
            send(signal.SIGINT)
            request.check()
            time.sleep(0.25)
            assert request.is_due
        with request.grace(100):
            request.check()
        with request.grace(0.2):
            request.check()
        pytest.fail("it went on")

    with pytest.raises(Interrupted):
        work()


def test_what_follows_an_interrupt_is_limited():
    with interrupts_raised() as request:
        with request.limited(0.0):  # nothing has come
            time.sleep(0.01)
        with pytest.raises(Interrupted):
            send(signal.SIGINT)
        started = time.monotonic()
        with request.limited(0.1):
            time.sleep(10)
        with request.limited(60):
            pass
        time.sleep(0.01)
        assert time.monotonic() - started < 5


def test_the_limit_holds_when_its_time_is_over_already():
    """Wherever the clock strikes, also at the very beginning and end of the block."""
    with interrupts_as_requests() as request:
        request.note(signal.SIGINT)
        request._came -= 10
        for _ in range(200):
            with request.limited(1.0):
                time.sleep(0.0005)
        started = time.monotonic()
        with request.limited(1.0):
            time.sleep(30)
        assert time.monotonic() - started < 10
        request.number = None


class Forgetful:
    """What takes long to be finalized, and loses what is raised meanwhile."""

    def __del__(self):
        time.sleep(0.2)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_end_that_is_lost_is_asked_for_again():
    with interrupts_as_requests() as request:
        request.note(signal.SIGINT)
        request._came -= 10
        started = time.monotonic()
        with request.limited(1.0):
            Forgetful()  # finalized at once
            time.sleep(30)
        assert time.monotonic() - started < 10
        request.number = None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_child_that_was_forked_meanwhile_dies_as_usual():
    """So that a pool of processes can end its workers."""
    with interrupts_as_requests() as request:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
            child = os.fork()
        if not child:
            time.sleep(20)
            os._exit(0)
        time.sleep(0.1)
        os.kill(child, signal.SIGTERM)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status)
        assert os.WTERMSIG(status) == signal.SIGTERM
        assert not request.requested


def test_nothing_is_caught_outside_the_main_thread():
    """Where Python allows no signal handlers."""
    expected = bits(make_model().fit(SMALL))
    found = []

    def work():
        with interrupts_as_requests() as request:
            found.append((request.requested, current_request().requested))
        found.append(bits(make_model().fit(SMALL)))

    @interrupts_as_requests()
    def interrupted():
        send(signal.SIGINT)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(timeout=60)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert found == [(False, False), expected]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_limit_ends_nothing_but_its_block_however_often_it_is_asked_for(monkeypatch):
    """Also while the first end is on its way out."""
    monkeypatch.setattr(interrupts, "AGAIN", 2e-5)
    with interrupts_as_requests() as request:
        request.note(signal.SIGINT)
        request._came -= 10
        for _ in range(300):
            with request.limited(1.0):
                time.sleep(0.01)
        request.number = None
