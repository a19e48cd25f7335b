"""The command line on data outside memory, with checkpoints and with Dask."""

import os
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
import zarr

import rhohat
from rhohat.training.checkpoints import FILE
from support.cases import sparse_data
from support.command import run

pytestmark = pytest.mark.usefixtures("without_figures")

X = sparse_data(6000, 12, dtype=np.float32)
SMALL = ["--units", "6", "--iterations", "15", "--whitening", "none"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The same rows in every kind of file."""
    folder = tmp_path_factory.mktemp("stores")
    np.save(folder / "x.npy", X)
    np.save(folder / "a.npy", X[:2500])
    np.save(folder / "b.npy", X[2500:])
    with h5py.File(folder / "x.h5", "w") as file:
        file["x"], file["other"] = X, X[:9]
    zarr.create_array(folder / "x.zarr", shape=X.shape, chunks=(999, 12), dtype="f4")[:] = X
    return folder


@pytest.fixture(scope="module")
def model(folder):
    """What the command learns from the rows in memory."""
    assert run("learn", "x.npy", *SMALL, cwd=folder).returncode == 0
    return (folder / "rhohat-out" / "model.safetensors").read_bytes()


WAYS = {
    "npy": ["x.npy"],
    "two npy": ["a.npy", "b.npy"],
    "zarr": ["x.zarr"],
    "HDF5": ["x.h5", "--key", "x"],
}


@pytest.mark.parametrize("stays", [False, True], ids=["read", "stays where it is"])
@pytest.mark.parametrize("way", WAYS)
def test_learn_writes_the_same_model_however_the_rows_are_kept(
    way, stays, folder, model, tmp_path, monkeypatch
):
    if stays:
        monkeypatch.setattr("rhohat.recipes.kinds.HELD_BYTES", 0)
    result = run("learn", *WAYS[way], *SMALL, "--out", tmp_path, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "6,000 rows" in result.stdout
    assert (tmp_path / "model.safetensors").read_bytes() == model


@pytest.mark.parametrize("way", WAYS)
def test_encode_writes_the_same_features(way, folder, model, tmp_path, monkeypatch):
    written = tmp_path / "features.npy"
    command = ["encode", folder / "rhohat-out" / "model.safetensors", *WAYS[way], "-o", written]
    assert run(*command, cwd=folder).returncode == 0
    expected = written.read_bytes()
    monkeypatch.setattr("rhohat.recipes.kinds.HELD_BYTES", 0)
    assert run(*command, cwd=folder).returncode == 0
    assert written.read_bytes() == expected
    loaded = rhohat.load(folder / "rhohat-out" / "model.safetensors")
    np.testing.assert_array_equal(np.load(written), loaded.transform(X))


def test_whitened_as_they_are_read_rows_teach_the_same(folder, tmp_path, monkeypatch):
    """The growing parts are whitened at once, in other blocks: the last bits may differ."""
    models = []
    for held in (1 << 30, 0):
        monkeypatch.setattr("rhohat.recipes.kinds.HELD_BYTES", held)
        options = ["--units", "6", "--iterations", "15", "--whitening", "zca"]
        options += ["--out", tmp_path / str(held)]
        assert run("learn", "x.npy", *options, cwd=folder).returncode == 0
        models.append(rhohat.load(tmp_path / str(held) / "model.safetensors"))
    assert models[1][-1].loss_ == pytest.approx(models[0][-1].loss_, rel=1e-3)
    np.testing.assert_allclose(models[1][0].components_, models[0][0].components_, atol=1e-12)


@pytest.mark.slow
def test_workers_learn_the_same_model(folder, model, tmp_path):
    result = run("learn", "x.zarr", *SMALL, "--dask", "local", "--out", tmp_path, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "model.safetensors").read_bytes() == model


def test_a_folder_with_stores_in_it_is_searched(folder, tmp_path):
    zarr.create_array(tmp_path / "deep" / "x.zarr", shape=X.shape, dtype="f4")[:] = X
    result = run("learn", ".", "--dry-run", cwd=tmp_path)
    assert result.returncode == 0
    assert "6,000 rows of 12" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["x.h5"], 1, "x (6000, 12)"),
        (["x.npy", "--resume"], 2, "--checkpoint"),
        (["--dask", "local"], 1, "--dask needs rows in files"),
        (["x.npy", "--dask", "nonsense"], 1, "engine must be one of"),
        (["missing.zarr"], 1, "missing.zarr"),
    ],
)
def test_what_does_not_go_is_said_in_a_line(arguments, code, message, folder, tmp_path):
    result = run("learn", *arguments, *SMALL, "--out", tmp_path / "out", cwd=folder)
    assert result.returncode == code
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_file_that_changes_while_it_is_learned_from_is_named(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("rhohat.recipes.kinds.HELD_BYTES", 0)
    np.save(tmp_path / "x.npy", X)
    original = rhohat.training.run.Training.run

    def edit_then_run(*arguments):
        np.load(tmp_path / "x.npy", mmap_mode="r+")[4000] += 1
        return original(*arguments)

    monkeypatch.setattr("rhohat.training.run.Training.run", edit_then_run)
    result = run("learn", "x.npy", *SMALL, cwd=tmp_path)
    assert result.returncode == 1
    assert "rows 3072 to 4095 of x.npy have changed since training began" in result.stderr
    assert result.stderr.count("\n") == len(["reading", "whitening", "rhohat: ..."])


@pytest.mark.parametrize("dtype", ["u1", "f2", "i4", "f8"])
def test_other_types_give_the_same_model_however_they_are_kept(dtype, tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", (100 * X).astype(dtype))
    models = []
    for held in (1 << 30, 0):
        monkeypatch.setattr("rhohat.recipes.kinds.HELD_BYTES", held)
        assert run("learn", "x.npy", *SMALL, "--out", str(held), cwd=tmp_path).returncode == 0
        models.append((tmp_path / str(held) / "model.safetensors").read_bytes())
    assert models[0] == models[1]


def test_not_a_number_in_rows_that_stay_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("rhohat.recipes.kinds.HELD_BYTES", 0)
    spoiled = X.copy()
    spoiled[5, 1] = np.nan
    np.save(tmp_path / "x.npy", spoiled)
    result = run("learn", "x.npy", *SMALL, cwd=tmp_path)
    assert result.returncode == 1
    assert "row 5, column 1" in result.stderr


@pytest.mark.slow
def test_a_killed_command_goes_on_to_the_same_model(folder, model, tmp_path):
    command = [sys.executable, "-m", "rhohat", "learn", str(folder / "x.npy"), *SMALL]
    command += ["--checkpoint", "run"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        while not (tmp_path / "run" / FILE).exists():
            time.sleep(0.001)
            assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
    again = run("learn", folder / "x.npy", *SMALL, "--checkpoint", "run", cwd=tmp_path)
    assert again.returncode == 1
    assert "--resume" in again.stderr
    resumed = run(
        "learn", folder / "x.npy", *SMALL, "--checkpoint", "run", "--resume", cwd=tmp_path
    )
    assert resumed.returncode == 0, resumed.stderr
    assert (tmp_path / "rhohat-out" / "model.safetensors").read_bytes() == model


# Photographs.


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--color"], ["--whitening", "zca"]])
def test_photographs_are_read_one_at_a_time_with_the_same_result(
    options, photograph_folder, tmp_path, monkeypatch
):
    small = ["--patch-size", "6", "--patches", "1500", "--units", "9", "--iterations", "8"]
    models = []
    for held in (1 << 30, 0):
        monkeypatch.setattr("rhohat.recipes.kinds.HELD_BYTES", held)
        out = tmp_path / str(held)
        result = run("learn", photograph_folder, *small, *options, "--out", out, cwd=tmp_path)
        assert result.returncode == 0
        assert "broken.png" in result.stderr
        models.append((out / "model.safetensors").read_bytes())
    assert models[0] == models[1]


@pytest.mark.slow
def test_a_command_learns_from_patches_that_are_cut_as_they_are_read(
    photograph_folder, tmp_path, monkeypatch
):
    monkeypatch.setattr("rhohat.recipes.kinds.HELD_BYTES", 0)
    monkeypatch.setattr("rhohat.preprocessing.extractors.PATCH_BYTES", 0)
    small = ["--patch-size", "6", "--patches", "6000", "--units", "9", "--iterations", "10"]
    for threads in ("1", "2"):
        options = [*small, "--threads", threads, "--out", threads]
        assert run("learn", photograph_folder, *options, cwd=tmp_path).returncode == 0
    first, second = (rhohat.load(tmp_path / threads / "model.safetensors") for threads in "12")
    np.testing.assert_array_equal(first[-1].encoder_weights_, second[-1].encoder_weights_)
    assert first[-1].stage_rows_[-1] == 6000
