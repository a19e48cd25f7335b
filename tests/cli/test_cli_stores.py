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
from PIL import Image
from skimage import data

import rhohat
from cli.test_cli import run
from rhohat.training.checkpoints import FILE
from support.cases import sparse_data

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
        (["--dask", "local"], 1, "--dask works on rows in files"),
        (["x.npy", "--dask", "nonsense"], 1, "engine must be one of"),
        (["missing.zarr"], 1, "missing.zarr"),
    ],
)
def test_what_does_not_go_is_said_in_a_line(arguments, code, message, folder):
    result = run("learn", *arguments, *SMALL, cwd=folder)
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
    assert "rows 3072 to 4095 of x.npy are not what they were" in result.stderr
    assert len(result.stderr.splitlines()) == 1


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


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    for name in ("camera", "moon", "coins"):
        Image.fromarray(getattr(data, name)()).save(folder / f"{name}.png")
    (folder / "broken.png").write_bytes((folder / "moon.png").read_bytes()[:9000])
    np.save(folder / "stack.npy", np.random.RandomState(0).uniform(size=(3, 40, 50)))
    return folder


@pytest.mark.parametrize("options", [[], ["--color"], ["--whitening", "zca"]])
def test_photographs_are_read_one_at_a_time_with_the_same_result(
    options, photographs, tmp_path, monkeypatch
):
    small = ["--patch-size", "6", "--patches", "1500", "--units", "9", "--iterations", "8"]
    models = []
    for held in (1 << 30, 0):
        monkeypatch.setattr("rhohat.recipes.kinds.HELD_BYTES", held)
        out = tmp_path / str(held)
        result = run("learn", photographs, *small, *options, "--out", out, cwd=tmp_path)
        assert result.returncode == 0
        assert "broken.png" in result.stderr
        models.append((out / "model.safetensors").read_bytes())
    assert models[0] == models[1]


def test_lazy_images_are_those_that_are_read_at_once(photographs):
    options = {"on_error": "skip"}
    at_once = rhohat.load_images(photographs, **options)
    lazy = rhohat.load_images(photographs, **options, lazy=True)
    assert lazy.names == at_once.names
    assert [skipped.file for skipped in lazy.skipped] == [str(photographs / "broken.png")]
    assert len(lazy.images) == len(at_once.images) == 6
    for one, other in zip(lazy.images, at_once.images, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(lazy.images[-1], at_once.images[-1])
    with pytest.raises(IndexError):
        lazy.images[6]


def test_one_file_is_held_at_a_time(photographs, monkeypatch):
    lazy = rhohat.load_images(photographs, on_error="skip", lazy=True).images
    whitened = rhohat.OneOverFWhitening().fit_transform(lazy)
    read = []
    original = rhohat.files.images.images_of_file
    monkeypatch.setattr(
        "rhohat.files.images.images_of_file",
        lambda files, path, color: read.append(path.name) or original(files, path, color),
    )
    rhohat.PatchExtractor(6, n_patches=100, random_state=0).fit_transform(whitened)
    assert len(read) <= 2 * 4  # a look at the first for its shape, then all once


def test_a_photograph_that_breaks_meanwhile_is_named(photographs, tmp_path):
    Image.fromarray(data.camera()).save(tmp_path / "a.png")
    Image.fromarray(data.moon()).save(tmp_path / "b.png")
    lazy = rhohat.load_images(tmp_path, lazy=True).images
    (tmp_path / "b.png").write_bytes(b"gone")
    with pytest.raises(rhohat.DataFileError, match=r"b\.png .*could be read before"):
        rhohat.OneOverFWhitening().fit(lazy)


def test_patches_too_many_to_hold_are_cut_as_they_are_read(photographs, monkeypatch):
    """Wherever they start and stop, runs of them are the same patches, each from its image."""
    monkeypatch.setattr("rhohat.preprocessing.extractors.PATCH_BYTES", 0)
    lazy = rhohat.load_images(photographs, on_error="skip", lazy=True).images
    extractor = rhohat.PatchExtractor(6, n_patches=5000, random_state=0)
    source = extractor.fit_transform(rhohat.OneOverFWhitening().fit_transform(lazy))
    patches = source.read(0, 5000).X
    assert patches.shape == source.shape == (5000, 36)
    runs = [source.read(start, start + 250).X for start in range(0, 5000, 250)]
    np.testing.assert_array_equal(np.concatenate(runs), patches)
    np.testing.assert_array_equal(
        source.take(np.array([3, 4, 2999, 4999])).X, patches[[3, 4, 2999, 4999]]
    )
    whitened = rhohat.OneOverFWhitening().fit(lazy).transform(list(lazy))
    values = np.concatenate([image.ravel() for image in whitened])
    assert np.isin(patches, values.astype(patches.dtype)).all()
    stored, held = rhohat.PatchNormalizer().fit(source), rhohat.PatchNormalizer().fit(patches)
    assert stored.scale_ == pytest.approx(held.scale_, rel=1e-12)


def test_a_command_learns_from_patches_that_are_cut_as_they_are_read(
    photographs, tmp_path, monkeypatch
):
    monkeypatch.setattr("rhohat.recipes.kinds.HELD_BYTES", 0)
    monkeypatch.setattr("rhohat.preprocessing.extractors.PATCH_BYTES", 0)
    small = ["--patch-size", "6", "--patches", "6000", "--units", "9", "--iterations", "10"]
    for threads in ("1", "2"):
        options = [*small, "--threads", threads, "--out", threads]
        assert run("learn", photographs, *options, cwd=tmp_path).returncode == 0
    first, second = (rhohat.load(tmp_path / threads / "model.safetensors") for threads in "12")
    np.testing.assert_array_equal(first[-1].encoder_weights_, second[-1].encoder_weights_)
    assert first[-1].stage_rows_[-1] == 6000
