"""What commands say of data."""

import json
import os

import numpy as np

from rhohat.cli.data import beside
from rhohat.recipes.data import Request
from rhohat.recipes.finding import find
from support.command import SMALL, run

BAD_NAMES = {"one-pixel.png", "truncated.png", "text.jpg", "bomb.png"}


def test_learn_skips_what_it_cannot_read_and_says_so(messy, tmp_path):
    result = run("learn", str(messy), *SMALL, "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)["data"]
    assert {os.path.basename(entry["file"]) for entry in found["skipped"]} == BAD_NAMES
    assert all(entry["reason"] for entry in found["skipped"])
    assert [os.path.basename(file) for file in found["ignored"]] == ["notes.txt"]
    assert len(found["files"]) == found["examples"] == 4
    for name in BAD_NAMES:
        assert name in result.stderr
    text = run("learn", str(messy), *SMALL, cwd=tmp_path).stdout
    assert "4 files or folders, named above" in text
    assert "1500 patches of 4 images" in text.replace(",", "")


def test_learn_fails_on_the_first_bad_file_if_asked_to(messy, tmp_path):
    result = run("learn", str(messy), *SMALL, "--on-error", "fail", cwd=tmp_path)
    assert result.returncode == 1
    assert "bomb.png" in result.stderr
    assert not (tmp_path / "rhohat-out" / "model.safetensors").exists()


def test_examples_of_one_file_have_one_label_and_group(tmp_path):
    np.savez(tmp_path / "stack.npz", x=np.zeros((3, 12, 12)))
    data = find(Request([tmp_path / "stack.npz"]))
    data.read()
    assert set(beside(data, "folders", "--labels")) == {tmp_path.name}
    assert set(beside(data, "files", "--groups")) == {str(tmp_path / "stack.npz")}
