"""Choices of options: the rows of tables, read off the source until the table is imported."""

import subprocess
import sys

import click
import pytest

from rhohat.cli.choices import RowOf, _names_in_source, names_in
from rhohat.cli.main import cli
from rhohat.cli.options import SETTINGS
from rhohat.objective.activations import REFUSED
from rhohat.objective.penalties import PENALTIES

TYPES = {
    (command.name, option.name): option.type
    for command in cli.commands.values()
    for option in command.params
    if isinstance(option.type, RowOf)
}


def test_every_option_that_chooses_a_row_says_of_which_table():
    assert {name for command, name in TYPES if command == "learn"} == {
        *("sound", "scale", "whitening", "activation", "decoder", "penalty", "solver", "on_error"),
        *("aim", "corruption", "form", "time", "missing"),
    }
    assert {name for command, name in TYPES if command == "encode"} == {
        *("encoding", "pooling", "on_error", "time", "missing"),
    }


@pytest.mark.parametrize("option", TYPES.values(), ids=map("-".join, TYPES))
def test_the_source_spells_out_the_rows_of_the_table(option):
    table = getattr(__import__(option.module, fromlist=[option.table]), option.table)
    assert list(option.choices) == list(table)
    assert _names_in_source(option.module, option.table) in (None, list(table))


def test_a_table_that_is_not_spelled_out_is_imported(tmp_path, monkeypatch):
    (tmp_path / "toy_tables.py").write_text(
        "ONE: dict[str, int] = {'a': 1, 'b': 2}\n"
        "TWO = dict(c=3)\n"
        "THREE = {**ONE, 'd': 4}\n"
        "FOUR = {'e': 5}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = {
        table: _names_in_source("toy_tables", table) for table in ("ONE", "TWO", "THREE", "FOUR")
    }
    assert found == {"ONE": ["a", "b"], "TWO": None, "THREE": None, "FOUR": ["e"]}
    assert list(names_in("toy_tables", "ONE")) == ["a", "b"]
    assert "toy_tables" not in sys.modules
    assert list(names_in("toy_tables", "THREE")) == ["a", "b", "d"]
    monkeypatch.delitem(sys.modules, "toy_tables")


def test_a_row_is_a_choice_from_when_it_is_added(monkeypatch):
    penalty = SETTINGS["penalty"].type
    names = ", ".join(map(repr, PENALTIES))
    with pytest.raises(click.BadParameter, match=f"'toy' is not one of {names}"):
        penalty.convert("toy", None, None)
    monkeypatch.setitem(PENALTIES, "toy", None)
    assert penalty.convert("toy", None, None) == "toy"
    command = click.Command("learn")
    offered = penalty.shell_complete(click.Context(command), SETTINGS["penalty"], "toy")
    assert [item.value for item in offered] == ["toy"]


@pytest.mark.parametrize("arguments", [["--help"], ["learn", "--help"], ["encode", "--help"]])
def test_help_lists_choices_without_a_wait_for_scikit_learn(arguments):
    code = (
        "import sys; from rhohat.cli.main import cli\n"
        f"cli({arguments!r}, standalone_mode=False)\n"
        "print(sorted({'sklearn', 'matplotlib', 'skimage', 'scipy'} & set(sys.modules)))"
    )
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert printed.splitlines()[-1] == "[]"
    if arguments[0] == "learn":
        assert f"[{'|'.join(PENALTIES)}]" in printed
        assert "[lbfgs|gradient-descent]" in printed


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_a_row_is_refused_with_the_reason(name):
    with pytest.raises(click.BadParameter, match="not the gradient of any objective"):
        SETTINGS["activation"].type.convert(name, None, None)
