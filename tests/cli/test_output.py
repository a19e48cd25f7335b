"""Output of commands: to a file, or to standard output."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from rhohat.cli.main import cli
from support.command import run


def test_dash_is_standard_output(learned, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = str(learned[0] / "model.safetensors")
    run("encode", model, "-o", "f.npy", cwd=tmp_path)
    for arguments, expected in (
        (["encode", model], tmp_path / "f.npy"),
        (["show", model], learned[0] / "features.png"),
        (["show", model, "--format", "svg"], learned[0] / "features.svg"),
    ):
        result = CliRunner().invoke(cli, [*arguments, "-o", "-"], catch_exceptions=False)
        assert result.stdout_bytes == expected.read_bytes()
    assert not (tmp_path / "-").exists()


@pytest.mark.skipif(os.name == "nt", reason="a limit that Windows lacks")
def test_a_full_disk_leaves_the_old_file_and_is_named(learned, tmp_path):
    model = str(learned[0] / "model.safetensors")
    (tmp_path / "features.png").write_text("old")
    limited = ["bash", "-c", f"ulimit -f 2; exec {sys.executable} -m rhohat show '{model}'"]
    result = subprocess.run(limited, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert "features.png: File too large" in result.stderr
    assert (tmp_path / "features.png").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["features.png"]
