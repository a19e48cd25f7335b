"""The workers of a Dask cluster: who is there, who is silent, who holds what.

All talk with Dask's scheduler is here, so that a cluster that is gone is one error, of ours.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from rhohat.common.errors import WorkerError
from rhohat.common.extras import import_extra

#: States of a client in which its cluster can be asked.
CONNECTED = ("running", "newly-created")
#: Seconds from one look at the workers to the next.
LOOK_EVERY = 1.0
#: Seconds within which scheduler and workers must answer, or longer if `hung_after` is.
LEAST_ANSWER = 10.0

logger = logging.getLogger("rhohat")


class Workers:
    """The workers of a cluster, as a run of training sees them.

    Parameters
    ----------
    client : dask.distributed.Client
    timeout : float
        Seconds to wait for a worker when none is left.
    hung_after : float
        Seconds without a sign of life after which a worker is given nothing more.

    Attributes
    ----------
    present : set of str
        Addresses of those that were there at the last look.
    silent : set of str
        Those of them that gave no sign of life for too long: they are stopped, or cut off.
    """

    def __init__(self, client: Any, timeout: float, hung_after: float) -> None:
        self._client = client
        self._timeout = timeout
        self._hung_after = hung_after
        self._answer_within = max(hung_after, LEAST_ANSWER)
        self.present: set[str] = set()
        self.silent: set[str] = set()
        self._signs: dict[str, tuple[Any, float]] = {}  # the last of each, and when it was noticed
        self._owed: dict[str, list[Any]] = {}  # futures that each was given, and is late with
        self._allowed: dict[Any, set[str]] = {}  # by key, if a future is not for all workers
        self._distrusted: set[str] = set()
        self._alone_since: float | None = None

    def look(self) -> None:
        """See who is there.

        Raises
        ------
        WorkerError
            If the cluster does not answer, or if it has had no worker for too long.
        """
        now = time.monotonic()
        found = self._ask("identity", n_workers=-1)["workers"]
        for worker, facts in found.items():
            sign = facts["last_seen"]
            if worker not in self._signs or self._signs[worker][0] != sign:
                self._signs[worker] = sign, now
        self.present = set(found)
        self.silent = {
            worker for worker in found if now - self._signs[worker][1] > self._hung_after
        }
        for worker, futures in self._owed.items():
            self._owed[worker] = [future for future in futures if not future.done()]
        if self.present - self.silent:
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = now
            logger.warning("no Dask worker is left; waiting for one to come back")
        elif now - self._alone_since > self._timeout:
            raise WorkerError(
                f"no Dask worker is left, and none came back in {self._timeout:g} s. Start "
                "workers and run again; with a checkpoint, resume."
            )

    @property
    def able(self) -> set[str]:
        """Those that work may be given to: not the silent, the late and the confused."""
        late = {worker for worker, futures in self._owed.items() if futures}
        return self.present - self.silent - late - self._distrusted

    def holders(self, futures: Iterable[Any]) -> dict[Any, set[str]]:
        """Who computes what each future stands for, or has computed it; by the futures' keys."""
        found: dict[Any, set[str]] = {future.key: set() for future in futures}
        for worker, keys in self._ask("processing", workers=None).items():
            for key in found.keys() & set(keys):
                found[key].add(worker)
        for key, workers in self._ask("who_has", keys=list(found)).items():
            found[key].update(workers)
        return found

    def give(
        self, function: Callable[..., Any], *arguments: Any, besides: Collection[str] = ()
    ) -> Any:
        """Have it computed by those who are able, if there are any besides these; its future."""
        import dask

        able = self.able or self.present - self.silent
        able = able - set(besides) or able
        is_for_all = not able or able == self.present
        # Not allow_other_workers: idle ones, such as those that are stopped, would take it over.
        options: dict[str, Any] = {} if is_for_all else {"workers": sorted(able)}
        # Parameters go out with every task by design, however large they are.
        large = {"distributed.admin.large-graph-warning-threshold": "1TB"}
        with self._talking(), dask.config.set(large):
            future = self._client.submit(function, *arguments, pure=False, **options)
        if not is_for_all:
            self._allowed[future.key] = able
        return future

    def is_stranded(self, future: Any) -> bool:
        """Whether all those who may compute it are gone."""
        allowed = self._allowed.get(future.key)
        return allowed is not None and not future.done() and not allowed & self.present

    def wait(self, futures: list[Any]) -> None:
        """Wait for one of them to be done, but not for long."""
        if not futures:
            time.sleep(LOOK_EVERY)
            return
        distributed = import_extra("distributed", "dask")
        with self._talking(), suppress(TimeoutError), self._client.as_current():
            distributed.wait(futures, timeout=LOOK_EVERY, return_when="FIRST_COMPLETED")

    def fetch(self, future: Any) -> Any:
        """What was computed.

        Raises
        ------
        TimeoutError
            If it does not arrive.
        WorkerError
            If the cluster is gone.
        Exception
            What went wrong where it was computed.
        """
        try:
            return future.result(timeout=self._answer_within)
        except (Exception, asyncio.CancelledError) as error:
            if future.status == "error" or isinstance(error, TimeoutError):
                raise
            raise _gone(error) from error

    def note_late(self, late: Mapping[str, list[Any]]) -> None:
        """Give nothing more to these workers until these futures are done."""
        for worker, futures in late.items():
            self._owed.setdefault(worker, []).extend(futures)

    def distrust(self, workers: Iterable[str]) -> None:
        """Give nothing more to these workers, as long as there are others."""
        self._distrusted.update(workers)

    def release(self, futures: Iterable[Any]) -> None:
        """Want these futures no more, but for those that tell when a worker is back."""
        owed = {id(future) for owed in self._owed.values() for future in owed}
        for future in futures:
            if id(future) not in owed:
                self._allowed.pop(future.key, None)
                with suppress(RuntimeError):  # the client is closed: nothing is left to release
                    future.release()

    def release_all(self) -> None:
        """Want nothing more."""
        owed, self._owed = self._owed, {}
        for futures in owed.values():
            self.release(futures)

    def _ask(self, question: str, **arguments: Any) -> Any:
        """What the scheduler answers."""
        with self._talking():
            return self._client.sync(
                getattr(self._client.scheduler, question),
                callback_timeout=self._answer_within,
                **arguments,
            )

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """Whatever goes wrong inside means that the cluster is gone."""
        if self._client.status not in CONNECTED:
            raise _gone(f"its client is {self._client.status}")
        try:
            yield
        except (Exception, asyncio.CancelledError) as error:
            raise _gone(error) from error


def _gone(reason: object) -> WorkerError:
    short = type(reason).__name__ if isinstance(reason, BaseException) else reason
    return WorkerError(
        "the Dask cluster is gone: its scheduler has ended, was restarted or does not answer, or "
        f"its client was closed ({short}). Start the cluster and run again; with a checkpoint, "
        "resume."
    )
