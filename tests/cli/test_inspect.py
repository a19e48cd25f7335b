"""``rhohat inspect``: what a model holds."""

import json

import pytest

import rhohat
from support.command import run


def test_inspect_tells_what_the_model_holds(learned, tmp_path):
    folder, _ = learned
    file = str(folder / "model.safetensors")
    facts = json.loads(run("inspect", file, "--json", cwd=tmp_path).stdout)
    model = rhohat.load(file)[-1]
    assert facts["loss"]["total"] == model.loss_
    assert (facts["units"], facts["features"], facts["patch_shape"]) == (9, 36, [6, 6])
    text = run("inspect", file, cwd=tmp_path).stdout
    assert "KLSparsity(target=0.01, tolerance=0.1, weight=3.0)" in text
    assert "6 x 6" in text


@pytest.mark.parametrize("command", [["show"], ["inspect"]])
def test_a_model_without_units_is_told_so(command, odd_files, tmp_path):
    result = run(*command, str(odd_files / "whitening"), cwd=tmp_path)
    assert result.returncode == 1
    assert "whose units can be shown; got Whitening" in result.stderr
