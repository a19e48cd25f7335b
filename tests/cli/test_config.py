"""Configuration files, and the command that gives the same again."""

import json
import re
import shlex

import numpy as np
import pytest
from PIL import Image

from rhohat import save
from support.command import run
from support.pages import lines_to_copy

pytestmark = pytest.mark.usefixtures("without_figures")


def test_config_sets_defaults_and_the_command_line_wins(tmp_path):
    (tmp_path / "c.toml").write_text(
        'units = 16\niterations = 3\n"patch-size" = 6\npatches = 300\nwhitening = "pca"\n'
    )
    result = run("learn", "--config", "c.toml", "--units", "4", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    settings = json.loads(result.stdout)["settings"]
    assert settings["units"] == 4
    assert (settings["patch_size"], settings["patches"], settings["whitening"]) == (6, 300, "pca")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("unitz = 3", "did you mean units"),
        ("paths = ['a']", "not an option of learn"),
        ("color = 3", "expected true or false"),
        ("units = true", "expected a text or a number"),
        ("units = 3.7", "--units"),
        ("seed = 2024-01-01", "--seed"),
        ("epsilon = nan", "--epsilon"),
        ("patch-size = 8\npatch_size = 9", "twice"),
        ("units = ", "not TOML"),
        ("units = -3", "--units"),
        ('target = "low"', "--target"),
        ('whitening = "soap"', "--whitening"),
    ],
)
def test_mistakes_in_a_config_are_wrong_usage(content, message, tmp_path):
    (tmp_path / "c.toml").write_text(content)
    result = run("learn", "--config", "c.toml", cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr


def test_both_names_of_a_switch_work_in_a_config(tmp_path):
    for content in ("gray = true", "color = false", "json = true"):
        (tmp_path / "c.toml").write_text(content)
        result = run("learn", "--dry-run", "--config", "c.toml", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        if "json" in content:
            assert json.loads(result.stdout)["settings"]["color"] is False


@pytest.mark.slow
def test_settings_of_a_summary_are_a_config(learned, tmp_path):
    settings = json.loads(learned[1].stdout)["settings"]
    lines = [
        f"{name} = {json.dumps(value)}" for name, value in settings.items() if value is not None
    ]
    (tmp_path / "again.toml").write_text("\n".join(lines))
    result = run("learn", "--config", "again.toml", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    again = tmp_path / "rhohat-out" / "model.safetensors"
    assert again.read_bytes() == (learned[0] / "model.safetensors").read_bytes()


def test_command_and_python_on_the_page_give_the_same_model(tmp_path, monkeypatch):
    image = np.random.RandomState(0).rand(40, 40, 3)
    Image.fromarray((255 * image).astype(np.uint8)).save(tmp_path / "a photograph.png")
    (tmp_path / "my.toml").write_text("units = 5\ncolor = true\n")
    options = ["--config", "my.toml", "--patches", "200", "--iterations", "6"]
    result = run("learn", "a photograph.png", *options, "--patch-size", "6", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert re.search(r"colors +\d of 5 units chromatic", result.stdout)
    page = (tmp_path / "rhohat-out" / "report.html").read_text()
    words = shlex.split(lines_to_copy(page, "Command"))
    assert words[:3] == ["rhohat", "learn", "a photograph.png"]
    assert "--config" not in words
    assert run(*words[1:], "-o", "again", cwd=tmp_path).returncode == 0
    for name in ("model.safetensors", "report.html"):
        first, second = (tmp_path / out / name for out in ("rhohat-out", "again"))
        assert first.read_bytes() == second.read_bytes()
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(lines_to_copy(page, "Python"), names)  # reads the photograph too
    save(names["model"], tmp_path / "python.safetensors")
    assert (tmp_path / "python.safetensors").read_bytes() == (
        tmp_path / "rhohat-out" / "model.safetensors"
    ).read_bytes()
