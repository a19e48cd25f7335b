"""The workers of a cluster: who is able, who is silent, and what a cluster that is gone says."""

import asyncio
import logging
from types import SimpleNamespace

import pytest

from rhohat import WorkerError
from rhohat.rows import workers as module
from rhohat.rows.workers import Workers


class Future:
    def __init__(self, key=None):
        self.key, self.is_done, self.is_released = key or object(), False, False
        self.status = "pending"

    def done(self):
        return self.is_done

    def release(self):
        self.is_released = True


class Client:
    """Answers as a scheduler does, from what the test says of the workers."""

    status = "running"

    def __init__(self):
        self.seen = {"one": 0.0, "two": 0.0}
        self.error = None
        self.given = []
        self.scheduler = SimpleNamespace(
            identity="identity", processing="processing", who_has="who_has"
        )
        self.answers = {"processing": {}, "who_has": {}}

    def sync(self, question, callback_timeout, **arguments):
        if self.error is not None:
            raise self.error
        if question == "identity":
            return {"workers": {name: {"last_seen": seen} for name, seen in self.seen.items()}}
        return self.answers[question]

    def submit(self, function, *arguments, **options):
        if self.error is not None:
            raise self.error
        self.given.append(options.get("workers"))
        return Future()


@pytest.fixture
def clock(monkeypatch):
    time = SimpleNamespace(now=0.0, monotonic=lambda: time.now, sleep=lambda seconds: None)
    monkeypatch.setattr(module, "time", time)
    return time


@pytest.fixture
def client():
    return Client()


@pytest.fixture
def workers(client, clock):
    workers = Workers(client, timeout=300, hung_after=60)
    workers.look()
    return workers


def test_who_gives_no_sign_of_life_is_silent_until_it_does(workers, client, clock):
    clock.now = 59
    client.seen["one"] = 59
    workers.look()
    assert workers.able == {"one", "two"}
    clock.now = 61
    workers.look()
    assert (workers.silent, workers.able) == ({"two"}, {"one"})
    workers.give(print)
    client.seen["two"] = 62
    workers.look()
    assert workers.silent == set()
    workers.give(print)
    assert client.given == [["one"], None]


def test_the_clocks_of_other_machines_do_not_matter(workers, client, clock):
    client.seen = {"one": 1e9, "two": -1e9}
    workers.look()
    assert workers.silent == set()


def test_who_is_late_is_given_nothing_until_it_is_done(workers, client):
    late = Future()
    workers.note_late({"one": [late]})
    assert workers.able == {"two"}
    workers.release([late])
    assert not late.is_released
    late.is_done = True
    workers.look()
    assert workers.able == {"one", "two"}


def test_who_is_confused_is_given_nothing_as_long_as_there_are_others(workers, client):
    workers.distrust(["one"])
    workers.give(print)
    workers.distrust(["two"])
    workers.give(print)
    workers.give(print, besides={"two"})
    assert client.given == [["two"], None, ["one"]]


def test_what_is_for_some_workers_alone_is_stranded_when_they_are_gone(workers, client):
    workers.distrust(["one"])
    future = workers.give(print)
    assert not workers.is_stranded(future)
    del client.seen["two"]
    workers.look()
    assert workers.is_stranded(future)
    assert not workers.is_stranded(workers.give(print))


def test_who_answered_wrongly_is_not_asked_again_if_there_is_another(workers, client):
    workers.give(print, besides={"two"})
    workers.give(print, besides={"one", "two"})
    assert client.given == [["one"], None]


@pytest.mark.parametrize("are_silent", [False, True])
def test_without_workers_it_waits_and_then_says_so(are_silent, workers, client, clock, caplog):
    if not are_silent:
        client.seen = {}
    with caplog.at_level(logging.WARNING, "rhohat"):
        for clock.now in (100, 399):
            workers.look()
    assert [record.getMessage() for record in caplog.records] == [
        "no Dask worker is left; waiting for one to come back"
    ]
    clock.now = 401
    with pytest.raises(WorkerError, match=r"none came back in 300 s.*resume"):
        workers.look()


def test_holders_are_those_who_compute_and_those_who_have(workers, client):
    client.answers = {"processing": {"one": ["a", "x"]}, "who_has": {"b": ["two"]}}
    held = workers.holders(map(Future, "abc"))
    assert held == {"a": {"one"}, "b": {"two"}, "c": set()}


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("IOLoop is closed"),
        OSError("in <TCP (closed) ...>"),
        TimeoutError(),
        asyncio.CancelledError(),
        TypeError("identity() got an unexpected keyword"),
    ],
)
@pytest.mark.parametrize("ask", [Workers.look, lambda workers: workers.give(print)])
def test_a_cluster_that_is_gone_is_one_error_with_what_to_do(error, ask, workers, client):
    client.error = error
    with pytest.raises(WorkerError, match=r"cluster is gone.*with a checkpoint, resume") as caught:
        ask(workers)
    assert "TCP" not in str(caught.value)


@pytest.mark.parametrize("status", ["closed", "closing", "connecting"])
def test_a_client_that_is_closed_is_not_asked(status, workers, client):
    client.status = status
    with pytest.raises(WorkerError, match=f"its client is {status}"):
        workers.look()


def test_an_interrupt_is_no_fault_of_the_cluster(workers, client):
    client.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        workers.look()


def test_at_the_end_nothing_is_wanted_more(workers):
    late = Future()
    workers.note_late({"one": [late]})
    workers.release_all()
    assert late.is_released
