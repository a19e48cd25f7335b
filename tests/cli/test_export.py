"""``rhohat export``: a model for programs that do not have rhohat."""

import pytest

from support.command import run


def test_a_run_is_exported_as_its_name_ends(learned, tmp_path):
    pytest.importorskip("onnx")
    result = run("export", learned[0], "-o", "features.onnx", cwd=tmp_path)
    assert result.stdout == "model written to features.onnx\n", result.stderr
    assert (tmp_path / "features.onnx").stat().st_size > 1000


def test_a_name_that_stands_for_no_format_is_refused(learned, tmp_path):
    result = run("export", learned[0], "-o", "features.xyz", cwd=tmp_path)
    assert result.returncode == 1
    assert "features.xyz ends in none of .onnx (onnx)" in result.stderr
