"""Numbers that go wrong raise, in every thread: NumPy only warns of them, or not even that."""

import threading

import numpy as np
import pytest


def raising(**settings):
    """A fixture: `numpy.errstate` for every test of a folder, below the product's own.

    NumPy keeps this per thread, and new threads begin with its defaults: it is set there too.
    """

    @pytest.fixture(autouse=True)
    def numbers_raise(monkeypatch):
        run = threading.Thread.run

        def strict(thread):
            with np.errstate(**settings):
                run(thread)

        monkeypatch.setattr(threading.Thread, "run", strict)
        with np.errstate(**settings):
            yield

    return numbers_raise
