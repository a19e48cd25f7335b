"""Help: in sections, whole words, and the notes' names for settings."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from click.testing import CliRunner

from rhohat.cli.main import cli
from rhohat.files.formats import FORMATS, endings
from support.command import run

COMMANDS = [[], *([name] for name in cli.commands)]


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_line_is_too_wide_and_no_word_is_cut(command, columns, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    whole = set(run(*command, "--help", cwd=tmp_path).stdout.split())
    monkeypatch.setenv("COLUMNS", str(columns))
    text = run(*command, "--help", cwd=tmp_path).stdout
    assert set(text.split()) - {"\\"} <= whole
    for line in text.splitlines():
        assert len(line) < columns or len(line.split()) <= 2, line


def test_help_lists_the_endings_of_every_format(tmp_path, monkeypatch):
    text = run("learn", "--help", cwd=tmp_path).stdout
    assert set(endings()) <= {word.rstrip(",;") for word in text.split()}
    assert "{" not in text
    monkeypatch.setitem(FORMATS, "toy", replace(FORMATS["npy"], suffixes=(".toy",), group="tables"))
    assert " .toy" in CliRunner().invoke(cli, ["learn", "--help"]).stdout.partition("Series")[0]


def test_options_of_learn_stand_in_sections_and_examples_come_last(tmp_path):
    text = run("learn", "--help", cwd=tmp_path).stdout
    titles = ["Main options", "Data", "Sound", "Preprocessing", "Model", "Training", "Examples"]
    places = [text.index(f"\n{title}:\n") for title in titles]
    assert places == sorted(places)
    assert "Options:" not in run("learn", "--help", cwd=tmp_path).stdout
    assert "x>=" not in text


def test_the_notes_names_are_other_names_of_settings(tmp_path):
    words = ["--rho", "0.2", "--beta", "4", "--lambda", "0.5", "--hidden", "7"]
    (tmp_path / "notes.toml").write_text("rho = 0.2\nbeta = 4\nlambda = 0.5\nhidden = 7\n")
    for options in (words, ["--config", "notes.toml"]):
        told = run("learn", *options, "--dry-run", "--json", cwd=tmp_path).stdout
        settings = json.loads(told)["settings"]
        found = [settings[n] for n in ("target", "sparsity_weight", "weight_decay", "units")]
        assert found == [0.2, 4, 0.5, 7]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--units", "five"], "'five' is not a whole number"),
        (["--target", "low"], "'low' is not a number"),
        (["--config", "my.toml"], "my.toml sets --units to 'five': 'five' is not a whole number"),
    ],
    ids=" ".join,
)
def test_a_wrong_value_is_told_in_words_and_where(words, message, tmp_path):
    (tmp_path / "my.toml").write_text('units = "five"\n')
    result = run("learn", *words, cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stderr.startswith("rhohat: ")


def test_without_docstrings_help_still_describes():
    environment = {**os.environ, "PYTHONOPTIMIZE": "2"}
    command = [sys.executable, "-m", "rhohat", "learn", "--help"]
    text = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert "Learn features from PATHS" in text.stdout
    assert "Examples:" in text.stdout
