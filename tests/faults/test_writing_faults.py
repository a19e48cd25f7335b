"""F19, F21: whatever is written, and however that ends, no half file stays and no leftover."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import rhohat
from rhohat import SparseAutoencoder, save
from rhohat.cli.output import binary_output
from rhohat.common.errors import DataChangedError
from rhohat.common.writing import remove_leftovers, replacing, write_whole
from rhohat.inspection.figures import save_figure
from rhohat.inspection.report.page import Report

X = np.random.RandomState(0).uniform(0.1, 0.9, (60, 6))


def model():
    return SparseAutoencoder(3, max_iter=2, random_state=0).fit(X)


def figure(path):
    import matplotlib.pyplot as plt

    save_figure(plt.figure().add_subplot(), path)


def encoded(path):
    with binary_output(path, "features") as stream:
        np.save(stream, np.zeros(10_000))


#: Everything by which the product writes files.
WRITERS = {
    "model": lambda path: save(model(), path),
    "report": lambda path: Report("x" * 100_000).save(path),
    "figure": figure,
    "encode": encoded,
    "checkpoint": lambda path: write_whole(path, b"x" * 100_000),
}
every_writer = pytest.mark.parametrize("writer", WRITERS)


def path_for(writer, folder):
    return folder / ("file.png" if writer == "figure" else "file.npy")


@every_writer
def test_f21_a_full_disk_leaves_the_old_file_and_is_named(writer, tmp_path, monkeypatch):
    path = path_for(writer, tmp_path)
    path.write_text("old")

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=f"No space left on device.*{path.name}"):
        WRITERS[writer](path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.skipif(os.name == "nt", reason="limits that Windows lacks")
@every_writer
def test_f21_a_limit_of_the_file_s_size_leaves_the_old_file(writer, tmp_path):
    resource = pytest.importorskip("resource")
    path = path_for(writer, tmp_path)
    path.write_text("old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match=path.name) as caught:
            WRITERS[writer](path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.errno in (errno.EFBIG, errno.EIO)  # NumPy does not tell which
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == [path.name]


@every_writer
def test_f21_where_nothing_can_be_written_is_named(writer, tmp_path):
    path = path_for(writer, tmp_path / "missing")
    with pytest.raises(FileNotFoundError, match="missing"):
        WRITERS[writer](path)


@every_writer
def test_f21_a_write_protected_file_stays(writer, tmp_path, monkeypatch):
    path = path_for(writer, tmp_path)
    path.write_text("old")
    path.chmod(0o444)
    if os.geteuid() == 0:  # who may write everywhere: only the file's own bits count here
        owner = {os.R_OK: 0o400, os.W_OK: 0o200, os.X_OK: 0o100}
        monkeypatch.setattr(os, "access", lambda p, mode: bool(os.stat(p).st_mode & owner[mode]))
    with pytest.raises(PermissionError, match=path.name):
        WRITERS[writer](path)
    assert path.read_text() == "old"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no such device here")
def test_f21_a_full_device_is_named():
    with pytest.raises(OSError, match=r"No space left on device.*/dev/full"):
        write_whole("/dev/full", b"x" * 100_000)


def test_f21_errors_of_the_data_stay_those_of_the_data(tmp_path):
    """They are not told as errors of the file that is written."""
    missing = FileNotFoundError(errno.ENOENT, "No such file", "data.npy")
    for error in (DataChangedError("data.npy has changed"), missing, ValueError("NaN")):
        with pytest.raises(type(error)) as caught, replacing(tmp_path / "file"):
            raise error
        assert caught.value is error
    assert os.listdir(tmp_path) == []


# --- leftovers -----------------------------------------------------------------------------------

KILLED = """
import sys, time
from pathlib import Path
from rhohat.common.writing import replacing
with replacing(sys.argv[1]) as stream:
    stream.write(b"half")
    stream.flush()
    print("begun", flush=True)
    time.sleep(60)
"""


def killed_writing(path):
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "begun\n"
        process.kill()


@pytest.mark.parametrize("name", ["file", "n" * 255, "[a]*", "ρ̂", ".rhohat-x"])
def test_f19_what_a_kill_leaves_goes_when_the_file_is_written_next(name, tmp_path):
    path, other = tmp_path / name, tmp_path / "other"
    killed_writing(path)
    assert len(os.listdir(tmp_path)) == 1
    write_whole(other, b"other")
    assert len(os.listdir(tmp_path)) == 2  # it is none of the other's
    write_whole(path, b"new")
    assert sorted(os.listdir(tmp_path)) == sorted([name, "other"])
    assert path.read_bytes() == b"new"


def test_f19_what_is_being_written_is_no_leftover(tmp_path):
    path = tmp_path / "file"
    with replacing(path) as stream:
        stream.write(b"slow")
        remove_leftovers(path)
        write_whole(path, b"fast")
        assert path.read_bytes() == b"fast"
    assert path.read_bytes() == b"slow"
    assert os.listdir(tmp_path) == ["file"]


def test_f22_many_writers_of_one_file_take_nothing_from_each_other(tmp_path):
    path = tmp_path / "file"
    failed = []

    def write(content):
        try:
            for _ in range(60):
                write_whole(path, content)
        except OSError as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(bytes([n]) * 1000,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(set(path.read_bytes())) == 1
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_f19_killed_saves_leave_nothing_for_good(tmp_path):
    fitted = SparseAutoencoder(20, max_iter=1, random_state=0)
    fitted.fit(np.random.RandomState(0).uniform(0.1, 0.9, (30, 500)))
    path = tmp_path / "model"
    for _ in range(8):
        child = os.fork()
        if not child:
            while True:
                save(fitted, path)
        time.sleep(0.04)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    save(fitted, path)
    assert os.listdir(tmp_path) == ["model"]
    assert rhohat.load(path).n_components == 20
