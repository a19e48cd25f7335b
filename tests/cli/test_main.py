"""The command as a whole: help, completion, exit codes, and one clear message for what is wrong."""

import os
import re
import shutil
import subprocess
import sys
from unittest import mock

import pytest
from PIL import Image
from skimage import data

import rhohat
from support.command import SMALL, run


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["learn", "--units", "0"], 2, "--units"),
        (["learn", "--patch-size", "many"], 2, "--patch-size"),
        (["lern"], 2, "lern"),
        (["learn", "--patch-size", "4000"], 1, "too few"),
        (["learn", "--out", "taken"], 2, "taken"),
    ],
)
def test_wrong_usage_and_failure_have_codes_and_one_clear_message(
    arguments, code, message, tmp_path
):
    (tmp_path / "taken").write_text("a file")
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == code
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_help_and_version(tmp_path):
    assert "rhohat learn" in run("--help", cwd=tmp_path).stdout
    assert "Exit codes" in run("learn", "--help", cwd=tmp_path).stdout
    assert rhohat.__version__ in run("--version", cwd=tmp_path).stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", ["missing.npy", "empty.npy", "foreign.npy", "folder.npy"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["learn", "{}"],
        ["learn", "{}", "--dry-run"],
        ["check", "{}"],
        ["show", "{}"],
        ["inspect", "{}"],
        ["diagnose", "{}"],
        ["diagnose", "model", "{}"],
        ["explore", "{}"],
        ["compare", "{}", "model"],
        ["compare", "model", "{}"],
        ["compare", "model", "model", "{}"],
        ["encode", "{}", "-o", "x.npy"],
        ["encode", "model", "{}", "-o", "x.npy"],
        ["learn", "--config", "{}"],
    ],
    ids=" ".join,
)
def test_every_command_names_a_file_that_is_missing_empty_or_foreign(
    arguments, name, odd_files, learned, tmp_path
):
    if "--config" in arguments and name == "empty.npy":
        name = "foreign.npy"  # an empty configuration is a sound one
    file = str(odd_files / name)
    model = str(learned[0] / "model.safetensors")
    words = [
        word.format(file).replace("model", model) if word == "model" else word.format(file)
        for word in arguments
    ]
    result = run(*words, cwd=tmp_path)
    assert result.returncode == (2 if "--config" in arguments else 1), result.stderr
    assert "Traceback" not in result.stderr
    assert name in result.stderr or "found no data" in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "x.npy").exists()


def test_ctrl_c_while_reading_ends_at_once(messy, tmp_path, monkeypatch):
    monkeypatch.setattr("rhohat.files.images._as_images", mock.Mock(side_effect=KeyboardInterrupt))
    result = run("learn", str(messy), *SMALL, cwd=tmp_path)
    assert result.returncode == 130
    assert not (tmp_path / "rhohat-out").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_calls_back(shell, tmp_path):
    assert "_RHOHAT_COMPLETE" in run("completion", shell, cwd=tmp_path).stdout


def test_completion_knows_commands_and_options(tmp_path):
    program = shutil.which("rhohat", path=os.path.dirname(sys.executable))
    environment = {**os.environ, "_RHOHAT_COMPLETE": "bash_complete", "COMP_CWORD": "2"}
    for words, expected in (("rhohat learn --whi", "--whitening"), ("rhohat learn --u", "--units")):
        environment["COMP_WORDS"] = words
        result = subprocess.run(
            [program], capture_output=True, text=True, env=environment, check=True, timeout=60
        )
        assert expected in result.stdout


def test_a_reader_that_leaves_early_is_no_error(learned):
    process = subprocess.Popen(
        [sys.executable, "-m", "rhohat", "inspect", str(learned[0] / "model.safetensors")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait(timeout=60)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such file names")
def test_names_that_command_the_terminal_are_escaped(tmp_path):
    (tmp_path / "\x1b[31mred.png").write_text("not a picture")
    os.symlink("x", os.fsencode(tmp_path) + b"/\xff.png")
    Image.fromarray(data.camera()[:40, :40]).save(tmp_path / "good.png")
    result = run("learn", ".", *SMALL, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "\x1b" not in result.stderr + result.stdout
    assert "\\x1b[31mred.png" in result.stderr
    assert "\\udcff.png" in result.stderr


def test_help_does_not_wait_for_scikit_learn():
    code = "import sys, rhohat.cli.main; print('sklearn' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_help_of_every_command_has_an_example(tmp_path):
    commands = re.findall(r"^  (\w+)  ", run("--help", cwd=tmp_path).stdout, flags=re.MULTILINE)
    assert set(commands) >= {
        *("learn", "explore", "diagnose", "show", "report", "compare"),
        *("encode", "evaluate", "inspect", "check"),
        "completion",
    }
    for command in commands:
        text = run(command, "--help", cwd=tmp_path).stdout
        assert f"rhohat {command}" in text.split("Usage:")[1][20:]
        assert "\\b" not in text
