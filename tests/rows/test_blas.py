"""BLAS held to one thread: counted over all threads, restored by the last, renewed in children."""

import threading

import pytest

from rhohat.rows import blas
from rhohat.rows.blas import BLAS
from support.threaded import blas_threads, two_blas_threads


class Library:
    """A BLAS whose number of threads each thread sets for itself, as MKL's."""

    def __init__(self, n_threads):
        self._default, self._own = n_threads, threading.local()

    @property
    def num_threads(self):
        return getattr(self._own, "n_threads", self._default)

    def set_num_threads(self, n_threads):
        self._own.n_threads = n_threads


class Shared(Library):
    """A BLAS with one number for all threads, as OpenBLAS's."""

    def set_num_threads(self, n_threads):
        self._default = n_threads


@pytest.fixture(params=[Library, Shared])
def library(request, monkeypatch):
    """The only BLAS library, with four threads."""
    made = request.param(4)
    monkeypatch.setattr(blas, "_libraries", lambda: (made,))
    return made


def in_another_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def test_nested_limits_end_with_the_outer_one(library):
    with BLAS.single_threaded():
        with BLAS.single_threaded():
            assert library.num_threads == 1
        assert library.num_threads == 1
        assert BLAS.n_threads() == 4
    assert library.num_threads == BLAS.n_threads() == 4


@pytest.mark.parametrize("here_ends_first", [False, True])
def test_limits_of_two_threads_that_overlap_leave_both_as_they_were(library, here_ends_first):
    begun, go_on = threading.Event(), threading.Event()
    seen = []

    def other():
        with BLAS.single_threaded():
            begun.set()
            go_on.wait(10)
            seen.append(library.num_threads)
        seen.append(library.num_threads)

    thread = threading.Thread(target=other)
    with BLAS.single_threaded():
        thread.start()
        begun.wait(10)
        if not here_ends_first:
            go_on.set()
            thread.join()
        assert library.num_threads == 1
    go_on.set()
    thread.join()
    shared = isinstance(library, Shared)
    assert seen == [1, 1 if shared and not here_ends_first else 4]
    assert library.num_threads == in_another_thread(lambda: library.num_threads) == 4


def test_what_others_change_meanwhile_is_undone(library):
    with BLAS.single_threaded():
        library.set_num_threads(3)
        BLAS.limit_again()
        assert library.num_threads == 1
    assert library.num_threads == 4


def test_a_limit_of_others_that_ends_meanwhile_is_not_made_the_rule(library):
    library.set_num_threads(1)
    with BLAS.single_threaded():
        library.set_num_threads(4)
        BLAS.limit_again()
        assert library.num_threads == 1
        assert BLAS.n_threads() == 4
    assert library.num_threads == 4


def test_a_limit_by_hand_is_left_alone(library):
    library.set_num_threads(1)
    with BLAS.single_threaded():
        assert in_another_thread(BLAS.limit) == (
            {} if isinstance(library, Shared) else {library: 4}
        )
        assert BLAS.n_threads() == 1
    assert library.num_threads == 1


def test_the_limit_ends_where_an_error_ends_it(library):
    with pytest.raises(LookupError), BLAS.single_threaded():
        raise LookupError
    assert library.num_threads == 4


def test_a_decorated_function_runs_on_one_thread(library):
    assert BLAS.single_threaded()(lambda: library.num_threads)() == 1
    assert library.num_threads == 4


def test_any_thread_sets_openblas():
    def held():
        with BLAS.single_threaded():
            return set(blas_threads())

    with two_blas_threads():
        assert held() == {1}
        assert set(blas_threads()) == {2}
        assert in_another_thread(held) == {1}
        assert set(blas_threads()) == {2}
