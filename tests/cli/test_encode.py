"""``rhohat encode``: features of data."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import rhohat
from support.command import run

KINDS = {
    "whitened images": (["--whitening", "none"], "images.npy"),
    "zca": (["--whitening", "zca"], "images.npy"),
    "pca, tanh": (["--whitening", "pca", "--activation", "tanh"], "images.npy"),
    "relu": (["--activation", "relu", "--sparsity-weight", "0.01"], "images.npy"),
    "color": (["--color"], "images.npy"),
    "color, 1/f": (["--color", "--whitening", "1/f"], "images.npy"),
    "whole": (["--patch-size", "whole", "--whitening", "none", "--target", "0.1"], "images.npy"),
    "matlab": (["--whitening", "none"], "IMAGES.mat"),
    "rows": ([], "rows.npy"),
    "rows as images": (["--shape", "8x8"], "rows.npy"),
    "one of several": (["--key", "x"], "several.npz"),
}


@pytest.mark.usefixtures("without_training_curve")
@pytest.mark.parametrize("kind", KINDS)
def test_learn_encode_and_show_agree_with_python_for_every_kind(kind, arrays, tmp_path):
    options, name = KINDS[kind]
    small = ["--patches", "600", "--units", "9", "--iterations", "8"]
    file = str(arrays / name)
    result = run("learn", file, *small, *options, "-o", "out", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    model = str(tmp_path / "out" / "model.safetensors")
    pipeline = rhohat.load(model)

    key = ["--key", "x"] if "--key" in options else []
    assert run("encode", model, file, "-o", "f.npy", *key, cwd=tmp_path).returncode == 0
    if name in ("rows.npy", "several.npz"):
        X = rhohat.load_rows(file, key="x" if key else None)
        X = X.reshape(-1, 8, 8) if "--shape" in options else X
    else:
        X = rhohat.load_images(file, color="--color" in options).images
    features = np.load(tmp_path / "f.npy")
    assert_array_equal(features, pipeline.transform(X))
    assert features.shape[1] == 9
    assert np.ptp(features) > 0

    assert run("show", model, "-o", "features.png", cwd=tmp_path).returncode == 0
    shown = (tmp_path / "features.png").read_bytes()
    assert shown == (tmp_path / "out" / "features.png").read_bytes()


def test_encode_without_inputs_takes_the_photographs_that_come_along(learned, tmp_path):
    model = str(learned[0] / "model.safetensors")
    assert run("encode", model, "-o", "f.npy", cwd=tmp_path).returncode == 0
    expected = rhohat.load(model).transform(rhohat.load_photographs().images)
    assert_array_equal(np.load(tmp_path / "f.npy"), expected)


def test_encode_refuses_data_of_another_kind(learned, arrays, tmp_path):
    model = str(learned[0] / "model.safetensors")
    result = run("encode", model, str(arrays / "rows.npy"), "-o", "f.npy", cwd=tmp_path)
    assert result.returncode == 1
    assert "works on images" in result.stderr
    assert "rows.npy holds rows" in result.stderr
    assert run("encode", model, "-o", "f.csv", cwd=tmp_path).returncode == 2
