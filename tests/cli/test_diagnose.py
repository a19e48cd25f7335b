"""``rhohat diagnose``: whether a model has learned features and, if not, what to change."""

import json

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

import rhohat
from support.command import run
from support.dictionaries import planted


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Rows, and models of them: one without a penalty, and one whose settings were chosen."""
    path = tmp_path_factory.mktemp("diagnose")
    X, _ = planted(800)
    np.save(path / "rows.npy", X)
    np.savez(path / "several.npz", x=X, y=np.arange(3))
    units = rhohat.SparseAutoencoder(12, sparsity_penalty="none", random_state=0)
    rhohat.save(make_pipeline(rhohat.Standardization(), units).fit(X), path / "dense.safetensors")
    rhohat.save(rhohat.choose(X, 16).pipeline_, path / "chosen.safetensors")
    return path


def expected(folder, model):
    return rhohat.diagnose(rhohat.load(folder / model), np.load(folder / "rows.npy"))


@pytest.mark.parametrize("model", ["dense.safetensors", "chosen.safetensors"])
def test_what_is_printed_is_the_diagnosis(folder, model):
    result = run("diagnose", model, "rows.npy", cwd=folder)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{expected(folder, model)}\n"
    assert run("diagnose", model, "several.npz", "--key", "x", cwd=folder).stdout == result.stdout


def test_findings_as_json_have_change_and_numbers(folder):
    result = run("diagnose", "dense.safetensors", "rows.npy", "--json", cwd=folder)
    told, diagnosis = json.loads(result.stdout), expected(folder, "dense.safetensors")
    assert (told["good"], told["facts"]) == (False, diagnosis.facts)
    assert len(told["findings"]) == len(diagnosis.findings)
    first, finding = told["findings"][0], diagnosis.findings[0]
    for name in ("kind", "text", "evidence", "value", "threshold", "advice", "is_note"):
        assert first[name] == getattr(finding, name)
    assert first["kind"] == "penalty"
    assert first["change"] == {
        "python": finding.change.python,
        "option": "--target 0.02 --sparsity-weight auto",
    }


def test_a_good_model_is_good_in_json_too(folder):
    result = run("diagnose", "chosen.safetensors", "rows.npy", "--json", cwd=folder)
    assert json.loads(result.stdout) == {
        "good": True,
        "verdict": expected(folder, "chosen.safetensors").verdict,
        "facts": expected(folder, "chosen.safetensors").facts,
        "findings": [],
    }


def test_advice_without_a_change_is_told(folder):
    X = np.column_stack([np.load(folder / "rows.npy"), np.full(800, 7)])
    np.save(folder / "constant.npy", X)
    model = rhohat.choose(X, 16).pipeline_
    rhohat.save(model, folder / "constant.safetensors")
    result = run("diagnose", "constant.safetensors", "constant.npy", "--json", cwd=folder)
    (finding,) = json.loads(result.stdout)["findings"]
    assert (finding["kind"], finding["change"]) == ("constant columns", None)
    assert finding["advice"] == "Nothing needs to change, unless they should vary."
    assert json.loads(result.stdout)["good"] is True


def test_the_option_that_it_names_is_what_learn_takes(folder, tmp_path):
    """Learning again with the options that are told ends what was found."""
    data = str(folder / "rows.npy")
    base = ["learn", data, "--scale", "all", "--whitening", "none", "--units", "12"]
    assert run(*base, "--penalty", "none", cwd=tmp_path).returncode == 0
    model = tmp_path / "rhohat-out" / "model.safetensors"
    found = json.loads(run("diagnose", model, data, "--json", cwd=tmp_path).stdout)
    option = found["findings"][0]["change"]["option"]
    assert run(*base, *option.split(), "--force", cwd=tmp_path).returncode == 0
    assert json.loads(run("diagnose", model, data, "--json", cwd=tmp_path).stdout)["good"]


def test_a_model_of_patches_is_judged_by_the_photographs_that_come_along(learned, tmp_path):
    model = str(learned[0] / "model.safetensors")
    result = run("diagnose", model, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    photographs = rhohat.load_photographs().images
    assert result.stdout == f"{rhohat.diagnose(rhohat.load(model), photographs)}\n"
    assert "Change: SparseAutoencoder(max_iter=100), or --iterations 100." in result.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["missing.safetensors"], "missing.safetensors"),
        (["rows.npy", "rows.npy"], "rows.npy"),
        (["chosen.safetensors"], "works on rows, and there are no built-in ones: name some"),
        (["chosen.safetensors", "missing.npy"], "missing.npy"),
        (["chosen.safetensors", "narrow.npy"], "16"),
        (["stack.safetensors", "rows.npy"], "got StackedAutoencoder"),
        (["white.safetensors", "rows.npy"], "got Whitening"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_judged_is_refused(folder, words, message):
    X = np.load(folder / "rows.npy")
    np.save(folder / "narrow.npy", X[:, :4])
    rhohat.save(rhohat.Whitening().fit(X), folder / "white.safetensors")
    layer = rhohat.SparseAutoencoder(max_iter=2)
    stack = rhohat.StackedAutoencoder((4, 3), estimator=layer).fit(X)
    rhohat.save(stack, folder / "stack.safetensors")
    result = run("diagnose", *words, cwd=folder)
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
