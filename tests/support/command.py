"""The command, in this process or in one of its own."""

import io
import subprocess
import sys
import warnings
from contextlib import chdir, redirect_stderr, redirect_stdout
from typing import NamedTuple
from unittest import mock

from rhohat.cli.main import main

SMALL = ["--patch-size", "6", "--patches", "1500", "--units", "9", "--iterations", "12"]


class Result(NamedTuple):
    """How a command ended and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments, cwd):
    """The command in this process, which spares its start."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with chdir(cwd), redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
        try:
            with mock.patch("sys.argv", ["rhohat", *map(str, arguments)]):
                main()
        except SystemExit as end:
            code = end.code
    return Result(code, out.getvalue(), err.getvalue())


def start(*arguments, cwd, **kwargs):
    """The command in a process of its own, as users start it."""
    return subprocess.run(
        [sys.executable, "-m", "rhohat", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        **kwargs,
    )
