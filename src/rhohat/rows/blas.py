"""BLAS's own threads, held to one while engines run, so that sums have the same bits everywhere.

They belong to the whole process, or, in some libraries, to each of its threads. Any number of
engines may run at once, in any threads: the first one limits BLAS, and the last one, whichever
thread it is in, leaves it as it was. A child that is forked meanwhile begins as if none ran.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import threadpoolctl


class _Blas:
    """The BLAS libraries of this process, which several threads may want single-threaded."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._n_users = 0
        self._before: dict[Any, int] = {}  # threads of each library that is limited
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._lock.acquire,  # so that no child finds it taken, or half a change
                after_in_parent=self._lock.release,
                after_in_child=self._begin_anew,
            )

    def n_threads(self) -> int:
        """Threads that BLAS uses while no engine runs."""
        with self._lock:
            counts = _counts() | self._before
        return max(counts.values(), default=1)

    @contextmanager
    def single_threaded(self) -> Iterator[None]:
        """Limit BLAS to one thread, here and wherever its limit is that of the whole process."""
        with self._lock:
            self._n_users += 1
            found = self.limit()
            self._before |= found
        try:
            yield
        finally:
            with self._lock:
                self._n_users = max(self._n_users - 1, 0)  # 0 in a child, where this began before
                if self._n_users:
                    _set({library: n for library, n in found.items() if not _is_shared(library)})
                else:
                    _set(self._before | found)
                    self._before = {}

    def limit(self) -> dict[Any, int]:
        """Limit BLAS in this thread; the libraries that were not limited, and their threads."""
        with self._lock:
            found = {library: n for library, n in _counts().items() if n != 1}
            _set(dict.fromkeys(found, 1))
        return found

    def limit_again(self) -> None:
        """Undo what others have changed since; it takes microseconds if they have not."""
        with self._lock:
            self._before |= self.limit()

    def _begin_anew(self) -> None:
        """In a child: no engine runs here, whatever the parent was doing."""
        try:
            _set(self._before)
            self._n_users, self._before = 0, {}
        finally:
            self._lock.release()


def _counts() -> dict[Any, int]:
    """Threads of each library."""
    return {library: library.num_threads or 1 for library in _libraries()}


def _set(counts: Mapping[Any, int]) -> None:
    """Set the threads of libraries."""
    # threadpoolctl from 3.8 on obeys only the first thread that sets OpenBLAS's, until it is freed
    openblas = getattr(threadpoolctl, "OpenBLASController", None)
    free = getattr(openblas, "clear_controlling_thread", lambda force: None)
    for library, n_threads in counts.items():
        free(force=True)
        library.set_num_threads(n_threads)
        free(force=True)


def _is_shared(library: Any) -> bool:
    """Whether a limit of 1 that was set in this thread holds in others, too."""
    seen: list[int] = []
    other = threading.Thread(target=lambda: seen.append(library.num_threads or 1))
    other.start()
    other.join()
    return seen == [1]


@cache
def _libraries() -> tuple[Any, ...]:
    """The BLAS libraries of NumPy and SciPy, loaded by now; finding them takes milliseconds."""
    return tuple(threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers)


BLAS = _Blas()
