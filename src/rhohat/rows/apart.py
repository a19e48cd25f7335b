"""Work done in a process of its own, where a crash or an endless loop in C costs an error.

Libraries such as libhdf5 can end the process when a file is damaged. What such a library will be
asked is asked there first: if that goes well, it goes well here.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from rhohat.common.errors import DataFileError

#: Seconds that a task may take, and bytes that it may need.
SECONDS, BYTES = 10, 600_000_000


class _Process:
    """The process, started when it is first needed; forked children start their own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started: dict[int, subprocess.Popen[str]] = {}

    def ask(self, question: list[Any]) -> dict[str, Any]:
        """What the process answers.

        Raises
        ------
        DataFileError
            If it ends instead.
        """
        with self._lock:
            process = self._running()
            try:
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(json.dumps(question) + "\n")
                process.stdin.flush()
                answer = process.stdout.readline()
            except OSError:  # it is gone already
                answer = ""
            except BaseException:  # an interrupt: the answer would be taken for the next one's
                self.end()
                raise
            if not answer:
                process.wait()
                crashed = process.returncode < 0 or process.returncode > 2
                self.end()
                raise DataFileError(
                    "crashes the library that reads it: it is damaged, or was made to do so"
                    if crashed
                    else f"was not decoded within {SECONDS} s: it is damaged, or was made to take "
                    "long"
                )
        found: dict[str, Any] = json.loads(answer)
        return found

    def _running(self) -> subprocess.Popen[str]:
        process = self._started.get(os.getpid())
        if process is None or process.poll() is not None:
            self.end()
            path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
            process = self._started[os.getpid()] = subprocess.Popen(
                [sys.executable, "-P", "-m", "rhohat.rows.apart"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
                encoding="ascii",
                start_new_session=True,  # Ctrl-C in a terminal is not for it
            )
        return process

    def end(self) -> None:
        """End the process, if there is one."""
        process = self._started.pop(os.getpid(), None)
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def renew_lock(self) -> None:
        """Forget who held the lock when this process was forked."""
        self._lock = threading.Lock()


_PROCESS = _Process()
atexit.register(_PROCESS.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_PROCESS.renew_lock)


def run_apart(function: Callable[..., Any], *arguments: str | int | None) -> Any:
    """What a function of a module answers in the other process.

    Parameters
    ----------
    function : callable
        Found there by its module and name; its answer goes through JSON.
    *arguments : str, int or None

    Raises
    ------
    DataFileError
        That the function raises, or if the process crashes, takes too long or needs too much
        memory.
    """
    told = _PROCESS.ask([function.__module__, function.__qualname__, *arguments])
    if "refused" in told:
        raise DataFileError(told["refused"])
    return told["answer"]


def _limit_memory() -> None:
    """Let this process grow by `BYTES`, where the system can limit it."""
    with suppress(ImportError, OSError, ValueError):
        resource: Any = importlib.import_module("resource")  # which only Unix has
        with open("/proc/self/statm") as stream:
            own = int(stream.read().split()[0]) * resource.getpagesize()
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (own + BYTES, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _serve() -> None:
    """Answer questions, one a line, until there are no more."""
    import faulthandler

    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # for libraries that print
    limited = False
    for line in sys.stdin:
        name, function, *arguments = json.loads(line)
        module = importlib.import_module(name)
        if not limited:
            _limit_memory()
            limited = True
        # in a thread of C, which also ends loops in C
        faulthandler.dump_traceback_later(SECONDS, exit=True, file=nowhere)
        try:
            told = {"answer": getattr(module, function)(*arguments)}
        except MemoryError:
            told = {"refused": "needs more memory than a valid file of its kind"}
        except Exception as error:
            text = (str(error) or type(error).__name__).splitlines()[0][:300]
            refused = isinstance(error, DataFileError)
            told = {"refused": str(error) if refused else f"cannot be decoded: {text}"}
        faulthandler.cancel_dump_traceback_later()
        answers.write(json.dumps(told) + "\n")
        answers.flush()


if __name__ == "__main__":
    _serve()
