"""Ctrl-C, SIGTERM and SIGHUP: one request to stop for a whole command or fit.

The first signal asks for an end. Where something can be kept, it is a request, looked at between
chunks of rows, and raised once all is kept; elsewhere it is raised at once. A second signal ends
the process by the system's own doing, even inside LAPACK, where no Python code runs: files are
replaced as a whole, so that the old ones are intact. In other threads than the main one Python
allows no signal handlers: there nothing is caught.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from types import FrameType
from typing import Any, NoReturn

#: Signals that ask for an end; those that are ignored, as by nohup, stay ignored.
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
#: Seconds after the signal for what completes the result, but is not needed.
GRACE = 2.0
#: Seconds after which an end that was lost is asked for again: Python drops what is raised while an
#: object is finalized.
AGAIN = 0.5


class Interrupted(KeyboardInterrupt):
    """A signal has requested the end of the process.

    Attributes
    ----------
    number : int
        Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.number = number


class _OutOfTime(BaseException):
    """The time for what follows an interrupt is over."""


class InterruptRequest:
    """Whether, and by which signal, an end was asked for.

    Parameters
    ----------
    raises : bool, default=False
        Whether the signal is raised at once where no block holds it back.

    Attributes
    ----------
    number : int or None
        Of the first signal.
    """

    def __init__(self, raises: bool = False) -> None:
        self.number: int | None = None
        self._raises = raises
        self._n_holders = 0
        self._grace = 0.0
        self._came = 0.0
        self._was_raised = False
        self._handlers: _Handlers | None = None

    @property
    def requested(self) -> bool:
        """Whether an end was asked for."""
        return self.number is not None

    @property
    def is_due(self) -> bool:
        """Whether work is to be cut off now, in a block that holds the signal back."""
        if self.number is None or not self._n_holders:
            return False
        return time.monotonic() >= self._came + self._grace

    def check(self) -> None:
        """Raise the signal if it is due."""
        if self.is_due:
            self._raise()

    @property
    def is_answered(self) -> bool:
        """Whether nothing is left to do: no signal came, or raising it was all."""
        return self.number is None or (self._raises and self._was_raised)

    def note(self, number: int) -> None:
        """Note a signal, of which the first one counts."""
        if self.number is None:
            self.number, self._came = number, time.monotonic()

    def raise_unless_held(self) -> None:
        """Raise the signal if that is how it is answered, and no block holds it back."""
        if self.number is not None and self._raises and not self._n_holders:
            self._raise()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the signal back until the block ends."""
        self._n_holders += 1
        try:
            yield
        finally:
            self._n_holders -= 1
        self.raise_unless_held()

    @contextmanager
    def grace(self, seconds: float = GRACE) -> Iterator[None]:
        """Let work go on in the block until so many seconds after the signal."""
        before, self._grace = self._grace, seconds
        try:
            yield
        finally:
            self._grace = before

    def limited(self, seconds: float) -> AbstractContextManager[object]:
        """Leave the block, wherever it is, once so many seconds are over since the signal.

        Without a signal, or on systems without such a clock, there is no limit.
        """
        if self.number is None or not hasattr(signal, "setitimer"):
            return nullcontext()
        return _Limit(self._came + seconds)

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """Let the signal end the process at once, if that is what it leads to in the end.

        For long work in LAPACK, during which no Python code runs, and of which nothing can be kept.
        """
        handlers = self._handlers
        if handlers is None or self.requested:
            yield
            return
        ends = handlers.of_the_end(all_of_them=self._raises)
        try:
            for number in ends:
                signal.signal(number, signal.SIG_DFL)
            yield
        finally:
            for number in () if self.requested else ends:
                handlers.catch(number)

    def _raise(self) -> NoReturn:
        assert self.number is not None
        self._was_raised = True
        raise Interrupted(self.number)


class _Limit:
    """A block that ends at a time; `limited` says how.

    The clock strikes again until the block is left, since Python drops what is raised in a
    finalizer. What strikes while it is entered or left raises nothing, so that nothing gets out.

    Parameters
    ----------
    until : float
        By the monotonic clock.
    """

    def __init__(self, until: float) -> None:
        self._until = until
        self._previous: Any = None

    def __enter__(self) -> None:
        self._previous = signal.signal(signal.SIGALRM, self._end)
        left = self._until - time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, max(left, 1e-3), AGAIN)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._previous)
        return kind is not None and issubclass(kind, _OutOfTime)

    def _end(self, number: int, frame: FrameType | None) -> None:
        while frame is not None:
            if frame.f_code in _OF_LIMITS:  # it is entered or left, or the clock has just struck
                return
            frame = frame.f_back
        raise _OutOfTime


#: Code that no clock interrupts.
_OF_LIMITS = (_Limit.__enter__.__code__, _Limit.__exit__.__code__, _Limit._end.__code__)


_active: ContextVar[InterruptRequest | None] = ContextVar("request", default=None)


def current_request() -> InterruptRequest:
    """The request of the blocks around; one that is never made if there are none."""
    return _active.get() or InterruptRequest()


@contextmanager
def interrupts_as_requests() -> Iterator[InterruptRequest]:
    """Turn the first signal into a request, and raise it when the block ends.

    Blocks within each other share the request of the outermost. When that one ends, the handlers
    are as before and are given the signal: Python's own raises KeyboardInterrupt, and the system's
    default ends the process, as both would have done without this block.
    """
    with _request(InterruptRequest()) as request, request.held():
        yield request


@contextmanager
def interrupts_raised() -> Iterator[InterruptRequest]:
    """Raise the first signal as `Interrupted` wherever it comes, but where it is held back."""
    with _request(InterruptRequest(raises=True)) as request:
        yield request


@contextmanager
def _request(new: InterruptRequest) -> Iterator[InterruptRequest]:
    """The request of the blocks around, or, in the outermost, the new one with its handlers."""
    active = _active.get()
    if active is not None or threading.current_thread() is not threading.main_thread():
        yield active or new
        return
    handlers = new._handlers = _Handlers(new)
    token = _active.set(new)
    try:
        handlers.install()
        yield new
    finally:
        handlers.restore()
        _active.reset(token)
        if not new.is_answered:
            handlers.deliver()


class _Handlers:
    """Handlers of all signals for one request, and those that were there before."""

    def __init__(self, request: InterruptRequest) -> None:
        self._request = request
        self._process = os.getpid()
        self._is_over = False
        self._previous: dict[int, Any] = {}

    def install(self) -> None:
        """Catch the signals that are not ignored."""
        for number in SIGNALS:
            previous = signal.getsignal(number)
            if previous not in (signal.SIG_IGN, None):  # None: of another language than Python
                self._previous[number] = previous
                self.catch(number)

    def catch(self, number: int) -> None:
        """Catch a signal, once if a second one ends the process."""
        signal.signal(number, self._handle)
        if _after_first(self._previous[number]) == signal.SIG_DFL:
            _catch_once(number)

    def of_the_end(self, all_of_them: bool) -> list[int]:
        """Signals that end the process if they come once: those of its default, or all."""
        return [
            number
            for number, previous in self._previous.items()
            if all_of_them or previous == signal.SIG_DFL
        ]

    def restore(self) -> None:
        """Give the signals back to those who had them."""
        self._is_over = True
        for number, previous in self._previous.items():
            signal.signal(number, previous)

    def deliver(self) -> None:
        """Give the signal to those who had it, unless it is being raised already."""
        number = self._request.number
        assert number is not None
        is_raised = isinstance(sys.exception(), KeyboardInterrupt)
        if not (is_raised and self._previous[number] is signal.default_int_handler):
            signal.raise_signal(number)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process:  # a child that was forked meanwhile has nothing to keep
            self.restore()
            signal.raise_signal(number)
            return
        self._request.note(number)
        if not self._is_over:
            for caught, previous in self._previous.items():
                signal.signal(caught, _after_first(previous))
            self._request.raise_unless_held()


def _after_first(previous: Any) -> Any:
    """What the next signal does: ends the process, or what users have decided themselves.

    Interactive sessions, as in notebooks, hold more than this work: they are not ended.
    """
    is_usual = previous in (signal.SIG_DFL, signal.default_int_handler)
    return signal.SIG_DFL if is_usual and not hasattr(sys, "ps1") else previous


def _catch_once(number: int) -> None:
    """Let the system itself go back to its default as soon as the signal has come.

    Python's handlers wait until LAPACK has returned; by then a second signal would have been lost.
    """
    import ctypes

    if not sys.platform.startswith("linux"):
        return
    try:
        get, catch = ctypes.pythonapi.PyOS_getsig, ctypes.CDLL(None).sysv_signal
    except AttributeError:  # another Python, or another C library
        return
    get.restype, get.argtypes = ctypes.c_void_p, (ctypes.c_int,)
    catch.restype, catch.argtypes = ctypes.c_void_p, (ctypes.c_int, ctypes.c_void_p)
    catch(number, get(number))
