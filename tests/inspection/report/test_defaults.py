"""Defaults that a command and a function share: help tells what Python does."""

from inspect import signature

from rhohat import explore
from rhohat.cli.main import cli
from support.command import run


def test_the_command_explores_as_the_function_does(tmp_path):
    defaults = {option.name: option.default for option in cli.commands["explore"].params}
    python = signature(explore).parameters
    assert defaults["rows"] == python["n_rows"].default
    assert defaults["title"] == python["title"].default
    words = run("explore", "--help", cwd=tmp_path).stdout.split()
    assert f"[default: {defaults['title']}]" in " ".join(words)
