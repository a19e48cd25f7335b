"""``rhohat report``: the page of a model."""

import re

import numpy as np
import pytest

from support.command import run, start


@pytest.mark.slow
def test_report_is_the_page_that_learn_writes(learned, tmp_path):
    folder, _ = learned
    model = str(folder / "model.safetensors")
    result = run("report", model, "-o", "page.html", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    size = (tmp_path / "page.html").stat().st_size
    assert result.stdout == f"report of {size / 1e6:.1f} MB written to page.html\n"
    written = (folder / "report.html").read_text()
    command = re.search(r"<p>On the command line:</p>\s*<pre[^>]*>.*?</pre>\s*", written, re.DOTALL)
    options = "--units 9 --patch-size 6 --patches 1500 --iterations 12"
    assert f">rhohat learn {options}</pre>" in command.group()
    page = (tmp_path / "page.html").read_text()
    assert page == written.replace(command.group(), "")
    piped = start("report", model, "-o", "-", cwd=tmp_path)
    assert piped.stdout == page


def test_report_of_rows_draws_them_as_the_shape_says(tmp_path):
    np.save(tmp_path / "rows.npy", np.random.RandomState(0).rand(200, 12))
    few = ("--units", "3", "--iterations", "5")
    assert run("learn", "rows.npy", *few, "-o", "out", cwd=tmp_path).returncode == 0
    model = "out/model.safetensors"
    for arguments, kind in (
        (["rows.npy", "--shape", "3x4"], "image"),
        (["rows.npy"], "trace"),
        ([], "trace"),
    ):
        result = run("report", model, *arguments, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        page = (tmp_path / "report.html").read_text()
        assert f'"kind":"{kind}"' in page
        assert ('"examples":null' in page) != bool(arguments)
    wrong = run("report", model, "rows.npy", "--shape", "5x5", cwd=tmp_path)
    assert wrong.returncode == 1
    assert "cannot have shape (5, 5)" in wrong.stderr
