"""Ctrl-C and SIGTERM during long work: the first asks for a clean end, the second ends at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class InterruptRequest:
    """Whether the user has asked for a clean end."""

    def __init__(self) -> None:
        self.requested = False


@contextmanager
def interrupts_as_requests() -> Iterator[InterruptRequest]:
    """Turn the first SIGINT or SIGTERM into a request; the second raises KeyboardInterrupt.

    In other threads than the main one Python allows no signal handlers: there nothing is requested.
    """
    request = InterruptRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if request.requested:
            raise KeyboardInterrupt
        request.requested = True

    previous: dict[signal.Signals, Any] = {}
    try:
        for caught in (signal.SIGINT, signal.SIGTERM):
            previous[caught] = signal.signal(caught, handle)
        yield request
    finally:
        for caught, handler in previous.items():
            signal.signal(caught, handler if handler is not None else signal.SIG_DFL)
