"""``rhohat stack``: layers, a classifier above them, and what it knows of examples held out."""

import csv
import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits, load_wine
from sklearn.model_selection import train_test_split

import rhohat
from rhohat import KLSparsity, SparseAutoencoder, StackedAutoencoder, StackedAutoencoderClassifier
from support.command import run

X, Y = load_digits(return_X_y=True)
X = X[:400] / 16
Y = Y[:400]
PLAIN = ["--whitening", "none", "--decoder", "sigmoid", "--target", ".1", "--iterations", "20"]
SETTINGS = [*PLAIN, "--layers", "20,10", "--fine-tuning", "30", "--seed", "1", "--json"]
LAYER = SparseAutoencoder(
    decoder="sigmoid", sparsity_penalty=KLSparsity(0.1, 3), weight_decay=1e-4, max_iter=20
)


@pytest.fixture
def digits(tmp_path):
    np.savez(tmp_path / "digits.npz", x=X, y=Y)
    return ["digits.npz", "--key", "x"]


def stacked(*arguments, cwd):
    result = run("stack", *arguments, *SETTINGS, cwd=cwd)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout), rhohat.load(cwd / "rhohat-out" / "model.safetensors")


def test_layers_are_those_of_python(digits, tmp_path):
    summary, model = stacked(*digits, cwd=tmp_path)
    expected = StackedAutoencoder((20, 10), estimator=LAYER, random_state=1).fit(X)
    assert_array_equal(model.transform(X), expected.transform(X))
    assert [layer["units"] for layer in summary["layers"]] == [20, 10]
    assert summary["accuracy"] is None
    written = {path.name for path in (tmp_path / "rhohat-out").iterdir()}
    assert written > {"report.html", "features.png", "training.png", "model.safetensors"}


def test_accuracy_is_that_of_the_classifier_of_python_on_examples_held_out(digits, tmp_path):
    options = ["--labels", "y", "--held-out", ".25", "--fine-decay", "1e-3"]
    summary, model = stacked(*digits, *options, cwd=tmp_path)
    taught, tested = train_test_split(np.arange(400), test_size=0.25, random_state=1, stratify=Y)
    expected = StackedAutoencoderClassifier(
        StackedAutoencoder((20, 10), estimator=LAYER),
        weight_decay=1e-3,
        max_iter=30,
        random_state=1,
    ).fit(X[taught], Y[taught])
    assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    assert summary["accuracy"] == expected.score(X[tested], Y[tested])
    assert summary["examples"] == {"learned_from": 300, "held_out": 100}
    assert summary["classes"] == [str(digit) for digit in range(10)]
    assert summary["commonest"] < 0.2 < 0.6 < summary["accuracy"]


def test_predictions_go_into_a_table_beside_the_labels(digits, tmp_path):
    _, model = stacked(*digits, "--labels", "y", cwd=tmp_path)
    for out in ("p.csv", "p.npy"):
        labels = ["--labels", "y"] if out == "p.csv" else []
        done = run("encode", "rhohat-out", *digits, *labels, "-o", out, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert_array_equal(np.load(tmp_path / "p.npy"), model.predict_proba(X))
    with (tmp_path / "p.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["predicted"] for row in rows] == [str(digit) for digit in model.predict(X)]
    assert [row["label"] for row in rows] == [str(digit) for digit in Y]
    assert float(rows[7]["probability_7"]) == model.predict_proba(X)[7, 7]


def test_classes_of_a_table_are_a_column_of_it_and_its_text_is_the_summary(tmp_path):
    wine = load_wine(as_frame=True)
    wine.data.assign(grower=[f"no. {c}" for c in wine.target]).to_csv(tmp_path / "wine.csv")
    options = ["--drop", "0", "--labels", "grower", "--layers", "8", "--scale", "columns"]
    told = run("stack", "wine.csv", *options, "--iterations", "20", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "1 layer of 8 units learned from 142 rows" in told.stdout
    assert "of 36 rows held out (always guessing the most common class: " in told.stdout
    assert "rhohat encode rhohat-out/model.safetensors wine.csv" in told.stdout
    assert "labels = pipeline.predict(data)" in told.stdout
    model = rhohat.load(tmp_path / "rhohat-out" / "model.safetensors")
    assert list(model.classes_) == ["no. 0", "no. 1", "no. 2"]


def test_images_are_taken_whole(tmp_path):
    np.savez(tmp_path / "images.npz", x=X.reshape(-1, 8, 8), y=Y)
    options = ["--key", "x", "--labels", "y", "--held-out", "0"]
    summary, model = stacked("images.npz", *options, cwd=tmp_path)
    assert summary["settings"]["patch_size"] == "whole"
    assert summary["accuracy"] is None
    assert summary["examples"]["learned_from"] == 400
    assert np.mean(model.predict(X.reshape(-1, 8, 8)) == Y) > 0.9


def test_examples_without_a_label_are_left_out(tmp_path):
    labels = np.where(np.arange(400) < 40, np.nan, Y)
    np.savez(tmp_path / "some.npz", x=X, y=labels)
    summary, _ = stacked("some.npz", "--key", "x", "--labels", "y", cwd=tmp_path)
    assert sum(summary["examples"].values()) == 360
    assert summary["classes"] == [f"{digit}.0" for digit in range(10)]


def test_a_class_of_one_example_does_not_keep_others_from_being_divided(tmp_path):
    np.savez(tmp_path / "rare.npz", x=X, y=np.where(np.arange(400) == 5, 99, Y))
    summary, _ = stacked("rare.npz", "--key", "x", "--labels", "y", cwd=tmp_path)
    assert summary["examples"] == {"learned_from": 320, "held_out": 80}


def test_a_checkpoint_is_resumed_to_the_same_model(digits, tmp_path):
    labels = ["--labels", "y"]
    _, expected = stacked(*digits, *labels, cwd=tmp_path)
    stacked(*digits, *labels, "--checkpoint", "run", "--force", cwd=tmp_path)
    _, model = stacked(*digits, *labels, "--checkpoint", "run", "--resume", cwd=tmp_path)
    assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {"layers", "softmax", "network"}


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (["--layers", "20,none"], 2, "'none' is not a whole number"),
        (["--labels", "y", "--held-out", "1"], 2, "--held-out"),
        (["--labels", "z"], 1, "z"),
        (["--units", "20"], 2, "No such option"),
        (["--validation", ".1"], 2, "No such option"),
        (
            ["--labels", "y", "--shape", "8x8", "--patch-size", "4"],
            2,
            "or whole images (--patch-size whole)",
        ),
    ],
)
def test_what_is_wrong_is_said(options, code, text, digits, tmp_path):
    result = run("stack", *digits, *options, cwd=tmp_path)
    assert (result.returncode, text in result.stderr) == (code, True), result.stderr
    assert not (tmp_path / "rhohat-out").exists()


def test_another_run_is_not_replaced(digits, tmp_path):
    stacked(*digits, cwd=tmp_path)
    result = run("stack", *digits, "--layers", "5", cwd=tmp_path)
    assert result.returncode == 2
    assert "--force" in result.stderr
    assert "rhohat stack digits.npz --layers 20,10 " in result.stderr
    assert stacked(*digits, cwd=tmp_path)[0]["replaced"]
