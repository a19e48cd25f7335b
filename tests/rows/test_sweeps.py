"""Sweeps: whatever workers do with their tasks, the sums are those that were asked for."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest

from rhohat import WorkerError
from rhohat.rows import sweeps as module
from rhohat.rows.answers import digest_of, form, packed
from rhohat.rows.sweeps import MOST_REFUSALS, SLACK, Patience, Sweep, Task

RUNS = [[(0, 10), (10, 20)], [(20, 30)], [(30, 35)]]


def total(first, n=2):
    return SimpleNamespace(values=np.full(n, float(first)))


def right(work, block_size, run):
    rows = [(start, stop - start) for start, stop in run]
    return packed(digest_of(work, block_size, run), rows, [total(start) for start, _ in run])


class Future:
    def __init__(self, worker, value):
        self.key, self.worker, self.value = object(), worker, value
        self.is_released = False

    def done(self):
        return self.value is not None

    def release(self):
        self.is_released = True


class Crew:
    """Workers that answer when they are waited for, as the test says of each."""

    def __init__(self, clock, **ways):
        self.clock, self.ways = clock, ways
        self.silent, self.late, self.distrusted = set(), set(), set()
        self.futures, self.next = [], 0

    @property
    def able(self):
        return set(self.ways) - self.silent - self.late - self.distrusted

    def give(self, function, *arguments, besides=()):
        able = sorted(self.able - set(besides) or self.able or set(self.ways))
        worker = able[self.next % len(able)]
        self.next += 1
        self.futures.append(Future(worker, self.ways[worker](*arguments)))
        return self.futures[-1]

    def look(self):
        self.silent = {
            name for name, way in self.ways.items() if way is nothing and self.clock.now > 60
        }

    def wait(self, futures):
        self.clock.now += 1

    def fetch(self, future):
        if future.value is TimeoutError:
            self.clock.now += 61
            raise TimeoutError
        return future.value

    def holders(self, futures):
        return {future.key: {future.worker} for future in futures}

    def is_stranded(self, future):
        return future.worker not in self.ways

    def note_late(self, late):
        self.late.update(late)

    def distrust(self, workers):
        self.distrusted.update(workers)

    def release(self, futures):
        for future in futures:
            future.release()


def nothing(*task):
    """A worker that is stopped."""


def stuck(*task):
    """A worker that gives signs of life, and nothing else."""


def once(wrong):
    """A worker that is wrong the first time."""
    answers = iter([wrong])
    return lambda *task: next(answers, right)(*task)


def old(work, block_size, run):
    return right(b"old work", block_size, run)


def partial(work, block_size, run):
    rows = [(start, stop - start - 1) for start, stop in run]
    return packed(digest_of(work, block_size, run), rows, [total(start) for start, _ in run])


def shapeless(work, block_size, run):
    rows = [(start, stop - start) for start, stop in run]
    return packed(digest_of(work, block_size, run), rows, [total(0, 1) for _ in run])


def not_a_number(work, block_size, run):
    rows = [(start, stop - start) for start, stop in run]
    return packed(digest_of(work, block_size, run), rows, [total(np.nan) for _ in run])


def junk(*task):
    return b"junk"


def undelivered(*task):
    return TimeoutError


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def swept(crew, runs=RUNS):
    tasks = [Task(b"work", 5, run, "x.npy") for run in runs]
    sweep = Sweep(crew, Patience(60), right, tasks, {form(total(0))})
    sums = [part.values[0] for part in sweep.sums()]
    assert all(future.is_released for future in crew.futures)
    return sums


STARTS = [0, 10, 20, 30]


@pytest.mark.parametrize("wrong", [old, partial, shapeless, not_a_number, junk, undelivered])
@pytest.mark.parametrize("is_always", [False, True])
def test_what_is_wrong_is_summed_again_by_another(wrong, is_always, clock, caplog):
    crew = Crew(clock, one=right, two=wrong if is_always else once(wrong))
    with caplog.at_level(logging.WARNING, "rhohat"):
        assert swept(crew) == STARTS
    assert "summed again: the result of two" in caplog.text
    assert "x.npy" in caplog.text


@pytest.mark.parametrize("wrong", [old, partial, shapeless, junk, undelivered])
def test_rows_and_workers_are_named_if_nobody_is_right(wrong, clock):
    crew = Crew(clock, one=wrong, two=wrong)
    with pytest.raises(WorkerError, match=r"rows 0 to 19 of x.npy.*that of (one|two)"):
        swept(crew)
    assert len(crew.futures) == len(RUNS) + MOST_REFUSALS - 1


def test_who_is_wrong_is_distrusted_but_not_for_a_number_that_is_none(clock):
    crews = [Crew(clock, one=right, two=wrong) for wrong in (old, not_a_number)]
    for crew in crews:
        swept(crew)
    assert [crew.distrusted for crew in crews] == [{"two"}, set()]


def test_not_a_number_is_believed_if_it_comes_twice(clock):
    crew = Crew(clock, one=not_a_number, two=not_a_number)
    assert np.isnan(swept(crew)).all()
    assert len(crew.futures) == len(RUNS) + 1


def test_who_is_stopped_is_noticed_in_time_and_others_do_the_work(clock, caplog):
    crew = Crew(clock, one=right, two=nothing)
    with caplog.at_level(logging.WARNING, "rhohat"):
        assert swept(crew) == STARTS
    assert clock.now <= 63
    assert "no answer from two" in caplog.text


def test_who_hangs_with_signs_of_life_is_noticed_too(clock):
    crew = Crew(clock, one=right, two=stuck)
    assert swept(crew) == STARTS
    assert clock.now <= 63
    assert crew.late == {"two"}


def test_if_all_hang_it_ends_and_names_rows_and_workers(clock):
    crew = Crew(clock, one=stuck, two=stuck)
    with pytest.raises(WorkerError, match=r"rows 0 to 19 of x.npy were not .* by one, two.*hung"):
        swept(crew)
    assert clock.now < 1000


def test_the_first_who_answers_is_believed_even_if_it_was_late(clock):
    crew = Crew(clock, one=stuck)
    wait = crew.wait

    def wake(futures):
        wait(futures)
        if clock.now > 100:
            for future in crew.futures:
                future.value = right(b"work", 5, RUNS[0])

    crew.wait = wake
    assert swept(crew, RUNS[:1]) == STARTS[:2]
    assert len(crew.futures) == 1


def test_whoever_answers_is_heard_also_if_another_is_waited_for(clock):
    crew = Crew(clock, one=stuck, two=stuck, three=stuck)
    answer_times = (150, 100, 50)
    wait = crew.wait

    def answer(futures):
        wait(futures)
        for future, run, time in zip(crew.futures, RUNS, answer_times, strict=True):
            if clock.now >= time:
                future.value = right(b"work", 5, run)

    crew.wait = answer
    assert swept(crew) == STARTS
    assert not crew.late


def test_what_is_lost_with_a_worker_that_is_stopped_is_summed_again(clock):
    crew = Crew(clock, one=right, two=undelivered)
    clock.now = 30
    crew.look = lambda: setattr(crew, "silent", {"two"} if clock.now > 60 else set())
    assert swept(crew) == STARTS


def test_what_only_workers_that_are_gone_may_do_is_given_to_others(clock, caplog):
    crew = Crew(clock, one=right, two=stuck)
    crew.look = lambda: crew.ways.pop("two", None)
    holders = crew.holders
    crew.holders = lambda futures: {
        key: {name for name in names if name in crew.ways}
        for key, names in holders(futures).items()
    }
    with caplog.at_level(logging.WARNING, "rhohat"):
        assert swept(crew) == STARTS
    assert clock.now < 10
    assert "workers that have left" in caplog.text


def test_patience_grows_with_what_is_usual_and_when_it_ends(clock):
    patience = Patience(60)

    def end():
        start = clock.now
        while not patience.ends():
            clock.now += 1
        return clock.now - start

    assert [end(), end(), end()] == [61, 120, 240]
    patience.begin()
    clock.now += 100
    patience.heard(is_usual=False)
    assert end() == 61
    patience.begin()
    clock.now += 100
    patience.heard(is_usual=True)
    assert end() == SLACK * 100 + 1
