"""Ctrl-C and SIGTERM: the first ends a run well, the second at once; handlers are given back."""

import os
import signal
import threading
import time

import pytest
from sklearn.exceptions import ConvergenceWarning

from rhohat.training.solvers import StopReason
from support.fits import GROWING, SMALL, assert_report_is_true, bits, make_model


def send(number):
    os.kill(os.getpid(), number)


@pytest.fixture
def handlers():
    """Signal handlers of one's own, which training must give back."""
    called = []

    def own(number, frame):
        called.append(number)

    previous = {n: signal.signal(n, own) for n in (signal.SIGINT, signal.SIGTERM)}
    yield own, called
    for number, handler in previous.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("iteration", [2, 9])
def test_first_interrupt_ends_the_run_with_the_best_model_so_far(handlers, number, iteration):
    own, called = handlers

    def interrupt(progress):
        if progress.n_iter == iteration:
            send(number)

    model = make_model(callback=interrupt)
    with pytest.warns(ConvergenceWarning, match="interrupted; the best model so far is kept"):
        model.fit(GROWING)
    assert model.n_iter_ == iteration
    assert not model.converged_
    assert model.stop_reason_ == StopReason.INTERRUPTED.value
    assert_report_is_true(model, GROWING)
    assert not called
    assert signal.getsignal(signal.SIGINT) is own
    assert signal.getsignal(signal.SIGTERM) is own


@pytest.mark.parametrize(
    "numbers", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)]
)
def test_second_interrupt_ends_at_once(handlers, numbers):
    own, called = handlers

    def interrupt_twice(progress):
        for number in numbers:
            send(number)
            time.sleep(0.05)
        raise AssertionError("went on after the second interrupt")

    with pytest.raises(KeyboardInterrupt):
        make_model(callback=interrupt_twice).fit(SMALL)
    assert not called
    assert signal.getsignal(signal.SIGINT) is own
    assert signal.getsignal(signal.SIGTERM) is own


def test_handlers_are_given_back_after_an_undisturbed_run(handlers):
    own, called = handlers
    make_model(max_iter=1).fit(SMALL)
    assert signal.getsignal(signal.SIGINT) is own
    send(signal.SIGINT)
    assert called == [signal.SIGINT]


def test_training_works_outside_the_main_thread():
    """Where Python allows no signal handlers."""
    expected = bits(make_model().fit(SMALL))
    found = []
    thread = threading.Thread(target=lambda: found.append(bits(make_model().fit(SMALL))))
    thread.start()
    thread.join(timeout=60)
    assert found == [expected]
