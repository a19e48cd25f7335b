"""``rhohat evaluate``, and features by convolution on the command line."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline

import rhohat
from support.command import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory, without_figures):
    """Digits as an archive with labels, and models of them: whole, and of patches."""
    path = tmp_path_factory.mktemp("evaluate")
    X, y = load_digits(return_X_y=True)
    np.savez(path / "digits.npz", x=X[:300].astype(np.float32) / 16, y=y[:300])
    np.save(path / "labels.npy", y[:300])
    (path / "labels.txt").write_text("\n".join(map(str, y[:300])))
    data = ["digits.npz", "--key", "x"]
    few = ["--units", "20", "--iterations", "60"]
    whole = ["--whitening", "none", "--decoder", "sigmoid", "--target", "0.1", "--shape", "8x8"]
    assert run("learn", *data, *few, *whole, "-o", "whole", cwd=path).returncode == 0
    patches = ["--shape", "8x8", "--patch-size", "4", "--patches", "600", "--whitening", "zca"]
    assert run("learn", *data, *few, *patches, "-o", "patches", cwd=path).returncode == 0
    return path


def evaluate(folder, model, *options):
    result = run(
        "evaluate", f"{model}/model.safetensors", "digits.npz", "--key", "x", *options, cwd=folder
    )
    return result


@pytest.mark.parametrize("labels", ["y", "labels.npy", "labels.txt"])
def test_features_are_compared_with_raw_input_and_components(folder, labels):
    result = evaluate(folder, "whole", "--labels", labels, "--folds", "3", "--json")
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["examples"] == 300
    scores = told["scores"]
    assert [scores[name]["columns"] for name in ("features", "raw", "pca")] == [20, 64, 20]
    for score in scores.values():
        assert len(score["accuracy"]) == 3
        assert all(0.5 < share <= 1 for share in score["accuracy"])


def test_accuracy_is_that_of_scikit_learn(folder):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    with np.load(folder / "digits.npz") as arrays:
        X, y = arrays["x"], arrays["y"]
    features = rhohat.load(folder / "whole" / "model.safetensors").transform(X.reshape(-1, 8, 8))
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    split = StratifiedKFold(5, shuffle=True, random_state=0)
    expected = cross_val_score(classifier, features, y, cv=split)
    told = json.loads(evaluate(folder, "whole", "--labels", "y", "--json").stdout)
    assert told["scores"]["features"]["accuracy"] == expected.tolist()
    text = evaluate(folder, "whole", "--labels", "y").stdout
    assert f"{100 * expected.mean():.1f} % +- {100 * expected.std():.1f}" in text


def test_convolution_goes_over_every_image(folder):
    options = ["--labels", "y", "--shape", "8x8"]
    result = evaluate(folder, "patches", *options, "--convolve", "--json")
    assert json.loads(result.stdout)["scores"]["features"]["columns"] == 80
    result = evaluate(folder, "patches", *options)
    assert result.returncode == 1
    assert "add --convolve" in result.stderr


def test_encode_writes_pooled_features(folder, tmp_path):
    options = ["--convolve", "--grid", "3", "--pooling", "max", "--encoding", "soft-threshold"]
    model = folder / "patches" / "model.safetensors"
    out = tmp_path / "features.npy"
    data = [str(folder / "digits.npz"), "--key", "x", "--shape", "8x8"]
    result = run("encode", model, *data, *options, "-o", str(out), cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    with np.load(folder / "digits.npz") as arrays:
        images = arrays["x"].reshape(-1, 8, 8)
    features = rhohat.ConvolutionalFeatures(
        rhohat.load(model), grid=3, pooling="max", encoding="soft-threshold"
    ).fit_transform(images)
    assert features.shape == (300, 9 * 40)
    assert_array_equal(np.load(out), features)


def test_folders_name_the_classes(tmp_path, rng):
    for name, level in (("dark", 0.2), ("light", 0.8)):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(6):
            pixels = np.clip(level + 0.1 * rng.randn(12, 12), 0, 1)
            picture = Image.fromarray((255 * pixels).astype(np.uint8))
            picture.save(tmp_path / "images" / name / f"{number}.png")
    few = ["--units", "4", "--patch-size", "5", "--patches", "300", "--iterations", "10"]
    assert run("learn", "images", *few, "-o", "out", cwd=tmp_path).returncode == 0
    result = run(
        "evaluate",
        "out/model.safetensors",
        "images",
        *("--labels", "folders", "--convolve", "--folds", "2"),
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("12 examples of 2 classes, 2 folds, accuracy")


def test_what_does_not_go_together_is_said(folder, tmp_path):
    np.save(tmp_path / "few.npy", np.arange(5))
    cases = [
        (
            ["--labels", str(tmp_path / "few.npy")],
            "holds labels of shape (5,), expected one for each of 300 examples",
        ),
        (["--labels", "z"], "holds no array 'z', only x, y"),
        (["--labels", "y", "--folds", "300"], "fewer than 300 folds"),
    ]
    for options, message in cases:
        result = evaluate(folder, "whole", *options)
        assert result.returncode == 1
        assert message in result.stderr


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.npy", b"", "expected an array of labels"),
        ("archive.npy", "archive", "expected an array of labels"),
        ("utf16.txt", "0\n1\n".encode("utf-16"), "holds labels of shape (2,)"),
        ("gap.txt", b"0\n\n1\n", "is empty in line 2"),
        ("same.txt", b"a\n" * 300, "all labels are a: expected at least two classes"),
        ("rare.txt", b"a\n" * 299 + b"b\n", "class b has 1 example, fewer than 5 folds"),
        ("fractions.npy", np.linspace(0, 1, 300), "whole numbers or text"),
        ("onehot.npy", np.eye(10)[np.arange(300) % 10], "labels of shape (300, 10)"),
    ],
)
def test_labels_that_cannot_be_used_are_said(folder, tmp_path, name, content, message):
    path = tmp_path / name
    if isinstance(content, np.ndarray):
        np.save(path, content)
    else:
        path.write_bytes((folder / "digits.npz").read_bytes() if content == "archive" else content)
    result = evaluate(folder, "whole", "--labels", str(path))
    assert result.returncode == 1, result.stdout
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_text_labels_are_what_editors_leave(folder, tmp_path):
    """A byte order mark, blanks at the ends of lines, and empty lines at the end of the file."""
    y = load_digits().target[:300]
    path = tmp_path / "labels.txt"
    path.write_text("\r\n".join(f"{label} " for label in y) + "\r\n\r\n", encoding="utf-8-sig")
    told, plain = (
        json.loads(evaluate(folder, "whole", "--labels", labels, "--folds", "2", "--json").stdout)[
            "scores"
        ]
        for labels in (str(path), "y")
    )
    assert told == plain


def test_images_of_different_sizes_are_scored_by_their_features(folder, tmp_path, rng):
    for name, level in (("dark", 0.2), ("light", 0.8)):
        (tmp_path / name).mkdir()
        for number in range(6):
            pixels = np.clip(level + 0.1 * rng.randn(12 + number, 12), 0, 1)
            picture = Image.fromarray((255 * pixels).astype(np.uint8))
            picture.save(tmp_path / name / f"{number}.png")
    model = folder / "patches" / "model.safetensors"
    options = ["--labels", "folders", "--convolve", "--folds", "2", "--json"]
    result = run("evaluate", model, tmp_path, *options, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert list(json.loads(result.stdout)["scores"]) == ["features"]
    assert "only the features are scored" in result.stderr


def test_models_that_give_no_features_are_refused(folder, tmp_path):
    X, _ = load_digits(return_X_y=True)
    layer = rhohat.SparseAutoencoder(4, max_iter=3)
    patches = rhohat.PatchExtractor(4, n_patches=100)
    model = make_pipeline(patches, rhohat.StackedAutoencoder((4, 3), estimator=layer))
    model.fit(X.reshape(-1, 8, 8))
    pooled = rhohat.ConvolutionalFeatures(rhohat.load(folder / "patches" / "model.safetensors"))
    pooled.fit(X.reshape(-1, 8, 8))
    for number, (content, options, message) in enumerate(
        [
            (model, ["--convolve", "--shape", "8x8"], "models with one layer"),
            (pooled, [], "use that one, its attribute model_"),
        ]
    ):
        rhohat.save(content, tmp_path / f"{number}.safetensors")
        data = [str(folder / "digits.npz"), "--key", "x"]
        result = run(
            "encode", f"{number}.safetensors", *data, *options, "-o", "f.npy", cwd=tmp_path
        )
        assert result.returncode == 1
        assert message in result.stderr
        assert "Traceback" not in result.stderr


def test_options_of_convolution_ask_for_it(folder):
    data = ["digits.npz", "--key", "x", "--shape", "8x8", "-o", "f.npy"]
    result = run("encode", "patches/model.safetensors", *data, "--grid", "3", cwd=folder)
    assert result.returncode == 2
    assert "--grid needs --convolve: add it" in result.stderr


def test_labels_folders_of_one_folder_say_what_to_do(folder):
    result = evaluate(folder, "whole", "--labels", "folders")
    assert result.returncode == 1
    assert "all files are in one folder" in result.stderr
    assert "--labels labels.txt" in result.stderr
    assert "encoding" not in result.stderr
