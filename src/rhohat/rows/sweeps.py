"""A sweep of a cluster's workers over the rows: given out, watched, checked, and given out again.

Whoever answers first is believed, if the answer is one to the question that was asked. Which worker
it was does not change a bit.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass, field
from typing import Any

from rhohat.common.caching import cached_property
from rhohat.common.errors import WorkerError
from rhohat.common.extras import import_extra
from rhohat.common.interrupts import current_request
from rhohat.rows.answers import Form, RefusedAnswerError, digest_of, holds_nan, unpacked
from rhohat.rows.workers import Workers

#: Answers to one task that are refused before the run ends.
MOST_REFUSALS = 4
#: Times that tasks are given to others because nothing is heard, before the run ends.
MOST_REPEATS = 3
#: How many times longer than usual nothing may be heard.
SLACK = 4

logger = logging.getLogger("rhohat")


@dataclass(eq=False)
class Task:
    """Some chunks, to be summed by one worker.

    Attributes
    ----------
    work : bytes
        The function and its source, pickled.
    block_size : int
    chunks : list of tuple of int
    source_name : str
    futures : list
        Of Dask: all that may still bring an answer, in the order in which they were made.
    refusals : list of str
        Why answers were not believed, and who gave them.
    was_heard : bool
        Whether an answer has come.
    """

    work: bytes
    block_size: int
    chunks: list[tuple[int, int]]
    source_name: str
    futures: list[Any] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    was_heard: bool = False

    @cached_property
    def digest(self) -> bytes:
        """What the answer must say it is of."""
        return digest_of(self.work, self.block_size, self.chunks)

    @property
    def done(self) -> Any:
        """The first of the futures that is done; None if none is."""
        return next((future for future in self.futures if future.done()), None)

    def __str__(self) -> str:
        return f"rows {self.chunks[0][0]} to {self.chunks[-1][1] - 1} of {self.source_name}"


class Patience:
    """How long nothing may be heard: several times as long as is usual, then twice that, and so on.

    Parameters
    ----------
    least : float
        Seconds that are waited in any case.

    Attributes
    ----------
    n_ends : int
        How often it came to its end since something was heard.
    """

    def __init__(self, least: float) -> None:
        self._least = least
        self._usual = 0.0
        self.begin()

    def begin(self) -> None:
        """Wait from now on."""
        self._since = time.monotonic()
        self.n_ends = 0

    def heard(self, is_usual: bool) -> None:
        """Note that something came, and whether it may take as long again."""
        if is_usual:
            self._usual = max(self._usual, self.waited)
        self.begin()

    @property
    def waited(self) -> float:
        """Seconds since something was heard."""
        return time.monotonic() - self._since

    def ends(self) -> bool:
        """Whether it has come to its end again."""
        limit = max(self._least, SLACK * self._usual) * (2 ** (self.n_ends + 1) - 1)
        is_over = bool(self.waited > limit)
        self.n_ends += is_over
        return is_over


class Sweep:
    """One sweep over the rows.

    Parameters
    ----------
    workers : Workers
    patience : Patience
    function : callable
        ``function(work, block_size, chunks)`` is called in the workers, and returns an answer.
    tasks : list of Task
    forms : set of Form
        Those that sums may have.
    """

    def __init__(
        self,
        workers: Workers,
        patience: Patience,
        function: Callable[[bytes, int, list[tuple[int, int]]], bytes],
        tasks: list[Task],
        forms: set[Form],
    ) -> None:
        self._workers = workers
        self._patience = patience
        self._function = function
        self._tasks = tasks
        self._forms = forms
        self._n_over = 0  # tasks whose sums were taken
        self._nan_is_true = False  # since it came twice

    def sums(self) -> Generator[Any, None, None]:
        """The sum of every chunk, in order.

        Raises
        ------
        WorkerError
            If the cluster or its workers are gone, or if some rows, which it names, cannot be had.
        """
        try:
            for task in self._tasks:
                self._give(task)
            self._patience.begin()
            for task in self._tasks:
                yield from self._sums_of(task)
                self._n_over += 1
        finally:
            self._workers.release(future for task in self._tasks for future in task.futures)

    def _give(self, task: Task, besides: Collection[str] = ()) -> None:
        task.futures.append(
            self._workers.give(
                self._function, task.work, task.block_size, task.chunks, besides=besides
            )
        )

    def _sums_of(self, task: Task) -> list[Any]:
        """The sums of a task's chunks, asked for again if the answer is not believed."""
        while True:
            while (future := task.done) is None:
                current_request().check()
                self._workers.wait(task.futures)
                if task.done is None:
                    self._watch()
            self._hear([task])
            try:
                answer = self._fetched(task, future)
                sums = unpacked(answer, task.digest, task.chunks, self._forms)
            except TimeoutError:
                self._watch()  # its worker may be silent by now, and then the task is with another
                if future in task.futures:
                    self._refuse(task, future, "does not arrive")
            except RefusedAnswerError as refusal:
                self._workers.distrust(self._refuse(task, future, str(refusal)))
            else:
                if self._believes(task, sums):
                    return sums
                self._refuse(task, future, "holds NaN")

    def _fetched(self, task: Task, future: Any) -> Any:
        distributed = import_extra("distributed", "dask")
        try:
            return self._workers.fetch(future)
        except distributed.scheduler.KilledWorker as error:
            raise WorkerError(
                f"{task} killed every worker that read them: the data there or the library that "
                f"reads them is broken, or they need more memory than a worker has ({error})."
            ) from error

    def _believes(self, task: Task, sums: list[Any]) -> bool:
        """Whether there is no NaN in these sums, or has been twice."""
        if not self._nan_is_true and any(map(holds_nan, sums)):
            self._nan_is_true = bool(task.refusals)
            return self._nan_is_true
        return True

    def _refuse(self, task: Task, future: Any, reason: str) -> set[str]:
        """Ask for a task again, and others if there are any; who gave the answer.

        Raises
        ------
        WorkerError
            If that was done too often.
        """
        self._workers.look()
        givers = self._workers.holders([future])[future.key]
        who = ", ".join(sorted(givers)) or "a worker that has left"
        task.refusals.append(f"that of {who} {reason}")
        if len(task.refusals) >= MOST_REFUSALS:
            raise WorkerError(
                f"{task} were summed {MOST_REFUSALS} times, and each result was invalid: "
                f"{'; '.join(task.refusals)}. The workers may run another version of rhohat, or "
                "have faulty memory or a faulty network."
            )
        logger.warning("%s are summed again: the result of %s %s", task, who, reason)
        task.futures.remove(future)
        self._workers.release([future])
        self._give(task, besides=givers)
        return givers

    def _hear(self, tasks: list[Task]) -> None:
        """Note which tasks have an answer by now."""
        new = [task for task in tasks if not task.was_heard and task.done is not None]
        if new:
            # How long another took, who was asked later, tells nothing about what is usual.
            self._patience.heard(any(task.futures[0].done() for task in new))
        for task in new:
            task.was_heard = True

    def _watch(self) -> None:
        """See who is there, and give to others what silent and late workers hold."""
        self._workers.look()
        tasks = self._tasks[self._n_over :]
        self._hear(tasks)
        is_late = self._patience.ends()
        stranded = {f.key for t in tasks for f in t.futures if self._workers.is_stranded(f)}
        if not (is_late or stranded or self._workers.silent):
            return
        holders = self._workers.holders([future for task in tasks for future in task.futures])
        if is_late:
            self._note_late(tasks, holders)
        for task in tasks:
            held = {future.key: holders[future.key] for future in task.futures}
            is_left = all(
                key in stranded or (who and who <= self._workers.silent)
                for key, who in held.items()
            )
            who = set().union(*held.values())
            is_to_be_given = is_left or (is_late and who and task.done is None)
            if is_to_be_given and (self._workers.able or not who):
                self._ask_another(task, ", ".join(sorted(who)) or "workers that have left")

    def _note_late(self, tasks: list[Task], holders: dict[Any, set[str]]) -> None:
        """Give nothing more to those who are late; raise WorkerError if it takes too long."""
        late: dict[str, list[Any]] = {}
        for future in [future for task in tasks for future in task.futures if not future.done()]:
            for worker in holders[future.key]:
                late.setdefault(worker, []).append(future)
        if self._patience.n_ends > MOST_REPEATS:
            raise WorkerError(
                f"{tasks[0]} were not summed within {self._patience.waited:.0f} s by "
                f"{', '.join(sorted(late)) or 'any worker'}: the data there cannot be read, or the "
                "workers hang. If chunks do take that long, raise DaskEngine(hung_after=...)."
            )
        self._workers.note_late(late)

    def _ask_another(self, task: Task, who: str) -> None:
        """Give a task that others hold to one who is able."""
        logger.warning("%s are summed by another Dask worker: no answer from %s", task, who)
        lost = [future for future in task.futures if future.done()]  # and cannot be fetched
        task.futures = [future for future in task.futures if future not in lost]
        self._workers.release(lost)
        self._give(task)
