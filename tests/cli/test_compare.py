"""``rhohat compare``: a page of several models, and the same in a sentence and as JSON."""

import json

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

import rhohat
from support.command import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory, digits):
    """Rows, models of them, one of other rows, and the folder of a run."""
    path = tmp_path_factory.mktemp("compare")
    X = digits[:300]
    np.save(path / "rows.npy", X)
    for seed in (0, 1):
        model = rhohat.SparseAutoencoder(6, max_iter=8, random_state=seed)
        rhohat.save(model.fit(X), path / f"seed{seed}.safetensors")
    rhohat.save(model.fit(X[:, :40]), path / "narrow.safetensors")
    (path / "a run").mkdir()
    rhohat.save(model.fit(X), path / "a run" / "model.safetensors")
    return path


MODELS = ["seed0.safetensors", "seed1.safetensors"]


def test_sentence_and_page_are_those_of_python(folder, tmp_path):
    out = tmp_path / "page.html"
    result = run("compare", *MODELS, "rows.npy", "-o", out, cwd=folder)
    assert result.returncode == 0, result.stderr
    models = {name.removesuffix(".safetensors"): rhohat.load(folder / name) for name in MODELS}
    report = rhohat.compare(models, np.load(folder / "rows.npy"))
    assert result.stdout.startswith(f"{report}\n")
    assert "only SparseAutoencoder.random_state differs" in result.stdout
    assert out.read_text() == report.html


def test_json_has_units_settings_and_results(folder, tmp_path):
    out = tmp_path / "page.html"
    result = run("compare", *MODELS, "a run", "--json", "-o", out, cwd=folder)
    told = json.loads(result.stdout)
    assert [model["name"] for model in told["models"]] == ["seed0", "seed1", "a run"]
    assert told["settings"] == {"SparseAutoencoder.random_state": ["0", "1", "1"]}
    assert len(told["units"]) == 6
    assert told["units"][2]["partners"][0] == 2
    assert told["models"][0]["loss"] == rhohat.load(folder / MODELS[0]).loss_
    assert told["examples"] == 0
    assert out.exists()


def test_models_of_one_name_are_numbered(folder, tmp_path):
    result = run("compare", "a run", "a run/model.safetensors", "--json", cwd=folder)
    names = [model["name"] for model in json.loads(result.stdout)["models"]]
    assert names == ["a run (1)", "a run (2)"]
    assert "The models have the same units" in json.loads(result.stdout)["summary"]
    (folder / "compare.html").unlink()


def test_page_goes_to_standard_output_alone(folder):
    result = run("compare", *MODELS, "-o", "-", "--open", cwd=folder)
    assert (result.returncode, result.stdout) == (2, "")
    result = run("compare", *MODELS, "-o", "-", "--json", cwd=folder)
    assert (result.returncode, result.stdout) == (2, "")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (MODELS[:1], 2, "at least two models"),
        ([*MODELS[:1], "rows.npy"], 1, "rows.npy"),
        ([*MODELS, "missing.npy"], 1, "missing.npy"),
        ([*MODELS, "missing.safetensors"], 1, "missing.safetensors: No such model file"),
        (
            [MODELS[0], "narrow.safetensors"],
            1,
            "the units of seed0 see 64 values, those of narrow see 40 values",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(folder, tmp_path, words, code, message):
    result = run("compare", *words, "-o", tmp_path / "page.html", cwd=folder)
    assert result.returncode == code
    assert message in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "page.html").exists()


def test_models_that_read_data_differently_are_refused_with_data(folder, tmp_path):
    images = np.random.RandomState(0).uniform(size=(4, 20, 20))
    np.save(tmp_path / "images.npy", images)
    patches = rhohat.PatchExtractor(8, n_patches=60, random_state=0)
    units = rhohat.SparseAutoencoder(4, max_iter=2, random_state=0)
    rhohat.save(make_pipeline(patches, units).fit(images), tmp_path / "patches.safetensors")
    rows = str(folder / "seed0.safetensors")
    result = run("compare", "patches.safetensors", rows, "images.npy", cwd=tmp_path)
    assert result.returncode == 1
    assert "patches needs kind images and seed0 needs rows" in result.stderr


def test_what_is_worth_knowing_is_a_note_told_once(tmp_path, rng):
    np.save(tmp_path / "images.npy", rng.uniform(size=(1, 12, 12)))
    for seed in (0, 1):
        patches = rhohat.PatchExtractor(6, n_patches=200, random_state=seed)
        units = rhohat.SparseAutoencoder(4, max_iter=2, random_state=seed)
        model = make_pipeline(patches, units).fit(np.load(tmp_path / "images.npy"))
        rhohat.save(model, tmp_path / f"{seed}.safetensors")
    result = run("compare", "0.safetensors", "1.safetensors", "images.npy", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("note: drew 200 patches from 49 places") == 1
    assert json.loads(result.stdout)["examples"] == 200
