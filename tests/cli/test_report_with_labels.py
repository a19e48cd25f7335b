"""``rhohat report --labels``, and the page of ``rhohat learn --labels``."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from rhohat import load
from support.command import run
from support.pages import payload

FEW = ("--units", "4", "--iterations", "8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table with a column of classes, the classes in a file besides, and a model."""
    folder = tmp_path_factory.mktemp("labeled")
    rng = np.random.RandomState(0)
    species = np.array(["oak", "elm", "ash"])[rng.randint(3, size=200)]
    table = pd.DataFrame(rng.rand(200, 6), columns=[f"{n} nm" for n in range(6)])
    table["2 nm"] += species == "elm"
    table.assign(species=species).to_csv(folder / "trees.csv", index=False)
    np.savetxt(folder / "species.txt", species, fmt="%s")
    learned = run("learn", "trees.csv", "--labels", "species", *FEW, "-o", "out", cwd=folder)
    assert learned.returncode == 0, learned.stderr
    return folder


def check_classes(folder, page):
    found = payload(folder / page)
    table = pd.read_csv(folder / "trees.csv")
    A = load(folder / "out" / "model.safetensors").transform(table.drop(columns="species"))
    assert found["classes"]["names"] == ["ash", "elm", "oak"]
    means = pd.DataFrame(np.asarray(A, float)).groupby(table["species"]).mean()
    np.testing.assert_allclose(found["classes"]["means"], means.T, rtol=1e-5)
    for unit, (best, auroc) in enumerate(
        zip(found["classes"]["best"], found["classes"]["auroc"], strict=True)
    ):
        is_best = table["species"] == found["classes"]["names"][best]
        assert auroc == pytest.approx(roc_auc_score(is_best, np.asarray(A)[:, unit]), rel=1e-5)
    rows = found["examples"]["rows"]
    assert found["examples"]["labels"] == table["species"][rows].tolist()


@pytest.mark.parametrize("labels", ["species", "species.txt", "trees.csv::species"])
def test_labels_are_found_as_evaluate_finds_them(folder, labels):
    data = ("trees.csv", "--drop", "species") if labels != "species" else ("trees.csv",)
    model = "out/model.safetensors"
    result = run("report", model, *data, "--labels", labels, "-o", "page.html", cwd=folder)
    assert result.returncode == 0, result.stderr
    check_classes(folder, "page.html")


def test_learn_shows_the_column_that_it_keeps_apart(folder):
    check_classes(folder, "out/report.html")


def test_learn_shows_no_classes_of_several_columns(folder, tmp_path):
    table = pd.read_csv(folder / "trees.csv")
    table.assign(place="here").to_csv(tmp_path / "trees.csv", index=False)
    labels = ("--labels", "species", "--labels", "place")
    result = run("learn", "trees.csv", *labels, *FEW, "-o", "out", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert payload(tmp_path / "out" / "report.html")["classes"] is None


def test_labels_without_data_are_refused(folder):
    result = run("report", "out/model.safetensors", "--labels", "species.txt", cwd=folder)
    assert result.returncode == 2
    assert "name INPUTS" in result.stderr


def test_labels_of_images_are_those_of_their_patches(tmp_path):
    from PIL import Image

    rng = np.random.RandomState(0)
    for kind in ("bark", "sand"):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for n in range(2):
            pixels = rng.randint(256, size=(40, 40), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / kind / f"{n}.png")
    sizes = ("--patch-size", "6", "--patches", "300")
    learned = run("learn", "photos", *sizes, *FEW, "-o", "out", cwd=tmp_path)
    assert learned.returncode == 0, learned.stderr
    model = "out/model.safetensors"
    result = run("report", model, "photos", "--labels", "folders", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    found = payload(tmp_path / "report.html")
    assert found["classes"]["names"] == ["bark", "sand"]
    assert sum(found["classes"]["counts"]) == 300
    for label, place in zip(found["examples"]["labels"], found["examples"]["places"], strict=True):
        assert found["images"][place[0]]["name"].split("/")[-2] == label
