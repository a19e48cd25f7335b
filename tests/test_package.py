"""The package as a whole: what it exports, what it imports, what it costs."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rhohat


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
