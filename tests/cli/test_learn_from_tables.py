"""The command on tables: from a file to a model that knows its columns."""

import json

import numpy as np
import pytest

import rhohat
from support.command import run

FEW = ["--units", "3", "--iterations", "3", "--whitening", "none"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, without_figures):
    """A table of two classes in ten groups, and a model of its numbers."""
    path = tmp_path_factory.mktemp("tables")
    rng = np.random.RandomState(0)
    groups = np.repeat(np.arange(10), 8)
    lines = ["name;patient;tissue;mass;width;length"]
    for number, group in enumerate(groups):
        numbers = rng.randn(3) + 4 * (group % 2)
        tissue = "" if number == 5 else ("benign", "tumor")[group % 2]
        cells = [f"n{number}", str(group), tissue, *(f"{v:.4f}" for v in numbers)]
        lines.append(";".join(cells).replace(".", ","))
    (path / "cells.csv").write_text("\n".join(lines))
    chosen = ["--columns", "numbers", "--labels", "patient", "--drop", "text"]
    result = run("learn", "cells.csv", *chosen, *FEW, "-o", "out", "--json", cwd=path)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["data"]["left_out"] == {
        "cells.csv": ["name", "patient", "tissue"]
    }
    (path / "told.json").write_text(result.stdout)
    return path


def test_names_go_into_summary_and_model(folder):
    data = json.loads((folder / "told.json").read_text())["data"]
    assert data["columns"] == ["mass", "width", "length"]
    assert data["left_out"] == {"cells.csv": ["name", "patient", "tissue"]}
    model = rhohat.load(folder / "out" / "model.safetensors")
    assert list(model.feature_names_in_) == ["mass", "width", "length"]


def test_what_cannot_be_learned_from_is_told_and_nothing_learned(folder):
    result = run("learn", "cells.csv", *FEW, "-o", "no", cwd=folder)
    assert result.returncode == 1
    assert '"name", "tissue"' in result.stderr
    assert "--one-hot tissue" in result.stderr
    assert not (folder / "no").exists()


def test_the_model_finds_its_columns_in_any_order(folder):
    lines = [line.split(";") for line in (folder / "cells.csv").read_text().splitlines()]
    order = [5, 0, 3, 4]
    (folder / "other.csv").write_text("\n".join(";".join(c[i] for i in order) for c in lines))
    for name in ("cells", "other"):
        out = ["-o", f"{name}.npy"]
        result = run("encode", "out/model.safetensors", f"{name}.csv", *out, cwd=folder)
        assert result.returncode == 0, result.stderr
    assert (folder / "cells.npy").read_bytes() == (folder / "other.npy").read_bytes()


@pytest.mark.parametrize("groups", [[], ["--groups", "patient"]])
def test_labels_and_groups_are_columns(folder, groups):
    options = ["--labels", "tissue", *groups, "--folds", "3"]
    result = run("evaluate", "out/model.safetensors", "cells.csv", *options, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "note: left out 1 example without a label" in result.stderr
    assert f"79 examples of 2 classes{' in 10 groups' if groups else ''}, 3 folds" in result.stdout
    for word in ("balanced accuracy", "macro F1", "Cohen's kappa", "ROC AUC", "number of labels"):
        assert word in result.stdout


def test_a_column_that_is_not_there_is_told(folder):
    options = ["--labels", "tisue"]
    result = run("evaluate", "out/model.safetensors", "cells.csv", *options, cwd=folder)
    assert result.returncode == 1
    assert "no column 'tisue' for --labels (did you mean 'tissue'?)" in result.stderr


def test_a_configuration_names_columns(folder):
    (folder / "c.toml").write_text('columns = ["mass", "width"]\nlabels = "patient"\nunits = 2\n')
    result = run("learn", "cells.csv", "--config", "c.toml", "--dry-run", cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "read 80 rows of 2 columns" in result.stdout
