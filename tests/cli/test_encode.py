"""``rhohat encode``: features of data."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

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


@pytest.mark.slow
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
    result = run("encode", model, "-o", "f.txt", cwd=tmp_path)
    assert result.returncode == 2
    assert ".npy, .npz, .csv, .parquet" in result.stderr


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """Photographs in folders, one of them broken, and models of patches, rows and recordings."""
    folder = tmp_path_factory.mktemp("named")
    rng = np.random.RandomState(0)
    for number, kind in enumerate(("dog", "cat", "dog", "cat")):
        (folder / "photos" / kind).mkdir(parents=True, exist_ok=True)
        pixels = rng.randint(0, 255, (20, 24)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / kind / f"{number}.png")
    (folder / "photos" / "cat" / "broken.png").write_bytes(b"nothing")
    np.save(folder / "a.npy", rng.rand(30, 6))
    np.save(folder / "b.npy", rng.rand(10, 6))
    coder = rhohat.SparseAutoencoder(3, max_iter=2, random_state=0)
    patches = make_pipeline(rhohat.PatchExtractor(5, n_patches=50, random_state=0), coder)
    rhohat.save(patches.fit(rng.rand(4, 20, 24)), folder / "patches")
    rhohat.save(clone(coder).fit(rng.rand(30, 6)), folder / "rows")
    return folder


def encoded(folder, *arguments):
    result = run("encode", *arguments, cwd=folder)
    assert result.returncode == 0, result.stderr


def test_pooled_features_have_names_and_skipped_files_no_rows(named):
    encoded(named, "patches", "photos", "--convolve", "--labels", "folders", "-o", "f.csv")
    encoded(named, "patches", "photos", "--convolve", "-o", "f.npy")
    table = pd.read_csv(named / "f.csv")
    assert table["file"].tolist() == [
        *("photos/cat/1.png", "photos/cat/3.png"),
        *("photos/dog/0.png", "photos/dog/2.png"),
    ]
    assert table["label"].tolist() == ["cat", "cat", "dog", "dog"]
    assert list(table.columns[2:5]) == ["mean_0_0_unit0", "mean_0_0_unit1", "mean_0_0_unit2"]
    features = np.load(named / "f.npy")
    assert_array_equal(table.iloc[:, 2:].to_numpy(dtype=features.dtype), features)


def test_patches_tell_where_they_were_cut_out(named):
    encoded(named, "patches", "photos", "-o", "f.npz")
    with np.load(named / "f.npz") as file:
        found = dict(file)
    loaded = rhohat.load_images(named / "photos", on_error="skip")
    model = rhohat.load(named / "patches")
    for file, row, column, features in zip(
        *(found[name] for name in ("file", "row", "column", "features")), strict=True
    ):
        image = loaded.images[loaded.names.index(str(named / file))]
        patch = image[row : row + 5, column : column + 5]
        expected = model[-1].transform(patch.reshape(1, -1))
        np.testing.assert_allclose(features, expected[0], rtol=1e-5)
    assert found["names"].tolist() == ["unit0", "unit1", "unit2"]


def test_rows_tell_their_file_and_place_in_it(named):
    pytest.importorskip("pyarrow")
    encoded(named, "rows", "a.npy", "b.npy", "-o", "f.parquet")
    table = pd.read_parquet(named / "f.parquet")
    assert table["file"].tolist() == ["a.npy"] * 30 + ["b.npy"] * 10
    assert table["row"].tolist() == [*range(30), *range(10)]
    X = np.concatenate([np.load(named / name) for name in ("a.npy", "b.npy")])
    expected = rhohat.load(named / "rows").transform(X)
    assert_array_equal(table[["unit0", "unit1", "unit2"]].to_numpy(), expected)


def test_windows_and_recordings_tell_their_seconds(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    rng = np.random.RandomState(0)
    for name, seconds in (("a", 1), ("b", 2)):
        soundfile.write(tmp_path / f"{name}.wav", 0.1 * rng.randn(seconds * 8000), 8000)
    small = ["--units", "3", "--iterations", "2", "--patches", "60"]
    assert run("learn", "a.wav", "b.wav", *small, cwd=tmp_path).returncode == 0
    model = "rhohat-out/model.safetensors"
    encoded(tmp_path, model, "a.wav", "b.wav", "-o", "windows.csv")
    table = pd.read_csv(tmp_path / "windows.csv")
    last = table.groupby("file")["end"].max()
    assert len(table) == 60
    assert last["a.wav"] <= 1.05 < last["b.wav"] <= 2.05
    np.testing.assert_allclose(table["end"] - table["begin"], 0.1)
    encoded(tmp_path, model, "a.wav", "b.wav", "--convolve", "-o", "files.csv")
    assert pd.read_csv(tmp_path / "files.csv")["end"].tolist() == [1, 2]


def test_labels_need_a_format_that_has_room_for_them(named):
    result = run("encode", "rows", "a.npy", "--labels", "folders", "-o", "f.npy", cwd=named)
    assert result.returncode == 2
    assert "features.csv" in result.stderr
