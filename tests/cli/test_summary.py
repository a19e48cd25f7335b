"""The summary of ``rhohat learn``: its numbers, and advice that runs."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from rhohat.rows.engines import effective_n_jobs
from support.command import SMALL, run, start


@pytest.mark.slow
def test_same_seed_writes_the_same_bytes_and_text_summary_tells(learned, tmp_path):
    folder, _ = learned
    others = str(effective_n_jobs(None) % 2 + 1)  # another number of threads
    environment = {**os.environ, "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": others}
    result = start("learn", *SMALL, "--out", "again", cwd=tmp_path, env=environment)
    assert result.returncode == 0, result.stderr
    for file in folder.iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes(), file.name
    for phrase in ("9 features learned", "loss", "average activation", "dead units", "edges"):
        assert phrase in result.stdout
    model_file = os.path.join("again", "model.safetensors")
    assert model_file in result.stdout


@pytest.mark.slow
def test_advice_of_the_summary_runs(learned):
    folder, _ = learned
    result = run("learn", *SMALL, "--out", str(folder), cwd=folder)
    advice = result.stdout.split("In Python:\n")[1].split("Learn from")[0]
    code = "\n".join(line.strip() for line in advice.splitlines())
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, timeout=300)


def test_advice_survives_a_shell(arrays, tmp_path):
    folder = tmp_path / "it's $x"
    folder.mkdir()
    shutil.copy(arrays / "rows.npy", folder)
    out = "my out"
    text = run("learn", str(folder), "--units", "4", "--iterations", "3", "-o", out, cwd=tmp_path)
    advice = re.search("rhohat (encode .*)", text.stdout).group(1)
    assert run(*shlex.split(advice), cwd=tmp_path).returncode == 0
    assert (tmp_path / "features.npy").exists()
