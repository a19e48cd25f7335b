"""Models and data that several commands are tried on."""

import numpy as np
import pytest
import scipy.io
from PIL import Image
from skimage import data

import rhohat
from support.command import SMALL, start
from support.photographs import bomb


@pytest.fixture(scope="session")
def learned(tmp_path_factory):
    """One small run of ``rhohat learn --json`` and its folder."""
    folder = tmp_path_factory.mktemp("learned")
    result = start("learn", *SMALL, "--json", cwd=folder)
    assert result.returncode == 0, result.stderr
    return folder / "rhohat-out", result


@pytest.fixture
def without_training_curve(monkeypatch):
    """``learn`` draws the features, but not the curve of the loss."""
    monkeypatch.setattr("rhohat.cli.learn.draw_training", lambda *_: None)


@pytest.fixture(scope="module")
def without_figures():
    """``learn`` draws no figures, which take longer than learning: for tests that look at none."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("draw_features", "draw_training"):
            patch.setattr(f"rhohat.cli.learn.{name}", lambda *_: None)
        yield


@pytest.fixture(scope="session")
def odd_files(tmp_path_factory):
    """What is no model and no data, one kind each."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "empty.npy").touch()
    (folder / "foreign.npy").write_text("not a model, not an array")
    (folder / "folder.npy").mkdir()
    rhohat.save(rhohat.Whitening().fit(np.eye(3)), folder / "whitening")
    return folder


@pytest.fixture(scope="session")
def messy(tmp_path_factory):
    """A folder of good photographs, and of what folders hold besides."""
    folder = tmp_path_factory.mktemp("messy")
    gray, color = data.camera()[::2, ::2], data.coffee()[::2, ::2]
    Image.fromarray(gray).save(folder / "gray.png")
    Image.fromarray(color).save(folder / "color.jpg")
    Image.fromarray(gray.astype("u2") * 257).save(folder / "sixteen.tif")
    Image.fromarray(color).convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(gray[:1, :1]).save(folder / "one-pixel.png")
    whole = (folder / "gray.png").read_bytes()
    (folder / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.jpg").write_text("not a picture")
    (folder / "bomb.png").write_bytes(bomb())
    (folder / "notes.txt").write_text("not data")
    return folder


@pytest.fixture(scope="session")
def arrays(tmp_path_factory, digits, whitened):
    """Arrays of images and of rows."""
    folder = tmp_path_factory.mktemp("arrays")
    np.save(folder / "images.npy", np.stack([image[:40, :50] for image in whitened[:5]]))
    scipy.io.savemat(
        folder / "IMAGES.mat", {"IMAGES": np.dstack([image[:40, :50] for image in whitened[:5]])}
    )
    np.save(folder / "rows.npy", digits[:600])
    np.savez(folder / "several.npz", x=digits[:600], y=np.arange(3))
    return folder
