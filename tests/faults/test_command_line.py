"""F36, F41: the command in a hostile place: odd names, closed streams, errors of any class."""

import errno
import json
import os
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from rhohat import SparseAutoencoder, save
from support.command import run

SMALL = ["--patch-size", "4", "--units", "4", "--patches", "100", "--iterations", "3"]
X = np.random.RandomState(0).uniform(0.1, 0.9, (60, 6))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The file of a small model."""
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save(SparseAutoencoder(3, max_iter=2, random_state=0).fit(X), path)
    return path


# --- errors of any class -------------------------------------------------------------------------

ERRORS = [
    *(TypeError("a"), KeyError("a"), IndexError("a"), AttributeError("a"), RuntimeError("a")),
    *(ZeroDivisionError("a"), OverflowError("a"), AssertionError(), RecursionError("a")),
    *(NotImplementedError(), StopIteration(), LookupError("a"), Exception("a")),
    ExceptionGroup("a", [KeyError("b")]),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_f44_no_class_of_error_is_a_traceback(error, model, tmp_path, monkeypatch):
    monkeypatch.delenv("RHOHAT_DEBUG", raising=False)
    with mock.patch("rhohat.estimators.saving.load", side_effect=error):
        result = run("inspect", model, cwd=tmp_path)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert type(error).__name__ in result.stderr
    assert "bug in rhohat" in result.stderr
    assert "RHOHAT_DEBUG=1" in result.stderr


@pytest.mark.parametrize("error", [OSError(5, "a", "b"), ValueError("a"), MemoryError()])
def test_f44_what_can_be_expected_is_no_defect(error, model, tmp_path):
    with mock.patch("rhohat.estimators.saving.load", side_effect=error):
        result = run("inspect", model, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith("rhohat: ")
    assert "bug in rhohat" not in result.stderr


def test_f44_the_traceback_is_shown_to_who_asks_for_it(model, tmp_path, monkeypatch):
    monkeypatch.setenv("RHOHAT_DEBUG", "1")
    with mock.patch("rhohat.estimators.saving.load", side_effect=KeyError("a")):
        result = run("inspect", model, cwd=tmp_path)
    assert result.returncode == 1
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("rhohat: ")


# --- names and messages --------------------------------------------------------------------------

NAMES = [
    "a\nskipped: of my own making.npy",
    "a\r\nrhohat: all is well.npy",
    "a\x1b[2J.npy",
    "a\u2028b\x85c.npy",
    "\u202eypn.a.npy",
]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such file names")
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_f41_a_name_writes_no_line_of_its_own(name, model, tmp_path):
    (tmp_path / "rows").mkdir()
    np.save(tmp_path / "rows" / "x.npy", X)
    (tmp_path / "rows" / name).write_bytes(b"junk")
    (tmp_path / name).write_bytes(b"junk")
    for arguments in (
        ["learn", "rows", "--dry-run"],
        ["learn", name],
        ["show", name],
        ["show", model, "-o", name],
        ["learn", "--config", name],
        ["encode", model, "rows/x.npy", "-o", f"{name}/x.npy"],
        ["inspect", f"{name}.missing"],
        [name],
    ):
        result = run(*arguments, cwd=tmp_path)
        shown = result.stdout + result.stderr
        assert not {*"\r\x1b\x85\u2028\u202e"} & set(shown), arguments
        lines = shown.splitlines()
        assert not any(line.startswith(("skipped: of", "rhohat: all")) for line in lines), arguments


def test_f41_long_messages_are_cut(model, tmp_path):
    with mock.patch("rhohat.estimators.saving.load", side_effect=ValueError("x" * 60_000)):
        result = run("inspect", model, cwd=tmp_path)
    assert len(result.stderr) < 2500
    assert "characters more" in result.stderr
    result = run("learn", "--units", "7" * 4000, cwd=tmp_path)
    assert len(result.stderr) < 4000


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux")
@pytest.mark.parametrize("name", [b"n\xff", b"n\xff\nb", "näher".encode("latin-1")])
def test_f36_paths_that_are_no_text_are_learned_from(name, tmp_path):
    folder, out = os.fsencode(tmp_path) + b"/" + name, os.fsencode(tmp_path) + b"/out" + name
    os.makedirs(folder)
    for i in range(3):
        pixels = np.random.RandomState(i).randint(0, 255, (40, 40)).astype("u1")
        Image.fromarray(pixels).save(os.fsdecode(folder) + f"/{i}.png")
    result = run(
        "learn", os.fsdecode(folder), *SMALL, "--json", "-o", os.fsdecode(out), cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    names = {"features.png", "features.svg", "model.safetensors", "report.html", "training.png"}
    names.add("rhohat-run.json")
    assert {os.fsdecode(file) for file in os.listdir(out)} == names
    found = json.loads(result.stdout)
    assert found["files"][0] == os.fsdecode(out + b"/report.html")
    with open(out + b"/report.html", encoding="utf-8") as page:
        assert "\\udc" in page.read()


def test_f41_what_the_terminal_s_encoding_lacks_is_escaped(model, tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1:strict", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "rhohat", "encode", model, "x.npy", "-o", "ρ.npy"]
    np.save(tmp_path / "x.npy", X)
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"read: 60 rows of 6 columns from x.npy\n")
    assert b"written to \\u03c1.npy" in done.stdout


# --- standard streams ----------------------------------------------------------------------------


def in_shell(command, cwd):
    return subprocess.run(
        ["sh", "-c", f"exec {sys.executable} -m rhohat {command}"],
        cwd=cwd,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="a shell's way to close a stream")
def test_f21_closed_streams_change_nothing_else(model, tmp_path):
    np.save(tmp_path / "x.npy", X)
    done = in_shell(f"encode '{model}' x.npy -o f.npy <&- >&- 2>&-", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert np.load(tmp_path / "f.npy").shape == (60, 3)
    done = in_shell(f"inspect '{model}' >&-", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    done = in_shell("inspect missing >&-", tmp_path)
    assert (done.returncode, done.stderr) == (1, "rhohat: missing: No such model file\n")


@pytest.mark.skipif(os.name == "nt", reason="a shell's way to close a stream")
def test_f21_what_was_to_go_to_a_closed_output_is_a_failure(model, tmp_path):
    done = in_shell(f"show '{model}' -o - >&-", tmp_path)
    assert done.returncode == 1
    assert done.stderr == "rhohat: standard output: it is closed\n"


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no such device here")
@pytest.mark.parametrize("command", ["inspect '{}'", "show '{}' -o -"])
def test_f21_a_full_output_is_one_line_and_a_failure(command, model, tmp_path):
    done = in_shell(f"{command.format(model)} >/dev/full", tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"rhohat: [Errno {errno.ENOSPC}] No space left on device"]
