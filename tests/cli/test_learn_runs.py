"""Runs of ``rhohat learn``: what is replaced, and what is not."""

import json

import numpy as np
import pytest

from rhohat import TorchDevice, load
from support.command import run

pytestmark = pytest.mark.usefixtures("without_figures")
FEW = ["--units", "4", "--iterations", "3"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Rows and a run of them."""
    folder = tmp_path_factory.mktemp("runs")
    for number in range(2):
        rows = np.random.RandomState(number).laplace(size=(60, 5))
        np.save(folder / f"{number}.npy", rows)
    result = run("learn", "0.npy", *FEW, "--json", cwd=folder)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["replaced"] is False
    return folder


def test_the_same_command_replaces_its_results(folder):
    written = (folder / "rhohat-out" / "model.safetensors").read_bytes()
    for words in (["0.npy", *FEW], [folder / "0.npy", *FEW, "--threads", "1", "--no-sources"]):
        result = run("learn", *words, cwd=folder)
        assert result.returncode == 0, result.stderr
        assert "replaced" in result.stdout
        assert (folder / "rhohat-out" / "model.safetensors").read_bytes() == written


@pytest.mark.parametrize("words", [["0.npy"], ["1.npy", *FEW], ["0.npy", *FEW, "--seed", "1"]])
def test_another_run_is_left_alone(words, folder):
    written = (folder / "rhohat-out" / "model.safetensors").read_bytes()
    result = run("learn", *words, cwd=folder)
    assert result.returncode == 2
    assert "another run: rhohat learn 0.npy " in result.stderr
    assert "--out" in result.stderr
    assert "--force" in result.stderr
    assert (folder / "rhohat-out" / "model.safetensors").read_bytes() == written
    dry = run("learn", *words, "--dry-run", cwd=folder)
    assert dry.returncode == 0
    assert "another run" in dry.stderr


def test_force_replaces_another_run_and_files_of_ones_own(folder):
    (folder / "own").mkdir()
    (folder / "own" / "features.png").write_text("a drawing")
    refused = run("learn", "1.npy", *FEW, "--out", "own", cwd=folder)
    assert refused.returncode == 2
    assert "own holds features.png, which this command would replace" in refused.stderr
    forced = run("learn", "1.npy", *FEW, "--out", "own", "--force", cwd=folder)
    assert forced.returncode == 0, forced.stderr
    again = run("learn", "1.npy", *FEW, "--out", "own", cwd=folder)
    assert again.returncode == 0, again.stderr


def test_a_resumed_run_with_more_iterations_is_the_same(folder):
    for iterations in ("3", "5"):
        options = ["--units", "4", "--iterations", iterations, "--checkpoint", "kept", "--resume"]
        result = run("learn", "1.npy", *options, "--out", "resumed", "--json", cwd=folder)
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout)["training"]["iterations"] == int(iterations)


def test_the_folder_of_a_run_stands_for_its_model(folder):
    told = run("inspect", "rhohat-out", cwd=folder)
    assert told.returncode == 0, told.stderr
    assert told == run("inspect", "rhohat-out/model.safetensors", cwd=folder)
    assert run("inspect", ".", cwd=folder).returncode == 1


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_standard_input_is_refused_in_words(name, folder):
    for command in (["learn", name], ["inspect", name]):
        result = run(*command, cwd=folder)
        assert result.returncode == 2
        assert f"standard input ({name}) cannot be read; save it to a file" in result.stderr


def test_what_is_sent_to_others_tells_no_folder_of_the_machine(folder):
    command = ["learn", folder / "0.npy", *FEW, "--out", "sent"]
    assert run(*command, cwd=folder.parent).returncode == 0
    for file in (folder.parent / "sent").iterdir():
        assert str(folder).encode() not in file.read_bytes(), file.name
    page = (folder.parent / "sent" / "report.html").read_text()
    assert "It shows" in page
    assert "rows of the data" in page


def test_a_page_without_sources_shows_none(folder):
    for command in (
        ["learn", "1.npy", *FEW, "--out", "bare", "--no-sources"],
        ["report", "bare", "1.npy", "-o", "bare/report.html", "--no-sources"],
    ):
        result = run(*command, cwd=folder)
        assert result.returncode == 0, result.stderr
        page = (folder / "bare" / "report.html").read_text()
        assert "It shows none of the data." in page
        assert '"examples":null' in page
        assert "Originals and reconstructions" not in page
        assert '"activity":null' not in page


def test_a_device_that_is_none_is_refused_before_anything_is_read(folder):
    words = ["missing.npy", *FEW, "--device", "gpu", "--out", "nowhere"]
    result = run("learn", *words, cwd=folder)
    assert result.returncode == 2
    assert "device must be 'cpu', 'cuda'" in result.stderr


@pytest.mark.torch
def test_a_dry_run_tells_what_a_device_is_to_hold(folder, monkeypatch):
    words = ["learn", "0.npy", "--dry-run", "--device", "torch"]
    assert json.loads(run(*words, "--json", cwd=folder).stdout)["device"] is None
    n_rows, n_columns = np.load(folder / "0.npy").shape
    for share, told in ((1, "all are kept there"), (0, f"0 of {n_rows:,} are kept there")):
        memory = 8 * share * n_rows * n_columns
        monkeypatch.setattr(TorchDevice, "has_memory", True)
        monkeypatch.setattr(TorchDevice, "resident_bytes", memory)
        found = json.loads(run(*words, "--json", cwd=folder).stdout)["device"]
        assert (found["name"], found["resident"]) == ("torch", share * n_rows)
        assert told in " ".join(run(*words, cwd=folder).stdout.split())


@pytest.mark.torch
def test_torch_learns_what_the_processor_does(folder):
    models = []
    for device in ("cpu", "torch"):
        words = ["0.npy", *FEW, "--device", device, "--out", f"on_{device}"]
        result = run("learn", *words, cwd=folder)
        assert result.returncode == 0, result.stderr
        models.append(load(folder / f"on_{device}" / "model.safetensors")[-1])
    here, there = models
    assert there.loss_ == pytest.approx(here.loss_)
