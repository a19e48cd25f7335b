"""F22: a folder in use is kept from all others, which are told who has it, and harm nothing."""

import os
import platform
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from rhohat import (
    CheckpointError,
    SparseAutoencoder,
    StackedAutoencoder,
    StackedAutoencoderClassifier,
)
from rhohat.training.checkpoints import FILE, LOCK, Checkpoint, held
from support.fits import bits

X = np.random.RandomState(0).uniform(0.1, 0.9, (60, 6))
Y = np.arange(60) % 2

#: Says that it has the folder, and works until it is told to end.
HOLDER = """
import sys
import numpy as np
from rhohat import SparseAutoencoder
X = np.random.RandomState(0).uniform(0.1, 0.9, (60, 6))

def wait(progress):
    if progress.n_iter == 3:
        print("has it", flush=True)
        sys.stdin.readline()

SparseAutoencoder(3, max_iter=12, tol=0.0, random_state=0, checkpoint=sys.argv[1],
    callback=wait).fit(X)
print("ended well", flush=True)
"""


def autoencoder(folder=None, **settings):
    settings = {"max_iter": 12, "tol": 0.0, "random_state": 0, **settings}
    return SparseAutoencoder(3, checkpoint=folder, **settings)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("rhohat.training.checkpoints.PATIENCE", 0.05)
    monkeypatch.setattr("rhohat.training.checkpoints.SPACING", 0)


@pytest.fixture
def holder(tmp_path):
    """A process that trains in a folder, and has written its state there."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline() == "has it\n"
        yield process
        process.kill()


def everything_in(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.name != LOCK}


def test_f22_a_second_process_is_told_who_has_the_folder_and_harms_nothing(holder, tmp_path):
    before = everything_in(tmp_path)
    text = f"in use: process {holder.pid} on {platform.node()} is training there"
    for resume in (False, True):
        with pytest.raises(CheckpointError, match=text):
            autoencoder(tmp_path, resume=resume).fit(X)
    assert everything_in(tmp_path) == before
    holder.stdin.write("go on\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == "ended well\n"
    holder.wait()
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert bits(autoencoder(tmp_path, resume=True).fit(X)) == bits(autoencoder().fit(X))


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_f22_a_killed_process_keeps_nothing(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / LOCK).exists()
    assert bits(autoencoder(tmp_path, resume=True).fit(X)) == bits(autoencoder().fit(X))
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("text", ["", "process 1 on elsewhere", "\0" * 100])
def test_f22_what_a_lock_file_says_locks_nothing(text, tmp_path):
    (tmp_path / LOCK).write_text(text)
    autoencoder(tmp_path).fit(X)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_f22_another_thread_or_callback_is_refused_too(tmp_path):
    found = []

    def another(progress):
        for resume in (False, True):
            with pytest.raises(CheckpointError, match=f"process {os.getpid()} "):
                autoencoder(tmp_path, resume=resume).fit(X)
            found.append(resume)
        return True

    thread = threading.Thread(target=autoencoder(tmp_path, callback=another).fit, args=(X,))
    thread.start()
    thread.join()
    assert found == [False, True]


@pytest.mark.parametrize(
    "whole", [StackedAutoencoder((3, 2)), StackedAutoencoderClassifier(SparseAutoencoder(3))]
)
def test_f22_a_network_s_folder_is_kept_as_a_whole(whole, tmp_path):
    """Also while no layer is training there."""
    whole.set_params(checkpoint=tmp_path)
    with held(tmp_path), pytest.raises(CheckpointError, match="in use"):
        whole.fit(X, Y)
    assert everything_in(tmp_path) == {}


def test_f22_whoever_looks_for_a_moment_stops_nobody(tmp_path, monkeypatch):
    """A run that begins just then waits for it."""
    monkeypatch.setattr("rhohat.training.checkpoints.PATIENCE", 5)
    looked, ended = threading.Event(), threading.Event()

    def look():
        with held(tmp_path):
            looked.set()
            ended.wait(0.1)

    thread = threading.Thread(target=look)
    thread.start()
    looked.wait()
    autoencoder(tmp_path).fit(X)
    thread.join()


def test_f22_the_folder_is_free_after_an_error(tmp_path):
    def fail(progress):
        raise KeyError

    with pytest.raises(KeyError):
        autoencoder(tmp_path, callback=fail).fit(X)
    with held(tmp_path):
        pass
    assert Checkpoint.open(tmp_path, resume=True).path == tmp_path / FILE
