"""Workers of Dask that answer wrongly, each in its own way, until they are set right."""

import copy
import os
import pickle
import time

import numpy as np

from rhohat.rows import cluster

REAL = {name: getattr(cluster, name) for name in ("_sums_of_chunks", "chunk_sum")}


def answers_with_old_sums():
    """Of any two tasks on the same rows, the second is answered as the first was."""
    held = {}

    def _sums_of_chunks(work, block_size, run):
        kind = type(pickle.loads(work)[0]), str(run)
        if kind not in held:
            held[kind] = REAL["_sums_of_chunks"](work, block_size, run)
        return held[kind]

    _replace(_sums_of_chunks)


def leaves_chunks_out():
    def _sums_of_chunks(work, block_size, run):
        return REAL["_sums_of_chunks"](work, block_size, run[:-1])

    _replace(_sums_of_chunks)


def leaves_rows_out():
    def chunk_sum(function, rows, block_size):
        return REAL["chunk_sum"](function, rows.part(0, len(rows.X) - 1), block_size)

    _replace(chunk_sum)


def cuts_arrays():
    def chunk_sum(function, rows, block_size):
        total = copy.copy(REAL["chunk_sum"](function, rows, block_size))
        for name, value in vars(total).items():
            if isinstance(value, np.ndarray):
                setattr(total, name, value[:-1])
        return total

    _replace(chunk_sum)


def makes_nan():
    def chunk_sum(function, rows, block_size):
        total = copy.copy(REAL["chunk_sum"](function, rows, block_size))
        for name, value in vars(total).items():
            if isinstance(value, np.ndarray):
                setattr(total, name, value * np.nan)
        return total

    _replace(chunk_sum)


def flips_a_bit():
    def _sums_of_chunks(work, block_size, run):
        answer = bytearray(REAL["_sums_of_chunks"](work, block_size, run))
        answer[len(answer) // 2] ^= 4
        return bytes(answer)

    _replace(_sums_of_chunks)


def answers_junk():
    def _sums_of_chunks(work, block_size, run):
        return ["junk"]

    _replace(_sums_of_chunks)


def hangs():
    """Gives signs of life, but is not done with anything for a while."""

    def _sums_of_chunks(work, block_size, run):
        time.sleep(20)
        return REAL["_sums_of_chunks"](work, block_size, run)

    _replace(_sums_of_chunks)


def is_right():
    """As it was."""
    for function in REAL.values():
        _replace(function)


def _replace(function):
    # Functions are sent by their names, so that this one is called in place of the real one.
    name = function.__name__
    function.__module__, function.__qualname__ = REAL[name].__module__, name
    setattr(cluster, name, function)


def process_of(client, worker):
    """The process id of a worker."""
    return client.run(os.getpid, workers=[worker])[worker]
