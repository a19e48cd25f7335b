"""Writing: a file holds the old or the new, whatever goes wrong, and nothing else is left."""

import errno
import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rhohat import SparseAutoencoder
from rhohat.estimators.saving import load, save
from support.models import CASES, assert_same


@pytest.mark.parametrize("as_path", [str, Path])
def test_save_overwrites_and_leaves_nothing_else(as_path, tmp_path):
    path = as_path(tmp_path / "model")
    save(CASES["zca"][0], path)
    save(CASES["pca"][0], path)
    assert_same(load(path), CASES["pca"][0])
    assert os.listdir(tmp_path) == ["model"]


def test_relative_paths_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(CASES["zca"][0], "model")
    assert_same(load("model"), CASES["zca"][0])


def test_save_writes_through_links(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "model")
    save(CASES["zca"][0], tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert_same(load(tmp_path / "model"), CASES["zca"][0])


def test_a_new_file_has_the_usual_permissions(tmp_path):
    save(CASES["zca"][0], tmp_path / "model")
    (tmp_path / "other").write_bytes(b"")
    assert (tmp_path / "model").stat().st_mode == (tmp_path / "other").stat().st_mode


def failing(error):
    def fail(*args, **kwargs):
        raise error

    return fail


class FullDisk(io.BytesIO):
    def __init__(self, error):
        self.write = failing(error)


@pytest.mark.parametrize("place", ["opening", "writing", "syncing", "renaming"])
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), OSError),
        (OSError(errno.EACCES, "Permission denied"), PermissionError),
        (OSError("no number"), OSError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_where_writing_fails_the_old_file_stays(place, error, kind, tmp_path, monkeypatch):
    path = tmp_path / "model"
    save(CASES["zca"][0], path)
    before = path.read_bytes()
    really_open = Path.open

    def open_or_fail(path, mode="r", *args, **kwargs):
        if mode != "xb":
            return really_open(path, mode, *args, **kwargs)
        if place == "opening":
            raise error
        really_open(path, mode).close()
        return FullDisk(error)

    with monkeypatch.context() as patch:
        if place in ("opening", "writing"):
            patch.setattr(Path, "open", open_or_fail)
        else:
            patch.setattr(os, {"syncing": "fsync", "renaming": "replace"}[place], failing(error))
        with pytest.raises(kind) as caught:
            save(CASES["autoencoder"][0], path)
    if isinstance(error, OSError):
        number = error.errno or errno.EIO
        assert str(caught.value) == f"[Errno {number}] {error.strerror or error}: {str(path)!r}"
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model"]


def test_what_reads_back_differently_is_not_kept(tmp_path, monkeypatch):
    path = tmp_path / "model"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", lambda path: b"")
        with pytest.raises(OSError, match="reads back differently"):
            save(CASES["zca"][0], path)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_synced_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "open", failing(PermissionError(errno.EACCES, "as on Windows")))
    save(CASES["zca"][0], tmp_path / "model")
    assert_same(load(tmp_path / "model"), CASES["zca"][0])


@pytest.mark.parametrize("path", ["missing/model", "file/model", "folder", "n" * 300])
def test_save_names_the_path_it_cannot_write(path, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    kind = {"missing/model": FileNotFoundError, "file/model": FileNotFoundError}.get(path, OSError)
    with pytest.raises(kind) as caught:
        save(CASES["zca"][0], tmp_path / path)
    assert caught.value.filename == str(tmp_path / path)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_saves_at_the_same_time_leave_one_whole_model(tmp_path):
    path = tmp_path / "model"
    models = [CASES["zca"][0], CASES["autoencoder"][0]]
    threads = [
        threading.Thread(target=lambda m=m: [save(m, path) for _ in range(5)]) for m in models * 2
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    loaded = load(path)
    assert_same(loaded, models[isinstance(loaded, SparseAutoencoder)])
    assert os.listdir(tmp_path) == ["model"]


KILLED = """
import os, random, signal, sys, time
from rhohat.estimators.saving import load, save
folder = sys.argv[1]
models = [load(os.path.join(folder, name)) for name in ("a", "b")]
path = os.path.join(folder, "model")
save(models[0], path)
with open(path, "rb") as file:
    seen = {file.read()}
for trial in range(10):
    child = os.fork()
    if child == 0:
        while True:
            for model in models:
                save(model, path)
    time.sleep(random.uniform(0.01, 0.08))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    load(path)
    with open(path, "rb") as file:
        seen.add(file.read())
sys.exit(len(seen) > 2)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_a_killed_save_leaves_the_old_or_the_new_model(tmp_path):
    save(CASES["zca"][0], tmp_path / "a")
    save(CASES["pipeline"][0], tmp_path / "b")
    subprocess.run([sys.executable, "-W", "ignore", "-c", KILLED, str(tmp_path)], check=True)
