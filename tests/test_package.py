"""The package as a whole: what it exports, what it imports, what it costs."""

import ast
import re
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import rhohat
from rhohat.files.formats import FORMATS
from rhohat.objective.activations import ACTIVATIONS
from rhohat.objective.decoders import DECODERS
from rhohat.objective.penalties import PENALTIES
from rhohat.training.solvers import SOLVERS


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    ).stdout


def test_public_names_exist_and_are_documented():
    for name in rhohat.__all__:
        assert getattr(rhohat, name).__doc__, name


@pytest.fixture(scope="module")
def imported():
    """Names of all modules that are there once everything public was imported."""
    return python("import sys; from rhohat import *; print(*sys.modules)").split()


@pytest.mark.parametrize("module", ["matplotlib", "skimage", "dask", "torch", "click"])
def test_import_leaves_heavy_modules_alone(module, imported):
    assert "rhohat" in imported
    assert module not in imported


def test_command_line_is_the_only_module_that_prints():
    for path in Path(rhohat.__file__).parent.rglob("*.py"):
        if path.parent.name != "cli":
            assert not re.search(r"(?<!\.)\bprint\(", path.read_text(encoding="utf-8")), path


#: Modules of the standard library that Windows lacks.
ONLY_UNIX = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}


def test_no_module_imports_what_only_unix_has():
    for path in Path(rhohat.__file__).parent.rglob("*.py"):
        if path.parts[-2:] == ("common", "locks.py"):
            continue  # which imports what the platform has
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not ONLY_UNIX & {name.split(".")[0] for name in names}, path


README = Path(__file__).parents[1] / "README.md"


@pytest.fixture
def given(tmp_path, monkeypatch):
    """What a reader of the README has: data, and names imported before."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.RandomState(0)
    np.save("rows.npy", rng.randn(500, 8))
    Path("recordings").mkdir()
    seconds = np.arange(4000) / 8000
    for number in range(12):
        rising = np.sin(2 * np.pi * (200 + 300 * (number % 2) + 400 * seconds) * seconds)
        soundfile.write(f"recordings/{number:02}.wav", 0.3 * rising + rng.randn(4000) / 50, 8000)
    digits = load_digits()
    names = {name: getattr(rhohat, name) for name in rhohat.__all__}
    return names | {
        "make_pipeline": make_pipeline,
        "StandardScaler": StandardScaler,
        "LogisticRegression": LogisticRegression,
        "images": digits.images[:200] / 16,
        "labels": digits.target[:200],
        "more_images": digits.images[200:210] / 16,
    }


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:drew")  # more patches than the small data here have places
@pytest.mark.parametrize(
    "code", re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
)
def test_python_of_the_readme_runs(code, given):
    if "load_recordings" in code:
        given["labels"] = np.arange(12) % 2
    given["SparseAutoencoder"] = partial(rhohat.SparseAutoencoder, max_iter=40)  # to save time
    exec(code, given)
    if "classifier" in given:
        X = given["recordings"] if "recordings" in given else given.get("images")
        X, y = (X, given["labels"]) if "X" not in given else (given["X"] / 16, given["y"])
        assert given["classifier"].score(X, y) > 0.95


def snippets(page):
    """Python of a page, all in one namespace: what comes later uses what comes before."""
    text = (README.parent / page).read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("page", ["docs/exporting.md"])
def test_python_of_a_page_runs(page, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    exec("\n".join(snippets(page)), {})


TABLES = (ACTIVATIONS, DECODERS, PENALTIES, SOLVERS, FORMATS)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/extending.md"])
def test_python_for_contributors_runs_and_adds_rows(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = [dict(table) for table in TABLES]
    names: dict[str, object] = {}
    try:
        for code in snippets(page):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                exec(code, names)
        assert any(len(table) > len(rows) for table, rows in zip(TABLES, before, strict=True))
    finally:
        for table, rows in zip(TABLES, before, strict=True):
            table.clear()
            table.update(rows)
