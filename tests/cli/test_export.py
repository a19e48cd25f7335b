"""``rhohat export``: a model for programs that do not have rhohat."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import rhohat
from support.command import run


def test_a_run_is_exported_as_its_name_ends(learned, tmp_path):
    pytest.importorskip("onnx")
    result = run("export", learned[0], "-o", "features.onnx", cwd=tmp_path)
    assert result.stdout == "model written to features.onnx\n", result.stderr
    assert (tmp_path / "features.onnx").stat().st_size > 1000


def test_a_name_that_stands_for_no_format_is_refused(learned, tmp_path):
    result = run("export", learned[0], "-o", "features.xyz", cwd=tmp_path)
    assert result.returncode == 1
    assert "features.xyz must end in one of .onnx (onnx)" in result.stderr


def test_a_folder_that_was_written_is_a_model_for_every_command(tmp_path, digits):
    model = rhohat.SparseAutoencoder(
        6, activation=rhohat.TopK(2), sparsity_penalty="none", max_iter=5, random_state=0
    ).fit(digits)
    rhohat.save(model, tmp_path / "model.safetensors")
    result = run("export", "model.safetensors", "-o", "sae", "--to", "saelens", cwd=tmp_path)
    assert result.stdout == "model written to sae\n", result.stderr
    np.save(tmp_path / "activations.npy", digits)
    tokens = [f"token {number % 3}" for number in range(len(digits))]
    (tmp_path / "tokens.csv").write_text("\n".join(["token", *tokens]))
    asked = ["activations.npy", "--labels", "tokens.csv", "-o", "sae.html"]
    assert run("report", "sae", *asked, cwd=tmp_path).returncode == 0
    assert "token 2" in (tmp_path / "sae.html").read_text(encoding="utf-8")
    assert run("encode", "sae", "activations.npy", "-o", "f.npy", cwd=tmp_path).returncode == 0
    assert_allclose(np.load(tmp_path / "f.npy"), model.transform(digits), atol=1e-6)
    assert run("inspect", "sae", cwd=tmp_path).returncode == 0


def test_a_format_that_cannot_hold_the_model_is_told(learned, tmp_path):
    result = run("export", learned[0], "-o", "features.mat", cwd=tmp_path)
    assert result.returncode == 1
    assert "cannot be exported to mat: this format holds only weights" in result.stderr
