"""Series on the command line: one command from files to a report."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import rhohat
from support.command import run
from support.series import pulses, write_edf

FEW = ["--units", "6", "--iterations", "8"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("series")
    np.savez(path / "vibration.npz", DE=pulses(6000, 1).T)
    write_edf(path / "eeg.edf", pulses(3000, 2), 100, ["Fpz", "Pz"])
    options = ["--series", "--rate", "12000", "--window", "64", "--json"]
    result = run("learn", "vibration.npz", *options, *FEW, "-o", "v", cwd=path)
    assert result.returncode == 0, result.stderr
    (path / "v.json").write_text(result.stdout)
    return path


def test_one_column_becomes_windows_and_a_report(folder):
    summary = json.loads((folder / "v.json").read_text())
    assert summary["data"]["kind"] == "series"
    assert summary["training"]["rows"] == (6000 - 64) // 32 + 1
    assert summary["bands"] is not None
    page = (folder / "v" / "report.html").read_text()
    assert "1 channel, windows of 5.33 ms" in page
    assert "vibration.npz" in page
    for name in ("features.png", "features.svg", "training.png", "model.safetensors"):
        assert (folder / "v" / name).stat().st_size > 1000


def test_encode_reads_series_as_the_model_learned_them(folder):
    result = run("encode", "v/model.safetensors", "vibration.npz", "-o", "f.npy", cwd=folder)
    assert result.returncode == 0, result.stderr
    pipeline = rhohat.load(folder / "v" / "model.safetensors")
    series = rhohat.load_series(folder / "vibration.npz", rate=12_000).series
    assert_array_equal(np.load(folder / "f.npy"), pipeline.transform(series))


@pytest.mark.parametrize("form", ["raw", "spectrum", "spectrogram"])
def test_eeg_is_learned_from_as_it_is(form, folder):
    options = ["--form", form, "--window", "0.64s", "--channels", "Pz"]
    result = run("learn", "eeg.edf", *options, *FEW, "-o", form, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "windows of 1 series" in result.stdout
    assert "--channels Pz" in result.stdout


def test_report_and_evaluate_take_series(folder):
    result = run("report", "v/model.safetensors", "vibration.npz", "-o", "again.html", cwd=folder)
    assert result.returncode == 0, result.stderr
    assert (folder / "again.html").stat().st_size > 1000


@pytest.fixture(scope="module")
def machines(folder):
    """Two folders, a condition each, of three recordings of 19 windows each."""
    for number in range(6):
        path = folder / "machines" / f"condition{number % 2}" / f"{number}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, pulses(640, 1, seed=number)[0] * np.cos(np.arange(640) * (1 + number % 2)))
    np.save(folder / "stages.npy", np.arange(6 * 19) // 19 % 2)
    return folder


@pytest.mark.parametrize(
    ("options", "n_groups", "note"),
    [
        (["--labels", "folders"], None, "hold out whole recordings with --groups files"),
        (["--labels", "folders", "--groups", "files"], 6, ""),
        (["--labels", "stages.npy", "--groups", "files"], 6, ""),
    ],
)
def test_windows_are_told_apart_with_whole_recordings_held_out(options, n_groups, note, machines):
    model = ["v/model.safetensors", "machines"]
    result = run("evaluate", *model, *options, "--folds", "3", "--json", cwd=machines)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["examples"], told["groups"]) == (6 * 19, n_groups)
    assert told["scores"]["raw"]["columns"] == 64
    assert note in result.stderr
    assert bool(note) == ("both sides" in result.stderr)


def test_labels_of_files_are_written_beside_windows(machines):
    out = ["-o", "windows.npz", "--labels", "folders"]
    result = run("encode", "v/model.safetensors", "machines", *out, cwd=machines)
    assert result.returncode == 0, result.stderr
    with np.load(machines / "windows.npz") as held:
        expected = [str(name).split("/")[1] for name in held["file"]]
        assert held["label"].tolist() == expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["eeg.edf", "--channels", "Cz"], "has 2 channels: Fpz, Pz. 'Cz' is not one"),
        (["eeg.edf", "--window", "soon"], "neither a number of samples nor of seconds"),
        (["eeg.edf", "--window", "-3"], "not in the range"),
        (["vibration.npz", "--series", "--window", "1s"], "as in --rate 12000"),
        (["vibration.npz", "--form", "spectrum"], "form is for series"),
    ],
)
def test_what_cannot_be_meant_is_told(arguments, said, folder):
    result = run("learn", *arguments, "-o", "none", cwd=folder)
    assert result.returncode != 0
    assert said in result.stderr


def test_a_dry_run_tells_the_windows(folder):
    result = run("learn", "eeg.edf", "--dry-run", cwd=folder)
    assert "would cut 45 windows of 256 numbers from 1 series" in result.stdout
    assert "read 1 series of 3,000 samples in 2 channels from eeg.edf" in result.stdout
