"""What commands say of data."""

import json
import os

import numpy as np
import pytest

from rhohat import SparseAutoencoder, TorchDevice, save
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
    assert "4 files or folders, listed above" in text
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


#: Commands that go over rows with the units of a model, or learn some.
COMMANDS = {
    "encode": ["encode", "m.safetensors", "x.npy", "-o", "out.npy"],
    "encode, into names": ["encode", "m.safetensors", "x.npy", "-o", "out.npz"],
    "score": ["score", "m.safetensors", "x.npy", "-o", "out.npz"],
    "evaluate": [
        *("evaluate", "m.safetensors", "x.npy", "--labels", "y.npy", "--folds", "2", "--json"),
    ],
    "diagnose": ["diagnose", "m.safetensors", "x.npy", "--json"],
    "compare": ["compare", "m.safetensors", "n.safetensors", "x.npy", "--json", "-o", "out.html"],
    "report": ["report", "m.safetensors", "x.npy", "-o", "out.html"],
    "show": ["show", "m.safetensors", "x.npy", "--picture", "examples", "-o", "out.svg"],
    "explore": [
        *("explore", "x.npy", "--rho", ".1", "--beta", "3", "--lambda", "1e-3", "--json"),
        *("--units", "4", "--iterations", "3", "--rows", "400", "-o", "out.html"),
    ],
}


@pytest.fixture(scope="module")
def rows_and_models(tmp_path_factory, digits):
    """A folder with rows, their labels, and two models of them."""
    folder = tmp_path_factory.mktemp("devices")
    X = digits[:500]
    np.save(folder / "x.npy", X)
    np.save(folder / "y.npy", (X.sum(axis=1) > X.sum(axis=1).mean()).astype(int))
    for seed, name in enumerate("mn"):
        model = SparseAutoencoder(6, max_iter=8, random_state=seed).fit(X)
        save(model, folder / f"{name}.safetensors")
    return folder


def numbers_of(told):
    """All numbers in JSON, in order."""
    if isinstance(told, dict | list):
        values = told.values() if isinstance(told, dict) else told
        return [number for value in values for number in numbers_of(value)]
    return [told] if isinstance(told, int | float) and not isinstance(told, bool) else []


def outcome(command, folder):
    """The numbers that a command tells or writes; if it draws, the size of the picture or page."""
    result = run(*command, cwd=folder)
    assert result.returncode == 0, result.stderr
    written = next(folder.glob("out.*"), None)
    if "--json" in command:
        return np.array(numbers_of(json.loads(result.stdout)), dtype=float)
    assert written is not None
    if written.suffix == ".npy":
        return np.load(written)
    if written.suffix == ".npz":
        with np.load(written) as arrays:
            return np.concatenate([a.ravel() for a in arrays.values() if a.dtype.kind == "f"])
    return np.array([round(written.stat().st_size, -3)])


@pytest.mark.torch
@pytest.mark.parametrize("name", COMMANDS)
def test_commands_compute_on_a_device_what_they_compute_here(name, rows_and_models, monkeypatch):
    here = outcome(COMMANDS[name], rows_and_models)
    placed, place = [], TorchDevice.place
    monkeypatch.setattr(
        TorchDevice, "place", lambda device, A: placed.append(len(A)) or place(device, A)
    )
    there = outcome([*COMMANDS[name], "--device", "torch"], rows_and_models)
    for file in rows_and_models.glob("out.*"):
        file.unlink()
    assert sum(placed) >= 400
    np.testing.assert_allclose(there, here, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_refuse_a_device_that_is_not_there_before_they_read(name, tmp_path):
    command = [word for word in COMMANDS[name] if word != "x.npy"]
    for model in "mn":
        save(SparseAutoencoder(2, max_iter=1).fit(np.eye(5)), tmp_path / f"{model}.safetensors")
    result = run(*command, "missing.npy", "--device", "cuda:99", cwd=tmp_path)
    assert result.returncode == 1
    assert "device='cuda:99'" in result.stderr or "rhohat[torch]" in result.stderr
    assert not list(tmp_path.glob("out.*"))
